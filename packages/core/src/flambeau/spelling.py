"""Factors before tensors, as programs of old have them: `addmm(beta, x, alpha, a, b)`."""
from __future__ import annotations

from functools import wraps
from typing import Any
from warnings import warn

from .front import NAMED, before


def older(most: int, *factors: str):
    """Decorate a function of `most` tensors: numbers among its positional arguments are its `factors`, in their order, with a warning.

    So `addmm(beta, x, alpha, a, b)` is `addmm(x, a, b, beta=beta, alpha=alpha)`.
    """

    def decorate(function):
        def call(*args, **kwargs):
            return function(*args, **kwargs) if len(args) <= most else factored(function, most, factors, args, kwargs)

        made: Any = before(NAMED, wraps(function)(call), function, numbers=most)
        made.older = (most, *factors)
        return made

    return decorate


def factored(function, most: int, factors: tuple, args: tuple, kwargs: dict):
    """A call of which the factors stand among the tensors."""
    name = function.__name__
    tensors = [a for a in args if hasattr(a, "requires_grad")]
    numbers = [a for a in args if not hasattr(a, "requires_grad")]
    if len(tensors) != most or len(numbers) > len(factors):
        raise TypeError(f"{name}() takes {most} positional arguments but {len(args)} were given")
    told = dict(zip(factors, numbers, strict=False))
    spelt = ", ".join(f"{k}={v}" for k, v in told.items())
    warn(f"This overload of {name} is deprecated: name its factors, as in {name}(…, {spelt})", stacklevel=3)
    return function(*tensors, **told, **kwargs)
