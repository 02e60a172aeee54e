"""A GPU: CuPy's namespace, and the functions of the contract (`base.py`) that CuPy lacks.

This module is imported when a CUDA tensor is first asked for. RuntimeError says what is missing where there is no CuPy or no GPU.
"""
from __future__ import annotations

import math
import sys
from functools import partial

from . import windows
from .base import OutOfMemoryError
from .order import kept, kept_by_either

try:
    import cupy as cp
    import numpy as np
    from cupyx import errstate
    from cupyx.scipy import special as functions
    from cupyx.scipy.special import erf
except ImportError as error:
    raise RuntimeError(f"CUDA tensors need CuPy, which is not here ({error}): pip install 'flambeau[cuda]'") from None

device_type = "cuda"
__all__ = ["device_type", "erf", "is_array", "linalg", "on", "on_host", "place", "scatter_add", "special", "supremum", "window"]


def __getattr__(name: str):
    found = getattr(cp, name)
    globals()[name] = found
    return found


def is_array(x) -> bool:
    return isinstance(x, cp.ndarray)


_from_pool = cp.get_default_memory_pool().malloc


def _allocated(size):
    """CuPy's pool, with PyTorch's exception where there is no room: programs catch that one, or look for "out of memory" in its text."""
    try:
        return _from_pool(size)
    except cp.cuda.memory.OutOfMemoryError as error:
        raise OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size / 2**20:.2f} MiB: {error}") from None


if cp.cuda.get_allocator() == _from_pool:  # an allocator that the user chose stays
    cp.cuda.set_allocator(_allocated)


def current() -> int:
    """The number of the GPU that "cuda" without a number means."""
    return cp.cuda.runtime.getDevice()


def place(x):
    return (x.data.ptr - x.data.mem.ptr) // x.itemsize, x.data.mem.size // x.itemsize


def window(x, size, stride, offset):
    memory = cp.cuda.MemoryPointer(x.data.mem, offset * x.itemsize)
    return cp.ndarray(size, x.dtype, memptr=memory, strides=tuple(s * x.itemsize for s in stride))


def on_host(function):
    """`function`, which knows NumPy's arrays alone, for those of the GPU: they go to the host and its results come back."""
    def call(*args, **kwargs):
        out = function(*(x.get() if is_array(x) else x for x in args), **kwargs)
        return tuple(map(cp.asarray, out)) if isinstance(out, tuple) else cp.asarray(out)

    return call


def entries_product(values, dense, rows, cols, pointers, n):
    return scatter_add((n, dense.shape[1]), values.dtype, (rows,), values[:, None] * dense[cols])


def special(name: str):
    """The special function that SciPy calls `name`; SciPy's own, on the host, where CuPy has none."""
    if hasattr(functions, name):
        return getattr(functions, name)
    import scipy.special

    return on_host(getattr(scipy.special, name))


class on:
    """The namespace, with new arrays on one device: `on(device("cuda:1")).zeros(3)`."""

    device_type = "cuda"

    def __init__(self, device):
        count = _count()
        self.index = current() if device.index is None else device.index
        if self.index >= count:
            raise RuntimeError(f"CUDA error: invalid device ordinal: {device} was asked for, and there are {count} GPUs")

    def __getattr__(self, name: str):
        make = getattr(cp, name)

        def made(*args, **kwargs):
            with cp.cuda.Device(self.index):
                return make(*args, **kwargs)

        return made


def _count() -> int:
    try:
        return cp.cuda.runtime.getDeviceCount()
    except cp.cuda.runtime.CUDARuntimeError as error:
        raise RuntimeError(f"No CUDA GPUs are available ({error})") from None


def _folding(name: str):
    fold = getattr(cp, name)

    def call(x, axis=None, keepdims=False):
        return fold(x, axis=axis if x.ndim else None, keepdims=keepdims)  # NumPy lets a scalar have an axis 0 here, CuPy does not

    return call


sum, max, min, prod, mean = (_folding(name) for name in ("sum", "max", "min", "prod", "mean"))


def tril(x, k=0):
    return cp.tril(x, k).astype(x.dtype, copy=False)  # CuPy makes bfloat16 wide


def triu(x, k=0):
    return cp.triu(x, k).astype(x.dtype, copy=False)


def supremum(x, axis=None, keepdims=False):
    return max(x, axis, keepdims) if x.size else cp.asarray(np.max(x.get(), axis=axis, keepdims=keepdims, initial=-np.inf))


