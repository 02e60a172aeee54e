"""Modes: who sees every call inside of a block, whatever its arguments are.

Functions that make tensors of nothing have no argument that could ask. For as long as a mode runs, `flambeau` offers them by `asking`, and
so they cost nothing without one.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from types import MethodType
from typing import Any

from .. import context
from . import NAMES, call_of, met, overriding, state


class Mode:
    """Sees every op inside of `with`: `__flambeau_function__(func, types, args, kwargs)` does it, or calls `func` to have it done.

    What `func` is called for in it goes to the mode around this one. NotImplemented leaves the call to the types of its arguments.

    >>> class Named(flambeau.overrides.FlambeauFunctionMode):
    ...     def __flambeau_function__(self, func, types, args=(), kwargs=None):
    ...         print(func.__name__)
    ...         return func(*args, **(kwargs or {}))
    >>> x = flambeau.ones(2)
    >>> with Named():
    ...     y = x.exp()
    exp
    """

    def __enter__(self):
        context.push_mode(self)
        _offer_makers()
        return self

    def __exit__(self, *_exc):
        take_out(self)
        context.watch(-1)

    @classmethod
    def push(cls, *args, **kwargs):
        """A new mode, as the class itself makes it: the older spelling."""
        from warnings import warn

        warn("`Mode.push()` is no longer necessary and can be replaced with just `with Mode()`", UserWarning, stacklevel=2)
        return cls(*args, **kwargs)

    def instead(self, card, inputs, attrs: dict) -> Any:
        """What the mode makes of an op; None where it leaves it to others."""
        if not state.everyone or state.skipping:
            state.skipping = False
            return None
        result = self.told(**call_of(card, inputs, attrs))
        return None if result is NotImplemented else result

    def told(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """What the mode says of a call, while it is out of the way itself."""
        protocol = getattr(self, NAMES[0], None) or getattr(self, NAMES[1], None)
        if protocol is None:
            raise NotImplementedError(f"{type(self).__name__} has no {NAMES[0]}")
        if isinstance(protocol, MethodType) and isinstance(protocol.__self__, type):
            raise RuntimeError(f"defining your mode's `{NAMES[0]}` as a classmethod is not supported, please make it a plain method")
        types = tuple(type(x) for x in overriding(met(args, kwargs)))
        place = take_out(self)
        try:
            return protocol(func, types, args, kwargs)
        finally:
            put_back(self, place)

    def before(self, card, inputs, attrs: dict):
        return inputs, attrs


def take_out(mode: Mode) -> int:
    """The place of the innermost entry of the mode, which goes."""
    place = max(i for i, m in enumerate(context.modes) if m is mode)
    del context.modes[place]
    _offer_makers()
    return place


def put_back(mode: Mode, place: int) -> None:
    context.modes.insert(place, mode)
    _offer_makers()


MAKERS = """tensor as_tensor asarray scalar_tensor zeros ones empty full arange linspace logspace eye rand randn randint randperm normal
    from_numpy frombuffer empty_strided empty_permuted sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_compressed_tensor
    tril_indices triu_indices hann_window hamming_window blackman_window bartlett_window kaiser_window""".split()


@cache
def _makers() -> dict[str, tuple[Any, Any]]:
    from .asking import asking

    flambeau = sys.modules["flambeau"]
    found = {name: getattr(flambeau, name) for name in MAKERS}
    return {name: (f, f if hasattr(f, "__wrapped__") else asking(f, "flambeau")) for name, f in found.items()}


def _offer_makers() -> None:
    on = 1 if stack() else 0
    place = vars(sys.modules["flambeau"])
    for name, offered in _makers().items():
        place[name] = offered[on]


def stack() -> list[Mode]:
    """The modes that see calls, the innermost last."""
    return [m for m in context.modes if isinstance(m, Mode)]


@contextmanager
def without_innermost():
    """Inside, the innermost mode is out of the way; gives it."""
    mode = stack()[-1]
    place = take_out(mode)
    try:
        yield mode
    finally:
        put_back(mode, place)


class Through(Mode):
    """A mode that has everything done as it is."""

    def __flambeau_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))
