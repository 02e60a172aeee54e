"""The CPU: NumPy's namespace, and the functions of the contract (`base.py`) that NumPy lacks."""
from __future__ import annotations

from math import prod as prod_of

import numpy as np

from .blas import choose_blas
from .conv import conv_backward_input, conv_backward_weight, conv_forward
from .memory import keep_memory
from .pool import avg_pool_backward, avg_pool_forward, max_pool_backward, max_pool_forward
from .special import erf, special

__all__ = ["avg_pool_backward", "avg_pool_forward", "conv_backward_input", "conv_backward_weight", "conv_forward", "erf", "is_array", "max",
           "max_pool_backward", "max_pool_forward", "mean", "min", "prod", "scatter_add", "special", "sum"]
device_type = "cpu"
choose_blas()
keep_memory()


def __getattr__(name: str):
    found = getattr(np, name)
    globals()[name] = found
    return found


def sum(x, axis=None, keepdims=False):
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def max(x, axis=None, keepdims=False):
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


def min(x, axis=None, keepdims=False):
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False):
    return np.multiply.reduce(x, axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    total = np.add.reduce(x, axis=axis, keepdims=keepdims)
    return total / x.dtype.type(x.size // total.size if total.size else 1)


def is_array(x) -> bool:
    return isinstance(x, np.ndarray)


def scatter_add(shape, dtype, index, values):
    """Zeros of `shape` with `values` added at `index`, in order: repeated places give the same sum on every run.

    index is a tuple as in `a[index]`.
    """
    out = np.zeros(shape, dtype)
    if len(index) == 1 and isinstance(index[0], np.ndarray) and index[0].dtype.kind in "iu" and len(shape) > 1:
        flat = index[0].reshape(-1)
        rows = values.reshape(flat.size, prod_of(shape[1:]))
        order = np.argsort(flat, kind="stable")
        places, starts = np.unique(flat[order], return_index=True)
        if places.size:
            places = places % shape[0]
            sums = np.add.reduceat(rows[order], starts, axis=0).reshape(places.size, *shape[1:])
            np.add.at(out, places, sums) if places.size != np.unique(places).size else out.__setitem__(places, sums)
        return out
    np.add.at(out, index, values)
    return out
