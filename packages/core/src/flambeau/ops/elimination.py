"""What the files of linear algebra share: elimination with exchanges of rows, vmap over leading axes, sample matrices, the error."""
from __future__ import annotations

from math import prod

import numpy as np

from ..dispatch import run
from .create import eye
from .shapes import diag_embed


class LinAlgError(RuntimeError):
    """A matrix has no such factorisation, inverse or solution: it is singular, not positive definite, or an iteration did not converge."""


def same(card, values, hidden, attrs, n):
    """vmap of an op on the last two axes of its inputs: the hidden axis leads, and every input gets it."""
    rank = max(v.ndim - h for v, h in zip(values, hidden, strict=True))
    fitted = [v.reshape(n, *(1,) * (rank - v.ndim + 1), *v.shape[1:]) if h else v.expand(n, *(1,) * (rank - v.ndim), *v.shape)
              for v, h in zip(values, hidden, strict=True)]
    return run(card, tuple(fitted), attrs)


def square(make, n: int = 3, *batch: int):
    """Well-conditioned matrices with n different singular values and n different real eigenvalues."""
    x = make((*batch, n, n), -0.2, 0.2)
    return x + diag_embed(make((n,), 0.0, 0.1) + eye(n, dtype=x.dtype).cumsum(0).sum(0).to(x.dtype))


def eliminate(xp, x):
    """P ᵀx = L U in one matrix, the exchanges of rows, 0 or the place of the first zero pivot.  (*, m, n) -> (*, m, n), (*, k), (*)"""
    m, n = x.shape[-2:]
    a = x.reshape(prod(x.shape[:-2]), m, n).copy()
    count, k = a.shape[0], min(m, n)
    rows = xp.arange(count)
    pivots, info = xp.zeros((count, k), np.int32), xp.zeros(count, np.int32)
    for start in range(0, k, 32):  # a panel of columns by single exchanges, then the rest by one product
        end = min(start + 32, k)
        for j in range(start, end):
            column = a[:, j:, j]
            best = j + xp.argmax(abs(column.real) + abs(column.imag), axis=-1)
            pivots[:, j] = best + 1
            top, other = a[rows, j], a[rows, best]
            a[rows, j], a[rows, best] = other, top
            pivot = a[:, j, j]
            info = xp.where((pivot == 0) & (info == 0), np.int32(j + 1), info)
            a[:, j + 1:, j] /= xp.where(pivot == 0, x.dtype.type(1), pivot)[:, None]
            a[:, j + 1:, j + 1:end] -= a[:, j + 1:, j, None] * a[:, j, None, j + 1:end]
        corner = xp.tril(a[:, start:end, start:end], -1) + xp.eye(end - start, dtype=x.dtype)
        a[:, start:end, end:] = xp.linalg.solve(corner, a[:, start:end, end:])
        a[:, end:, end:] -= a[:, end:, start:end] @ a[:, start:end, end:]
    return a.reshape(x.shape), pivots.reshape(*x.shape[:-2], k), info.reshape(x.shape[:-2])
