"""What scripts find in a module's dicts of hooks, and the older kind of backward hooks."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

import flambeau
from flambeau import nn
from flambeau.nn.hooks import register_module_backward_hook


def keep(*_args):
    """A hook that a pickle can name."""


def test_dicts_of_hooks_show_what_is_registered_and_may_be_cleared():
    layer = nn.Linear(2, 2)
    assert not layer._forward_hooks
    first = layer.register_forward_hook(keep)
    second = layer.register_forward_hook(keep, with_kwargs=True, always_call=True, prepend=True)
    assert list(layer._forward_hooks) == [second.id, first.id]
    assert first.hooks_dict_ref() is layer._forward_hooks
    assert list(layer._forward_hooks_with_kwargs) == list(layer._forward_hooks_always_called) == [second.id]
    second.remove()
    assert not layer._forward_hooks_with_kwargs
    layer._forward_hooks = OrderedDict()
    assert not layer._forward_hooks
    layer._forward_pre_hooks[7] = lambda module, args: (args[0] * 0,)  # put in by hand
    assert layer(flambeau.ones(1, 2)).tolist() == [layer.bias.tolist()]
    del layer._forward_pre_hooks
    assert not layer._forward_pre_hooks


def test_hooks_are_copied_and_pickled_with_the_module():
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(keep, always_call=True)
    layer.register_load_state_dict_pre_hook(keep)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301
        assert list(other._forward_hooks.values()) == [keep]
        assert len(other._forward_hooks_always_called) == len(other._load_state_dict_pre_hooks) == 1
        assert other._forward_hooks is not layer._forward_hooks


def test_a_hook_may_remove_itself_while_it_runs():
    layer, seen = nn.ReLU(), []

    def once(*_args):
        seen.append(1)
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer(flambeau.ones(1))
    layer(flambeau.ones(1))
    assert seen == [1]


def test_an_older_backward_hook_hangs_on_the_node_of_the_output():
    layer, seen = nn.Sigmoid(), []
    with layer.register_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output))):
        layer(flambeau.zeros(2, requires_grad=True) * 1).backward(flambeau.ones(2))
    (grad_input,), (grad_output,) = seen[0]
    assert grad_input.tolist() == [0.25, 0.25]
    assert grad_output.tolist() == [1, 1]
    x = flambeau.zeros(2, requires_grad=True)
    with layer.register_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 2,)):
        layer(x * 1).sum().backward()
    assert x.grad.tolist() == [0.5, 0.5]


def test_the_output_of_a_layer_with_an_older_hook_may_be_written_to():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    with pytest.warns(FutureWarning, match="forward contains multiple autograd Nodes"), net[0].register_backward_hook(keep):
        net(flambeau.ones(1, 2)).sum().backward()


def test_older_and_full_backward_hooks_do_not_go_together():
    layer = nn.ReLU()
    layer.register_backward_hook(keep)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        layer.register_full_backward_hook(keep)


def test_older_hooks_on_all_modules():
    seen = []
    with register_module_backward_hook(lambda module, *_grads: seen.append(type(module).__name__)):
        nn.Tanh()(flambeau.zeros(1, requires_grad=True) * 1).sum().backward()
    nn.Tanh()(flambeau.zeros(1, requires_grad=True) * 1).sum().backward()
    assert seen == ["Tanh"]


def test_the_failure_of_an_always_call_hook_is_told_and_does_not_hide_that_of_forward():
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda *_args: 1 / 0, always_call=True)
    with pytest.warns(UserWarning, match="division by zero"), pytest.raises(RuntimeError, match="cannot be multiplied"):
        layer(flambeau.ones(1, 3))


def test_inputs_without_a_gradient_stay_so_under_full_backward_hooks():
    class Pair(nn.Module):
        def forward(self, x, y):
            assert x.requires_grad
            assert not y.requires_grad
            return x + y

    pair = Pair()
    pair.register_full_backward_hook(keep)
    pair(flambeau.ones(1, requires_grad=True), flambeau.ones(1)).backward()


def test_an_output_that_full_backward_hooks_cannot_watch_is_told():
    class Named(nn.Module):
        def forward(self, x):
            return {"x": x}

    named = Named()
    named.register_full_backward_hook(keep)
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        named(flambeau.ones(1, requires_grad=True))


def test_global_batch_norm_of_one_process_is_batch_norm():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4, affine=False).eval()))
    x = flambeau.randn(2, 3, 5, 5)
    expected = copy.deepcopy(net)(x)
    synced = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert [type(m).__name__ for m in synced.modules()].count("SyncBatchNorm") == 2
    assert not synced[2][0].training
    assert flambeau.equal(synced(x), expected)
    with pytest.raises(ValueError, match="at least 2D"):
        nn.SyncBatchNorm(3)(flambeau.ones(3))
