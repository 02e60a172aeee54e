"""Timers by a clock that the test moves, so that every number is known."""

from __future__ import annotations

import pickle

import pytest

import flambeau
from flambeau.utils.benchmark import (
    CallgrindStats,
    Compare,
    CopyIfCallgrind,
    FunctionCount,
    FunctionCounts,
    FuzzedParameter,
    FuzzedSparseTensor,
    FuzzedTensor,
    Fuzzer,
    Language,
    Measurement,
    ParameterAlias,
    TaskSpec,
    Timer,
    ordered_unique,
    select_unit,
    set_torch_threads,
    trim_sigfig,
    unit_to_english,
)


class Clock:
    """A clock that only moves when the measured statement says so."""

    def __init__(self, *steps: float):
        self.now, self.steps, self.calls = 0.0, steps, 0

    def __call__(self) -> float:
        return self.now

    def work(self):
        self.now += self.steps[self.calls % len(self.steps)]
        self.calls += 1


def timer(clock, **more):
    return Timer("work()", globals={"work": clock.work}, timer=clock, **more)


def test_timeit_counts_calls_after_a_warm_up():
    clock = Clock(0.5)
    m = timer(clock).timeit(300)
    assert m.number_per_run == 300 and m.median == m.mean == 0.5 and m.iqr == 0 and clock.calls == 303


def test_blocks_run_until_the_time_is_over():
    seen = []
    m = timer(Clock(1e-5)).blocked_autorange(callback=lambda n, s: seen.append((n, s)), min_run_time=0.1)
    assert m.number_per_run * m.median * 1000 >= 0.1 * 0.999 and m.median == pytest.approx(1e-5)
    assert sum(m.raw_times) >= 0.1 > sum(m.raw_times[:-1]) and [s for _, s in seen] == m.raw_times and seen[0][0] == m.number_per_run


def test_adaptive_stops_when_it_is_sure_or_out_of_time():
    steady = timer(Clock(0.1)).adaptive_autorange()
    assert len(steady.raw_times) == 4
    wild = timer(Clock(0.1, 0.9)).adaptive_autorange(max_run_time=5.0)
    assert sum(wild.raw_times) >= 5.0 and not wild.meets_confidence() and wild.has_warnings and "WARNING" in repr(wild)


def test_statistics():
    m = Measurement(10, [1.0, 2.0, 3.0, 4.0, 5.0], TaskSpec("f()", label="name", sub_label="part"))
    assert m.times == [0.1, 0.2, 0.3, 0.4, 0.5] and m.median == pytest.approx(0.3) and m.iqr == pytest.approx(0.2)
    assert m.title == "name: part" and m.stmt == "f()" and m.as_row_name == "part"
    assert "Median: 300.00 ms" in repr(m) and "200.00 ms (200.00 to 400.00)" in repr(m) and "5 measurements, 10 runs" in repr(m)
    merged = Measurement.merge([m, m, Measurement(1, [1.0], TaskSpec("g()"))])
    assert [len(x.raw_times) for x in merged] == [10, 1] and merged[0].median == pytest.approx(0.3)
    assert Measurement(1, [1.0, 1.0], TaskSpec("f")).significant_figures == 4 and m.significant_figures == 1


def test_a_table_and_its_digits():
    def spec(row, column, threads=1):
        return TaskSpec("f", label="sum", sub_label=row, description=column, num_threads=threads)

    table = Compare([Measurement(1, [1.23456e-3] * 9, spec("small", "here")), Measurement(1, [0.5], spec("large", "here"))])
    table.extend_results([Measurement(1, [0.1, 0.2, 0.3, 0.4], spec("large", "there", 2))])
    text = str(table)
    assert " sum " in text.splitlines()[0] and "milliseconds (ms)" in text and "1 threads: -" in text and "2 threads: -" in text
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if "|" in line]
    assert cells == [["", "here", "there"], ["small", "1.2", ""], ["large", "500.0", ""], ["large", "", "250.0"]]
    table.trim_significant_figures()
    table.highlight_warnings()
    assert "|  200 (! 60%)" in str(table), "of 250 one digit is sure"
    table.print()


def test_real_work_on_real_threads():
    before = flambeau.get_num_threads()
    m = Timer("x.add(1)", setup="x = flambeau.ones(n)", globals={"n": 16}).blocked_autorange(min_run_time=0.01)
    assert 1e-8 < m.median < 1e-3 and flambeau.get_num_threads() == before
    with pytest.raises(NameError):
        Timer("y + 1").timeit(1)


