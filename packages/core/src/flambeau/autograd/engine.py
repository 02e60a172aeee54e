"""Backward: nodes are run in falling order of creation, each sending gradients to its parents.

A heap holds the nodes whose gradient is known; no recursion, so a graph may be as deep as memory allows. Gradients of plain tensors
travel as bare arrays for as long as formulas can be read on arrays (`pull.py`): what looks at them gets a tensor.
"""
from __future__ import annotations

from _thread import _local as local
from _thread import allocate_lock
from functools import partial
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np

from .. import context, tape
from ..context import grad as mode
from ..dtype import COMPLEX, FLOAT, complex64, complex128
from ..ops.complex import mirrored
from ..ops.create import ones_like
from ..ops.view import sum_to_size
from ..tape import FREED, Leaf, Node, Pick
from ..tensor import Tensor, plain, version_cell
from .pull import changed, on_arrays

ndarray = np.ndarray


class _Running(local):
    now: Any = None


class Run:
    """One backward under way, for hooks that ask which nodes it will reach."""

    __slots__ = ("roots", "on_path", "reached")

    def __init__(self, roots, on_path):
        self.roots, self.on_path, self.reached = roots, on_path, None

    def will_run(self, node: Node) -> bool:
        if self.on_path is not None:
            return node in self.on_path
        if self.reached is None:
            self.reached, stack = set(), [n for n, _ in self.roots]
            while stack:
                n = stack.pop()
                if n not in self.reached:
                    self.reached.add(n)
                    stack.extend(p for p in n.parents if p is not None)
        return node in self.reached


running = _Running()
_writing = allocate_lock()  # two threads that add to one `.grad` must not lose each other's part


def run_backward(roots, create_graph: bool, retain_graph: bool, wanted: dict | None = None, accumulate: bool = True) -> None:
    """Send gradients from `roots` [(node, gradient)] down the graph.

    wanted: node -> None; only paths to these nodes are walked, and their gradients are written into it.
    accumulate: whether leaves add what they get to `.grad` (with `wanted`: only the wanted ones).
    """
    outputs_wanted = _outputs_of(wanted)
    on_path = None if wanted is None else _ancestry([n for n, _ in roots], wanted, outputs_wanted)
    pending: dict[Node, Any] = {}
    owned: set[Node] = set()
    heap: list = []
    bare = not create_graph and not context.unusual  # plain arrays may travel without a tensor around them

    def send(node: Node, g) -> None:
        array = g if type(g) is ndarray else g.array if type(g) is Tensor else None
        if array is None or array.shape != node.shape or array.dtype is not node.dtype.numpy:
            g = _fitted(g, node)
        elif bare and (type(g) is ndarray or type(array) is ndarray):
            g = array
        before = pending.get(node)
        if before is None:
            pending[node] = g
            heappush(heap, (-node.seq, node))
        elif bare and type(before) is ndarray and type(g) is ndarray:
            if node in owned:
                before += g
            else:
                pending[node] = np.asarray(before + g)
                owned.add(node)
        else:
            pending[node] = as_tensor(before) + as_tensor(g)

    for node, g in roots:
        send(node, g)
    before, outer = mode.enabled, running.now
    mode.enabled = create_graph
    running.now = Run(roots, on_path)
    g = parts = part = None
    try:
        while heap:
            node = heappop(heap)[1]
            g = pending.pop(node)
            if node.hooks is not None:
                g = _hooked(node, g, _runs(node, wanted, accumulate, on_path))
                if g is None:
                    continue
            if wanted is not None:
                if node in wanted:
                    wanted[node] = _several(g) if type(g) is list else as_tensor(g)
                elif node in outputs_wanted:
                    for i, key in outputs_wanted[node]:
                        wanted[key] = wanted[key] if g[i] is None else as_tensor(g[i])
            kind = type(node)
            if kind is Leaf:
                if accumulate and (wanted is None or node in wanted):
                    _rest(node, g, create_graph)
                continue
            if kind is Pick:
                _hand_up(node, as_tensor(g), pending, heap, on_path)
                continue
            if on_path is not None and (node not in on_path or not any(p in on_path for p in node.parents)):
                continue  # nothing beyond it is wanted: it keeps what it has for another time
            parts = None
            if kind is Node:
                if type(g) is ndarray:
                    parts = on_arrays(node, g)
                if parts is None:
                    parts = _pull(node, g if type(g) is list else as_tensor(g), create_graph, on_path)
            else:
                if type(g) is ndarray:
                    g = plain(g)
                parts = node.pull(g, create_graph) if bare else _guarded(node, partial(node.pull, g, create_graph))
            if node.hooks is not None:
                parts = _after(node, parts, g)
            if not retain_graph:
                node.free()
            g = None
            for parent, part in zip(node.parents, parts, strict=False):
                if part is not None and parent is not None and (on_path is None or parent in on_path):
                    send(parent, part)
            parts = part = None
    finally:
        mode.enabled = before
        running.now = outer


