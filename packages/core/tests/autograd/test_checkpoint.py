"""Selective checkpoints, modes and nesting; what PyTorch prints for the plain ones is in scenes/checkpoints.py."""
from __future__ import annotations

from functools import partial

import pytest

import flambeau
from flambeau import context
from flambeau.autograd import graph
from flambeau.utils.checkpoint import (
    CheckpointError,
    CheckpointPolicy,
    checkpoint,
    checkpoint_sequential,
    create_selective_checkpoint_contexts,
    set_checkpoint_debug_enabled,
)


class Count:
    """How often each op ran, by its card's name."""

    def __init__(self):
        self.ran: dict[str, int] = {}

    def before(self, card, inputs, attrs):
        self.ran[card.name] = self.ran.get(card.name, 0) + 1
        return inputs, attrs

    def __enter__(self):
        context.push_mode(self)
        return self.ran

    def __exit__(self, *_exc):
        context.pop_mode(self)


def leaf(*shape):
    return flambeau.arange(float(flambeau.Size(shape).numel())).reshape(*shape).div(10).requires_grad_()


def block(x, w):
    return (x @ w).sin().exp()


@pytest.mark.parametrize("policy", [
    [flambeau.matmul],
    lambda ctx, op, *args, **kwargs: CheckpointPolicy.MUST_SAVE if op.name == "matmul" else CheckpointPolicy.PREFER_RECOMPUTE,
    lambda ctx, op, *args, **kwargs: op.name == "matmul",
], ids=["list", "policy", "bool"])
def test_chosen_ops_are_not_run_again(policy):
    x, w = leaf(2, 3), leaf(3, 3)
    block(x, w).sum().backward()
    expected, x.grad, w.grad = (x.grad, w.grad), None, None
    counts = []
    for context_fn in ({}, {"context_fn": partial(create_selective_checkpoint_contexts, policy)}):
        x.grad = w.grad = None
        y = checkpoint(block, x, w, use_reentrant=False, **context_fn)
        with Count() as ran:
            y.sum().backward()
        counts.append(ran)
    without, chosen = counts
    assert (without["matmul"], chosen["matmul"]) == (3, 2)  # two belong to backward itself
    assert without["sin"] == chosen["sin"] == 1
    assert flambeau.equal(x.grad, expected[0]) and flambeau.equal(w.grad, expected[1])


def test_the_policy_knows_whether_it_is_the_second_time():
    seen = []

    def policy(ctx, op, *args, **kwargs):
        seen.append((op.name, ctx.is_recompute))
        return CheckpointPolicy.PREFER_RECOMPUTE

    x, contexts = leaf(2), partial(create_selective_checkpoint_contexts, policy)
    checkpoint(lambda x: x.exp() * x, x, use_reentrant=False, context_fn=contexts).sum().backward()
    assert seen[:2] == [("exp", False), ("mul", False)] and ("exp", True) in seen


def test_what_was_kept_and_then_written_to_is_noticed():
    def function(x):
        y = x.exp()
        z = y.sin()
        with flambeau.no_grad():
            y.add_(1)
        return z

    contexts = lambda **kw: partial(create_selective_checkpoint_contexts, [flambeau.exp], **kw)
    with pytest.raises(RuntimeError, match="has been mutated"):
        checkpoint(function, leaf(2), use_reentrant=False, context_fn=contexts()).sum().backward()
    with pytest.raises(TypeError, match="function or a list"):
        create_selective_checkpoint_contexts(3)
    with pytest.raises(ValueError, match="expected ops"):
        create_selective_checkpoint_contexts([3])


def test_a_checkpoint_keeps_its_inputs_alone():
    x, kept = leaf(4), []
    with graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        y = checkpoint(lambda x: x.exp().sin().exp().sin(), x, use_reentrant=False)
    assert kept == [(4,)]
    y.sum().backward()
    x.grad, expected = None, x.grad
    x.exp().sin().exp().sin().sum().backward()
    assert flambeau.equal(x.grad, expected)


def test_parameters_and_structures():
    layer = flambeau.nn.Linear(3, 3)
    x = leaf(2, 3)
    for reentrant in (True, False):
        layer.zero_grad()
        x.grad = None
        checkpoint(lambda x: layer(x).relu(), x, use_reentrant=reentrant).sum().backward()
        found = layer.weight.grad.clone(), x.grad.clone()
        layer.zero_grad()
        x.grad = None
        layer(x).relu().sum().backward()
        assert flambeau.equal(found[0], layer.weight.grad) and flambeau.equal(found[1], x.grad)


def test_debug_tells_what_was_kept():
    turn = []

    def function(x):
        turn.append(1)
        return x.exp().sin() if len(turn) == 1 else x[:2].exp().sin()

    with pytest.raises(CheckpointError, match="Kept in function"), set_checkpoint_debug_enabled(True):
        checkpoint(function, leaf(3), use_reentrant=False).sum().backward()


def test_sequential_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="Unexpected keyword"):
        checkpoint_sequential([flambeau.exp], 1, leaf(2), use_reentrant=False, speed=3)


def test_states_of_devices_and_the_node_by_name():
    from flambeau.utils import checkpoint as module

    assert module.get_device_states(flambeau.ones(2), 3) == ([], [])
    module.set_device_states([], [])
    with pytest.raises(RuntimeError, match="device_type"):
        module.set_device_states([], [], device_type="abacus")
    x = flambeau.ones(2, requires_grad=True)
    y = module.CheckpointFunction.apply(flambeau.exp, True, x)
    assert type(y.grad_fn).__name__ == "CheckpointFunctionBackward"
    y.sum().backward()
    assert x.grad.tolist() == x.exp().tolist()