@pytest.mark.parametrize(
    "make", [lambda: Timer(print), lambda: Timer(language="c++"), lambda: Timer(global_setup="x"), lambda: Timer(num_threads=0),
             lambda: Timer().timeit(0), lambda: Measurement(0, [1.0], TaskSpec("f")), lambda: Measurement(1, [], TaskSpec("f")),
             lambda: Compare([1.0])]
)
def test_what_is_refused(make):
    with pytest.raises(ValueError, match="expected|Expected|supported|statements|setup"):
        make()


# What PyTorch prints of the same measurements; best green, twice and five times slower red, each switched off twice.
PYTORCH_TABLE = [
    "[------------------ L -------------------]",
    "                   |  here  |     there   ",
    "1 threads: -------------------------------",
    "      small        |  2.0   |  1.0 (! 50%)",
    "      large (4x4)  |  10.0  |   2.1       ",
    "4 threads: -------------------------------",
    "      small        |  3.0   |             ",
    "",
    "Times are in microseconds (us).",
    "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.",
    "",
]


def test_the_table_that_pytorch_prints():
    def m(row, column, threads, *times):
        return Measurement(1, [t * 1e-6 for t in times], TaskSpec("f", label="L", sub_label=row, description=column, num_threads=threads))

    results = [m("small", "here", 1, 2.0), m("large (4x4)", "here", 1, 10.0), m("small", "there", 1, 0.5, 1.0, 1.5),
               m("large (4x4)", "there", 1, 2.1), m("small", "here", 4, 3.0)]  # fmt: skip
    table = Compare(results)
    table.highlight_warnings()
    text = str(table)
    assert text.split("\n") == PYTORCH_TABLE
    best, bad, very_bad = ("\033[" + codes + "m{}\033[0m\033[0m" for codes in ("92m\033[1", "2m\033[91", "31m\033[1"))
    table.colorize()
    large = "      large (4x4)  |  {}  |  {}"
    assert large.format(very_bad.format("10.0"), bad.format(" 2.1       ")) in str(table)
    table.colorize(rowwise=True)
    assert large.format(bad.format("10.0"), best.format(" 2.1       ")) in str(table)


def test_digits_and_units():
    assert [select_unit(t) for t in (1e-10, 2e-6, 0.5, 3)] == [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)]
    assert unit_to_english("us") == "microsecond" and ordered_unique([2, 1, 2]) == [2, 1]
    assert [trim_sigfig(*x) for x in ((1234.5, 2), (0.01234, 3), (99.99, 2), (5.0, 1))] == [1200.0, 0.0123, 100.0, 5.0]
    before = flambeau.get_num_threads()
    with set_torch_threads(1):
        assert flambeau.get_num_threads() == 1
    assert flambeau.get_num_threads() == before


def test_a_measurement_in_words_and_in_a_pickle():
    spec = TaskSpec("a\nb", "x = 1\ny = 2", sub_label="part", description="here", num_threads=2)
    m = Measurement(10, [1.0, 1.1, 1.2, 2.0], spec, metadata={"k": 1})
    assert repr(m).split("\n", 1)[1] == """stmt: (part)
  a
  b

here
setup:
  x = 1
  y = 2

  Median: 115.00 ms
  IQR:    32.50 ms (107.50 to 140.00)
  4 measurements, 10 runs per measurement, 2 threads
  WARNING: Interquartile range is 28.3% of the median measurement.
           Something else disturbed it strongly."""
    again = pickle.loads(pickle.dumps(m))  # noqa: S301 (our own)
    assert again == m and again.metadata == {"k": 1} and again.env == "Unspecified env" and again.num_threads == 2
    one = Measurement(5, [1.0], TaskSpec("f()"))
    assert repr(one).endswith("\nf()\n  200.00 ms\n  1 measurement, 5 runs , 1 thread") and one.meets_confidence() and not one.has_warnings