def as_tensor(g) -> Any:
    return plain(g) if type(g) is ndarray else g


def _several(parts: list):
    found = [p for p in parts if p is not None]
    return found[0] if found else None


def _fitted(g, node: Node):
    """A gradient in the shape and dtype of what it is the gradient of."""
    g = as_tensor(g)
    if tuple(g.shape) != tuple(node.shape):
        g = sum_to_size(g, node.shape)
    if g.dtype is not node.dtype:
        g = (g.real if g.dtype.category == COMPLEX and node.dtype.category == FLOAT else g).to(node.dtype)
    return g


def _outputs_of(wanted: dict | None) -> dict:
    """node -> [(output, key)] for the wanted outputs of nodes that have several: an edge may name one without its own Pick."""
    found: dict = {}
    for key in wanted or ():
        if type(key) is Pick:
            found.setdefault(key.parents[0], []).append((key.index, key))
    return found


def _ancestry(roots, wanted: dict, outputs: dict) -> set:
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
        if node in wanted or node in outputs or any(p in found for p in node.parents if p is not None):
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
    return _guarded(node, lambda: _by_formulas(node, g, create_graph, on_path)) if context.unusual \
        else _by_formulas(node, g, create_graph, on_path)


def _by_formulas(node: Node, g, create_graph: bool, on_path):
    card, saved, parents = node.card, node.saved, node.parents
    if saved is FREED:
        raise RuntimeError(freed())
    if isinstance(g, list):
        g = list(g)
        if g[0] is None:
            g[0] = plain_zeros(node.shape[0], node.dtype[0], next(x for x in g if x is not None))
        y = None if saved[0] is None else tuple(
            restore(s, Pick(node, i, node.shape[i], node.dtype[i]) if create_graph else None, card) for i, s in enumerate(saved[0]))
    else:
        y = None if saved[0] is None else restore(saved[0], node if create_graph else None, card)
    inputs = [restore(s, p if create_graph else None, card) if s is not None else p for s, p in zip(saved[1:], parents, strict=True)]
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


def freed() -> str:
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
        "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True "
        "if you need to backward through the graph a second time or if you need to access saved tensors after calling backward."
    )


def plain_zeros(shape, dtype, like: Tensor) -> Tensor:
    return like.new_zeros(shape, dtype=dtype)


def restore(entry, node: Node | None, card):  # `card`: whoever's gradient needs it, with a name
    """A kept value as a tensor again.  RuntimeError where it was written to since."""
    if type(entry) is not tuple:
        if isinstance(entry, Tensor):
            return entry.restored(node, card)
        return entry.unpacked(node) if hasattr(entry, "unpacked") else entry
    array, cell, version = entry
    if cell[0] != version:
        raise RuntimeError(changed(entry, card))
    out = plain(array)
    out.cell = cell
    out.node = node
    return out


tape.restore = restore


# ---- hooks, and what goes wrong
def _runs(node: Node, wanted: dict | None, accumulate: bool, on_path: set | None) -> bool:
    """Whether a node is to send something on: one whose gradient is all that is wanted is not."""
    if wanted is None:
        return True
    if node.is_leaf:
        return accumulate and node in wanted
    return on_path is None or any(p in on_path for p in node.parents)


def _hooked(node: Node, g, runs: bool):
    """The gradient as the hooks on it leave it; None where a hook took everything away.  Those before a node wait until it `runs`."""
    around = node.hooks
    if type(g) is not list:
        for hook in list(around.tensor.values()):
            new = hook(as_tensor(g))
            if new is not None:
                g = _replaced(hook, new, as_tensor(g))
    if around.retained is not None:
        around.retained(as_tensor(g))
    if around.before and runs and type(node) is not Pick:
        given = tuple(g) if type(g) is list else (as_tensor(g),)
        for hook in list(around.before.values()):
            new = hook(given)
            if new is not None:
                given = _same_number(hook, new, given)
        if type(g) is list:
            return list(given)
        g = given[0]
    return g


