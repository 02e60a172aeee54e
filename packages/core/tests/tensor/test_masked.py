"""`flambeau.masked` is the plain function on the elements that the mask lets through."""
from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau import masked

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6))
MASK = RNG.random((4, 6)) < 0.6
MASK[0] = True
MASK[:, 0] = True
PLAIN = {
    "sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min, "mean": np.mean, "var": lambda v: np.var(v, ddof=1),
    "std": lambda v: np.std(v, ddof=1), "norm": np.linalg.norm, "logsumexp": lambda v: np.log(np.exp(v).sum()),
    "median": lambda v: np.sort(v)[(len(v) - 1) // 2],
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_reductions(name):
    x, mask = flambeau.from_numpy(X), flambeau.from_numpy(MASK)
    got = getattr(masked, name)(x, dim=1, mask=mask)
    np.testing.assert_allclose(got.numpy(), [PLAIN[name](row[keep]) for row, keep in zip(X, MASK)], rtol=1e-12)
    kept = getattr(masked, name)(x, dim=1, keepdim=True, mask=mask)
    assert kept.shape == (4, 1)
    np.testing.assert_allclose(getattr(masked, name)(x, dim=1).numpy(), [PLAIN[name](row) for row in X], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"median"}))
def test_gradients_reach_what_is_let_through_alone(name):
    x = flambeau.from_numpy(X.copy()).requires_grad_()
    mask = flambeau.from_numpy(MASK)
    (g,) = flambeau.autograd.grad(getattr(masked, name)(x, dim=1, mask=mask).sum(), x)
    assert not g[~mask].any() and g[mask].any()
    assert flambeau.autograd.gradcheck(lambda t: getattr(masked, name)(t, dim=1, mask=mask), (x,))


@pytest.mark.parametrize(("name", "identity"), [("sum", 0.0), ("prod", 1.0), ("amax", -math.inf), ("amin", math.inf),
                                                ("logsumexp", -math.inf), ("norm", 0.0)])
def test_nothing_let_through_is_the_identity(name, identity):
    assert getattr(masked, name)(flambeau.ones(3), mask=flambeau.zeros(3, dtype=flambeau.bool)).item() == identity


def test_statistics_of_nothing_are_nan():
    none = flambeau.zeros(3, dtype=flambeau.bool)
    assert all(math.isnan(f(flambeau.ones(3), 0, mask=none).item()) for f in (masked.mean, masked.var, masked.median))


def test_softmax_shares_what_is_left():
    x, mask = flambeau.from_numpy(X), flambeau.from_numpy(MASK)
    p = masked.softmax(x, 1, mask=mask)
    assert not p[~mask].any() and np.allclose(p.sum(1).numpy(), 1.0)
    assert np.allclose(masked.log_softmax(x, 1, mask=mask).exp().numpy(), p.numpy())
    assert np.allclose(masked.softmin(-x, 1, mask=mask).numpy(), p.numpy())


def test_masks_are_broadcast():
    x = flambeau.ones(2, 3)
    assert masked.sum(x, 1, mask=flambeau.tensor([True, False, True])).tolist() == [2.0, 2.0]
    assert masked.cumsum(x, 1, mask=flambeau.tensor([[True], [False]])).tolist() == [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: masked.sum(flambeau.ones(2), mask=flambeau.ones(1, 2, dtype=flambeau.bool)), IndexError, "broadcastable mask"),
    (lambda: masked.sum([1.0]), TypeError, "Tensor"),
    (lambda: masked.sum(flambeau.ones(2), mask=[True, False]), TypeError, "Tensor of bools"),
    (lambda: masked.mean(flambeau.ones(2, dtype=flambeau.int64)), ValueError, "floating point"),
    (lambda: masked.sum(flambeau.ones(2), (0, 0)), RuntimeError, "appears multiple times"),
    (lambda: masked.var(flambeau.ones(2), unbiased=True, correction=1), ValueError, "Only one"),
    (lambda: masked.median(flambeau.arange(3), mask=flambeau.tensor([True, False, True])), ValueError, "integral"),
    (lambda: flambeau.softmax(flambeau.arange(3), 0), NotImplementedError, "dtype="),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
