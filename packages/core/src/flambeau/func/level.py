"""Levels: each running transform (vmap, jvp) has one, and wraps tensors for as long as it runs.

An op on wrapped tensors goes to the innermost level among them (`Wrapper.process`), whose rule does it by ops on what is inside.
So transforms nest without knowing of each other. A gradient that is asked for inside a level is recorded on that level's wrappers;
history from outside flows on through the values inside.
"""
from __future__ import annotations

import threading
from typing import Any
from weakref import ref

from ..context import grad as mode
from ..dispatch import run
from ..dtype import FLOAT
from ..fields import become, new
from ..op import CARDS
from ..ops.create import zeros_like
from ..record import nodes_of, record, record_many, saved
from ..tensor import Size, Tensor, live_views, version_cell
from ..write import check_writable, in_graph, path, rebase, replay


class _Stack(threading.local):
    def __init__(self):
        self.levels: list[Any] = []
        self.adopted: dict[int, list] = {}


stack = _Stack()


class entered:
    """Open a level for the time of a `with`; its number is what `as` gives."""

    def __init__(self, wrapper: type):
        self.wrapper = wrapper

    def __enter__(self) -> int:
        stack.levels.append(self.wrapper)
        return len(stack.levels)

    def __exit__(self, *_exc):
        give_back(len(stack.levels))
        stack.levels.pop()


def give_back(level: int) -> None:
    """What a level adopted is again what it was outside, with the values that were written."""
    for was, x in reversed(stack.adopted.pop(level, ())):  # views before what they are views of
        inner = x.value
        become(x, was, inner)


class Wrapper(Tensor):
    """A tensor as a transform sees it: `value` inside, `level` of the transform that wrapped it."""

    value: Tensor
    level: int
    constant: Any
    seen: tuple | None = None  # (the version cell of the memory inside, its count when a node kept this)

    def __new__(cls, *args, **kwargs):
        return new(cls)

    def process(self, card, inputs, attrs):
        """Do an op at this level: the rule gives the result, and the call is recorded where a gradient is asked for here."""
        level = self.level
        tracked = False
        if mode.enabled:
            for x in inputs:
                if isinstance(x, Wrapper) and x.level == level and x.node is not None:
                    tracked = True
        if tracked and card.vjp is None and card.kind == "composite":
            from ..dispatch import by_body
            return by_body(card, inputs, attrs)
        result = self.rule(card, inputs, attrs, level)
        if not tracked or card.vjp is None:
            if card.kind == "view" and isinstance(result, Wrapper) and result.level == level:
                _join(inputs[0], result, card, attrs)
            return result
        parents = tuple(n if isinstance(x, Wrapper) and x.level == level else None for x, n in zip(inputs, nodes_of(inputs), strict=True))
        if isinstance(result, tuple):
            outs = tuple(self.lift(r, level) for r in result)
            return record_many(card, outs, inputs, attrs, parents, _keep)
        out = self.lift(result, level)
        if out.dtype.category >= FLOAT:
            out.node = record(card, out, inputs, attrs, parents, _keep)
        if card.kind == "view":
            _join(inputs[0], out, card, attrs)
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

    # ---- writing
    def overwrite(self, result: Tensor):
        """self[...] = result.  What is inside is written there; the history of this level is rebased as that of plain tensors is."""
        if result.shape != self.shape:
            raise RuntimeError(f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(result.shape)}")
        if isinstance(result, Wrapper) and result.level > self.level:
            if not result.adopts(self):
                raise RuntimeError("a tensor of an outer transform cannot take what is computed inside an inner one: clone it inside first")
            return self.overwrite(result)
        node = result.node if isinstance(result, Wrapper) and result.level == self.level else None
        recorded = mode.enabled and (node is not None or in_graph(self))
        if recorded:
            check_writable(self)
        self.put(result)
        if recorded:
            rebase(self, node)
        return self

    def put(self, result: Tensor) -> None:
        """Write the result's values into what is inside."""
        raise RuntimeError(f"{type(self).__name__} cannot be written to")

    def adopts(self, x: Tensor) -> bool:
        """Make x, which lies below this level and is to be written to with self, one of this level, with all that shares its memory."""
        root = x if x.base is None else x.base
        family = [(t, path(t), t.source, t.views) for t in (root, *live_views(root))]
        inner = root.view_of_self()
        for t, steps, source, views in family:
            value = replay(inner, steps, alone=False) if steps else inner
            stack.adopted.setdefault(self.level, []).append((type(t), t))
            become(t, type(self), self.constant(value, self.level))
            t.views = views
            if source is not None:
                t.base, t.source = root, source[:3]
        return True

    def view_of_self(self):
        """The same tensor as another object."""
        out = self.untracked()
        out.node = self.node
        return out

    def copied(self):
        """The value as it is now, for a formula that names it when it is gone."""
        out = run(CARDS["clone"], (self.untracked(),), {})
        out.node = self.node
        return out

    def like(self, shape, make):
        """A new tensor of a shape, of whatever `make(shape)` makes, that every place of a vmap has for itself."""
        return self.value.like(shape, make) if isinstance(self.value, Wrapper) else make(shape)

    def visible(self) -> bool:
        """Whether Python may look at the numbers: not where they differ from place to place."""
        return not isinstance(self.value, Wrapper) or self.value.visible()

    def restored(self, node, card):
        """A kept value as a tensor again.  RuntimeError where it was written to since."""
        if self.seen is not None and self.seen[0][0] != self.seen[1]:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: a tensor of shape "
                f"{list(self.shape)} that the gradient of {card.name} needs is at version {self.seen[0][0]}; expected version "
                f"{self.seen[1]} instead. Clone it before it is written to."
            )
        return self.tracked(node) if node is not None else self

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

    def is_contiguous(self, memory_format=None) -> bool:
        return False

    def contiguous(self, memory_format=None):
        return run(CARDS["clone"], (self,), {})

    def detach(self):
        return self.untracked(self.value.detach())

    def to(self, *args, **kwargs):
        from ..ops.convert import to
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
    inner = x
    while isinstance(inner, Wrapper):
        inner = inner.value
    cell = version_cell(inner)
    if not isinstance(x, Wrapper):
        return saved(x)
    out = x.untracked()
    out.seen = (cell, cell[0])
    return out


def _join(x: Wrapper, view: Wrapper, card, attrs: dict) -> None:
    """A view at this level, for writes to find: see `tensor.add_view`."""
    base = x if x.base is None else x.base
    view.base, view.source = base, (x, card, attrs)
    views = base.views
    if views is None:
        views = base.views = [8]
    views.append(ref(view))
    if len(views) > views[0]:
        alive = [r for r in views[1:] if r() is not None]
        base.views = [2 * len(alive) + 8, *alive]


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


def zero_leaf(y: Tensor) -> Tensor:
    """Zeros like y as a new starting point for gradients at y's own level: a point where a linear function is differentiated."""
    zeros = zeros_like(y.detach())
    return (type(y).lift(zeros, y.level).untracked() if isinstance(y, Wrapper) else zeros).requires_grad_()
