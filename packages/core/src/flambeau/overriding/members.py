"""Methods and properties of subclasses that have a protocol of their own: it is asked about them too.

Plain tensors pay nothing for it: what asks is put on the subclass when it is made. What the house itself reads of such a tensor
(its shape, whether it has a history) is not asked about.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from sys import _getframe
from typing import Any

from ..tensor import Tensor
from . import ask, met, overriding, own, protocol

# of the methods with two underscores those that are asked about; operators are ops, which ask by themselves
SPECIAL = frozenset(
    "__getitem__ __setitem__ __len__ __bool__ __float__ __int__ __index__ __complex__ __contains__ __repr__ __format__ __deepcopy__ "
    "__reversed__ __array__ __reduce_ex__".split())
# what the house needs of a tensor, under names that are nobody's business
INNER = frozenset("process subclassed visible view_of_self keeps_type function_rule level copied overwrite restored".split())


@cache
def members() -> tuple[dict[str, Callable], dict[str, Any]]:
    """The methods and the properties of Tensor that are asked about, by name."""
    methods: dict[str, Callable] = {}
    properties: dict[str, Any] = {}
    for name, found in vars(Tensor).items():
        if name in INNER or (name.startswith("__") and name not in SPECIAL) or isinstance(found, type | staticmethod | classmethod):
            continue
        if callable(found):
            if not hasattr(found, "card") or name in SPECIAL:
                methods[name] = found
                if found.__name__ in ("<lambda>", "call"):
                    found.__name__ = name
        elif hasattr(found, "__get__") and hasattr(found, "__set__"):
            properties[name] = found
    return methods, properties


NEW = frozenset("new_zeros new_ones new_empty new_full new_tensor".split())


def asked_about(cls: type, only: frozenset[str] | None = None) -> None:
    """Let the class's protocol see the methods and properties that it takes over from Tensor, or some of the methods."""
    methods, properties = members()
    if only is not None:
        methods, properties = {name: methods[name] for name in only}, {}
    for name, function in methods.items():
        if getattr(cls, name) is function:
            setattr(cls, name, _method(function))
    for name, field in properties.items():
        if _found(cls, name) is field:
            setattr(cls, name, _property(field))


def _found(cls: type, name: str) -> Any:
    return next(vars(kind)[name] for kind in cls.__mro__ if name in vars(kind))


def ours(depth: int = 2) -> bool:
    """Whether the house itself calls."""
    return _getframe(depth).f_globals.get("__name__", "").partition(".")[0] == "flambeau"


def _method(function: Callable) -> Callable:
    @wraps(function)
    def call(self, *args, **kwargs):
        found = [] if ours() else overriding(met((self, *args), kwargs))
        return ask(function, found, (self, *args), kwargs) if found else function(self, *args, **kwargs)

    return call


def _property(field: Any) -> property:
    def get(self):
        found = [] if ours() else overriding((self,))
        return ask(field.__get__, found, (self,), {}) if found else field.__get__(self, type(self))

    def set_(self, value):
        found = [] if ours() else overriding((self, value))
        if found:
            ask(field.__set__, found, (self, value), {})
        else:
            field.__set__(self, value)

    def delete(self):
        field.__delete__(self)

    return property(get, set_, delete)


def _subclassed(kind: type) -> None:
    """A user's subclass of Tensor was made."""
    if protocol(kind) is not None:
        asked_about(kind, None if own(kind) else NEW)


Tensor.subclassed = staticmethod(_subclassed)
