"""What numbers a dtype can hold: finfo and iinfo."""
from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from . import context
from .dtype import FLOAT, INT, as_dtype, dtype


class _Limits:
    """Two are equal when they are of one dtype."""

    dtype: str

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash((type(self), self.dtype))


class finfo(_Limits):
    """Limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution.

    >>> flambeau.finfo(flambeau.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: dtype | None = None):
        d = as_dtype(type or context.get_default_dtype()).to_real()
        if d.category != FLOAT:
            raise TypeError(f"flambeau.finfo() requires a floating point input type. Use flambeau.iinfo to handle '{d}'")
        limits = ml_dtypes.finfo(d.numpy)
        self.dtype, self.bits = d.name, d.itemsize * 8
        self.eps, self.max, self.min, self.tiny = (float(v) for v in (limits.eps, limits.max, limits.min, limits.tiny))
        self.smallest_normal, self.resolution = self.tiny, 10.0 ** -int(-math.log10(self.eps))

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name):g}" for name in ("resolution", "min", "max", "eps", "smallest_normal", "tiny"))
        return f"finfo({numbers}, dtype={self.dtype})"


class iinfo(_Limits):
    """Limits of an integer dtype: bits, max, min.

    >>> flambeau.iinfo(flambeau.int8).max
    127
    """

    def __init__(self, type: dtype):
        type = as_dtype(type)
        if type.category != INT:
            raise TypeError(f"flambeau.iinfo() requires an integer input type. Use flambeau.finfo to handle '{type}'")
        limits = np.iinfo(type.numpy)
        self.dtype, self.bits, self.max, self.min = type.name, limits.bits, int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
