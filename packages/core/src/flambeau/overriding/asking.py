"""Functions that are made of several ops, as one call for types with a protocol and for modes.

A card asks by itself. Such a function is offered by its public module through `asking`: C looks at the types of the arguments (0.03 µs)
and calls the function, or `settle` where somebody may want to do it. Inside of the house the functions are called without it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from .. import context, front
from . import _asked, ask, met, overriding, protocol, state
from . import members as members  # what subclasses are asked about, whenever one is made


def settle(function: Any, args: tuple, kwargs: dict) -> Any:
    """A call whose arguments, or a mode, may do it in their own way; else the function's own result."""
    if state.skipping:
        state.skipping = False
        return function.__wrapped__(*args, **kwargs)
    if context.unusual and state.everyone:
        modes = [m for m in context.modes if hasattr(m, "told")]
        if modes:
            result = modes[-1].told(function, args, kwargs)
            if result is not NotImplemented:
                return result
    given = list(met(args, kwargs))
    for x in given:
        protocol(type(x))  # so that C knows it the next time
    found = overriding(given)
    return ask(function, found, args, kwargs) if found else function.__wrapped__(*args, **kwargs)


def asking(function: Callable, place: str) -> Any:
    """The function as the public module `place` offers it: types with a protocol, and modes, are asked first."""
    if front.module is not None:
        return front.module.asking(function, place)

    @wraps(function)
    def call(*args, **kwargs):
        return settle(call, args, kwargs)

    call.__module__ = place
    return call


def published(names: Iterable[str], place: dict, spared: Iterable[str] = (), module: str = "") -> None:
    """Offer these functions of a public module (its own name, unless told) by `asking`, save cards, classes and those that are spared."""
    for name in names:
        found = place[name]
        if callable(found) and not isinstance(found, type) and name not in spared and not hasattr(found, "card"):
            place[name] = asking(found, module or place["__name__"])


if front.module is not None:
    front.module.link_asking(_asked, settle)
