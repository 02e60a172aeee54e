"""What a graph holds, and when it lets go: without recursion, and without the collector."""
from __future__ import annotations

import gc
import weakref

import pytest

import flambeau
from flambeau import nn
from flambeau.autograd import Function, graph
from flambeau.utils.checkpoint import checkpoint


def leaf(*values):
    return flambeau.tensor(values, requires_grad=True)


class Kept(Function):
    @staticmethod
    def forward(ctx, x):
        y = x * 1
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[1]


@pytest.mark.parametrize("step", [lambda y, x: y + 1, lambda y, x: y * x, lambda y, x: y.view(1), lambda y, x: Kept.apply(y)],
                         ids=["add", "mul", "view", "function"])
def test_a_deep_graph_is_run_and_freed_without_recursion(step):
    x, depth = leaf(1.0), 20_000
    y = x
    for _ in range(depth):
        y = step(y, x)
    y.sum().backward()
    assert x.grad is not None
    del y
    y = x
    for _ in range(depth):
        y = step(y, x)
    del y  # never run


@pytest.mark.slow
def test_a_million_nodes():
    x = leaf(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1.0]
    del y


def test_what_is_kept_goes_with_backward():
    x = leaf(1.0, 2.0)
    y = (x * 2).exp()
    array = weakref.ref(y.array)
    z = y.sum()
    del y
    assert array() is not None  # exp keeps its result
    z.backward()
    assert array() is None and z.grad_fn is not None


def test_what_is_kept_goes_with_the_result():
    x = leaf(1.0, 2.0)
    y = (x * 2).exp()
    array, node = weakref.ref(y.array), weakref.ref(y.grad_fn)
    z = y.sum()
    del y, z
    assert array() is None and node() is None


def test_an_op_that_needs_no_value_keeps_none():
    x = leaf(1.0, 2.0)
    y = x * 2
    array = weakref.ref(y.array)
    z = (y + 1).sum()
    del y
    assert array() is None
    z.backward()


def test_a_function_lets_go_of_what_it_saved():
    x = leaf(1.0)
    y = Kept.apply(x * 1)
    kept = weakref.ref(y.grad_fn.saved_tensors[0].array)
    y.sum().backward()
    assert kept() is None


NETWORK = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 16), nn.Dropout(0.1), nn.GELU(),
    nn.LayerNorm(16), nn.Linear(16, 3),
)
OPTIMIZER = flambeau.optim.Adam(NETWORK.parameters())


def training_step():
    x, target = flambeau.randn(4, 1, 8, 8), flambeau.randint(0, 3, (4,))
    OPTIMIZER.zero_grad()
    nn.functional.cross_entropy(NETWORK(x), target).backward()
    OPTIMIZER.step()


def hooks():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g)
    y.retain_grad()
    y.grad_fn.register_hook(lambda *_: None)
    graph.register_multi_grad_hook((x, y), lambda _: None)
    y.sum().backward()


def in_place():
    y = leaf(1.0, 2.0) * 2
    view = y[:1]
    view.mul_(2)
    y.exp_()
    y.sum().backward()


def functions():
    Kept.apply(leaf(1.0)).sum().backward()
    Kept.apply(leaf(1.0))


def second_derivative():
    x = leaf(1.0)
    g, = flambeau.autograd.grad((x.exp() * x).sum(), x, create_graph=True)
    g.sum().backward(inputs=[x])
    x.grad = None


def checkpoints():
    for reentrant in (True, False):
        checkpoint(lambda x: x.exp().sin(), leaf(1.0), use_reentrant=reentrant).sum().backward()
        checkpoint(lambda x: x.exp().sin(), leaf(1.0), use_reentrant=reentrant)


def kept_elsewhere():
    with graph.save_on_cpu():
        y = leaf(1.0).exp()
    y.sum().backward()
    with graph.allow_mutation_on_saved_tensors():
        y = leaf(1.0).clone()
        z = y * y
        y.zero_()
        z.sum().backward()


@pytest.mark.parametrize("work", [training_step, hooks, in_place, functions, second_derivative, checkpoints, kept_elsewhere])
def test_nothing_is_left_for_the_collector(work):
    for _ in range(3):
        work()
    gc.collect()
    gc.disable()
    try:
        work()
        assert gc.collect() == 0
    finally:
        gc.enable()
