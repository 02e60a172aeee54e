"""PyTorch's protocol for types that do ops in their own way: `__flambeau_function__`, honoured as `__torch_function__` too.

A class with that method, a subclass of Tensor or not, is asked whenever one of its objects is an argument of an op: it sees the function,
the types that have the protocol, and the arguments. Subclasses of Tensor without one keep their type through ops.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any

from .overriding import Disabled, Mode, ask, overriding, protocol
from .tensor import Tensor

__all__ = ["DisableTorchFunction", "DisableTorchFunctionSubclass", "FlambeauFunctionMode", "TorchFunctionMode",
           "get_overridable_functions", "handle_flambeau_function", "handle_torch_function", "has_flambeau_function", "has_torch_function",
           "is_tensor_like", "is_tensor_method_or_property", "resolve_name", "wrap_torch_function"]

DisableTorchFunctionSubclass = Disabled
TorchFunctionMode = FlambeauFunctionMode = Mode


class DisableTorchFunction(Disabled):
    """Inside, nobody's protocol is asked."""

    everyone = True


def has_torch_function(relevant_args: Iterable) -> bool:
    """Whether one of the arguments has a protocol of its own.

    >>> flambeau.overrides.has_torch_function((flambeau.ones(1), 2))
    False
    """
    return bool(overriding(relevant_args))


def handle_torch_function(public_api: Callable, relevant_args: Iterable, *args: Any, **kwargs: Any) -> Any:
    """The result that the arguments' types give for a call of `public_api`.  TypeError where each says NotImplemented.

    For your own functions: `if has_torch_function((x,)): return handle_torch_function(mine, (x,), x)`.
    """
    return ask(public_api, overriding(relevant_args), args, kwargs)


has_flambeau_function, handle_flambeau_function = has_torch_function, handle_torch_function


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator: `dispatcher(*args, **kwargs)` names the arguments that may override the function."""

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def call(*args, **kwargs):
            found = overriding(dispatcher(*args, **kwargs))
            return ask(call, found, args, kwargs) if found else function(*args, **kwargs)

        return call

    return decorate


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or has the protocol.

    >>> flambeau.overrides.is_tensor_like(flambeau.ones(1)), flambeau.overrides.is_tensor_like([1.0])
    (True, False)
    """
    return isinstance(inp, Tensor) or protocol(type(inp)) is not None


@cache
def _overridable() -> dict:
    import flambeau

    from .op import CARDS
    from .overriding import function_of

    found: dict = {}
    names = {flambeau: dir(flambeau), flambeau.nn.functional: dir(flambeau.nn.functional), flambeau.linalg: dir(flambeau.linalg),
             flambeau.fft: dir(flambeau.fft), flambeau.special: dir(flambeau.special)}
    cards = list(CARDS.values())  # a look at a public function may read further families, with cards of their own
    asked = {id(function_of(card)) for card in cards} | {id(card.call) for card in cards}
    for place, words in names.items():
        functions = (getattr(place, word) for word in words if not word.startswith("_"))
        found[place] = [f for f in functions if callable(f) and id(f) in asked]
    found[Tensor] = [f for f in vars(Tensor).values() if callable(f) and id(f) in asked]
    return found


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """The functions that types are asked about, by namespace: those that are one op.  Functions made of several ask for each of these."""
    return {place: list(functions) for place, functions in _overridable().items()}


def resolve_name(f: Callable) -> str | None:
    """The full name of an overridable function; None for others."""
    for place, functions in _overridable().items():
        if any(f is g for g in functions):
            return f"{'flambeau.Tensor' if place is Tensor else place.__name__}.{f.__name__}"
    return None


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether it is one of Tensor's own, as against a function of a namespace."""
    return any(func is f for f in _overridable()[Tensor])
