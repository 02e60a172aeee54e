"""Indexing agrees with NumPy's where the two mean the same, and with PyTorch where they differ."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau

A = np.arange(60.0).reshape(3, 4, 5)
ROWS, COLS = [2, 0, 2], [1, 1, 3]
KEYS = [
    0, -1, slice(1, 3), (0, 1), (0, 1, 2), (slice(None), 1), (..., 2), (None, 0), (0, None, slice(None, None, 2)), (slice(2), ..., None),
    np.array(ROWS), (np.array(ROWS), np.array(COLS)), (slice(None), np.array(ROWS)), (slice(None), np.array(ROWS), np.array(COLS)),
    (np.array(ROWS), slice(None), np.array(COLS)), (np.array([[0, 1], [2, 0]]),), (np.array([[0], [2]]), np.array(COLS)),
    (..., np.array([4, 0])), (np.array(ROWS), None), A > 20, (slice(None), A[0] > 7), (A[:, 0, 0] > 10), (np.array([True, False, True]), 1),
    (np.array([True, False, True]), slice(1, 3)),
]


def ours(key):
    if isinstance(key, tuple):
        return tuple(ours(k) for k in key)
    return flambeau.from_numpy(key) if isinstance(key, np.ndarray) else key


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_reading_and_writing(key):
    x = flambeau.from_numpy(A.copy())
    np.testing.assert_array_equal(x[ours(key)].numpy(), A[key])
    expected = A.copy()
    expected[key] = -1
    x[ours(key)] = -1
    np.testing.assert_array_equal(x.numpy(), expected)
    values = np.arange(A[key].size, dtype=float).reshape(A[key].shape)
    x, expected = flambeau.from_numpy(A.copy()), A.copy()
    expected[key] = values
    x[ours(key)] = flambeau.from_numpy(values)
    np.testing.assert_array_equal(x.numpy(), expected)


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_gradient(key):
    x = flambeau.from_numpy(A.copy()).requires_grad_()
    (x[ours(key)] ** 2).sum().backward()
    expected = np.zeros_like(A)
    np.add.at(expected, key, 2 * A[key])
    np.testing.assert_allclose(x.grad.numpy(), expected)


def test_an_integer_between_tensors_is_a_selection():
    # NumPy counts the 0 among the index arrays and would give (3, 4); PyTorch selects first
    x = flambeau.from_numpy(A)
    assert x[0, :, flambeau.tensor(ROWS)].shape == (4, 3)
    assert x[flambeau.tensor(1), flambeau.tensor([0, 1])].shape == (2, 5)


def test_lists_and_booleans():
    x = flambeau.arange(5)
    assert x[[0, 3]].tolist() == [0, 3]
    assert x[True].shape == (1, 5) and x[False].shape == (0, 5)
    assert x[[True, False, True, False, False]].tolist() == [0, 2]
    assert x[[]].shape == (0,)


def test_views_share_memory_and_copies_do_not():
    x = flambeau.zeros(3, 4)
    x[1][2] = 5.0
    x[:, 0].add_(1)
    assert x[1, 2] == 5 and x[:, 0].tolist() == [1.0] * 3
    y = x[flambeau.tensor([0])]
    y.zero_()
    assert x[0, 0] == 1


@pytest.mark.parametrize(("key", "error", "words"), [
    (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
    ((0, 0, 0, 0), IndexError, "too many indices"),
    (slice(None, None, -1), ValueError, "step must be greater than zero"),
    (1.5, IndexError, "only integers, slices"),
    ("a", TypeError, "only integers, slices"),
])
def test_bad_keys(key, error, words):
    x = flambeau.from_numpy(A)
    with pytest.raises(error, match=words):
        x[key]
    with pytest.raises(error, match=words):
        x[key] = 0


def test_bad_tensors():
    x = flambeau.from_numpy(A)
    with pytest.raises(IndexError, match="must be long, int, byte or bool"):
        x[flambeau.tensor([0.5])]
    with pytest.raises(IndexError, match="shape of the mask"):
        x[flambeau.tensor([True, False])]
    with pytest.raises(IndexError, match="out of bounds"):
        x[flambeau.tensor([5])]
    with pytest.raises(RuntimeError, match="shape mismatch"):
        x[flambeau.tensor([0, 1])] = flambeau.ones(7, dtype=flambeau.float64)
    with pytest.raises(RuntimeError, match="dtypes match"):
        x[flambeau.tensor([0, 1])] = flambeau.ones(2, 4, 5)


def test_gather_scatter():
    x, at = flambeau.arange(12.0).reshape(3, 4), flambeau.tensor([[0, 3], [1, 1], [2, 0]])
    assert x.gather(1, at).tolist() == [[0, 3], [5, 5], [10, 8]]
    assert flambeau.zeros(3, 4).scatter_add(1, at, flambeau.ones(3, 2))[1].tolist() == [0, 2, 0, 0]
    assert flambeau.zeros(3, 4).scatter(1, at, 7.0)[2].tolist() == [7, 0, 7, 0]
    with pytest.raises(RuntimeError, match="out of bounds"):
        x.gather(1, at + 3)
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        x.gather(1, flambeau.tensor([0]))
    with pytest.raises(IndexError, match="out of range"):
        x.index_select(0, flambeau.tensor([-1]))
    assert x.index_add(0, flambeau.tensor([1, 1]), flambeau.ones(2, 4))[1].tolist() == [6, 7, 8, 9]
