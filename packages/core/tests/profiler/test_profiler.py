"""What a profile has of a program whose calls are known."""

from __future__ import annotations

import gzip
import json
import threading
import time

import pytest

import flambeau
from flambeau import context, nn
from flambeau.profiler import (
    ProfilerAction,
    ProfilerActivity,
    _ExperimentalConfig,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)
from flambeau.utils.data import DataLoader


def rows(p, **how):
    return {e.key: e for e in p.key_averages(**how)}


def names(p):
    return [e.name for e in p.events()]


def test_forward_and_backward_by_name_with_shapes_and_memory():
    x, w = flambeau.ones(5, 4), flambeau.ones(4, 3, requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True) as p:
        with record_function("forward"):
            loss = (x @ w).relu().sum()
        loss.backward()
    got = rows(p)
    assert got["aten::mm"].count >= 2 and got["aten::relu"].count == 1 and got["aten::relu"].self_cpu_memory_usage == 5 * 3 * 4
    assert sum("evaluate_function" in name for name in got) == 3, "sum, relu and mm have a node each"
    assert {"SumBackward0", "ReluBackward0", "MmBackward0"} <= set(got)
    forward = next(e for e in p.events() if e.name == "forward")
    assert {"aten::mm", "aten::relu", "aten::sum"} <= {e.name for e in forward.cpu_children}
    assert forward.cpu_time_total >= sum(e.cpu_time_total for e in forward.cpu_children) and forward.is_user_annotation
    assert [[5, 4], [4, 3]] in [e.input_shapes for e in p.events()]
    assert flambeau.equal(w.grad, flambeau.full((4, 3), 5.0))
    whole = p.profiler.total_average()
    assert whole.key == "Total" and whole.count == len(p.events()) and p.profiler.self_cpu_time_total == whole.self_cpu_time_total


def test_gradients_know_their_calls(tmp_path):
    x = flambeau.ones(3, requires_grad=True)
    with profile(with_stack=True) as p:
        y = x.exp()  # the line that the gradient remembers
        y.sum().backward()
    by_name = {e.name: e for e in p.events()}
    forward, back = by_name["aten::exp"], by_name["ExpBackward0"]
    assert forward.sequence_nr == back.sequence_nr >= 0 and back.fwd_thread == forward.thread and back.scope == 1
    assert back.stack == forward.stack and "test_gradients_know_their_calls" in forward.stack[0]
    p.export_chrome_trace(tmp_path / "t.json")
    marks = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    at = {e["ts"]: e["name"] for e in marks if e["ph"] == "X"}
    arrows = {e["id"]: e["ts"] for e in marks if e["ph"] == "s" and e["cat"] == "fwdbwd"}
    assert sorted(at[ts] for ts in arrows.values()) == ["aten::exp", "aten::sum"]