def test_a_fuzzer_draws_what_pytorch_draws():
    """Sizes, strides and sums that PyTorch gives for the same seed."""
    fuzzer = Fuzzer(
        [[FuzzedParameter(f"k{i}", 4, 64, "loguniform") for i in range(3)],
         FuzzedParameter("dim", distribution={1: 0.3, 2: 0.4, 3: 0.3}, strict=True),
         FuzzedParameter("s", distribution={1: 0.5, 2: 0.5}), FuzzedParameter("u", 0.0, 1.0, "uniform"),
         FuzzedParameter("al", distribution={ParameterAlias("k0"): 0.5, 7: 0.5})],
        [FuzzedTensor("x", ("k0", "k1", "k2"), ("s", "s"), 0.3, min_elements=20, max_elements=3000, dim_parameter="dim"),
         FuzzedTensor("y", ("al",), dtype=flambeau.int32)], [lambda p: p["k0"] != 5], seed=3)  # fmt: skip
    got = [(tuple(x["x"].shape), x["x"].stride(), round(x["x"].double().sum().item(), 4), int(x["y"].sum()), round(p["u"], 6))
           for x, _, p in fuzzer.take(3)]
    assert got == [((4, 13, 4), (1, 4, 52), 100.1302, 272, 0.649144), ((8, 12), (1, 8), 54.3013, 419, 0.156868),
                   ((11, 53), (212, 2), 302.3581, 588, 0.845751)]
    assert 0 < fuzzer.rejection_rate < 1
    ((_, properties, _),) = fuzzer.take(1)
    assert properties["x"]["numel"] == 208 and not properties["x"]["is_contiguous"] and properties["y"]["dtype"] == "flambeau.int32"
    sparse = Fuzzer([FuzzedParameter("density", distribution={0.3: 1.0}),
                     FuzzedParameter("coalesced", distribution={True: 0.5, False: 0.5}),
                     FuzzedParameter("sparse_dim", distribution={1: 0.5, 2: 0.5}), FuzzedParameter("n", 3, 9, "uniform")],
                    [FuzzedSparseTensor("x", ("n", "n"), sparse_dim="sparse_dim")], seed=1)  # fmt: skip
    for tensors, properties, params in sparse.take(4):
        assert tensors["x"].is_sparse and properties["x"]["shape"] == (params["n"], params["n"])
        assert properties["x"]["sparse_dim"] == params["sparse_dim"] and properties["x"]["is_coalesced"] is params["coalesced"]


def test_fuzzers_that_make_no_sense():
    n = FuzzedParameter("n", 1, 4, "uniform")
    with pytest.raises(ValueError, match="Duplicate names"):
        Fuzzer([n], [FuzzedTensor("n", (1,))])
    with pytest.raises(ValueError, match="thousand"):
        next(Fuzzer([n], [FuzzedTensor("x", ("n",), min_elements=9)], seed=0).take(1))
    with pytest.raises(ValueError, match="cycle"):
        next(Fuzzer([FuzzedParameter("a", distribution={ParameterAlias("a"): 1.0})], []).take(1))
    for wrong in ({"minval": 1, "maxval": 2, "distribution": "normal"}, {"distribution": "uniform"}, {"distribution": {1: 0.5}}):
        with pytest.raises(AssertionError, match="expected"):
            FuzzedParameter("x", **wrong)


def test_counts_of_instructions():
    def counts(*pairs):
        return FunctionCounts(tuple(FunctionCount(n, name) for n, name in pairs), False)

    mine = counts((30, "/tmp/a/build/aten/f [lib.so]"), (9, "dictobject.c:lookdict_unicode"), (1, "/x/Python/ceval.c:g"))
    stats = CallgrindStats(TaskSpec("f()"), 100, True, counts(), counts((3, "h")), mine, mine, None)
    assert stats.counts() == 40 and stats.counts(denoise=True) == 31 and len(stats.stats()) == 3
    assert [c.function for c in stats.as_standardized().stats()] == ["build/aten/f", "dictobject.c:lookdict_unicode", "Python/ceval.c:g"]
    assert stats.delta(stats).sum() == 0 and (mine + mine).sum() == 80 and (mine * 0.5).sum() == 19 and mine[0].count == 30
    assert "Instructions:           40" in repr(stats) and "Total: 40" in repr(mine)
    long = FunctionCounts(tuple(FunctionCount(n, "n" * 90) for n in range(30, 0, -1)), True, _linewidth=60)
    assert len(repr(long).splitlines()) == 20 and max(map(len, repr(long).splitlines()[1:])) <= 60 and " ... " in repr(long)
    with pytest.raises(AssertionError, match="inclusive"):
        mine + long


def test_statements_of_many_lines_and_pytorchs_name():
    timer = Timer("""
        with torch.no_grad():
            y = x + 1""", setup="""
        x = torch.ones(1)""", globals={"k": CopyIfCallgrind(3)}, language=Language.PYTHON)  # fmt: skip
    assert timer.timeit(2).task_spec.stmt == "with torch.no_grad():\n    y = x + 1"
    for call in (timer.collect_callgrind, timer.repeat, timer.autorange):
        with pytest.raises(NotImplementedError, match="not there|not counted"):
            call()
    with pytest.raises(ValueError, match="Python"):
        Timer(language=Language.CPP)
