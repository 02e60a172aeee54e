"""Two tensors that change places: every name of the one then means the other."""

from __future__ import annotations

from typing import Any
from weakref import getweakrefs, ref

from ..fields import Fields
from ..tape import Leaf
from ..tensor import Tensor

__all__ = ["swap_tensors"]
_SLOTS = [vars(Fields)[name] for name in Fields.__slots__]


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Let t1 be what t2 is, and t2 what t1 is: values, history, attributes and type; who holds one of them holds it still.

    RuntimeError where something refers weakly to one of them, where one is a view or has views, or where the classes have other slots.

    >>> a, b = flambeau.ones(2), flambeau.zeros(3)
    >>> flambeau.utils.swap_tensors(a, b)
    >>> a, b
    (tensor([0., 0., 0.]), tensor([1., 1.]))
    """
    for name, x in (("t1", t1), ("t2", t2)):
        if x.base is not None or any(r() is not None for r in (x.views or [0])[1:]):
            raise RuntimeError(f"Cannot swap {name} because it is a view, or has views")
        if any(r is not _of_leaf(x) for r in getweakrefs(x)):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
    try:
        t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    except TypeError as error:
        raise RuntimeError("Cannot swap t1 and t2 if they have different slots") from error
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__
    for slot in _SLOTS:
        one, other = slot.__get__(t1), slot.__get__(t2)
        slot.__set__(t1, other)
        slot.__set__(t2, one)
    for x in (t1, t2):
        if type(x.node) is Leaf:
            x.node.tensor = ref(x)


def _of_leaf(x: Tensor) -> Any:
    return x.node.tensor if type(x.node) is Leaf else None
