"""Reading and writing at computed places: small facts, gradients against finite differences, and what is refused."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.autograd import gradcheck


def f64(*shape, seed=0):
    return flambeau.from_numpy(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


X = flambeau.arange(6.0).reshape(2, 3)
AT = flambeau.tensor([[0, 2], [1, 1]])


@pytest.mark.parametrize(("made", "expected"), [
    (lambda: X.take(flambeau.tensor([0, -1])), [0, 5]),
    (lambda: X.put(flambeau.tensor([1, 1]), flambeau.tensor([9.0, 8.0]), accumulate=True), [[0, 18, 2], [3, 4, 5]]),
    (lambda: X.take_along_dim(flambeau.tensor([[2], [0]]), 1), [[2], [3]]),
    (lambda: X.index_fill(1, flambeau.tensor([0, 2]), -1), [[-1, 1, -1], [-1, 4, -1]]),
    (lambda: X.index_copy(0, flambeau.tensor([1]), flambeau.ones(1, 3)), [[0, 1, 2], [1, 1, 1]]),
    (lambda: X.index_put((flambeau.tensor([0]), flambeau.tensor([1])), flambeau.tensor(7.0)), [[0, 7, 2], [3, 4, 5]]),
    (lambda: X.masked_scatter(X > 3, flambeau.tensor([10.0, 20.0, 30.0])), [[0, 1, 2], [3, 10, 20]]),
    (lambda: X.scatter_reduce(1, AT, flambeau.full((2, 2), 2.0), "sum"), [[2, 1, 4], [3, 8, 5]]),
    (lambda: X.scatter_reduce(1, AT, flambeau.full((2, 2), 2.0), "prod"), [[0, 1, 4], [3, 16, 5]]),
    (lambda: X.scatter_reduce(1, AT, flambeau.full((2, 2), 2.0), "mean", include_self=False), [[2, 1, 2], [3, 2, 5]]),
    (lambda: X.scatter_reduce(1, AT, flambeau.full((2, 2), 2.5), "amax"), [[2.5, 1, 2.5], [3, 4, 5]]),
    (lambda: X.index_reduce(0, flambeau.tensor([0, 0]), flambeau.full((2, 3), 1.5), "amin"), [[0, 1, 1.5], [3, 4, 5]]),
    (lambda: flambeau.unique_consecutive(flambeau.tensor([1, 1, 2, 1])), [1, 2, 1]),
    (lambda: flambeau.stack(flambeau.unravel_index(flambeau.tensor([5, 1]), (2, 3))), [[1, 0], [2, 1]]),
])
def test_facts(made, expected):
    assert made().tolist() == expected


@pytest.mark.parametrize("reduce", ["sum", "mean", "prod", "amax", "amin"])
@pytest.mark.parametrize("include_self", [True, False])
def test_scatter_reduce_gradients(reduce, include_self):
    assert gradcheck(lambda x, s: x.scatter_reduce(1, AT, s, reduce, include_self=include_self), (f64(2, 3), f64(2, 2, seed=1)))


def test_other_gradients():
    places = flambeau.tensor([1, 0])
    assert gradcheck(lambda x: x.take(flambeau.tensor([0, 0, 5])), (f64(2, 3),))
    assert gradcheck(lambda x, s: x.index_copy(1, places, s), (f64(2, 3), f64(2, 2, seed=1)))
    assert gradcheck(lambda x, v: x.index_fill(1, flambeau.tensor([0, 0]), v), (f64(2, 3), f64()))
    assert gradcheck(lambda x, s: x.masked_scatter(X > 2, s), (f64(2, 3), f64(6, seed=1)))


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: X.take(flambeau.tensor([0.5])), RuntimeError, "long tensor"),
    (lambda: X.index_fill(0, flambeau.tensor([5]), 1), IndexError, "out of range"),
    (lambda: X.index_copy(0, flambeau.tensor([0]), flambeau.ones(1, 3, dtype=flambeau.float64)), RuntimeError, "same dtype"),
    (lambda: X.masked_scatter(X > -1, flambeau.ones(2)), RuntimeError, "number of ones"),
    (lambda: X.scatter_reduce(1, AT, flambeau.ones(2, 2), "median"), RuntimeError, "reduce argument"),
    (lambda: X.put(flambeau.tensor([0]), flambeau.ones(2)), RuntimeError, "same number of elements"),
])
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_places_of_nothing():
    nowhere, x = flambeau.tensor([], dtype=flambeau.int64), flambeau.ones(2, 2)
    for change in (lambda src: x.scatter(0, nowhere, src), lambda src: x.scatter_add(0, nowhere, src),
                   lambda src: x.scatter_reduce(0, nowhere, src, "amax")):
        src = flambeau.zeros(2, 2, requires_grad=True)
        y = change(src)
        assert flambeau.equal(y, x) and y is not x
        y.sum().backward()
        assert (src.grad == 0).all()


@pytest.mark.parametrize(("reduce", "include", "expected"), [
    ("amax", False, [0.0, 1.0, 1.0]), ("amin", False, [1.0, 1.0, 0.0]), ("amin", True, [0.0, 0.0, 0.0]), ("mean", False, [0.5, 1.0, 0.5]),
    ("prod", True, [0.0, 0.0, 0.0]),
])  # fmt: skip
def test_reductions_written_in_place_send_gradients(reduce, include, expected):
    source = flambeau.tensor([1.0, 2.0, 3.0], requires_grad=True)
    flambeau.zeros(2).scatter_reduce_(0, flambeau.tensor([0, 1, 0]), source, reduce, include_self=include).sum().backward()
    assert source.grad.tolist() == expected


def test_bounds_of_what_is_written_in_place_get_gradients():
    low = flambeau.tensor([1.0, 1.0], requires_grad=True)
    flambeau.tensor([0.0, 2.0]).clamp_(min=low).sum().backward()
    assert low.grad.tolist() == [1.0, 0.0]