def _after(node: Node, parts, g):
    around = node.hooks
    if not around.after:
        return parts
    given = tuple(g) if type(g) is list else (as_tensor(g),)
    parts = tuple(None if p is None or q is None else _fitted(p, q) for p, q in zip(parts, node.parents, strict=False))
    for hook in list(around.after.values()):
        new = hook(parts, given)
        if new is not None:
            parts = _same_number(hook, new, parts)
    return parts


def _name(hook) -> str:
    return getattr(hook, "__name__", repr(hook))


def _same_number(hook, new, old: tuple) -> tuple:
    new = new if isinstance(new, tuple) else (new,)
    if len(new) != len(old):
        raise RuntimeError(f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(new)}, but expected {len(old)})")
    return tuple(n if n is None or o is None else _replaced(hook, n, o) for n, o in zip(new, old, strict=True))


def _replaced(hook, new, old: Tensor):
    if not isinstance(new, Tensor):
        raise TypeError(f"expected Variable, but hook '{_name(hook)}' returned '{type(new).__name__}'")
    if tuple(new.shape) != tuple(old.shape):
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
    if new.dtype is not old.dtype:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the type of value (was {old.dtype} got {new.dtype})")
    return new


def _guarded(node: Node, pull):
    """`pull()`, its failure and its NaNs traced back to the forward call where anomaly detection was on."""
    for watcher in context.modes:
        if hasattr(watcher, "around_node"):
            pull = watcher.around_node(node, pull)
    if not context.anomaly.enabled:
        return pull()
    try:
        parts = pull()
    except Exception:
        _tell(node)
        raise
    if context.anomaly.check_nan:
        for i, part in enumerate(parts):
            if isinstance(part, Tensor) and part.process is None and part.dtype.category >= FLOAT and bool(part.isnan().any()):
                _tell(node)
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
    return parts


def _tell(node: Node) -> None:
    from warnings import warn

    where = node.hooks.where if node.hooks is not None else None
    if where is None:
        warn(f"Error detected in {node.name()}. No forward pass information available. Enable detect anomaly during forward pass for more "
             "information.", stacklevel=3)
    else:
        warn(f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{where}", stacklevel=3)


# ---- where gradients come to rest
def _rest(leaf: Leaf, g, create_graph: bool) -> None:
    """Add a gradient to `.grad` of the leaf's tensor.  An array that nobody else holds is taken, else copied."""
    x = leaf.tensor()
    if x is None:
        return
    array = g if type(g) is ndarray else g.array if type(g) is Tensor else None
    have = x._grad
    if create_graph or array is None or (have is not None and type(have) is not Tensor):  # ops, which may be anybody's: not under a lock
        x._grad = as_tensor(g) if have is None else have + as_tensor(g)
    else:
        with _writing:
            have = x._grad
            if have is None:
                alone = type(array) is ndarray and array.base is None and getrefcount(array) <= (4 if type(g) is ndarray else 3)
                x._grad = plain(array if alone and array.strides == x.array.strides else _in_layout(array, x.array))
            else:
                have.array += array
                version_cell(have)[0] += 1
    around = leaf.hooks
    if around is not None:
        for hook in list(around.settled.values()):
            if hook(x) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")
        for hook in list(around.after.values()):
            hook((), (as_tensor(g),))


def _in_layout(array, like):
    """A copy whose axes lie in memory as those of `like` do, where that fills its memory; else row by row."""
    if like.flags.c_contiguous or type(array) is not ndarray or type(like) is not ndarray or array.shape != like.shape:
        return array.copy(order="C")
    order = sorted(range(like.ndim), key=lambda d: -like.strides[d])
    if not like.transpose(order).flags.c_contiguous:
        return array.copy(order="C")
    out = np.empty([like.shape[d] for d in order], array.dtype).transpose(np.argsort(order))
    out[...] = array
    return out


def seed_gradient(shape, kind, like: Tensor | None, g: Tensor | None, place: int = 0):
    """The gradient to begin with: one for a scalar, else what the caller brings, of the root's shape."""
    if g is None:
        n = 1
        for extent in shape:
            n *= extent
        if n != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if kind.category == COMPLEX:
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {kind}")
        return ones_like(like.detach()) if like is not None else plain(np.ones(shape, kind.numpy))
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if tuple(g.shape) != tuple(shape):
        raise RuntimeError(f"Mismatch in shape: grad_output[{place}] has a shape of {g.shape} and output[{place}] has a shape of "
                           f"{type(g.shape)(shape)}.")
    if (g.dtype.category == COMPLEX) != (kind.category == COMPLEX):
        raise RuntimeError(f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
                           f"grad_output[{place}] has a dtype of {g.dtype} and output[{place}] has a dtype of {kind}.")
    return g
