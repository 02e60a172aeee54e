"""make_tensor: random inputs of any dtype, the same numbers as PyTorch's from the same seed."""
from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import flambeau

FLOAT = 2  # a dtype's category: booleans and integers lie below


def make_tensor(
    *shape,
    dtype,
    device=None,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format=None,
):
    """Values drawn evenly from [low, high).  -> shape

    low and high default to [-9, 9) for floats (both parts of complex numbers), [-9, 10) for integers, [0, 10) for uint8, [0, 2) for bool,
    and are clamped to what the dtype holds. `noncontiguous` leaves gaps between elements; `exclude_zero` puts 1, or the smallest positive
    number, for 0. ValueError for bounds that leave no room, for gradients of integers, and for both a memory format and gaps.

    >>> _ = flambeau.manual_seed(0)
    >>> flambeau.testing.make_tensor(3, dtype=flambeau.int64, device="cpu")
    tensor([ 6, -5, -9])
    """
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        shape = tuple(shape[0])
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    whole = dtype.category < FLOAT
    if requires_grad and whole:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype}")
    noncontiguous = noncontiguous and math.prod(shape) > 1
    drawn = (*shape[:-1], 2 * shape[-1]) if noncontiguous else shape
    x = _integers(drawn, dtype, device, low, high) if whole else _floats(drawn, dtype, device, low, high)
    if noncontiguous:
        x = x[..., 1::2]
    elif memory_format is not None:
        x = x.clone(memory_format=memory_format)
    if exclude_zero:
        x[x == 0] = 1 if whole else flambeau.finfo(dtype).tiny
    return x.requires_grad_(requires_grad) if requires_grad else x


def _integers(shape, dtype, device, low, high):
    if dtype is flambeau.bool:
        bounds = _bounds(low, high, dtype, (0, 2), (0, 2))
    else:
        info = flambeau.iinfo(dtype)
        # the end is exclusive: for int64 it cannot be named, and its greatest value is never drawn
        bounds = _bounds(low, high, dtype, (info.min, info.max + (dtype is not flambeau.int64)), (-9, 10))
    first, end = (math.ceil(b) for b in bounds)  # both ends up: no value below `low`, none at or above `high`
    return flambeau.randint(first, end, shape, device=device, dtype=dtype)


def _floats(shape, dtype, device, low, high):
    info = flambeau.finfo(dtype)
    low, high = _bounds(low, high, dtype, (info.min, info.max), (-9, 9))
    if dtype.itemsize == 1:  # float8 is drawn in float32
        return flambeau.empty(shape, device=device).uniform_(low, high).to(dtype)
    x = flambeau.empty(shape, device=device, dtype=dtype)
    parts = flambeau.view_as_real(x) if dtype.is_complex else x
    if high - low >= flambeau.finfo(parts.dtype).max:  # too wide for one draw
        parts.uniform_(low / 2, high / 2).mul_(2)
    else:
        parts.uniform_(low, high)
    return x


def _bounds(low, high, dtype, limits: tuple, default: tuple):
    low, high = default[0] if low is None else low, default[1] if high is None else high
    if any(isinstance(b, float) and math.isnan(b) for b in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low} and high={high}")
    if low == high and dtype.category >= FLOAT:
        warnings.warn("make_tensor: low == high gives one value everywhere: use flambeau.full instead", FutureWarning, stacklevel=4)
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < limits[0] or low >= limits[1]:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only supports [{limits[0]}, {limits[1]})"
        )
    return tuple(min(max(b, limits[0]), limits[1]) for b in (low, high))