def _sorted(places, values):
    """Places in order with their values (CuPy's sort is stable), and whether each place is another than the one before it."""
    order = cp.argsort(places)
    places = places[order]
    return places, values[order], cp.concatenate([cp.ones(1, bool), places[1:] != places[:-1]])


def _flat(shape, index, values):
    """Where `index` points to in an array of `shape`, as flat places, and the value for each."""
    taken = cp.arange(math.prod(shape)).reshape(shape)[index]
    return taken.reshape(-1), cp.broadcast_to(values, taken.shape).reshape(-1)


def scatter_add(shape, dtype, index, values):
    """Zeros of `shape` with `values` added at `index`, in order: places are sorted and each run of equal ones is summed as a segment."""
    if cp.dtype(dtype).name == "bfloat16":  # CuPy's reductions do not know it: added in float32, rounded once
        return scatter_add(shape, cp.float32, index, values.astype(cp.float32)).astype(dtype)
    out = cp.zeros(shape, dtype)
    places, flat = _flat(shape, index, values)
    if not places.size:
        return out
    places, flat, new = _sorted(places, flat)
    starts = cp.flatnonzero(new)
    out.reshape(-1)[places[starts]] = cp.add.reduceat(flat, starts)
    return out


class _Folding:
    """A binary ufunc with the methods that CuPy leaves out: `accumulate`, and `at` with repeated places, for numbers of any width."""

    def __init__(self, ufunc):
        self.ufunc = ufunc
        self.reduce = getattr(ufunc, "reduce", None)

    def __call__(self, *args, **kwargs):
        return self.ufunc(*args, **kwargs)

    def accumulate(self, x, axis=0):
        """Doubling strides: log2(n) passes, each over the whole axis."""
        out, n, step = cp.moveaxis(x, axis, -1).copy(), x.shape[axis], 1
        while step < n:
            out[..., step:] = self.ufunc(out[..., step:], out[..., :-step])
            step *= 2
        return cp.moveaxis(out, -1, axis)

    def at(self, out, index, values):
        places, flat = _flat(out.shape, index, values.astype(out.dtype, copy=False))
        if not places.size:
            return
        places, flat, new = _sorted(places, flat)
        step = 1
        while step < len(flat):  # runs of one place, folded by doubling strides: the last of a run holds its whole
            same = places[step:] == places[:-step]
            flat[step:] = cp.where(same, self.ufunc(flat[step:], flat[:-step]), flat[step:])
            step *= 2
        last = cp.concatenate([new[1:], cp.ones(1, bool)])
        target = out.reshape(-1)
        target[places[last]] = self.ufunc(target[places[last]], flat[last])
        if not out.flags.c_contiguous:  # then `target` was a copy
            out[...] = target.reshape(out.shape)


maximum, minimum, multiply = _Folding(cp.maximum), _Folding(cp.minimum), _Folding(cp.multiply)


def _truth(name: str):
    fold = getattr(cp, name)

    def call(*args):
        return fold(*(x != 0 if getattr(x, "dtype", None) is not None and x.dtype.kind == "c" else x for x in args))

    return call


logical_not, logical_and, logical_or, logical_xor = map(_truth, ("logical_not", "logical_and", "logical_or", "logical_xor"))


class _Linalg:
    """CuPy's, with NumPy's rules: a singular matrix is an error, batches are broadcast, empty systems have empty solutions."""

    def __getattr__(self, name: str):
        found = getattr(cp.linalg, name)
        if not callable(found) or isinstance(found, type):
            return found

        def strict(*args, **kwargs):
            with errstate(linalg="raise"):
                return found(*args, **kwargs)

        setattr(self, name, strict)
        return strict

    def solve(self, a, b):
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = cp.broadcast_to(a, (*batch, *a.shape[-2:])), cp.broadcast_to(b, (*batch, *b.shape[-2:]))
        if not b.size:
            return cp.zeros(b.shape, np.result_type(a.dtype, b.dtype))
        with errstate(linalg="raise"):
            return cp.linalg.solve(a, b)


linalg = _Linalg()


_here = sys.modules[__name__]
for _name in ("conv_forward", "conv_backward_input", "conv_backward_weight", "max_pool_forward", "max_pool_backward", "avg_pool_forward",
              "avg_pool_backward"):
    _function = partial(getattr(windows, _name), _here)
    _keeps = kept_by_either if _name in ("conv_forward", "conv_backward_input") else partial(kept, ranks=(4,)) if "avg" in _name else kept
    globals()[_name] = _function if _name == "conv_backward_weight" else _keeps(_function)
