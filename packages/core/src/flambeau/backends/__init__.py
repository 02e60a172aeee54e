"""Backends: an array namespace for each kind of array, with the few functions that a namespace lacks; PyTorch's switches beside them."""
from __future__ import annotations

import numpy as np

from . import numpy as _cpu

_BY_TYPE: dict[type, object] = {np.ndarray: _cpu}


def register(array_type: type, xp) -> None:
    """Let arrays of a type compute in a namespace that keeps the contract of `backends/base.py`."""
    _BY_TYPE[array_type] = xp


def namespace(array):
    """The namespace that an array computes in.  TypeError for an array that no backend knows."""
    try:
        return _BY_TYPE[type(array)]
    except KeyError:
        if type(array).__module__.startswith("cupy"):
            from . import cupy

            register(type(array), cupy)
            return cupy
        if type(array).__module__ == f"{__name__}.meta":
            from . import meta

            register(type(array), meta)
            return meta
        raise TypeError(f"no backend for arrays of type {type(array)}") from None


FLAGS = ("cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp")  # modules with the switches that PyTorch programs set, read when named


def __getattr__(name: str):
    if name in FLAGS:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
