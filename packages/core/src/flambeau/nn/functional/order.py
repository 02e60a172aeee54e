"""Results that lie in memory as their inputs do: channels last in, channels last out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import flambeau

from ...backends.order import channels_last, last
from ...tensor import PLAIN, Tensor

__all__ = ["in_order_of", "keeps_order"]


def in_order_of(result: Tensor, input: Tensor) -> Tensor:
    """`result`, a fresh tensor, with its channels last in memory where those of `input` are.  (N, C, *S) both"""
    if type(input) in PLAIN and type(result) in PLAIN and result is not input:
        array = input.array
        if array.ndim > 3 and hasattr(array, "flags") and not array.flags.c_contiguous and channels_last(array):
            if result.base is not None:  # a reshaped copy, say
                return result.contiguous(memory_format=flambeau.channels_last if array.ndim == 4 else flambeau.channels_last_3d)
            result.array = last(result.array)
    return result


def keeps_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its result, or the first of its results, in the order of its first argument."""

    @wraps(function)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        result = function(input, *args, **kwargs)
        if type(result) is tuple:
            return tuple(in_order_of(part, input) for part in result)
        return in_order_of(result, input)

    return call
