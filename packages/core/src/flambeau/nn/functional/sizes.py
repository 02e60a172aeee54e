"""Reading arguments: sizes such as kernel_size, and indices such as classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...tensor import Tensor

__all__ = ["extremes", "ints"]


def extremes(indices: Tensor) -> tuple[int, int] | None:
    """The least and the greatest index; None when there are none, or when looking would wait for a device or for a trace."""
    if type(indices) is not Tensor or indices.is_cuda or indices.is_meta or indices.numel() == 0:
        return None
    return int(indices.array.min()), int(indices.array.max())


_WORDS = ("no", "one", "two", "three", "four", "five", "six")


def ints(value: Any, count: int, name: str) -> tuple[int, ...]:
    """`value` as `count` ints.

    Raises RuntimeError for a wrong number of them and TypeError when they are no ints.

    >>> ints(3, 2, "kernel_size"), ints((3, 5), 2, "kernel_size")
    ((3, 3), (3, 5))
    """
    if isinstance(value, int):
        return (value,) * count
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise TypeError(f"{name} must either be a single int, or a tuple of {_WORDS[count]} ints, got {value!r}")
    values = tuple(value)
    if not all(isinstance(v, int) for v in values):
        raise TypeError(f"{name} must either be a single int, or a tuple of {_WORDS[count]} ints, got {value!r}")
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise RuntimeError(f"{name} must either be a single int, or a tuple of {_WORDS[count]} ints, got {value!r}")
    return values
