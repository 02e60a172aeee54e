"""A GPU: CuPy's namespace, and the functions of the contract (`base.py`) that CuPy lacks.

This module is imported when a CUDA tensor is first asked for. RuntimeError says what is missing where there is no CuPy or no GPU.
"""
from __future__ import annotations

import sys
from functools import partial

from . import windows

try:
    import cupy as cp
    from cupyx.scipy import special as functions
    from cupyx.scipy.special import erf
except ImportError as error:
    raise RuntimeError(f"CUDA tensors need CuPy, which is not here ({error}): pip install 'flambeau[cuda]'") from None

device_type = "cuda"
__all__ = ["device_type", "erf", "is_array", "on", "scatter_add", "special"]


def __getattr__(name: str):
    found = getattr(cp, name)
    globals()[name] = found
    return found


def is_array(x) -> bool:
    return isinstance(x, cp.ndarray)


def special(name: str):
    """The special function that SciPy calls `name`.  NotImplementedError where CuPy has none."""
    if not hasattr(functions, name):
        raise NotImplementedError(f"CuPy has no {name} for the GPU: compute it on the CPU, x.cpu()")
    return getattr(functions, name)


class on:
    """The namespace, with new arrays on one device: `on(device("cuda:1")).zeros(3)`."""

    def __init__(self, device):
        count = _count()
        self.index = device.index or 0
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


def scatter_add(shape, dtype, index, values):
    """Zeros of `shape` with `values` added at `index`, in order: places are sorted and each run of equal ones is summed as a segment."""
    out = cp.zeros(shape, dtype)
    taken = cp.arange(out.size).reshape(shape)[index]
    flat, places = cp.broadcast_to(values, taken.shape).reshape(-1), taken.reshape(-1)
    if not places.size:
        return out
    order = cp.argsort(places)  # CuPy's sort is stable
    places, flat = places[order], flat[order]
    starts = cp.flatnonzero(cp.concatenate([cp.ones(1, bool), places[1:] != places[:-1]]))
    out.reshape(-1)[places[starts]] = cp.add.reduceat(flat, starts)
    return out


_here = sys.modules[__name__]
for _name in ("conv_forward", "conv_backward_input", "conv_backward_weight", "max_pool_forward", "max_pool_backward", "avg_pool_forward",
              "avg_pool_backward"):
    globals()[_name] = partial(getattr(windows, _name), _here)
