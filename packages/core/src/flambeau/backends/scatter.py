"""Values added at computed places, on NumPy."""
from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

__all__ = ["scatter_add"]

BLOCK = 1 << 18  # places named at once


def scatter_add(shape, dtype, index, values):
    """Zeros of `shape` with `values` added at `index`, in order: repeated places give the same sum on every run.

    index is a tuple as in `a[index]`.
    """
    out = np.zeros(shape, dtype)
    if not all(isinstance(i, np.ndarray) and i.dtype.kind in "iu" for i in index):
        np.add.at(out, index, values)
        return out
    # NumPy adds at places of a vector ten times as fast as at places of a matrix: name each element by its place in memory
    heads, columns = shape[:len(index)], prod(shape[len(index):])
    flat: Any = 0
    for i, n in zip(np.broadcast_arrays(*index), heads, strict=True):
        if i.size and not -n <= i.min() <= i.max() < n:
            raise IndexError(f"index {i.max() if i.max() >= n else i.min()} is out of bounds for axis with size {n}")
        flat = flat * n + np.where(i < 0, i + n, i)
    grid = np.shape(flat)
    flat = np.reshape(flat, -1)
    rows = np.broadcast_to(values, (*grid, *shape[len(index):])).reshape(flat.size, columns)
    target, step = out.reshape(-1), 1 + BLOCK // (columns + 1)
    for first in range(0, flat.size, step):
        part = flat[first:first + step]
        np.add.at(target, (part[:, None] * columns + np.arange(columns)).reshape(-1), rows[first:first + step].reshape(-1))
    return out
