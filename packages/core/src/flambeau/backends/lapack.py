"""Factorisations of large matrices by SciPy's LAPACK, where SciPy is installed. None: the card's body runs."""

from __future__ import annotations

from math import prod

import numpy as np

__all__ = ["lu_factor"]

SMALL = 64 * 64  # elements of a matrix below which elimination in NumPy takes less than SciPy's import


def lu_factor(x: np.ndarray):
    """P ᵀx = L U in one matrix, the exchanges of rows counted from 1, 0 or the place of the first zero pivot."""
    if x.ndim < 2 or x.dtype.char not in "fdFD" or x.shape[-2] * x.shape[-1] < SMALL or not x.size:
        return None
    try:
        from scipy.linalg.lapack import get_lapack_funcs
    except ModuleNotFoundError:
        return None
    (factor,) = get_lapack_funcs(("getrf",), dtype=x.dtype)
    m, n = x.shape[-2:]
    count, k = prod(x.shape[:-2]), min(m, n)
    factors, pivots, info = np.empty((count, m, n), x.dtype), np.empty((count, k), np.int32), np.empty(count, np.int32)
    for i, matrix in enumerate(x.reshape(count, m, n)):
        factors[i], exchanges, info[i] = factor(matrix)
        pivots[i] = exchanges + 1
    return factors.reshape(x.shape), pivots.reshape(*x.shape[:-2], k), info.reshape(x.shape[:-2])
