"""Writing in place: through views and their bases, with and without a graph.  Expected gradients follow from the maths in each comment."""
from __future__ import annotations

import pytest

import flambeau


def leaf(*values):
    return flambeau.tensor(values, requires_grad=True)


def test_leaves_are_protected():
    x = leaf(1.0, 2.0)
    for write in (
        lambda: x.add_(1),
        lambda: x.mul_(x),
        lambda: x.__setitem__(0, 5.0),
        lambda: x.zero_(),
        lambda: x.copy_(flambeau.ones(2)),
    ):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            write()
    with pytest.raises(RuntimeError, match="view of a leaf Variable"):
        x[0].add_(1)
    with flambeau.no_grad():
        x.add_(1)
    assert x.tolist() == [2.0, 3.0] and x.is_leaf


def test_write_into_a_base_reaches_its_views():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    v = y[1:]
    y.mul_(10)  # v = 10 x[1:]
    v.sum().backward()
    assert x.grad.tolist() == [0.0, 10.0, 10.0] and v.tolist() == [20.0, 30.0]


def test_write_into_a_view_reaches_its_base():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    y[1:].mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 10.0, 10.0]


def test_write_through_a_chain_of_views():
    x = flambeau.arange(6.0).requires_grad_()
    y = x * 1
    y.view(2, 3).t()[1].mul_(2)  # elements 1 and 4
    (y * y).sum().backward()
    assert x.grad.tolist() == [0.0, 8.0, 4.0, 6.0, 32.0, 10.0]


def test_sibling_views_see_each_other():
    x = leaf(1.0, 2.0)
    y = x * 1
    a, b = y.view(2, 1), y[0]
    b.mul_(5)
    a.sum().backward()
    assert x.grad.tolist() == [5.0, 1.0]


def test_tracked_value_written_into_a_plain_tensor():
    x = leaf(1.0, 2.0)
    out = flambeau.zeros(3)
    out[1:] = x * 3
    assert out.requires_grad
    (out * out).sum().backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_overwritten_history_gets_no_gradient():
    x = leaf(1.0, 2.0)
    y = x * 1
    y[0] = 7.0
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_advanced_assignment():
    x, v = leaf(1.0, 2.0, 3.0), leaf(5.0, 6.0)
    y = x * 1
    y[flambeau.tensor([2, 0])] = v
    (y * flambeau.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [0.0, 10.0, 0.0] and v.grad.tolist() == [100.0, 1.0]


def test_formula_that_needs_the_old_value():
    x, w = leaf(2.0), leaf(3.0)
    y = x * 1
    y.mul_(w)
    y.sum().backward()
    assert x.grad.tolist() == [3.0] and w.grad.tolist() == [2.0]


def test_formula_that_needs_the_new_value():
    x = leaf(0.0, 1.0)
    y = x * 1
    y.exp_()
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx([1.0, 2.718281828])


def test_second_derivative_through_a_view_write():
    x = leaf(2.0, 3.0)

    def f(x):
        y = x * 1
        y[0].mul_(x[1])
        return (y * y).sum()  # (x0 x1)² + x1²

    g, = flambeau.autograd.grad(f(x), x, create_graph=True)
    h, = flambeau.autograd.grad(g[0], x)
    assert g.tolist() == [36.0, 30.0] and h.tolist() == [18.0, 24.0]  # d/dx0 (2 x0 x1²), d/dx1


def test_versions_are_shared():
    x = flambeau.zeros(4)
    v = x[1:].view(3, 1)
    v.add_(1)
    x[0] = 2
    x.detach().mul_(1)
    assert x._version == v._version == 3


def test_shape_and_dtype_cannot_change():
    x = flambeau.ones(2, dtype=flambeau.int64)
    with pytest.raises(RuntimeError, match="can't be cast"):
        x.mul_(1.5)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        flambeau.ones(2).add_(flambeau.ones(3, 2))
    with pytest.raises(RuntimeError, match="single memory location"):
        flambeau.ones(1).expand(3).add_(1)
    y = flambeau.ones(2)
    y += 1
    assert y.tolist() == [2.0, 2.0]


def test_out():
    a, out = flambeau.ones(3), flambeau.empty(3)
    assert flambeau.add(a, 2, out=out) is out and out.tolist() == [3.0] * 3
    with pytest.warns(UserWarning, match="was resized"):
        flambeau.exp(flambeau.zeros(2), out=out)
    assert out.shape == (2,)
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        flambeau.exp(leaf(1.0), out=flambeau.empty(1))
    with pytest.raises(RuntimeError, match="can't be cast"):
        flambeau.exp(flambeau.ones(2), out=flambeau.empty(2, dtype=flambeau.int64))
