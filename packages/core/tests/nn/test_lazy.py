"""Lazy layers: they become what they were short of, with PyTorch's first numbers; states and copies before and after."""
from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import nn

CASES = [
    (nn.LazyLinear, (4,), nn.Linear, (3, 4), (2, 3)),
    (nn.LazyConv1d, (4, 2), nn.Conv1d, (3, 4, 2), (2, 3, 5)),
    (nn.LazyConv2d, (4, 2), nn.Conv2d, (3, 4, 2), (3, 5, 5)),
    (nn.LazyConv3d, (4, 2), nn.Conv3d, (3, 4, 2), (1, 3, 3, 3, 3)),
    (nn.LazyBatchNorm1d, (), nn.BatchNorm1d, (3,), (4, 3)),
    (nn.LazyBatchNorm2d, (), nn.BatchNorm2d, (3,), (2, 3, 2, 2)),
    (nn.LazyBatchNorm3d, (), nn.BatchNorm3d, (3,), (2, 3, 2, 2, 2)),
    (nn.LazyInstanceNorm1d, (), nn.InstanceNorm1d, (3, 1e-5, 0.1, True, True), (3, 4)),
    (nn.LazyInstanceNorm2d, (), nn.InstanceNorm2d, (3, 1e-5, 0.1, True, True), (1, 3, 4, 4)),
    (nn.LazyInstanceNorm3d, (), nn.InstanceNorm3d, (3, 1e-5, 0.1, True, True), (1, 3, 2, 2, 2)),
]


@pytest.mark.parametrize(("lazy", "args", "ready", "ready_args", "shape"), CASES)
def test_a_lazy_layer_becomes_the_layer(lazy, args, ready, ready_args, shape):
    x = flambeau.randn(*shape)
    layer = lazy(*args)
    assert layer.has_uninitialized_params()
    flambeau.manual_seed(1)
    y = layer(x)
    flambeau.manual_seed(1)
    same = ready(*ready_args)
    flambeau.testing.assert_close(y, same(x))
    assert type(layer) is ready
    assert repr(layer) == repr(same)
    assert list(layer.state_dict()) == list(same.state_dict())
    assert layer._call_hooks is None or not layer._call_hooks.before


@pytest.mark.parametrize(("lazy", "args", "ready", "ready_args", "shape"), CASES)
def test_a_state_with_shapes_initializes(lazy, args, ready, ready_args, shape):
    same, layer, x = ready(*ready_args).eval(), lazy(*args).eval(), flambeau.randn(*shape)
    layer.load_state_dict(same.state_dict())
    flambeau.testing.assert_close(layer(x), same(x))
    assert repr(layer) == repr(same)


def test_copies_pickles_casts_and_states_before_the_first_call():
    model = nn.Sequential(nn.LazyConv1d(2, 3), nn.LazyBatchNorm1d(), nn.LazyLinear(4, bias=False)).double()
    x = flambeau.randn(2, 3, 6).double()
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]  # noqa: S301  our own bytes
    third = nn.Sequential(nn.LazyConv1d(2, 3), nn.LazyBatchNorm1d(), nn.LazyLinear(4, bias=False)).double()
    third.load_state_dict(model.state_dict())
    for each in (model, *others, third):
        assert each(x).shape == (2, 2, 4)
        assert each[2].weight.dtype == flambeau.float64
        assert type(each[2]) is nn.Linear


def test_a_shape_that_is_not_known_is_refused():
    weight = nn.UninitializedParameter(dtype=flambeau.float64)
    for use in (lambda: weight.shape, lambda: weight.share_memory_(), lambda: weight @ weight):
        with pytest.raises((RuntimeError, ValueError), match=r"(?i)uninitialized"):
            use()
    with pytest.raises((RuntimeError, ValueError), match="uninitialized"):
        weight.exp()
    assert repr(weight) == "<UninitializedParameter>"
    weight.materialize((2, 3))
    assert (type(weight), weight.shape, weight.dtype, weight.requires_grad) == (nn.Parameter, (2, 3), flambeau.float64, True)
    buffer = nn.UninitializedBuffer(persistent=False)
    module = nn.Module()
    module.rows = buffer
    assert not module.state_dict()
    buffer.materialize((1,))
    assert type(buffer) is flambeau.Tensor


def test_an_uninitialized_state_does_not_load_into_a_ready_layer():
    with pytest.raises(RuntimeError, match="uninitialized"):
        nn.Linear(2, 3).load_state_dict(nn.LazyLinear(3).state_dict())


def test_mistakes_are_named():
    with pytest.raises(RuntimeError, match="Expected 3D"):
        nn.LazyConv2d(4, 3)(flambeau.zeros(2, 2))
    with pytest.raises(ValueError, match="divisible by groups"):
        nn.LazyConv1d(4, 3, groups=2)(flambeau.zeros(1, 3, 5))
