"""`autograd.Function`: an op whose forward and backward the user writes in Python."""
from __future__ import annotations

from typing import Any
from weakref import ref

from ..context import grad as mode
from ..op import Card
from ..record import saved
from ..tape import FREED, Node, Pick
from ..tensor import Tensor, version_cell
from ..write import rebase


class Context:
    """What a Function's forward leaves for its backward."""

    def __init__(self):
        self._node: Any = None
        self._kept: Any = ()
        self._saved: tuple = ()
        self._dirty: tuple = ()
        self._flat: tuple = ()
        self._materialize = True
        self.needs_input_grad: tuple = ()

    def save_for_backward(self, *tensors) -> None:
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument is of type {type(x).__name__}")
        self._saved = tensors

    def mark_dirty(self, *tensors) -> None:
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        self._flat = tensors

    def set_materialize_grads(self, value: bool) -> None:
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        from .engine import _restore

        own = self._node()
        if own.saved is FREED:
            raise RuntimeError(
                "Trying to backward through the graph a second time: saved tensors have been freed. Specify retain_graph=True."
            )
        return tuple(s if s is None else _restore(s, node() if isinstance(node, ref) else node, own.card) for s, node in self._kept)


class Function:
    """A differentiable op: `forward(ctx, *args)` computes, `backward(ctx, *grads)` gives a gradient (or None) for each argument.

    >>> class Double(flambeau.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> Double.apply(flambeau.ones(1))
    tensor([2.])
    """

    @staticmethod
    def forward(ctx, *args, **kwargs):
        raise RuntimeError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError("a Function needs a static method backward(ctx, *grads) to be differentiated")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run forward, and record that backward is to be called."""
        ctx = Context()
        inputs = [a for a in args if isinstance(a, Tensor)]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        recording = mode.enabled and any(x.requires_grad for x in inputs)
        before = mode.enabled
        mode.enabled = False
        try:
            if hasattr(cls, "setup_context"):
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        finally:
            mode.enabled = before
        if not recording:
            return result
        single = isinstance(result, Tensor)
        outs = [result] if single else list(result)
        outs = [_own(o, inputs, ctx) for o in outs]
        _record(cls, ctx, args, inputs, outs)
        return outs[0] if single else tuple(outs)


def _own(out, inputs, ctx):
    """An output that is an input, unchanged, becomes a tensor of its own; a dirty one stays itself."""
    if not isinstance(out, Tensor) or any(out is d for d in ctx._dirty):
        return out
    return out.view_as(out).detach() if any(out is x for x in inputs) else out


def _record(cls, ctx, args, inputs, outs) -> None:
    places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
    wanted = [o for o in outs if isinstance(o, Tensor)]

    def joint(g, y, tensors):
        grads = list(g) if isinstance(g, list) else [g]
        if ctx._materialize:
            like = next(x for x in grads if x is not None)
            grads = [like.new_zeros(o_shape, dtype=o_dtype) if x is None else x for x, (o_shape, o_dtype) in zip(grads, kinds, strict=True)]
        result = cls.backward(ctx, *grads)
        result = result if isinstance(result, tuple | list) else (result,)
        if len(result) < len(args) or any(r is not None for r in result[len(args):]):
            raise RuntimeError(
                f"function {cls.__name__}Backward returned an incorrect number of gradients (expected {len(args)}, got {len(result)})"
            )
        return [result[i] for i in places]

    kinds = [(tuple(o.shape), o.dtype) for o in wanted]
    card = _card(cls, joint)
    parents = tuple(x.node for x in inputs)
    node = Node(card, parents, ((), *(None for _ in inputs)), {}, tuple(k[0] for k in kinds), tuple(k[1] for k in kinds))
    single = len(wanted) == 1
    if single:
        node.shape, node.dtype = kinds[0]
    node.saved = (None, *(None for _ in inputs))
    for i, o in enumerate(wanted):
        if o.dtype.category < 2 or any(o is f for f in ctx._flat):
            continue
        made = node if single else Pick(node, i, *kinds[i])
        if any(o is d for d in ctx._dirty):
            version_cell(o)[0] += 1
            rebase(o, made)
        else:
            o.node = made
    ctx._node = ref(node)  # the node holds the card, the card ctx: a strong reference back would be a cycle
    ctx._kept = [(None, None) if x is None else (saved(x), ctx._node if _made_by(x.node, node) else x.node) for x in ctx._saved]
    ctx._saved = ()


def _made_by(node, maker) -> bool:
    return node is maker or (type(node) is Pick and node.parents[0] is maker)


def _card(cls, joint) -> Card:
    """A card that is not in the book of cards: it lives as long as its node."""
    card = Card.__new__(Card)
    card.name, card.kind, card.vjp, card.joint, card.variadic = cls.__name__, "opaque", joint, True, True
    card.inputs, card.keeps, card.attrs, card.outputs, card.holomorphic = 1, ((False, False),), {}, 1, False
    return card


