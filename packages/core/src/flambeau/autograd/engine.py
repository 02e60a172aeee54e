"""Backward: nodes are run in falling order of creation, each sending gradients to its parents.

A heap holds the nodes whose gradient is known; no recursion, so a graph may be as deep as memory allows.
"""
from __future__ import annotations

from heapq import heappop, heappush
from sys import getrefcount

from ..context import grad as mode
from ..dtype import BY_NUMPY, COMPLEX, FLOAT, complex64, complex128
from ..ops.complex import mirrored
from ..ops.create import ones_like
from ..ops.view import sum_to_size
from ..tape import FREED, Leaf, Node, Pick
from ..tensor import Tensor, plain, version_cell


def run_backward(roots, create_graph: bool, retain_graph: bool, wanted: dict | None = None, accumulate: bool = True) -> None:
    """Send gradients from `roots` [(node, gradient)] down the graph.

    wanted: node -> None; only paths to these nodes are walked, and their gradients are written into it.
    accumulate: whether leaves add what they get to `.grad` (with `wanted`: only the wanted ones).
    """
    on_path = None if wanted is None else _ancestry([n for n, _ in roots], wanted)
    pending: dict[Node, object] = {}
    owned: set[Node] = set()
    heap: list = []

    def send(node: Node, g: Tensor) -> None:
        if g.array.shape != node.shape if type(g) is Tensor else tuple(g.shape) != tuple(node.shape):
            g = sum_to_size(g, node.shape)
        if g.dtype is not node.dtype:
            g = (g.real if g.dtype.category == COMPLEX and node.dtype.category == FLOAT else g).to(node.dtype)
        before = pending.get(node)
        if before is None:
            pending[node] = g
            heappush(heap, (-node.seq, node))
        elif node in owned and not create_graph and type(before) is Tensor is type(g):
            before.array += g.array
        else:
            pending[node] = before + g
            owned.add(node)

    for node, g in roots:
        send(node, g)
    before = mode.enabled
    mode.enabled = create_graph
    try:
        while heap:
            _, node = heappop(heap)
            g = pending.pop(node)
            if node.hooks:
                g = _through_hooks(node, g)
            if wanted is not None and node in wanted:
                wanted[node] = g
            if node.is_leaf:
                if accumulate and (wanted is None or node in wanted):
                    _rest(node, g, create_graph)
            elif type(node) is Pick:
                _hand_up(node, g, pending, heap, on_path)
            elif on_path is None or node in on_path:
                for parent, part in zip(node.parents, _pull(node, g, create_graph, on_path), strict=False):
                    if part is not None and parent is not None and (on_path is None or parent in on_path):
                        send(parent, part)
                if not retain_graph:
                    _free(node)
    finally:
        mode.enabled = before


def _ancestry(roots, wanted: dict) -> set:
    """The nodes from which a wanted one can be reached."""
    seen, stack = set(), list(roots)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(p for p in node.parents if p is not None and p not in seen)
    found = set()
    for node in sorted(seen, key=lambda n: n.seq):
        if node in wanted or any(p in found for p in node.parents if p is not None):
            found.add(node)
    return found


def _hand_up(pick: Pick, g, pending, heap, on_path) -> None:
    """Collect the gradients of a node's several outputs in a list."""
    node = pick.parents[0]
    if on_path is not None and node not in on_path:
        return
    parts = pending.get(node)
    if parts is None:
        parts = pending[node] = [None] * len(node.shape)
        heappush(heap, (-node.seq, node))
    parts[pick.index] = g if parts[pick.index] is None else parts[pick.index] + g


def _pull(node: Node, g, create_graph: bool, on_path):
    """The gradient for each input of a node, by the card's formulas."""
    card, saved, parents = node.card, node.saved, node.parents
    if saved is FREED:
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
            "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True "
            "if you need to backward through the graph a second time or if you need to access saved tensors after calling backward."
        )
    if isinstance(g, list):
        if g[0] is None:
            g[0] = plain_zeros(node.shape[0], node.dtype[0], next(x for x in g if x is not None))
        y = None if saved[0] is None else tuple(
            _restore(s, Pick(node, i, node.shape[i], node.dtype[i]) if create_graph else None, card) for i, s in enumerate(saved[0]))
    else:
        y = None if saved[0] is None else _restore(saved[0], node if create_graph else None, card)
    inputs = [_restore(s, p if create_graph else None, card) if s is not None else p for s, p in zip(saved[1:], parents, strict=True)]
    if node.dtype is complex64 or node.dtype is complex128:
        y, inputs = mirrored(card, y, inputs)
    if card.joint:
        return card.vjp(g, y, inputs, **node.attrs) if card.variadic else card.vjp(g, y, *inputs, **node.attrs)
    grads: list = []
    for formula, parent in zip(card.vjp, parents, strict=False):
        if parent is None or formula is None or (on_path is not None and parent not in on_path):
            grads.append(None)
        else:
            grads.append(formula(g, y, *inputs, **node.attrs))
    return grads


def plain_zeros(shape, dtype, like: Tensor) -> Tensor:
    return like.new_zeros(shape, dtype=dtype)


def _restore(entry, node: Node | None, card):
    """A kept value as a tensor again.  RuntimeError where it was written to since."""
    if type(entry) is not tuple:
        return entry.tracked(node) if node is not None and isinstance(entry, Tensor) else entry
    array, cell, version = entry
    if cell[0] != version:
        raise RuntimeError(f"one of the variables needed for gradient computation has been modified by an inplace operation: "
                           f"[{BY_NUMPY[array.dtype].name} tensor of shape {list(array.shape)}], which the gradient of {card.name} needs, "
                           f"is at version {cell[0]}; expected version {version} instead. Clone it before you write to it.")
    out = plain(array)
    out.cell = cell
    out.node = node
    return out


def _free(node: Node) -> None:
    saved = node.saved
    if saved is not None and any(type(s) is tuple for s in saved):
        node.saved = FREED


def _through_hooks(node: Node, g):
    for hook in list(node.hooks.values()):
        new = hook(g)
        if new is not None:
            if not isinstance(new, Tensor) or new.shape != g.shape:
                raise RuntimeError(f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value" if isinstance(new, Tensor)
                                   else f"expected the hook to return a Tensor or None, got {type(new).__name__}")
            g = new
    return g


def _rest(leaf: Leaf, g: Tensor, create_graph: bool) -> None:
    """Add a gradient to `.grad` of the leaf's tensor.  An array that nobody else holds is taken, else copied."""
    x = leaf.tensor()
    if x is None:
        return
    have = x._grad
    if create_graph or type(g) is not Tensor:
        x._grad = g if have is None else have + g
    elif have is None:
        array = g.array
        alone = g.base is None and array.flags.owndata and getrefcount(array) <= 3
        x._grad = plain(array if alone and array.flags.c_contiguous else array.copy(order="C"))
    else:
        have.array += g.array
        version_cell(have)[0] += 1
    if leaf.post_hooks:
        for hook in list(leaf.post_hooks.values()):
            hook(x)


def seed_gradient(root: Tensor, g: Tensor | None) -> Tensor:
    """The gradient to begin with: one for a scalar, else what the caller brings, of the root's shape."""
    if g is None:
        if root.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if root.dtype.category == COMPLEX:
            raise RuntimeError("grad can be implicitly created only for real scalar outputs but got complex")
        return ones_like(root.detach())
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g.shape != root.shape:
        raise RuntimeError(f"Mismatch in shape: grad_output has a shape of {list(g.shape)} and output has a shape of {list(root.shape)}.")
    return g