NAMES = {
    "aten::linear": lambda w: nn.functional.linear(w, w), "aten::bmm": lambda w: w.expand(2, 4, 4) @ w.expand(2, 4, 4),
    "aten::select": lambda w: w[0], "aten::slice": lambda w: w[:, 1:3], "aten::t": lambda w: w.t(),
    "aten::cat": lambda w: flambeau.cat([w, w]), "aten::stack": lambda w: flambeau.stack([w, w]), "aten::max": lambda w: w.max(1),
    "aten::to": lambda w: w.double(), "aten::add_": lambda w: w.add_(1), "aten::mul_": lambda w: w.mul_(w),
    "aten::conv2d": lambda w: nn.functional.conv2d(w.view(1, 1, 4, 4), w.view(1, 1, 4, 4)), "aten::gelu": nn.functional.gelu,
    "aten::max_pool2d": lambda w: nn.functional.max_pool2d(w.view(1, 1, 4, 4), 2),
    "aten::conv_transpose1d": lambda w: nn.functional.conv_transpose1d(w.view(1, 4, 4), w.view(4, 4, 1)),
    "aten::scaled_dot_product_attention": lambda w: nn.functional.scaled_dot_product_attention(*[w.view(1, 1, 4, 4)] * 3),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_pytorchs_names_of_ops(name):
    w = flambeau.rand(4, 4)
    with profile() as p:
        NAMES[name](w)
    assert name in names(p)


# what PyTorch 2.13 counts, but for the one that says so
FLOPS = {
    "aten::add": (lambda o: o(4, 1) + o(4, 5), 4), "aten::mul": (lambda o: o(5) * o(4, 5), 5), "aten::sub": (lambda o: o(4) - 1, 0),
    "aten::add_": (lambda o: o(3, 4).add_(1), 0), "aten::mm": (lambda o: o(2, 3) @ o(3, 4), 48),
    "aten::bmm": (lambda o: o(3, 4, 5) @ o(3, 5, 6), 720), "aten::matmul": (lambda o: o(2, 1, 3, 4) @ o(5, 4, 6), 1440),
    "aten::mm ": (lambda o: o(3, 4) @ o(4), 24),  # mv, which PyTorch does not count
    "aten::linear": (lambda o: nn.functional.linear(o(2, 3, 4), o(5, 4), o(5)), 240),
    "aten::conv2d": (lambda o: flambeau.conv2d(o(2, 4, 8, 8), o(6, 2, 3, 3), o(6), stride=2, padding=1, dilation=2, groups=2), 3888),
    "aten::einsum": (lambda o: flambeau.einsum("ij,jk,kl->il", o(3, 4), o(4, 5), o(5, 6)), 300),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOPS)
def test_flops(name):
    call, count = FLOPS[name]
    with profile(with_flops=True) as p:
        call(flambeau.ones)
    assert rows(p)[name.strip()].flops == count
    assert (("Total FLOPs" if count < 1000 else "Total KFLOPs") in p.key_averages().table()) is (count > 0)


def test_memory_comes_and_goes(tmp_path):
    x = flambeau.ones(4, 5)
    with profile(profile_memory=True) as p:
        a = x + 1
        with record_function("within"):
            b = a * 2
            del a
        c = b.view(20)
        del b
        with record_function("made"):
            d = flambeau.rand(10)
        e = x.add_(1)
        del c, d, e
    got = {e.name: e.cpu_memory_usage for e in p.events() if e.name != "[memory]"}
    assert got == {"aten::add": 80, "within": 0, "aten::mul": 80, "aten::view": 0, "made": 40, "aten::add_": 80}
    within = next(e for e in p.events() if e.name == "within")
    assert within.self_cpu_memory_usage == -80
    assert [e.cpu_memory_usage for e in p.events() if e.name == "[memory]"] == [-80, -80, -40], "add_'s own result, then c's, then d"
    p.export_chrome_trace(tmp_path / "m.json")
    marks = [e["args"] for e in json.loads((tmp_path / "m.json").read_text())["traceEvents"] if e["name"] == "[memory]" and e["ph"] == "i"]
    assert sum(m["Bytes"] for m in marks) == 0 == marks[-1]["Total Allocated"] and max(m["Total Allocated"] for m in marks) == 200
    assert "CPU Mem" in p.key_averages().table() and "-80 B" in p.events().table()


def test_what_has_no_memory_takes_none():
    with profile(profile_memory=True) as p:
        _ = flambeau.ones(3, 3, device="meta") + flambeau.ones(3, 3, device="meta")
        _ = flambeau.ones(0, 3) + 1
    assert [e.cpu_memory_usage for e in p.events()] == [0, 0]


def test_transforms_and_functions_of_ones_own_are_seen():
    class Double(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    with profile(record_shapes=True, profile_memory=True, with_flops=True, with_stack=True) as p:
        Double.apply(flambeau.ones(3, requires_grad=True)).sum().backward()
        _ = flambeau.vmap(lambda x: x @ x)(flambeau.ones(5, 3, 3))
    assert rows(p)["DoubleBackward"].count == 1 and sum(e.flops for e in p.events() if e.name == "aten::bmm") == 2 * 5 * 27
    with profile() as p, pytest.raises(RuntimeError, match="size of tensor"):
        flambeau.ones(2) + flambeau.ones(3)
    assert len(p.events()) == 1, "a call that failed was a call"


def test_results_are_the_same_and_nothing_stays_on():
    flambeau.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.GELU(), nn.Flatten(), nn.Linear(32, 3)), flambeau.randn(2, 1, 6, 6)

    def run():
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x), flambeau.tensor([0, 2]))
        loss.backward()
        return [loss.detach(), *(p.grad for p in net.parameters())]

    plain = run()
    with profile(record_shapes=True, profile_memory=True, with_stack=True, with_flops=True, with_modules=True), \
            flambeau.autocast("cpu", enabled=False):
        watched = run()
    for a, b in zip(plain, watched, strict=True):
        assert flambeau.allclose(a, b, atol=1e-6)
    assert not context.unusual and not context.modes
    with pytest.raises(ZeroDivisionError), profile(with_modules=True) as p:
        _ = x + 1
        raise ZeroDivisionError
    assert not context.unusual and "aten::add" in names(p)


def test_modes_on_both_sides():
    a = flambeau.ones(2, 2)
    with profile() as p, flambeau.autocast("cpu"):
        assert (a @ a).dtype is flambeau.bfloat16
    assert names(p).count("aten::mm") == 1
    with flambeau.autocast("cpu"), profile() as p:
        assert (a @ a).dtype is flambeau.bfloat16
    assert names(p)[0] == "aten::mm" and [e.name for e in p.events()[0].cpu_children] == ["aten::to", "aten::to", "aten::mm"]
    with flambeau.autocast("cpu"), profile(with_flops=True) as p:
        _ = a @ a
    assert rows(p)["aten::mm"].flops == 16
    with flambeau.inference_mode(), profile() as p:
        assert (a + flambeau.rand(2, 2)).is_inference()
    assert names(p) == ["aten::add"]


