"""What every tensor has, in slots: `front.c` reads and writes them where they lie."""
from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

from . import front

if TYPE_CHECKING:
    from .tape import Node


class Fields:
    """The part of a tensor that every call touches; what each field is says `Tensor`."""

    __slots__ = ("array", "node", "base", "source", "cell", "views")
    array: Any  # np.ndarray or cupy.ndarray
    node: Node | None
    base: Any
    source: tuple | None
    cell: list | None
    views: list | None


def new(kind: type, array=None):
    """An object of `kind`, a class of tensors, around an array; its other fields are None."""
    x: Any = object.__new__(kind)
    _SET_ARRAY(x, array)
    try:
        x.node = x.base = x.source = x.cell = x.views = None
    except AttributeError:  # a subclass that works some of them out
        for slot in _SLOTS[1:]:
            slot.__set__(x, None)
    return x


_SLOTS = [vars(Fields)[name] for name in Fields.__slots__]  # of subclasses some are properties
_SET_ARRAY = _SLOTS[0].__set__


def become(x, kind: type, y) -> None:
    """Make x an object of `kind` with all that y holds."""
    vars(x).clear()
    x.__class__ = kind
    vars(x).update(vars(y))
    for slot in _SLOTS:
        slot.__set__(x, slot.__get__(y))


def same(kind: type, y):
    """An object of `kind` with all that y holds."""
    x = new(kind)
    vars(x).update(vars(y))
    for slot in _SLOTS:
        slot.__set__(x, slot.__get__(y))
    return x


def of_class(made, kind: type):
    """A tensor that was made just now, as an object of `kind`; one that has slots of its own is another object with the same fields."""
    try:
        made.__class__ = kind
    except TypeError:
        return same(kind, made)
    return made


def slots_of(x) -> dict[str, Any]:
    """What a tensor of a class with slots of its own holds in them."""
    return {name: getattr(x, name) for name in slots_in(type(x)) if hasattr(x, name)}


def slots_in(kind: type) -> set[str]:
    """The slots that a class of tensors has beside `Fields`."""
    return set(getattr(copyreg, "_slotnames")(kind)).difference(Fields.__slots__)  # noqa: B009  # what pickle asks too


if front.module is not None:
    front.module.fields(Fields)
    new = front.module.new
