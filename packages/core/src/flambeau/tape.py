"""The tape: a node remembers how a tensor was made, so that its gradient can be sent on to its parents."""
from __future__ import annotations

from itertools import count
from typing import Any
from weakref import ref

_next = count(1).__next__
FREED = ("freed",)


class Node:
    """One recorded call.  Nodes run backward in falling order of `seq`, which is the order of creation.

    parents  a node or None for each input
    saved    for (output, *inputs): (array, version cell, version then) where a formula names it, a plain value, or None
    attrs    the call's other arguments
    shape, dtype  of the output, so that a gradient can be summed and cast to fit
    """

    __slots__ = ("card", "parents", "saved", "attrs", "shape", "dtype", "seq", "hooks", "__weakref__")
    is_leaf = False

    def __init__(self, card, parents, saved, attrs, shape, dtype):
        self.card = card
        self.parents = parents
        self.saved = saved
        self.attrs = attrs
        self.shape = shape
        self.dtype = dtype
        self.seq = _next()
        self.hooks: Any = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def name(self) -> str:
        """PyTorch's style of name: MulBackward0."""
        return "".join(part.capitalize() for part in self.card.name.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple:
        return tuple((parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Pick(Node):
    """The i-th output of a node that has several: it hands its gradient to the i-th place of its one parent."""

    __slots__ = ("index",)

    def __init__(self, node: Node, index: int, shape, dtype):
        super().__init__(node.card, (node,), None, None, shape, dtype)
        self.index = index


class Leaf(Node):
    """Where a gradient comes to rest: in `.grad` of a tensor that the user made, for as long as that lives."""

    __slots__ = ("tensor", "post_hooks")
    is_leaf = True

    def __init__(self, tensor, shape, dtype):
        super().__init__(None, (), None, None, shape, dtype)
        self.tensor = ref(tensor)
        self.post_hooks: Any = None

    def name(self) -> str:
        return "AccumulateGrad"