def test_modules_steps_and_loaders_have_names():
    class Broken(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    net, loader = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), DataLoader(flambeau.ones(4, 3), batch_size=2)
    optimizer = flambeau.optim.SGD(net.parameters(), lr=0.1)
    with profile(with_modules=True) as p:
        for batch in loader:
            optimizer.zero_grad()
            net(batch).sum().backward()
            optimizer.step()
        with pytest.raises(ZeroDivisionError):
            nn.Sequential(Broken())(batch)
        _ = batch + 1
    got = rows(p)
    for name, count in {"nn.Module: Sequential_0": 2, "nn.Module: Linear_0": 2, "nn.Module: Linear_1": 2, "nn.Module: Broken_0": 1,
                        "Optimizer.step#SGD.step": 2, "Optimizer.zero_grad#SGD.zero_grad": 2,
                        "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__": 3}.items():  # fmt: skip
        assert got[name].count == count, name
    first = next(e for e in p.events() if e.name == "nn.Module: Sequential_0")
    assert [e.name for e in first.cpu_children] == ["nn.Module: Linear_0", "nn.Module: Linear_1"]
    assert p.events()[-1].name == "aten::add" and p.events()[-1].cpu_parent is None, "a call that failed is over"


def test_steps_by_a_schedule(tmp_path):
    seen = []
    x = flambeau.ones(2)
    plan = schedule(wait=1, warmup=1, active=2, repeat=2)

    def run(**more):
        seen.clear()
        with profile(schedule=plan, on_trace_ready=lambda p: seen.append((p.step_num, len(p.events()))), **more) as p:
            for _ in range(10):
                _ = x + 1
                p.step()
        return p

    p = run(acc_events=True)
    assert seen == [(4, 4), (8, 8)] and names(p) == ["ProfilerStep*", "aten::add"] * 4
    assert [e.trace_name for e in p.events() if "Step" in e.name] == [f"ProfilerStep#{i}" for i in (2, 3, 6, 7)]
    with pytest.warns(UserWarning, match="clears events"):
        run()
    assert seen == [(4, 4), (8, 4)]
    with profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path), "me"), with_stack=True):
        _ = x.exp()
    (file,) = tmp_path.glob("me.*.pt.trace.json")
    (event,) = [e for e in json.loads(file.read_text())["traceEvents"] if e["ph"] == "X"]
    assert event["name"] == "aten::exp" and event["cat"] == "cpu_op" and event["dur"] > 0
    assert "test_steps_by_a_schedule" in event["args"]["Call stack"]
    (tmp_path / "taken").write_text("")
    with pytest.raises(RuntimeError, match="create directory"), profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path / "taken"))):
        pass
    for wrong in ({"wait": -1, "warmup": 0, "active": 1}, {"wait": 0, "warmup": 0, "active": 0}):
        with pytest.raises(AssertionError, match="Invalid profiler schedule"):
            schedule(**wrong)
    with pytest.warns(UserWarning, match="warmup"):
        schedule(wait=0, warmup=0, active=1)
    first = schedule(wait=1, warmup=1, active=1, repeat=2, skip_first=2, skip_first_wait=1)
    assert [first(i).name[:1] for i in range(9)] == ["N", "N", "W", "R", "N", "W", "R", "N", "N"]
    with pytest.raises(AssertionError, match="non-negative"):
        first(-1)


@pytest.mark.parametrize("actions", [("RECORD", "NONE"), ("WARMUP", "NONE"), ("RECORD", "WARMUP")])
def test_schedules_that_make_no_sense(actions):
    plan = [ProfilerAction[a] for a in actions]
    told = "Incorrect schedule: {} followed by {}".format(*actions)
    with pytest.warns(UserWarning, match=told), profile(schedule=lambda i: plan[i]) as p:
        p.step()
    assert not context.modes


def test_what_a_trace_tells_beside(tmp_path):
    p = profile(record_shapes=True)
    p.preset_metadata_json("before", '{"z": 1}')
    p.start()
    _ = flambeau.ones(2) + 1
    p.add_metadata("text", 'a "b"')
    p.stop()
    p.add_metadata_json("list", "[1, 2]")
    p.export_chrome_trace(str(tmp_path / "t.json.gz"))
    with gzip.open(tmp_path / "t.json.gz") as file:
        trace = json.load(file)
    assert (trace["before"], trace["text"], trace["list"], trace["record_shapes"]) == ({"z": 1}, 'a "b"', [1, 2], 1)
    with pytest.raises(ValueError, match="Expecting"):
        p.add_metadata_json("bad", "[1,")
    with profile() as p:
        pass
    p.events().export_chrome_trace(tmp_path / "empty.json")
    assert [e["ph"] for e in json.loads((tmp_path / "empty.json").read_text())["traceEvents"]] == ["M"] and p.key_averages().table() == ""


