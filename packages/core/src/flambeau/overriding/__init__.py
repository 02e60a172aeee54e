"""Who else may do an op: types with `__flambeau_function__` (or PyTorch's name for it, `__torch_function__`) are asked on the slow road."""
from __future__ import annotations

import sys
from _thread import _local as local
from inspect import signature
from types import BuiltinFunctionType
from typing import Any

from ..fields import of_class
from ..op import Card
from ..tensor import PLAIN, Tensor

NAMES = ("__flambeau_function__", "__torch_function__")


class _State(local):
    subclasses = True  # whether subclasses of Tensor are asked
    everyone = True  # whether anyone is
    skipping = False  # whether the next who would ask does not: `overrides.redispatch_function`


state = _State()


def disabled(func, types, args=(), kwargs=None):
    """The protocol of a type that wants ops done as on plain tensors: `__flambeau_function__ = disabled`."""
    with Disabled():
        return func(*args, **(kwargs or {}))


class Disabled:
    """Inside, subclasses of Tensor are treated as plain tensors; with `everyone`, nobody's protocol is asked."""

    everyone = False

    def __enter__(self):
        self.before = state.subclasses, state.everyone
        state.subclasses = False
        if self.everyone:
            state.everyone = False
        return self

    def __exit__(self, *_exc):
        state.subclasses, state.everyone = self.before


def default(cls, func, types, args=(), kwargs=None):
    """How ops are done for subclasses that do not say: as on plain tensors, and tensors that result take the subclass."""
    if not all(issubclass(cls, t) for t in types) or _foreign(func):
        return NotImplemented
    with Disabled():
        made = func(*args, **(kwargs or {}))
    if getattr(func, "__self__", None) in FIELDS:  # what rests on the tensor is the same object each time it is looked at
        return made
    return as_type(_apart(made, args, kwargs), cls)


FIELDS = [vars(Tensor)[name] for name in ("grad", "_base")]


def _apart(made: Any, args: tuple, kwargs: dict | None) -> Any:
    """A plain tensor that was given, and given back as it was, as another object: it is not the one to take the subclass."""
    if type(made) is Tensor:
        return made.view_of_self() if any(x is made for x in met(args, kwargs)) else made
    return type(made)(_apart(m, args, kwargs) for m in made) if type(made) in (tuple, list) else made


def _foreign(func) -> bool:
    """Whether PyTorch itself asks, which has the same protocol: its functions cannot do their work on our tensors."""
    module = getattr(func, "__module__", None)
    return isinstance(func, BuiltinFunctionType) if module is None else module.partition(".")[0] == "torch"


def as_type(made: Any, cls: type) -> Any:
    """The tensors in a result as `cls`."""
    if type(made) is Tensor and cls is not Tensor:
        return of_class(made, cls)
    if isinstance(made, tuple | list) and made and all(isinstance(m, Tensor) for m in made):
        parts = [as_type(m, cls) for m in made]
        if any(part is not m for part, m in zip(parts, made)):
            return made._make(parts) if hasattr(made, "_make") else type(made)(parts)
    return made


_asked: dict[type, Any] = {}


def protocol(kind: type) -> str | None:
    """The name under which a type has a protocol of its own, None where ops are to be done as on plain tensors."""
    if kind in PLAIN:
        return None
    try:
        return _asked[kind]
    except KeyError:
        found = _asked[kind] = _protocol(kind)
        return found


def own(kind: type) -> str | None:
    return next((n for n in NAMES for k in kind.__mro__ if k is not Tensor and n in vars(k)), None)


def _protocol(kind: type) -> str | None:
    if issubclass(kind, Tensor):
        name = own(kind)
        if name is not None:
            return None if getattr(kind, name) is disabled else name
        return NAMES[0] if kind.keeps_type else None
    return next((n for n in NAMES if hasattr(kind, n)), None)


