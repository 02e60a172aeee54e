"""The tape: a node remembers how a tensor was made, so that its gradient can be sent on to its parents."""
from __future__ import annotations

from itertools import count
from typing import Any
from weakref import ref

from .naming import node_name

counting = count(1)
_next = counting.__next__
FREED = ("freed",)


class Around:
    """What few nodes have: hooks, metadata, and where the forward call was written.

    tensor    hooks on the gradient of the node's output: one may return another gradient
    retained  where that gradient is kept for `.grad` of an inner tensor; it comes after all hooks
    before    hooks on (gradients of the outputs), before the node runs; `after` on (gradients of the inputs, of the outputs)
    settled   hooks that see a leaf's tensor when its `.grad` is complete
    """

    __slots__ = ("tensor", "retained", "before", "after", "settled", "metadata", "where")

    def __init__(self):
        self.tensor: Hooks = Hooks()
        self.before: Hooks = Hooks()
        self.after: Hooks = Hooks()
        self.settled: Hooks = Hooks()
        self.retained: Any = None
        self.metadata: dict = {}
        self.where: str | None = None


class Hooks(dict):
    """Hooks by number, in calling order."""

    __slots__ = ("__weakref__",)

    def add(self, hook) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"expected a hook that can be called, got {type(hook).__name__}")
        key = _next()
        self[key] = hook
        return RemovableHandle(self, key)


class RemovableHandle:
    """What a registration gives back: `remove()` undoes it."""

    def __init__(self, hooks: Hooks, key: int):
        self.hooks, self.id = ref(hooks), key

    def remove(self) -> None:
        hooks = self.hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.remove()



class Node:
    """One recorded call.  Nodes run backward in falling order of `seq`, which is the order of creation.

    parents  a node or None for each input
    saved    for (output, *inputs): (array, version cell, version then) where a formula names it, a plain value, or None
    attrs    the call's other arguments
    shape, dtype  of the output, so that a gradient can be summed and cast to fit
    hooks    None, or an `Around`
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
        """PyTorch's name, where an op of ours is one of its own: MulBackward0."""
        return node_name(self)

    def around(self) -> Around:
        if self.hooks is None:
            self.hooks = Around()
        return self.hooks

    @property
    def metadata(self) -> dict:
        """A dict for whoever wants to note something on this node."""
        return self.around().metadata

    def register_hook(self, hook) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)`, tuples, when the node has run; a tuple that it returns replaces grad_inputs."""
        return self.around().after.add(hook)

    def register_prehook(self, hook) -> RemovableHandle:
        """Call `hook(grad_outputs)`, a tuple, before the node runs; a tuple that it returns replaces them."""
        return self.around().before.add(hook)

    @property
    def next_functions(self) -> tuple:
        """The nodes that get this node's gradients, each with the number of the output whose gradient it is."""
        return tuple(edge(parent) for parent in self.parents)

    def free(self) -> None:
        """Let go of what was kept for the formulas."""
        saved = self.saved
        if saved is not None:
            for s in saved:
                if s is not None and (type(s) is tuple or hasattr(s, "unpacked")):
                    self.saved = FREED
                    return

    def _sequence_nr(self) -> int:
        return self.seq

    def __getattr__(self, name: str):
        if name.startswith("_saved_"):
            return self.kept(name[7:])
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")

    def kept(self, name: str):
        """The value that this node keeps under the name of one of its inputs or attrs, or as its `result`."""
        card, saved = self.card, self.saved
        if self.attrs and name in self.attrs:
            return self.attrs[name]
        names = ("result", *getattr(card, "names", ())[:card.inputs]) if card is not None else ()
        place = {"self": 1, "other": 2, "mat2": 2, "weight": 2}.get(name, 0)  # PyTorch's names for inputs, whatever the body calls them
        if name not in names and place < len(names):
            name = names[place]
        if name not in names:
            raise AttributeError(f"'{self.name()}' object has no attribute '_saved_{name}'")
        if saved is FREED:
            raise RuntimeError("Trying to backward through the graph a second time (or directly access saved tensors after they have "
                               "already been freed): specify retain_graph=True.")
        entry = saved[names.index(name)]
        if entry is None:
            raise AttributeError(f"'{self.name()}' does not keep '{name}': its gradient needs no value of it")
        return entry if restore is None else restore(entry, self if name == "result" else self.parents[names.index(name) - 1], card)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


restore: Any = None  # autograd/engine.py puts its own here: how a kept value becomes a tensor again


def edge(node: Node | None) -> tuple:
    return (node.parents[0], node.index) if type(node) is Pick else (node, 0)


class Pick(Node):
    """The i-th output of a node that has several: it hands its gradient to the i-th place of its one parent."""

    __slots__ = ("index",)

    def __init__(self, node: Node, index: int, shape, dtype):
        super().__init__(node.card, (node,), None, None, shape, dtype)
        self.index = index


class Leaf(Node):
    """Where a gradient comes to rest: in `.grad` of a tensor that the user made, for as long as that lives."""

    __slots__ = ("tensor",)
    is_leaf = True

    def __init__(self, tensor, shape, dtype):
        super().__init__(None, (), None, None, shape, dtype)
        self.tensor = ref(tensor)

    def name(self) -> str:
        return "AccumulateGrad"

    @property
    def variable(self):
        """The tensor whose `.grad` the gradient is added to; None when it lives no more."""
        return self.tensor()
