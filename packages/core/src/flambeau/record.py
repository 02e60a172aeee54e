"""Recording: the node of a call, which keeps of its tensors what the formulas of the asked-for gradients name."""
from __future__ import annotations

from typing import Any

from . import context, front
from .context import grad
from .dtype import BY_NUMPY, FLOAT
from .op import Card
from .size import SIZES
from .tape import Node, Pick, counting
from .tensor import PLAIN, InferenceTensor, Parameter, Tensor, drop_dead, plain, version_cell

NO_ATTRS: dict = {}
NOTHING = (None, None)


class Packed:
    """What `graph.saved_tensors_hooks` made of a tensor that a node keeps."""

    __slots__ = ("packed", "unpack")

    def __init__(self, packed, unpack):
        self.packed, self.unpack = packed, unpack

    def unpacked(self, node):
        x = self.unpack(self.packed)
        if not isinstance(x, Tensor):
            raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(x).__name__}")
        if x.process is not None:
            return x if node is None else x.tracked(node)
        out = plain(x.array)
        out.cell, out.node = version_cell(x), node
        return out


def _pack(x):
    pack, unpack = grad.packing[-1]
    with _no_grad():
        given: Any = plain(x.array) if x.process is None else x.untracked()
        if x.process is None:
            given.cell = version_cell(x)
        before = given.cell[0] if x.process is None else 0
        packed = pack(given)
        if x.process is None and given.cell[0] != before:
            raise RuntimeError("A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot "
                               "be modified by in-place operations as this can lead to unexpected side-effects: write to a clone.")
    return Packed(packed, unpack)


class _no_grad:
    def __enter__(self):
        self.before, grad.enabled = grad.enabled, False

    def __exit__(self, *_exc):
        grad.enabled = self.before


def note(node: Node) -> None:
    """With anomaly detection on, remember where this call was written."""
    if context.anomaly.enabled:
        from traceback import format_stack

        here = format_stack()
        node.around().where = "".join(line for line in here if "/flambeau/" not in line.split(", line")[0].replace("\\", "/")) or here[0]


def saved(x):
    """What a node keeps of a tensor that a formula names."""
    if grad.packing:
        return _pack(x)
    if type(x) in PLAIN or x.process is None:
        if type(x) is InferenceTensor:
            raise RuntimeError("Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
                               "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use "
                               "it in autograd, or use `flambeau.no_grad()` instead of `flambeau.inference_mode()`.")
        cell = x.cell
        if cell is None:
            cell = x.cell = [0]
        return (x.array, cell, cell[0])
    return x.untracked()


def nodes_of(inputs) -> tuple:
    return tuple([x.node if isinstance(x, Tensor) else None for x in inputs])


def recorder(card: Card):
    """`record` for a card of one input, with what its formula names decided once: rec(out, node, x, attrs) gives `out` its node."""
    keep_out, keep_in = card.keeps[0]

    def rec(out, node, x, attrs):
        array, kept_out, kept_in = out.array, None, None
        if keep_in:
            cell = x.cell
            if cell is None:
                cell = x.cell = [0]
            kept_in = (x.array, cell, cell[0])
        if keep_out:
            cell = out.cell = [0]
            kept_out = (array, cell, 0)
        out.node = made(card, (node,), (kept_out, kept_in), attrs, array.shape, BY_NUMPY[array.dtype])
        return out

    card.recorder = rec
    return rec


def record(card: Card, out: Tensor, inputs, attrs: dict, parents: tuple | None = None, keep=saved) -> Node:
    """The node of a call.  Of (output, *inputs) it keeps what the formulas of the asked-for gradients name."""
    parents = nodes_of(inputs) if parents is None else parents
    named = card.keeps_all if card.joint or None not in parents else _union(card, parents)
    kept = (keep(out) if named[0] else None, *_kept(card, inputs, named, keep))
    if type(out) is Tensor:
        node = made(card, parents, kept, attrs, out.array.shape, BY_NUMPY[out.array.dtype])
    else:
        node = Node(card, parents, kept, attrs, out.shape, out.dtype)
    if context.unusual:
        note(node)
    return node


def _kept(card: Card, inputs, named, keep) -> list:
    """Of a sequence of inputs that the formula calls _xs, the places (integer and boolean tensors) are kept all the same."""
    kept: list = []
    if card.variadic:
        every = named[1]
        for x in inputs:
            if not every and type(x) is Tensor and x.array.dtype.kind == "f":
                kept.append(None)
            else:
                kept.append(x if not isinstance(x, Tensor) else keep(x) if every or x.dtype.category < FLOAT else None)
        return kept
    for i, x in enumerate(inputs, 1):
        kept.append(x if not isinstance(x, Tensor) else keep(x) if named[i] else None)
    return kept


def record_many(card: Card, outs: tuple, inputs, attrs: dict, parents: tuple | None = None, keep=saved) -> tuple:
    """The node of a call with several outputs, each of which gets its own place in it."""
    parents = nodes_of(inputs) if parents is None else parents
    named = card.keeps_all if card.joint or None not in parents else _union(card, parents)
    kept = (tuple([keep(o) for o in outs]) if named[0] else None, *_kept(card, inputs, named, keep))
    if type(outs[0]) is Tensor:
        shapes, kinds = [o.array.shape for o in outs], [BY_NUMPY[o.array.dtype] for o in outs]
    else:
        shapes, kinds = [tuple(o.shape) for o in outs], [o.dtype for o in outs]
    node = made(card, parents, kept, attrs, tuple(shapes), tuple(kinds))
    if context.unusual:
        note(node)
    for i, o in enumerate(outs):
        if kinds[i].category >= FLOAT:
            o.node = Pick(node, i, shapes[i], kinds[i])
    return outs


def _union(card: Card, parents) -> tuple:
    """What the formulas of those inputs that have a node name."""
    rows = [row for row, parent in zip(card.keeps, parents, strict=False) if parent is not None]
    return rows[0] if len(rows) == 1 else tuple(map(any, zip(*rows, strict=True)))


made: Any = Node
if front.module is not None:
    front.module.link(Tensor, Parameter, Node, Pick, Card, vars(context), grad, BY_NUMPY, counting, drop_dead, record, record_many,
                      NO_ATTRS, NOTHING)
    front.module.attributes(Tensor, SIZES)
    record, record_many, made = front.module.record, front.module.record_many, front.module.node
