"""How CuPy is reached: looked for when a GPU is first asked for, never when Flambeau is imported."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from typing import Any

import flambeau

_begun = [False]


@cache
def _found() -> Any:
    """CuPy, or the reason why it is not there."""
    try:
        import cupy
    except ImportError as error:
        return str(error)
    return cupy


@cache
def device_count() -> int:
    """How many GPUs there are; 0 without CuPy or a driver.

    >>> flambeau.cuda.device_count() >= 0
    True
    """
    cp = _found()
    if isinstance(cp, str):
        return 0
    try:
        return int(cp.cuda.runtime.getDeviceCount())
    except cp.cuda.runtime.CUDARuntimeError:  # no driver, or none that this CuPy can use
        return 0


def is_available() -> bool:
    """Whether there is a GPU that tensors can be on: CuPy is installed, and the driver tells of a device."""
    return device_count() > 0


def is_built() -> bool:
    """Whether CuPy is installed, with or without a GPU."""
    return find_spec("cupy") is not None


def toolkit() -> str | None:
    """The CUDA that CuPy was built for, as '13.0'; None without CuPy."""
    cp = _found()
    if isinstance(cp, str):
        return None
    number = cp.cuda.runtime.runtimeGetVersion()
    return f"{number // 1000}.{number % 1000 // 10}"


def gpu(error: type[Exception] = AssertionError) -> Any:
    """CuPy, where there is a GPU.  Without CuPy `error`, the type that PyTorch's CPU build raises there; without a GPU RuntimeError."""
    cp = _found()
    if isinstance(cp, str):
        raise error(f"Flambeau runs without CUDA here, because CuPy cannot be imported ({cp}): pip install 'flambeau[cuda]'")
    if not device_count():
        raise RuntimeError("No CUDA GPUs are available: CuPy is installed, but its driver tells of no device")
    _begun[0] = True
    return cp


def init() -> None:
    """Make sure that there is a GPU to work on.  AssertionError without CuPy, RuntimeError without a GPU."""
    gpu()


def is_initialized() -> bool:
    """Whether this program has used a GPU yet."""
    return _begun[0] or "flambeau.backends.cupy" in sys.modules


def index_of(where: Any, optional: bool = False) -> int | None:
    """The number of a GPU that is given as a number, a name or a `flambeau.device`; None for the current one where that is allowed.

    ValueError for another kind of device, and for a missing number unless `optional`.
    """
    if isinstance(where, str):
        where = flambeau.device(where)
    if isinstance(where, flambeau.device):
        if where.type != "cuda":
            raise ValueError(f"Expected a cuda device, but got: {where}")
        where_index = where.index
    elif where is None or isinstance(where, int):
        where_index = where
    else:
        raise ValueError(f"Expected a flambeau.device, a name like 'cuda:0' or an integer, but got: {where!r}")
    if where_index is None and not optional:
        raise ValueError(f"Expected a flambeau.device with a specified index or an integer, but got: {where}")
    return where_index


def chosen(cp: Any, where: Any) -> int:
    """The number of a GPU, the current one for None.  RuntimeError where there is none of this number."""
    found = index_of(where, optional=True)
    if found is None:
        return int(cp.cuda.runtime.getDevice())
    if not 0 <= found < device_count():
        raise RuntimeError(f"CUDA error: invalid device ordinal: expected 0 <= device < {device_count()}, got {found}")
    return found
