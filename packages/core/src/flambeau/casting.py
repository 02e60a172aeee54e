"""Where autocast meets functions that are no cards: a function of several ops may be one op for autocast, as it is in PyTorch.

`listed` marks such a function. What becomes of its arguments is said in `amp/lists.py`; while no autocast runs it is called as it stands.
"""
from __future__ import annotations

from _thread import _local as local
from collections.abc import Callable
from functools import wraps
from typing import Any

from . import context
from .front import LISTED, before


class _State(local):
    """A thread's autocast."""

    active = False  # for some device, and not inside of an op that autocast has cast for already
    hook: Any = None  # (function, name, args, kwargs) -> result, while active


state = _State()


def listed(function: Callable, name: str | None = None) -> Callable:
    """Let autocast see the function as one op, of the function's name unless told."""
    name = name or function.__name__

    @wraps(function)
    def call(*args, **kwargs):
        if context.unusual and state.active:
            return state.hook(function, name, args, kwargs)
        return function(*args, **kwargs)

    return before(LISTED, call, function)
