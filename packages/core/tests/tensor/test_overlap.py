"""Writes to memory that is read at the same time, or that several elements share: PyTorch's rule, with its answers."""

from __future__ import annotations

import pytest

import flambeau

SHARED = "some elements of the input tensor and the written-to tensor refer to a single memory location"
OWN = "more than one element of the written-to tensor refers to a single memory location"


def line():
    return flambeau.arange(6.0)


def one():
    return flambeau.ones(1).expand(3)


def assign(x, key, value):
    x[key] = value


@pytest.mark.parametrize("write", [
    lambda y: y[1:].add_(y[:-1]), lambda y: y[1:].copy_(y[:-1]), lambda y: assign(y, slice(1, None), y[:-1]),
    lambda y: y[:4].view(2, 2).add_(y[:4].view(2, 2).t()), lambda y: y.clamp_(y[:1]), lambda y: y[:3].lerp_(y[1:4], 0.5),
    lambda y: y[:3].addcmul_(y[3:], y[1:4]), lambda y: y[1:].double() is None or y[1:].sub_(y[:5]),
])  # fmt: skip
def test_a_part_of_what_is_written_cannot_be_read(write):
    with pytest.raises(RuntimeError, match=SHARED):
        write(line())


@pytest.mark.parametrize("write", [
    lambda y: y.add_(1), lambda y: y.copy_(flambeau.ones(3)), lambda y: y.normal_(), lambda y: y.uniform_(), lambda y: y.sigmoid_(),
    lambda y: y.mul_(flambeau.ones(3)), lambda y: y.clamp_(0, 1), lambda y: assign(y, slice(None), 3),
])  # fmt: skip
def test_an_expanded_tensor_is_not_written_to(write):
    with pytest.raises(RuntimeError, match=OWN):
        write(one())


def test_what_is_well_defined_works():
    assert line().add_(line()).tolist() == [0, 2, 4, 6, 8, 10]
    y = line()
    assert y.add_(y).tolist() == [0, 2, 4, 6, 8, 10]
    y = line()
    y[::2] = y[1::2]
    assert y.tolist() == [1, 1, 3, 3, 5, 5]
    y = line()
    y[3:] = y[:3]
    assert y.tolist() == [0, 1, 2, 0, 1, 2]
    assert one().fill_(2).tolist() == [2, 2, 2] and one().zero_().tolist() == [0, 0, 0]
    y = line()
    assert y.clamp_(flambeau.tensor(2.0), flambeau.tensor(4.0)).tolist() == [2, 2, 2, 3, 4, 4]


def test_masks_and_indices_may_write_to_an_expanded_tensor_which_is_told_of():
    """As PyTorch does it: what the mask leaves out does not write its old value over what it chose."""
    mask, told = flambeau.tensor([True, False, False]), "on expanded tensors is deprecated"
    place, two = flambeau.tensor([0]), flambeau.tensor(2.0)
    for write in (lambda y: assign(y, mask, 2.0), lambda y: assign(y, place, two), lambda y: y.masked_fill_(mask, 2)):
        y = one()
        with pytest.warns(UserWarning, match=told):
            write(y)
        assert y.tolist() == [2.0, 2.0, 2.0]
    row = flambeau.tensor([[1.0, float("nan")]]).expand(2, 2)
    with pytest.warns(UserWarning, match=told):
        row[mask[:2]] = flambeau.tensor([float("nan"), 5.0])
    assert str(row.tolist()) == "[[nan, 5.0], [nan, 5.0]]"


def test_an_expansion_that_repeats_nothing_is_written_to_in_silence():
    y = flambeau.ones(3).expand(1, 3)
    y[flambeau.tensor([[True, False, True]])] = 0.0
    assert y.tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("call", [
    *((lambda i, f=f: f(i, i, i.clone())) for f in (
        lambda x, i, v: x.index_add_(0, i, v), lambda x, i, v: x.index_copy_(0, i, v), lambda x, i, v: x.scatter_(0, i, v),
        lambda x, i, v: x.scatter_add_(0, i, v), lambda x, i, v: x.scatter_reduce_(0, i, v, "sum"), lambda x, i, v: x.put_(i, v),
        lambda x, i, v: x.index_put_((i,), v), lambda x, i, v: x.index_fill_(0, i, 0), lambda x, i, v: x.index_reduce_(0, i, v, "prod"),
        lambda x, i, v: x.__setitem__(i, v), lambda x, i, v: x.index_add_(0, v, i), lambda x, i, v: x.scatter_(0, v, i),
        lambda x, i, v: x.put_(v, i), lambda x, i, v: x.__setitem__(v, i))),
])  # fmt: skip
def test_places_and_values_are_not_what_is_written(call):
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        call(flambeau.tensor([2, 1, 0]))


def test_filling_some_of_an_expanded_tensor():
    with pytest.warns(UserWarning, match="expanded tensors is deprecated"):
        assert flambeau.rand(1).expand(3).index_fill_(0, flambeau.tensor([1]), 1.0).tolist() == [1.0, 1.0, 1.0]
