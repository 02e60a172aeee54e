"""Events whose numbers are known: sums, tables, and what lies inside of what."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.autograd.profiler_util import EventList, FunctionEvent, FunctionEventAvg, Interval, Kernel


def event(name, start, end, **more):
    return FunctionEvent(0, name, 1, start, end, **more)


def family():
    """a (0 to 100) with b (10 to 40) and b (50 to 60) inside."""
    a, b, c = event("a", 0, 100, cpu_memory_usage=2048, stack=["in", "out"]), event("b", 10, 40, cpu_memory_usage=1024), event("b", 50, 60)
    for child in (b, c):
        a.append_cpu_child(child)
        child.set_cpu_parent(a)
    return EventList([a, b, c], profile_memory=True)


def test_sums():
    events = family()
    a, b = events.key_averages()
    assert (a.count, a.cpu_time_total, a.self_cpu_time_total, a.self_cpu_memory_usage) == (1, 100, 60, 1024)
    assert (b.count, b.cpu_time_total, b.cpu_time, b.cpu_memory_usage) == (2, 40, 20, 1024)
    assert events.self_cpu_time_total == 100 and a.stack == [] and events.key_averages(group_by_stack_n=1)[0].stack == ["in"]
    total = events.total_average()
    assert total.key == "Total" and total.count == 3 and total.self_cpu_time_total == 100
    assert b.cpu_time_str == "20.000us" and event("x", 0, 2.5e6).cpu_time_total_str == "2.500s"
    with pytest.raises(AssertionError, match="an event of a"):
        a.add(b)
    with pytest.raises(AssertionError, match="FunctionEvent"):
        FunctionEventAvg().add(3)


def test_rows_by_shapes():
    events = EventList([event("a", 0, 1, input_shapes=[[2]]), event("a", 2, 4, input_shapes=[[3]])])
    assert [e.cpu_time_total for e in events.key_averages(group_by_input_shapes=True)] == [1, 2]
    assert [e.cpu_time_total for e in events.key_averages()] == [3]


TABLE = """\
----  ------------  ------------  ------------  ------------  ------------  ------------  ------------  ------------
Name  Self CPU %  Self CPU  CPU total %  CPU total  CPU time avg  CPU Mem  Self CPU Mem  # of Calls
----  ------------  ------------  ------------  ------------  ------------  ------------  ------------  ------------
b  40.00%  40.000us  40.00%  40.000us  20.000us  1.00 KB  1.00 KB  2
a  60.00%  60.000us  100.00%  100.000us  100.000us  2.00 KB  1.00 KB  1
----  ------------  ------------  ------------  ------------  ------------  ------------  ------------  ------------
Self CPU time total: 100.000us
"""


def test_a_table_as_pytorch_prints_it():
    text = family().key_averages().table(sort_by="count")
    squeezed = [[cell for cell in line.split("  ") if cell] for line in text.splitlines()]
    assert [[c.strip() for c in line] for line in squeezed[1:2] + squeezed[3:5]] == [
        [c for c in line.split("  ") if c] for line in TABLE.splitlines()[1:2] + TABLE.splitlines()[3:5]]
    assert text.splitlines()[0].startswith("-----  ------------  ") and text.splitlines()[-1] == "Self CPU time total: 100.000us"


def test_what_a_table_leaves_out():
    events = family()
    lines = events.table(row_limit=1).splitlines()
    assert len(lines) == 8 and lines[3].split()[0] == "a" and lines[3].rstrip().endswith("in") and lines[4].strip() == "out"
    top = events.table(top_level_events_only=True, header="Title", time_unit="ms").splitlines()
    assert top[1] == "Title" and top[3] == "This report only display top-level ops statistics" and set(top[0]) == {"="}
    assert "0.100ms" in top[7] and not any(line.split()[:1] == ["b"] for line in top)
    long = EventList([event("n" * 90, 0, 1, input_shapes=[[7] * 80], stack=["s" * 99])])
    row = long.table(max_name_column_width=20, max_shapes_column_width=10, max_src_column_width=30).splitlines()[3]
    assert row.startswith("n" * 17 + "...") and "[[7, 7, 7," in row and "..." + "s" * 27 in row
    with pytest.raises(AttributeError, match="sort_by"):
        events.table(sort_by="beauty")
    with pytest.raises(ValueError, match="time_unit"):
        events.table(time_unit="h")
    assert str(EventList()) == ""


def test_a_gpus_time():
    outer, inner = event("outer", 0, 10, use_device="cuda"), event("inner", 1, 2, use_device="cuda", device_memory_usage=1 << 20)
    outer.append_cpu_child(inner)
    inner.append_kernel("k", 0, 5.0)
    outer.append_kernel("k", 0, 2.0)
    assert inner.kernels == [Kernel("k", 0, 5.0)]
    assert (outer.device_time_total, outer.self_device_time_total, inner.device_time) == (7.0, 2.0, 5.0)
    with pytest.warns(FutureWarning, match="device_time_total"):
        assert outer.cuda_time_total == 7.0
    events = EventList([outer, inner], use_device="cuda", profile_memory=True)
    lines = events.table(sort_by="self_cuda_time_total").splitlines()
    assert "Self CUDA  " in lines[1] and "CUDA time avg" in lines[1] and "Self CUDA Mem" in lines[1] and lines[3].split()[0] == "inner"
    assert "71.43%" in lines[3] and lines[-1] == "Self CUDA time total: 7.000us"


def test_pytorchs_paths():
    from flambeau.autograd import DeviceType
    from flambeau.autograd import profiler as module

    assert event("a", 0, 1).device_type is DeviceType.CPU and Interval(1, 3).elapsed_us() == 2
    assert module.EventList is EventList and not module._is_profiler_enabled
    with module.profile(with_flops=True) as p:
        assert module._is_profiler_enabled
        with module.record_function("part", "args"):
            _ = flambeau.ones(3) + 1
        with pytest.raises(RuntimeError, match="not reentrant"):
            p.__enter__()
    assert [e.name for e in p.function_events] == ["part", "aten::add"] and p.key_averages()[1].flops == 3
    assert "Total FLOPs" in p.table() and str(p) == p.table() and p.total_average().count == 2
    with module.profile(enabled=False) as p:
        pass
    assert p is None and "unfinished" in repr(module.profile())
    with pytest.raises(RuntimeError, match="didn't finish"):
        module.profile().key_averages()
    with pytest.warns(UserWarning, match="foo is not a valid device"):
        module.profile(use_device="foo")
    for make in (lambda: module.load_nvprof("x"), lambda: module.parse_nvprof_trace("x"), lambda: module.emit_itt().__enter__()):
        with pytest.raises(RuntimeError, match="not read|ittnotify"):
            make()
    with module.emit_itt(enabled=False), module.emit_nvtx(enabled=False):
        pass
    with pytest.raises(AttributeError, match="has no attribute"):
        module.nonsense  # noqa: B018
    from flambeau.profiler import itt

    assert not itt.is_available()
    with pytest.raises(RuntimeError, match="ITT"), itt.range("x"):
        pass


def test_ranges_for_nvidias_tools(monkeypatch):
    """With CuPy's part played by a list."""
    from flambeau.autograd import profiler as module

    class Fake:
        class cuda:
            class runtime:
                deviceSynchronize = staticmethod(lambda: None)

    opened, depth = [], []
    monkeypatch.setattr(module, "gpu", lambda: Fake)
    monkeypatch.setattr(module.nvtx, "range_push", lambda name: (opened.append(name), depth.append(1)))
    monkeypatch.setattr(module.nvtx, "range_pop", lambda: depth.pop())
    x = flambeau.ones(3, requires_grad=True)
    with module.emit_nvtx(record_shapes=True), module.record_function("part"):
        (x * 2).sum().backward()
    assert opened[:3] == ["part", "aten::mul, sizes = [[3], []]", "aten::sum, sizes = [[3]]"]
    assert any(name.startswith("MulBackward0, seq = ") for name in opened) and not depth


def test_kernels_are_a_calls_own_part_of_its_ticks():
    """A GPU's time of a call, less that of the calls inside of it; the clock's part played by numbers."""
    from types import SimpleNamespace

    from flambeau.profiler.recorder import Call
    from flambeau.profiler.recording import built

    def call(name, above, start, end, us=None):
        made = Call(name, 1, above)
        made.start, made.end = start, end
        made.ticks = None if us is None else SimpleNamespace(microseconds=lambda: us, device=SimpleNamespace(id=3))
        return made

    part = call("part", None, 0, 9000)
    outer = call("outer", part, 1000, 8000, 50.0)
    calls = [call("inner", outer, 2000, 3000, 30.0), call("inner", outer, 4000, 5000, 5.0), outer, part, call("lost", None, 9000, 0)]
    events = built(calls, 0, "cuda")
    assert [(e.name, e.device_time_total, e.self_device_time_total) for e in events] == [
        ("part", 50.0, 0.0), ("outer", 50.0, 15.0), ("inner", 30.0, 30.0), ("inner", 5.0, 5.0)]  # fmt: skip
    assert events[1].kernels == [Kernel("outer", 3, 15.0)] and events[1].cpu_time_total == 7.0