def overriding(args) -> list:
    """Of some arguments those that are to be asked, one of each type, subclasses before their bases."""
    found: list = []
    if state.skipping:
        state.skipping = False
        return found
    if not state.everyone:
        return found
    for x in args:
        kind = type(x)
        if kind in PLAIN or kind in (int, float, bool, type(None), tuple, list, str) or any(type(f) is kind for f in found):
            continue
        if isinstance(x, type) or protocol(kind) is None or isinstance(x, Tensor) and not state.subclasses:
            continue
        at = next((i for i, f in enumerate(found) if issubclass(kind, type(f))), len(found))
        found.insert(at, x)
    return found


def met(args, kwargs: dict | None = None):
    """Arguments one by one, with those inside of lists and tuples."""
    for x in (*args, *kwargs.values()) if kwargs else args:
        if type(x) is list or type(x) is tuple:
            if x and type(x[0]) not in (int, float):  # numbers are many, and ask nothing
                yield from met(x)
        else:
            yield x


def ask(func, found: list, args: tuple, kwargs: dict) -> Any:
    """What the first type says that does not say NotImplemented.  TypeError where all do."""
    types = tuple(type(x) for x in found)
    for x in found:
        result = getattr(x, protocol(type(x)) or "")(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(f"no implementation found for '{public_name(func)}' on types that implement {NAMES[0]}: {list(types)}")


def public_name(func) -> str:
    return f"flambeau.{getattr(func, '__name__', func)}"


def elsewhere(func, args: tuple, kwargs: dict | None = None) -> Any:
    """A function's call with something that is no tensor where a tensor belongs: what its type says.  TypeError where it says nothing."""
    flat = list(met(args))
    found = overriding(flat)
    if not found:
        wrong = next((i, x) for i, x in enumerate(flat) if x is not None and not isinstance(x, Tensor))
        raise TypeError(f"{func.__name__}(): argument (position {wrong[0] + 1}) must be Tensor, not {type(wrong[1]).__name__}")
    return ask(func, found, args, kwargs or {})


run: Any = None  # `dispatch.run`, which dispatch.py puts here
_functions: dict[Card, Any] = {}


def function_of(card: Card):
    """The function that users call for a card: the public one where it takes what the card takes, so that tables of functions find it."""
    if card not in _functions:
        public = getattr(sys.modules["flambeau"], card.name, None)
        found = card.call if card.call is not None and not card.variadic and _fits(card.call, card) else _plainly(card)
        _functions[card] = public if public is not None and public is not found and _fits(public, card) else found
    return _functions[card]


def _fits(public, card: Card) -> bool:
    if not callable(public):
        return False
    told = list(signature(public).parameters.values())
    if told[-1].kind is told[-1].VAR_KEYWORD:  # made by `general`, for cards of any form
        return getattr(public, "card", None) is card
    named = {p.name for p in told if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return {*card.names[card.inputs:], *card.attrs} <= named and all(p.kind is p.POSITIONAL_OR_KEYWORD for p in told[:card.inputs]) \
        and all(p.default is not p.empty or p.name in card.names for p in told[card.inputs:] if p.name in named)


def _plainly(card: Card):
    """A card that users meet under other names only (parts of an index, shapes) as a function of its inputs and attrs."""

    def call(*inputs, **attrs):
        return run(card, inputs[0] if card.variadic else inputs, card.attrs | attrs)

    call.__name__ = call.__qualname__ = card.name
    return call


def of_card(card: Card, found: list, inputs, attrs: dict) -> Any:
    """An op's inputs and attrs as the call that a user would have written."""
    return ask(found=found, **call_of(card, inputs, attrs))


def call_of(card: Card, inputs, attrs: dict) -> dict[str, Any]:
    """func, args and kwargs; what is the card's default anyway is left out, except where the function needs it told."""
    func = function_of(card)
    needed = {p.name for p in signature(func).parameters.values() if p.default is p.empty}
    kwargs = {k: v for k, v in attrs.items() if k in needed or k not in card.attrs or v is not card.attrs[k]}
    return {"func": func, "args": (list(inputs),) if card.variadic else tuple(inputs), "kwargs": kwargs}
