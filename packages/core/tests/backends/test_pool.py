"""Pools against a window-by-window reference, and their gradients."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from flambeau.backends import native
from flambeau.backends.pool import avg_pool_backward, avg_pool_forward, max_pool_backward, max_pool_forward, pool_output_size


@pytest.fixture(autouse=True, params=["C", "NumPy"])
def without_compiler(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(native, "_library", lambda: None)


# shape, kernel, stride, padding, dilation, ceil_mode
CASES = [
    ((2, 3, 9), (3,), (2,), (1,), (1,), False),
    ((2, 3, 9), (2,), (3,), (0,), (2,), True),
    ((2, 1, 6, 7), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((1, 2, 7, 5), (3, 2), (2, 3), (1, 1), (1, 2), True),
    ((2, 2, 5, 5), (3, 3), (1, 1), (1, 1), (1, 1), False),
    ((1, 2, 4, 5, 3), (2, 2, 2), (2, 1, 2), (1, 0, 1), (1, 1, 1), True),
    ((3, 2, 2), (1, 1), (2, 2), (0, 0), (1, 1), True),
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0), (1, 1), False),
]


def windows(shape, kernel, stride, padding, dilation, ceil_mode):
    """For each output element of one plane: the flat positions of its window inside the plane."""
    size = shape[len(shape) - len(kernel) :]
    out = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    for at in product(*map(range, out)):
        spans = [
            [p for k in range(kk) if 0 <= (p := a * t - pad + k * d) < s]
            for a, kk, t, pad, d, s in zip(at, kernel, stride, padding, dilation, size, strict=True)
        ]
        yield at, [int(np.ravel_multi_index(position, size)) for position in product(*spans)]


def planes(x, pooled):
    return x.reshape(-1, *x.shape[x.ndim - pooled :])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool(case):
    shape, *geometry = case
    pooled = len(geometry[0])
    x = np.random.default_rng(0).integers(-3, 4, shape).astype(np.float32)  # many equal elements
    y, indices = max_pool_forward(x, *geometry)
    assert (y.dtype, indices.dtype) == (np.float32, np.int64)
    for plane, best, where in zip(planes(x, pooled), planes(y, pooled), planes(indices, pooled), strict=True):
        flat = plane.ravel()
        for at, positions in windows(shape, *geometry):
            expected = max(positions, key=lambda p: (flat[p], -p))
            assert (best[at], where[at]) == (flat[expected], expected)

    g = np.random.default_rng(1).standard_normal(y.shape)
    gx = max_pool_backward(g, indices, shape, pooled)
    assert gx.shape == shape
    np.testing.assert_allclose(np.vdot(gx, x), np.vdot(g, y), atol=1e-9)


def test_max_pool_of_nan_infinity_and_integers():
    y, indices = max_pool_forward(np.array([[1.0, np.nan, np.nan, 5.0]]), (4,), (1,), (0,), (1,))
    assert np.isnan(y).all()
    assert indices.item() == 2
    y, indices = max_pool_forward(np.full((1, 4), -np.inf), (3,), (2,), (1,), (1,))
    assert (y == -np.inf).all()
    assert indices.tolist() == [[0, 1]]  # the first element inside the plane
    y, indices = max_pool_forward(np.array([[-5, -7, -2, -9]]), (2,), (2,), (0,), (1,))
    assert (y.tolist(), indices.tolist()) == ([[-5, -2]], [[0, 2]])


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("divisor", [None, 3])
@pytest.mark.parametrize("case", [c for c in CASES if set(c[4]) == {1}], ids=str)
def test_avg_pool(case, include, divisor):
    shape, kernel, stride, padding, dilation, ceil_mode = case
    x = np.random.default_rng(0).standard_normal(shape)
    y = avg_pool_forward(x, kernel, stride, padding, ceil_mode, include, divisor)
    size = shape[len(shape) - len(kernel) :]
    for plane, means in zip(planes(x, len(kernel)), planes(y, len(kernel)), strict=True):
        for at, positions in windows(shape, kernel, stride, padding, dilation, ceil_mode):
            ends = [min(a * t + k, s + 2 * p) - a * t for a, t, k, s, p in zip(at, stride, kernel, size, padding, strict=True)]
            count = divisor or (np.prod(ends) if include else len(positions))
            assert means[at] == pytest.approx(plane.ravel()[positions].sum() / count, abs=1e-12)

    g = np.random.default_rng(1).standard_normal(y.shape)
    gx = avg_pool_backward(g, shape, kernel, stride, padding, ceil_mode, include, divisor)
    assert gx.shape == shape
    np.testing.assert_allclose(np.vdot(gx, x), np.vdot(g, y), atol=1e-9)


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (((2,), (1,), (2,), (1,)), "padding of at most half the kernel"),
        (((0,), (1,), (0,), (1,)), "kernel_size of at least 1"),
        (((2,), (0,), (0,), (1,)), "stride of at least 1"),
        (((2, 2), (1,), (0,), (1,)), "stride with 2 values"),
        (((7,), (1,), (1,), (1,)), "Output size is too small"),
        (((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)), "at least 3 axes"),
    ],
)
def test_bad_geometry_is_refused(geometry, message):
    with pytest.raises(RuntimeError, match=message):
        max_pool_forward(np.zeros((2, 4)), *geometry)


def test_bad_gradients_are_refused():
    with pytest.raises(RuntimeError, match="gradient and indices of one shape"):
        max_pool_backward(np.zeros((1, 1, 2)), np.zeros((1, 1, 3), np.int64), (1, 1, 4))
    with pytest.raises(RuntimeError, match="indices into a plane of 4 elements, got 0 to 4"):
        max_pool_backward(np.zeros((1, 1, 2)), np.array([[[0, 4]]]), (1, 1, 4))
    with pytest.raises(RuntimeError, match=r"gradient of the output's shape \(1, 1, 2\)"):
        avg_pool_backward(np.zeros((1, 1, 3)), (1, 1, 4), (2,), (2,), (0,))
    with pytest.raises(RuntimeError, match="divisor_override other than zero"):
        avg_pool_forward(np.zeros((1, 1, 4)), (2,), (2,), (0,), divisor_override=0)