def test_stacks_for_flame_graphs(tmp_path):
    with profile(with_stack=True) as p:
        _ = flambeau.ones(300, 300) @ flambeau.ones(300, 300)
    p.export_stacks(tmp_path / "s")
    (line,) = (tmp_path / "s").read_text().splitlines()
    lines, _, time = line.rpartition(" ")
    assert "test_stacks_for_flame_graphs" in lines.rpartition(";")[2] and int(time) > 0 and " " not in lines
    with pytest.raises(ValueError, match="metric should be one of"):
        p.export_stacks(tmp_path / "s", "beauty")
    with profile() as p:
        pass
    with pytest.raises(AssertionError, match="with_stack=True"):
        p.export_stacks(tmp_path / "s")


def test_threads_have_stacks_of_their_own():
    with profile() as p, record_function("main"):
        thread = threading.Thread(target=lambda: flambeau.ones(2).exp())
        thread.start()
        thread.join()
    (event,) = [e for e in p.events() if e.name == "aten::exp"]
    assert event.cpu_parent is None and event.thread != threading.get_native_id()


def test_times_are_microseconds():
    with profile() as p, record_function("sleep"):
        time.sleep(0.02)
    (event,) = p.events()
    assert 2e4 <= event.cpu_time_total < 2e6 and event.time_range.elapsed_us() == event.cpu_time == event.self_cpu_time_total
    assert "ms" in event.cpu_time_str or "s" in event.cpu_time_str


def test_a_gpu_that_is_not_there():
    if flambeau.cuda.is_available():
        pytest.skip("there is one")
    assert supported_activities() == {ProfilerActivity.CPU}
    with pytest.warns(UserWarning, match="CUDA is not available"), \
            profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as p:  # fmt: skip
        _ = flambeau.ones(2) + 1
    assert names(p) == ["aten::add"] and "CUDA" not in p.key_averages().table(sort_by="self_cuda_time_total")
    with pytest.warns(UserWarning, match="CUDA is not available"), pytest.raises(AssertionError, match="No activities"):
        profile(activities=[ProfilerActivity.CUDA])


def test_misuse():
    with pytest.raises(AssertionError, match="initialized before accessing events"):
        profile().events()
    with pytest.raises(AssertionError, match="activities"):
        profile(activities=["CUDA"])
    with pytest.raises(AssertionError, match="activities"):
        profile(activities=[])
    with profile() as p:
        with pytest.raises(RuntimeError, match="didn't finish"):
            p.events()
        with pytest.raises(RuntimeError, match="already enabled"), profile():
            pass
        with pytest.raises(NotImplementedError, match="schedule"):
            p.toggle_collection_dynamic(False, [ProfilerActivity.CPU])
    assert not context.modes
    with pytest.raises(NotImplementedError, match="memory"):
        p.export_memory_timeline("m.json")
    with pytest.raises(TypeError, match="_ExperimentalConfig"):
        profile(experimental_config=3)
    profile(experimental_config=_ExperimentalConfig(verbose=True))
    with pytest.raises(RuntimeError, match="profiler_metrics"):
        _ExperimentalConfig(profiler_metrics=["a"])
    with pytest.raises(NotImplementedError, match="execution traces"):
        profile(execution_trace_observer=object())
    with pytest.raises(NotImplementedError, match="execution traces"):
        flambeau.profiler.ExecutionTraceObserver()
    with pytest.warns(FutureWarning, match="use_cuda"):
        profile(use_cuda=False)


def test_a_trace_tells_of_inputs_what_they_are(tmp_path):
    given = flambeau.ones(4, 5)[:, :3]
    with profile(record_shapes=True) as p:
        flambeau.add(given, given.double())
        given * 2
        flambeau.sparse.sum(given.to_sparse())
    p.export_chrome_trace(str(tmp_path / "trace.json"))
    told = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    marks = {m["name"]: m["args"] for m in told if m.get("cat") == "cpu_op"}
    assert {key: marks["aten::add"][key] for key in ("Input Dims", "Input Strides", "Input type", "Concrete Inputs")} == {
        "Input Dims": [[4, 3], [4, 3]], "Input Strides": [[5, 1], [3, 1]], "Input type": ["float32", "float64"],
        "Concrete Inputs": ["", ""],
    }  # fmt: skip
    assert (marks["aten::mul"]["Input type"], marks["aten::mul"]["Concrete Inputs"]) == (["float32", "Scalar"], ["", "2"])
    assert next(e for e in p.events() if e.name == "aten::mul").concrete_inputs == [None, 2]
