"""Levels: each running transform (vmap, jvp) has one, and wraps tensors for as long as it runs.

An op on wrapped tensors goes to the innermost level among them (`Wrapper.process`), whose rule does it by ops on what is inside.
So transforms nest without knowing of each other. A gradient that is asked for inside a level is recorded on that level's wrappers;
history from outside flows on through the values inside.
"""
from __future__ import annotations

import threading
from typing import Any

from ..context import grad as mode
from ..dispatch import run
from ..dtype import FLOAT
from ..op import CARDS
from ..record import nodes_of, record, record_many
from ..tensor import Size, Tensor


class _Stack(threading.local):
    def __init__(self):
        self.levels: list[Any] = []


stack = _Stack()


class entered:
    """Open a level for the time of a `with`; its number is what `as` gives."""

    def __init__(self, wrapper: type):
        self.wrapper = wrapper

    def __enter__(self) -> int:
        stack.levels.append(self.wrapper)
        return len(stack.levels)

    def __exit__(self, *_exc):
        stack.levels.pop()


class Wrapper(Tensor):
    """A tensor as a transform sees it: `value` inside, `level` of the transform that wrapped it."""

    value: Tensor
    level: int
    constant: Any

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def process(self, card, inputs, attrs):
        """Do an op at this level: the rule gives the result, and the call is recorded where a gradient is asked for here."""
        level = self.level
        tracked = mode.enabled and any(isinstance(x, Wrapper) and x.level == level and x.node is not None for x in inputs)
        if tracked and card.vjp is None and card.kind == "composite":
            from ..dispatch import by_body
            return by_body(card, inputs, attrs)
        result = self.rule(card, inputs, attrs, level)
        if not tracked or card.vjp is None:
            return result
        parents = tuple(n if isinstance(x, Wrapper) and x.level == level else None for x, n in zip(inputs, nodes_of(inputs), strict=True))
        if isinstance(result, tuple):
            outs = tuple(self.lift(r, level) for r in result)
            return record_many(card, outs, inputs, attrs, parents, _keep)
        out = self.lift(result, level)
        if out.dtype.category >= FLOAT:
            out.node = record(card, out, inputs, attrs, parents, _keep)
        return out

    @classmethod
    def lift(cls, x: Tensor, level: int):
        """A tensor as one of this level (as it is, where it already is)."""
        return x if isinstance(x, Wrapper) and x.level == level else cls.constant(x, level)

    def tracked(self, node):
        """The same value with a place in a graph of this level."""
        out = self.untracked()
        out.node = node
        return out

    def adopts(self, x: Tensor) -> bool:
        """Whether a tensor from outside, about to be written to with this one, could become one of this level."""
        return False

    # ---- what plain tensors read off their array
    @property
    def array(self):
        raise RuntimeError(
            f"{type(self).__name__.lower()} tensors have no numbers to look at inside a transform: .item(), .numpy(), bool() and other "
            "uses of values in Python are not possible here. Use flambeau.where for choices."
        )

    @property
    def dtype(self):
        return self.value.dtype

    @property
    def device(self):
        return self.value.device

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dim(self) -> int:
        return len(self.shape)

    def size(self, dim: int | None = None):
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return Size(self.shape).numel()

    nelement = numel

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def is_contiguous(self) -> bool:
        return False

    def contiguous(self, memory_format=None):
        return run(CARDS["clone"], (self,), {})

    def detach(self):
        return self.untracked(self.value.detach())

    def to(self, *args, **kwargs):
        from ..ops.create import to
        return to(self, *args, **kwargs)

    def _to_device(self, where):
        return self if where is None else run(CARDS["transfer"], (self,), {"device": where})

    def view_as(self, other):
        return self.view(*other.shape)

    def __repr__(self, *, tensor_contents=None) -> str:
        return f"{type(self).__name__}(level={self.level}, value={self.value!r})"

    __hash__ = Tensor.__hash__


def _keep(x):
    """What a node of a level keeps: wrappers without their place in this level's graph, tensors from outside as they are."""
    return x.untracked() if isinstance(x, Wrapper) else x


def lift_for_grad(x: Tensor) -> Tensor:
    """x as a new starting point for gradients at the innermost level; what x came from can still be reached beyond it."""
    if stack.levels and not (isinstance(x, Wrapper) and x.level == len(stack.levels)):
        x = stack.levels[-1].constant(x, len(stack.levels))
    if isinstance(x, Wrapper):
        inner = x.untracked()
        if x.node is not None and mode.enabled:
            inner = run(CARDS["clone"], (x,), {})
            return inner
        return inner.requires_grad_()
    if x.node is not None and mode.enabled:
        return x.view_as(x)
    return x.detach().requires_grad_()
