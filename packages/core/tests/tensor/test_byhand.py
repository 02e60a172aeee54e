"""Methods of old, folds over stretches, and names that PyTorch keeps: values as it gives them."""

from __future__ import annotations

import math

import pytest

import flambeau
from flambeau import nn
from flambeau.nn import functional as F


def grid():
    return flambeau.arange(6.0).reshape(2, 3)


def test_a_function_an_element():
    assert grid().apply_(lambda v: v + 1).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert grid().map_(grid()[0], lambda a, b: a + b).tolist() == [[0, 2, 4], [3, 5, 7]]
    assert grid().map2_(grid(), grid(), lambda a, b, c: a + b + c).tolist() == [[0, 3, 6], [9, 12, 15]]
    x = flambeau.arange(3)
    before = x._version
    assert x.apply_(lambda v: v * v).tolist() == [0, 1, 4] and x._version == before + 1
    with pytest.raises(RuntimeError, match="Can't call apply_"):
        grid().requires_grad_().apply_(abs)
    with pytest.raises(TypeError, match="map_: expected a tensor of flambeau.float32"):
        grid().map_(grid().long(), max)


def test_diagonals():
    assert flambeau.zeros(2, 3).fill_diagonal_(5).tolist() == [[5, 0, 0], [0, 5, 0]]
    assert flambeau.zeros(5, 2).fill_diagonal_(1, wrap=True).tolist() == [[1, 0], [0, 1], [0, 0], [1, 0], [0, 1]]
    assert flambeau.zeros(5, 2).fill_diagonal_(1).sum().item() == 2
    assert flambeau.zeros(2, 2, 2).fill_diagonal_(1).tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]
    for shape, said in (((3,), "larger than 1"), ((2, 3, 2), "equal length")):
        with pytest.raises(RuntimeError, match=said):
            flambeau.zeros(shape).fill_diagonal_(1)
    x = flambeau.ones(2, 2, requires_grad=True)
    (x * 2).fill_diagonal_(0).sum().backward()
    assert x.grad.tolist() == [[0, 2], [2, 0]]


def test_memory_is_exchanged():
    source, x = grid(), flambeau.zeros(2)
    assert x.set_(source) is x and x.shape == (2, 3) and x.data_ptr() == source.data_ptr()
    assert flambeau.zeros(2).set_(source, 1, (2, 2), (1, 2)).tolist() == [[1, 3], [2, 4]]
    assert flambeau.zeros(2).set_(source[1].untyped_storage(), 1, (2, 2)).tolist() == [[1, 2], [3, 4]]
    assert flambeau.zeros(2).set_().shape == (0,)
    with pytest.raises(RuntimeError, match="Could not set tensor of type int64"):
        x.set_(source.long())
    source[0, 0] = 7
    assert x[0, 0].item() == 7


def test_made_like_another():
    x = grid().double()
    assert x.new(2, 3).shape == (2, 3) and x.new(flambeau.Size([4])).shape == (4,) and x.new().numel() == 0
    assert x.new([1, 2]).tolist() == [1, 2] and x.new([1, 2]).dtype is flambeau.float64
    assert [row.tolist() for row in reversed(grid())] == [[3, 4, 5], [0, 1, 2]]
    assert x.module_load(grid()).tolist() == grid().tolist()


@pytest.mark.parametrize("name", "indices values coalesce is_coalesced crow_indices col_indices ccol_indices row_indices".split())
def test_dense_tensors_have_no_places(name):
    with pytest.raises(RuntimeError, match=f"{name} expected sparse.* layout but got Strided"):
        getattr(grid(), name)()


SEGMENTS = [
    ("sum", None, [1, 0, 14]), ("mean", None, [0.5, math.nan, 3.5]), ("max", None, [1, -math.inf, 5]), ("min", None, [0, math.inf, 2]),
    ("prod", None, [0, 1, 120]), ("max", 3.0, [3, 3, 5]), ("sum", 10.0, [11, 10, 24]),
]  # fmt: skip


@pytest.mark.parametrize(("reduce", "initial", "expected"), SEGMENTS)
def test_segments(reduce, initial, expected):
    x = flambeau.arange(6.0, requires_grad=True)
    y = flambeau.segment_reduce(x, reduce, lengths=flambeau.tensor([2, 0, 4]), initial=initial)
    assert y.tolist() == pytest.approx(expected, nan_ok=True)
    z = flambeau.segment_reduce(x, reduce, offsets=flambeau.tensor([0, 2, 2, 6]), initial=initial)
    assert z.tolist() == pytest.approx(expected, nan_ok=True)
    y[2].backward()
    assert x.grad[:2].tolist() == [0, 0] and x.grad[2:].abs().sum() > 0


def test_segments_that_do_not_fit():
    x = flambeau.arange(6.0)
    for given in ({}, {"lengths": flambeau.tensor([2, 3])}, {"lengths": flambeau.tensor([7, -1])}, {"lengths": flambeau.tensor([[6]])}):
        with pytest.raises(RuntimeError, match="segment_reduce"):
            flambeau.segment_reduce(x, "sum", **given)
    with pytest.raises(RuntimeError, match="unsupported reduction"):
        flambeau.segment_reduce(x, "median", lengths=flambeau.tensor([6]))


def test_extremes_into_infinities():
    x = flambeau.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = flambeau.full((3,), -math.inf).scatter_reduce(0, flambeau.tensor([0, 0, 1]), x, "amax")
    assert y.tolist() == [2, 3, -math.inf]
    y[:2].sum().backward()
    assert x.grad.tolist() == [0, 1, 1]


def test_hashes():
    assert flambeau.hash_tensor(flambeau.arange(6.0)).item() == 4610560118520545280
    assert flambeau.hash_tensor(flambeau.tensor([[1, 2], [4, 4]]), 1).tolist() == [3, 0]
    with pytest.raises(RuntimeError, match="mode"):
        flambeau.hash_tensor(grid(), mode=1)


def test_older_names():
    with pytest.warns(FutureWarning, match="deprecated in favor of `nn.init.constant_`"):
        assert nn.init.constant(flambeau.zeros(2), 3.0).tolist() == [3, 3]
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        nn.utils.clip_grad_norm([flambeau.zeros(1)], 1.0)
    values, places = F.max_pool2d_with_indices(flambeau.arange(16.0).reshape(1, 1, 4, 4), 2)
    assert values.flatten().tolist() == [5, 7, 13, 15] == places.flatten().tolist()
    assert F.conv_tbc(flambeau.ones(4, 2, 3), flambeau.ones(2, 3, 5), flambeau.zeros(5)).tolist() == [[[6.0] * 5] * 2] * 3
    convolution = nn.utils.convert_conv2d_weight_memory_format(nn.Conv2d(2, 4, 3), flambeau.channels_last)
    assert convolution.weight.is_contiguous(memory_format=flambeau.channels_last)
    norm = flambeau.func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(3)))[0]
    assert norm.running_mean is None and not norm.track_running_stats
