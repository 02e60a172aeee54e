from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau_geometric.utils import degree, scatter, softmax

INDEX = [0, 3, 0, 1, 3, 3]
REDUCE = {"sum": np.sum, "add": np.sum, "mean": np.mean, "max": np.max, "min": np.min}


def grouped(src: np.ndarray, dim: int, size: int, reduce: str) -> np.ndarray:
    """The same by a loop over groups."""
    moved = np.moveaxis(src, dim, 0)
    rows = [moved[np.array(INDEX) == group] for group in range(size)]
    empty = np.zeros_like(moved[0])
    return np.moveaxis(np.stack([REDUCE[reduce](part, axis=0) if len(part) else empty for part in rows]), 0, dim)


@pytest.mark.parametrize("reduce", REDUCE)
@pytest.mark.parametrize(("shape", "dim"), [((6,), 0), ((6, 2), 0), ((2, 6), 1), ((2, 6, 3), -2), ((2, 3, 6), -1), ((6, 0), 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_scatter_is_a_loop_over_groups(shape: tuple[int, ...], dim: int, reduce: str, dtype: str) -> None:
    src = np.random.default_rng(0).integers(0, 9, shape).astype(dtype)
    out = scatter(flambeau.from_numpy(src), flambeau.tensor(INDEX), dim, 6, reduce)
    expected = grouped(src, dim, 6, reduce)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize("dim", [0, 1])
def test_gradients(reduce: str, dim: int) -> None:
    src = flambeau.from_numpy(np.random.default_rng(0).normal(size=(6, 6))).requires_grad_()
    index = flambeau.tensor(INDEX)
    assert flambeau.autograd.gradcheck(lambda src: scatter(src, index, dim, 5, reduce), (src,))


def test_of_equal_extremes_the_first_has_the_gradient() -> None:
    for reduce in ("max", "min"):
        src = flambeau.ones(3, requires_grad=True)
        scatter(src, flambeau.tensor([1, 1, 0]), reduce=reduce).sum().backward()
        assert src.grad.tolist() == [1, 0, 1]


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_nan_is_seen(reduce: str) -> None:
    out = scatter(flambeau.tensor([1.0, float("nan"), 2.0, 3.0]), flambeau.tensor([0, 0, 0, 1]), reduce=reduce)
    assert out.isnan().tolist() == [True, False]


def test_sizes() -> None:
    assert scatter(flambeau.ones(2, 3), flambeau.tensor([1, 1])).shape == (2, 3)
    assert scatter(flambeau.ones(0, 3), flambeau.empty(0, dtype=flambeau.int64)).shape == (0, 3)
    assert scatter(flambeau.ones(0, 3), flambeau.empty(0, dtype=flambeau.int64), dim_size=2, reduce="max").tolist() == [[0] * 3] * 2


def test_bad_arguments() -> None:
    src, index = flambeau.ones(3, 2), flambeau.tensor([0, 1, 1])
    with pytest.raises(ValueError, match="expected reduce to be sum, add, mean, max or min, got 'median'"):
        scatter(src, index, reduce="median")
    with pytest.raises(ValueError, match=r"shape \(n,\) and src with n entries along dim 1, got index \(3,\) and src \(3, 2\)"):
        scatter(src, index, 1)
    with pytest.raises(ValueError, match="n entries along dim 5"):
        scatter(src, index, 5)
    with pytest.raises(ValueError, match=r"expected index of shape \(n,\)"):
        scatter(src, index.reshape(1, 3))
    with pytest.raises(IndexError):
        scatter(src, index, dim_size=1)


@pytest.mark.parametrize("dim", [0, 1])
def test_softmax(dim: int) -> None:
    src = np.random.default_rng(0).normal(size=(6, 6)) * 100
    src[0] = src[1] = 1e4
    out = np.moveaxis(softmax(flambeau.from_numpy(src), flambeau.tensor(INDEX), 6, dim).numpy(), dim, 0)
    for group in set(INDEX):
        part = np.moveaxis(src, dim, 0)[np.array(INDEX) == group]
        powers = np.exp(part - part.max(0))
        np.testing.assert_allclose(out[np.array(INDEX) == group], powers / powers.sum(0), rtol=1e-10)


def test_softmax_gradient() -> None:
    src = flambeau.from_numpy(np.random.default_rng(0).normal(size=(6, 2))).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda src: softmax(src, flambeau.tensor(INDEX)), (src,))


def test_degree() -> None:
    out = degree(flambeau.tensor(INDEX), 5)
    assert (out.tolist(), out.dtype) == ([2, 1, 0, 3, 0], flambeau.float32)
    assert degree(flambeau.empty(0, dtype=flambeau.int64)).shape == (0,)
    with pytest.raises(ValueError, match=r"expected an index of shape \(E,\), as edge_index\[0\] or edge_index\[1\], got \(1, 2\)"):
        degree(flambeau.tensor([[0, 1]]))
