"""functionalize: a function that writes in place, done without a write until its end."""
from __future__ import annotations

from functools import wraps

from ..dispatch import run
from ..fields import new
from ..op import CARDS
from ..tensor import Size, Tensor
from ..write import path
from .level import Wrapper, entered
from .pytree import tree_flatten, tree_map_only, tree_unflatten

REMOVE = ("mutations", "mutations_and_views")


class Functional(Wrapper):
    """A tensor that is never written to: a write gives its base another value, from which views are taken anew."""

    now: Tensor  # the value; a view asks its base

    @classmethod
    def make(cls, value: Tensor, level: int):
        out = new(cls)
        out.now, out.level = value, level
        return out

    constant = make

    @property
    def value(self) -> Tensor:  # type: ignore[override]
        if self.source is None:
            return self.now
        x = self.base.now
        for card, attrs in path(self):
            x = run(card, (x,), attrs)
        return x

    def untracked(self, value=None):
        return Functional.make(self.value if value is None else value, self.level)

    @property
    def shape(self) -> Size:
        return self.value.shape

    @property
    def array(self):
        return self.value.array

    @staticmethod
    def rule(card, inputs, attrs, level: int):
        bare = [x.value if isinstance(x, Functional) and x.level == level else x for x in inputs]
        result = run(card, bare if card.variadic else tuple(bare), attrs)
        return tuple(Functional.make(r, level) for r in result) if isinstance(result, tuple) else Functional.make(result, level)

    def put(self, result):
        value = result.value if isinstance(result, Functional) and result.level == self.level else result
        if self.source is None:
            self.now = value if value.dtype is self.dtype else value.to(self.dtype)
            return
        base: Functional = self.base
        base.now = run(CARDS["view_write"], (base.now, value), {"steps": path(self)})


def functionalize(func, *, remove: str = "mutations"):
    """`func` without writes: each in-place op gives a new value instead, and arguments that it would have changed are written at the end.

    remove  "mutations", or "mutations_and_views": views are taken anew from new values either way

    RuntimeError for another `remove`. The answer is func's, so this is for transforms and traces that should see no write.

    >>> x = flambeau.ones(2)
    >>> flambeau.func.functionalize(lambda x: x.add_(1))(x), x
    (tensor([2., 2.]), tensor([2., 2.]))
    """
    if remove not in REMOVE:
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
            "     remove='mutations': all inplace and out= operators will be removed\n"
            "     remove='mutations_and_views': all inplace, out=, and view operators will be removed"
        )

    @wraps(func)
    def pure(*args, **kwargs):
        with entered(Functional) as level:
            leaves, spec = tree_flatten((args, kwargs))
            wrapped = [Functional.make(x, level) if isinstance(x, Tensor) else x for x in leaves]
            given, named = tree_unflatten(wrapped, spec)
            result = func(*given, **named)
            out = tree_map_only(Functional, lambda y: y.value if y.level == level else y, result)
            changed = [(x, w.value) for x, w in zip(leaves, wrapped, strict=True) if isinstance(w, Functional) and w.now is not x]
        for x, value in changed:
            x.copy_(value)
        return out

    return pure
