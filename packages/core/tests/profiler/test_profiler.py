"""What a profile has of a program whose calls are known."""

from __future__ import annotations

import json
import threading

import pytest

import flambeau
from flambeau import context, nn
from flambeau.profiler import ProfilerActivity, profile, record_function, schedule, tensorboard_trace_handler


def rows(p, **how):
    return {e.name: e for e in p.key_averages(**how)}


def test_forward_and_backward_by_name_with_shapes_and_memory():
    x, w = flambeau.ones(5, 4), flambeau.ones(4, 3, requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True) as p:
        with record_function("forward"):
            loss = (x @ w).relu().sum()
        loss.backward()
    got = rows(p)
    assert got["aten::matmul"].count >= 2 and got["aten::relu"].count == 1 and got["aten::relu"].self_cpu_memory_usage == 5 * 3 * 4
    assert sum("evaluate_function" in name for name in got) == 3, "sum, relu and matmul have a node each"
    forward = next(e for e in p.events() if e.name == "forward")
    assert {"aten::matmul", "aten::relu", "aten::sum"} <= {e.name for e in forward.cpu_children}
    assert forward.cpu_time_total >= sum(e.cpu_time_total for e in forward.cpu_children) and forward.cpu_memory_usage >= 120
    assert [[5, 4], [4, 3]] in [e.input_shapes for e in p.events()]
    assert flambeau.equal(w.grad, flambeau.full((4, 3), 5.0))
    table = p.key_averages(group_by_input_shape=True).table(sort_by="self_cpu_time_total", row_limit=3)
    assert "Input Shapes" in table and "CPU Mem" in table and len(table.splitlines()) == 8
    with pytest.raises(AttributeError, match="sort_by"):
        p.key_averages().table(sort_by="beauty")


def test_results_are_the_same_and_nothing_stays_on():
    flambeau.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.GELU(), nn.Flatten(), nn.Linear(32, 3)), flambeau.randn(2, 1, 6, 6)

    def run():
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x), flambeau.tensor([0, 2]))
        loss.backward()
        return [loss.detach(), *(p.grad for p in net.parameters())]

    plain = run()
    with profile(), flambeau.autocast("cpu", enabled=False):
        watched = run()
    for a, b in zip(plain, watched, strict=True):
        assert flambeau.allclose(a, b, atol=1e-6)
    assert not context.unusual and not context.modes
    with pytest.raises(ZeroDivisionError), profile() as p:
        _ = x + 1
        raise ZeroDivisionError
    assert not context.unusual and any(e.name == "aten::add" for e in p.events())


def test_autocast_inside_still_casts():
    a = flambeau.ones(2, 2)
    with profile() as p, flambeau.autocast("cpu"):
        assert (a @ a).dtype is flambeau.bfloat16
    assert "aten::matmul" in rows(p)
    with flambeau.autocast("cpu"), profile():
        assert (a @ a).dtype is flambeau.bfloat16


def test_steps_by_a_schedule(tmp_path):
    seen = []
    x = flambeau.ones(2)
    plan = schedule(wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=plan, on_trace_ready=lambda p: seen.append((p.step_num, len(p.events())))) as p:
        for _ in range(10):
            _ = x + 1
            p.step()
    assert seen == [(4, 2), (8, 2)]
    with profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path), "me"), with_stack=True):
        _ = x.exp()
    (file,) = tmp_path.glob("me.*.pt.trace.json")
    (event,) = json.loads(file.read_text())["traceEvents"]
    assert event["name"] == "aten::exp" and event["ph"] == "X" and event["dur"] > 0
    assert "test_steps_by_a_schedule" in event["args"]["Call stack"]
    for wrong in ({"wait": -1, "warmup": 0, "active": 1}, {"wait": 0, "warmup": 0, "active": 0}):
        with pytest.raises(ValueError, match="at least"):
            schedule(**wrong)


def test_threads_have_stacks_of_their_own():
    with profile() as p, record_function("main"):
        thread = threading.Thread(target=lambda: flambeau.ones(2).exp())
        thread.start()
        thread.join()
    (event,) = [e for e in p.events() if e.name == "aten::exp"]
    assert event.cpu_parent is None and event.thread != threading.get_ident()


def test_misuse():
    with pytest.raises(RuntimeError, match="didn't finish"):
        profile().events()
    with pytest.raises(ValueError, match="activities"):
        profile(activities=["CUDA"])
