"""The CPU: NumPy's namespace, and the functions of the contract (`base.py`) that NumPy lacks."""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from . import conv, pool
from .blas import choose_blas
from .conv import conv_backward_weight
from .memory import keep_memory
from .order import kept, kept_by_either
from .scatter import scatter_add
from .sparse import entries_product
from .special import erf, special

__all__ = ["avg_pool_backward", "avg_pool_forward", "conv_backward_input", "conv_backward_weight", "conv_forward", "entries_product", "erf",
           "is_array", "max",
           "max_pool_backward", "max_pool_forward", "mean", "min", "on_host", "place", "prod", "scatter_add",
           "special", "sum", "supremum", "window"]
device_type = "cpu"
conv_forward, conv_backward_input = kept_by_either(conv.conv_forward), kept_by_either(conv.conv_backward_input)
max_pool_forward, max_pool_backward = pool.max_pool_forward, kept(pool.max_pool_backward)
avg_pool_forward, avg_pool_backward = pool.avg_pool_forward, kept(pool.avg_pool_backward, (4,))  # in volumes PyTorch's forgets
choose_blas()
keep_memory()


# Functions with bodies of any length live in files of their own: here `sum`, `all`, `max` … are NumPy's.
def __getattr__(name: str):
    found = _transforms() if name == "fft" else getattr(np, name)
    globals()[name] = found
    return found


def _transforms():
    """SciPy's Fourier transforms, which work on several rows at once, or NumPy's where SciPy is not installed."""
    try:
        import scipy.fft
    except ModuleNotFoundError:
        return np.fft
    return scipy.fft


def _owner(x):
    """The array at the end of x's chain of bases."""
    while True:
        below = x.base
        if type(below) is not type(x):
            below = getattr(below, "base", None)  # NumPy puts an object between a window and its array
            if type(below) is not type(x):
                return x
        x = below


def place(x):
    owner = _owner(x)
    return (x.__array_interface__["data"][0] - owner.__array_interface__["data"][0]) // x.itemsize, owner.nbytes // x.itemsize


def window(x, size, stride, offset):
    kind, x = x.dtype, _owner(x)
    flat = x.ravel(order="K") if x.size else x.reshape(-1)
    if flat.size and not np.may_share_memory(flat, x):
        raise RuntimeError("as_strided: the memory below this tensor has gaps of its own (a NumPy array with strides); clone it first")
    if flat.dtype != kind:  # a tensor of a file, or of other elements' memory
        flat = flat.view(np.uint8)[:x.nbytes // kind.itemsize * kind.itemsize].view(kind)
    flat = flat[offset:] if 0 not in size else flat[:0]
    return np.lib.stride_tricks.as_strided(flat, size, [s * kind.itemsize for s in stride])


def on_host(function):
    return function


def sum(x, axis=None, keepdims=False):
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def max(x, axis=None, keepdims=False):
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


def supremum(x, axis=None, keepdims=False):
    if x.size:
        return np.maximum.reduce(x, axis=axis, keepdims=keepdims)
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims, initial=-np.inf)


def min(x, axis=None, keepdims=False):
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False):
    return np.multiply.reduce(x, axis=axis, keepdims=keepdims)


def argmax(x, axis=None, keepdims=False):
    return x.argmax(axis, keepdims=keepdims)


def argmin(x, axis=None, keepdims=False):
    return x.argmin(axis, keepdims=keepdims)


def cumsum(x, axis=None):
    return x.cumsum(axis)


def argsort(x, axis=-1, kind=None):
    return x.argsort(axis, kind)


def flip(x, axis=None):
    if axis is None:
        return np.flip(x)
    key = [slice(None)] * x.ndim
    for d in (axis,) if type(axis) is int else axis:
        key[d] = slice(None, None, -1)
    return x[tuple(key)]


def squeeze(x, axis=None):
    return x.squeeze(axis)


def reshape(x, shape, copy=None):
    return x.reshape(shape) if copy is None else np.reshape(x, shape, copy=copy)


def take(x, places, axis=None):
    return x.take(places, axis)


def take_along_axis(x, places, axis):
    if x.ndim == 2 and axis in (1, -1) and places.shape[0] == x.shape[0]:
        return x[np.arange(x.shape[0])[:, None], places]
    return np.take_along_axis(x, places, axis)


@lru_cache(64)
def _below(n, m, k):
    return np.tri(n, m, k, dtype=bool)


def tril(x, k=0):
    n, m = x.shape[-2:]
    return np.where(_below(n, m, k), x, x.dtype.type(0)) if n * m < 1 << 16 else np.tril(x, k)


def triu(x, k=0):
    n, m = x.shape[-2:]
    return np.where(_below(n, m, k - 1), x.dtype.type(0), x) if n * m < 1 << 16 else np.triu(x, k)


def mean(x, axis=None, keepdims=False):
    total = np.add.reduce(x, axis=axis, keepdims=keepdims)
    return total / x.dtype.type(x.size // total.size if total.size else 1)


def is_array(x) -> bool:
    return isinstance(x, np.ndarray)
