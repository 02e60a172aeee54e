"""Recording: the node of a call, which keeps of its tensors what the formulas of the asked-for gradients name."""
from __future__ import annotations

from .dtype import FLOAT
from .op import Card
from .tape import Node, Pick
from .tensor import PLAIN, Tensor, version_cell


def saved(x):
    """What a node keeps of a tensor that a formula names."""
    if type(x) in PLAIN or x.process is None:
        cell = version_cell(x)
        return (x.array, cell, cell[0])
    return x.untracked()


def nodes_of(inputs) -> tuple:
    return tuple(x.node if isinstance(x, Tensor) else None for x in inputs)


def record(card: Card, out: Tensor, inputs, attrs: dict, parents: tuple | None = None, keep=saved) -> Node:
    """The node of a call.  Of (output, *inputs) it keeps what the formulas of the asked-for gradients name."""
    parents = nodes_of(inputs) if parents is None else parents
    named = _union(card, parents)
    return Node(card, parents, (keep(out) if named[0] else None, *_kept(card, inputs, named, keep)), attrs, out.shape, out.dtype)


def _kept(card: Card, inputs, named, keep) -> list:
    """Of a sequence of inputs that the formula calls _xs, the places (integer and boolean tensors) are kept all the same."""
    kept = []
    for i, x in enumerate(inputs):
        wanted = named[1] or (isinstance(x, Tensor) and x.dtype.category < FLOAT) if card.variadic else named[i + 1]
        kept.append(x if not isinstance(x, Tensor) else keep(x) if wanted else None)
    return kept


def record_many(card: Card, outs: tuple, inputs, attrs: dict, parents: tuple | None = None, keep=saved) -> tuple:
    """The node of a call with several outputs, each of which gets its own place in it."""
    parents = nodes_of(inputs) if parents is None else parents
    named = _union(card, parents)
    kept = (tuple(keep(o) for o in outs) if named[0] else None, *_kept(card, inputs, named, keep))
    node = Node(card, parents, kept, attrs, tuple(tuple(o.shape) for o in outs), tuple(o.dtype for o in outs))
    for i, o in enumerate(outs):
        if o.dtype.category >= FLOAT:
            o.node = Pick(node, i, o.shape, o.dtype)
    return outs


def _union(card: Card, parents) -> list[bool]:
    if card.joint:
        return list(card.keeps[0])
    keep = [False] * (1 + card.inputs)
    for i, row in enumerate(card.keeps):
        if i < len(parents) and parents[i] is not None:
            keep = [a or b for a, b in zip(keep, row, strict=True)]
    return keep
