"""The Python array API standard (2024.12) over tensors: what `x.__array_namespace__()` gives.

Functions have the standard's names and arguments (`axis`, `keepdims`, `permute_dims`), arrays without axes promote as others do, and
everything is differentiated, since these are Flambeau's ops. Source: https://data-apis.org/array-api/2024.12.

>>> from flambeau import array_api as xp
>>> xp.sum(xp.reshape(xp.arange(6), (2, 3)), axis=0)
tensor([3, 5, 7])
"""
from __future__ import annotations

from math import e, inf, nan, pi

from flambeau import (
    bool,
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

from . import fft, linalg
from .arrays import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .info import Info
from .kinds import can_cast, finfo, iinfo, isdtype, result_type
from .linalg import matmul, tensordot, vecdot
from .statistics import *  # noqa: F403

newaxis = None
__array_api_version__ = "2024.12"


def __array_namespace_info__() -> Info:
    """Capabilities, devices and dtypes."""
    return Info()
