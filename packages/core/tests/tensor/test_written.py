"""In-place forms that come by rule: they give what the plain form gives, in the same memory, and backward sees them."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import Tensor

CALLS = {
    "clamp_min": (0.5,),
    "clamp_max": (2.0,),
    "renorm": (2, 0, 1.0),
    "addr": (flambeau.ones(3), flambeau.ones(3)),
    "addmm": (flambeau.eye(3), flambeau.eye(3)),
    "put": (flambeau.tensor([0, 4]), flambeau.tensor([7.0, 8.0])),
    "scatter": (1, flambeau.tensor([[0, 1]]), 5.0),
    "scatter_reduce": (0, flambeau.tensor([[0, 1, 1]]), flambeau.ones(1, 3), "sum"),
    "index_fill": (0, flambeau.tensor([1]), 9.0),
    "index_copy": (0, flambeau.tensor([2]), flambeau.ones(1, 3)),
    "masked_scatter": (flambeau.eye(3).bool(), flambeau.ones(3)),
}


@pytest.mark.parametrize("name", CALLS)
def test_in_place_is_the_plain_form_in_the_same_memory(name):
    x = flambeau.arange(9.0).reshape(3, 3)
    expected, place = getattr(x, name)(*CALLS[name]), x.data_ptr()
    written = getattr(x, name + "_")(*CALLS[name])
    assert written is x and x.data_ptr() == place and flambeau.equal(x, expected)
    leaf = flambeau.arange(9.0).reshape(3, 3).requires_grad_()
    plain = flambeau.autograd.grad(getattr(leaf * 2, name)(*CALLS[name]).sum(), leaf)[0]
    assert flambeau.equal(flambeau.autograd.grad(getattr(leaf * 2, name + "_")(*CALLS[name]).sum(), leaf)[0], plain)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        getattr(leaf, name + "_")(*CALLS[name])


def test_axes_change_in_place():
    x = flambeau.arange(6.0).reshape(2, 3)
    place = x.data_ptr()
    assert x.transpose_(0, 1).shape == (3, 2) and x.unsqueeze_(1).shape == (3, 1, 2) and x.squeeze_(1).t_().shape == (2, 3)
    assert x.data_ptr() == place and flambeau.equal(x, flambeau.arange(6.0).reshape(2, 3))
    leaf = flambeau.arange(6.0).reshape(2, 3).requires_grad_()
    (leaf * 2).t_().mul_(flambeau.arange(3.0).reshape(3, 1)).swapaxes_(0, 1).sum().backward()
    assert leaf.grad.tolist() == [[0.0, 2.0, 4.0]] * 2
    with pytest.raises(RuntimeError, match="leaf Variable"):
        leaf.t_()
    base = leaf * 1
    view = base[0]
    with pytest.raises(RuntimeError, match="views with a history"):
        base.t_()
    view.unsqueeze_(0).zero_()
    base.sum().backward()
    assert leaf.grad.tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]


def test_other_names():
    x = flambeau.tensor([-4.0, 9.0])
    assert x.absolute_() is x and x.multiply_(2).subtract_(1).true_divide_(1).tolist() == [7.0, 17.0]
    assert Tensor.greater_ is Tensor.gt_
