"""Half precision through functions of several steps: computed in float32, rounded once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import flambeau

from ...tensor import Tensor

__all__ = ["rounded_once"]

HALVES = (flambeau.float16, flambeau.bfloat16)


def rounded_once(function: Callable) -> Callable:
    """`function`, whose first argument, when it is of half precision, and every other tensor of its dtype, is computed with in float32."""

    @wraps(function)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        kind = getattr(input, "dtype", None)
        if kind not in HALVES:
            return function(input, *args, **kwargs)
        wide = lambda v: v.float() if isinstance(v, Tensor) and v.dtype is kind else v
        result = function(wide(input), *map(wide, args), **{k: wide(v) for k, v in kwargs.items()})
        return result.to(kind)

    return call
