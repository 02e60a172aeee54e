"""Timers by a clock that the test moves, so that every number is known."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.utils.benchmark import Compare, Measurement, TaskSpec, Timer


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
    assert Measurement(1, [1.0, 1.0], TaskSpec("f")).significant_figures == 5 and m.significant_figures == 1


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
    assert "1.2346" in str(table) and "(!)" in str(table)
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
