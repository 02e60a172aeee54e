"""The graph as data: its nodes and edges, hooks over several tensors, and what is done with the tensors that it keeps."""
from __future__ import annotations

from _thread import allocate_lock
from typing import Any, NamedTuple
from weakref import WeakSet, ref

from .. import context
from ..tape import Node, Pick, edge
from ..tensor import Tensor, plain, version_cell

__all__ = ["GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
           "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]


class GradientEdge(NamedTuple):
    """Where a gradient flows: output `output_nr` of `node`.  `autograd.grad` and `backward` take it in place of a tensor."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge along which the gradient of `tensor` goes.

    >>> x = flambeau.ones(2, requires_grad=True)
    >>> flambeau.autograd.graph.get_gradient_edge(x).node.name()
    'AccumulateGrad'
    """
    node = tensor.node
    if node is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*edge(node), node if type(node) is Pick else None)  # type: ignore[call-arg]


def node_of(x) -> Node:
    """The node that the engine knows a tensor or an edge by."""
    if isinstance(x, GradientEdge):
        node = x.node
        if x.ownership_token is not None:
            return x.ownership_token
        several = type(node.shape) is tuple and bool(node.shape) and isinstance(node.dtype, tuple)
        return Pick(node, x.output_nr, node.shape[x.output_nr], node.dtype[x.output_nr]) if several else node
    if not isinstance(x, Tensor):
        raise TypeError(f"expected a Tensor or a GradientEdge, got {type(x).__name__}")
    while x.node is None and x.process is not None and hasattr(x, "tangent"):  # a dual tensor's history is its value's
        x = x.value
    return x.node


# ---- hooks over several tensors
class _Handles:
    def __init__(self, handles):
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.remove()


def register_multi_grad_hook(tensors, fn, *, mode: str = "all"):
    """Call `fn` once a backward: with the gradients of all `tensors` when the last is known, or (mode="any") with the first one.

    A gradient that this backward does not compute is None.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    tensors = tuple(tensors)
    lock = allocate_lock()
    state: dict[str, Any] = {}  # per backward: the gradients that have come
    nodes = [t.node for t in tensors]
    for i, node in enumerate(nodes):
        if node is None:
            raise RuntimeError(f"expected tensors that require gradients, but the one at place {i} does not: a hook on it would never run")

    def on(place: int):
        def seen(g):
            run = current_run()
            with lock:
                if state.get("run") is not run:
                    state.clear()
                    state.update(run=run, grads=[None] * len(watched), left=None)
                if mode == "any":
                    first = not state.get("called")
                    state["called"] = True
                else:
                    if state["left"] is None:
                        state["left"] = sum(1 for n in watched if n() is not None and run.will_run(n()))
                    state["grads"][place] = g
                    state["left"] -= 1
                    first = state["left"] == 0
            if first:
                if mode == "any":
                    fn(g)
                else:
                    grads = state["grads"]
                    state.clear()
                    fn(grads)

        return seen

    watched = [ref(node) for node in nodes]  # the hooks lie on these nodes: to hold them there would be a cycle
    return _Handles(node.around().tensor.add(on(i)) for i, node in enumerate(nodes))


def current_run():
    from .engine import running

    return running.now


# ---- the tensors that a graph keeps
class saved_tensors_hooks:
    """Let `pack_hook` make something of every tensor that is kept for backward, and `unpack_hook` a tensor of that again.

    >>> with flambeau.autograd.graph.saved_tensors_hooks(lambda x: x.numpy(), flambeau.from_numpy):
    ...     y = flambeau.ones(2, requires_grad=True).exp()
    >>> y.sum().backward()
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self):
        if _refused():
            raise RuntimeError(_refused()[-1])
        context.grad.packing = (*context.grad.packing, (self.pack_hook, self.unpack_hook))
        context.watch()

    def __exit__(self, *_exc):
        context.grad.packing = context.grad.packing[:-1]
        context.watch(-1)


def _refused() -> tuple:
    return context.grad.__dict__.get("refused", ())


class disable_saved_tensors_hooks:
    """Make `saved_tensors_hooks` an error with this message, for as long as the `with` lasts."""

    def __init__(self, error_message: str):
        self.error_message = error_message

    def __enter__(self):
        if context.grad.packing:
            raise RuntimeError(self.error_message)
        context.grad.refused = (*_refused(), self.error_message)

    def __exit__(self, *_exc):
        context.grad.refused = _refused()[:-1]

    def __call__(self, function):
        return context.decorated(function, lambda: disable_saved_tensors_hooks(self.error_message))


class save_on_cpu(saved_tensors_hooks):
    """Keep what backward needs in the host's memory, and bring it back to its device when it is needed."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        def pack(x: Tensor):
            copy = x.cpu()
            return x.device, copy.clone() if copy is x else copy

        super().__init__(pack, lambda packed: packed[1].to(packed[0]))


class _Handle:
    """A kept tensor, which becomes a copy when its memory is about to be written to."""

    __slots__ = ("x", "copied", "version", "__weakref__")

    def __init__(self, x: Tensor):
        self.x, self.copied, self.version = x, False, version_cell(x)[0]


class _Noticed:
    def __init__(self):
        self.kept: dict[int, WeakSet] = {}

    def pack(self, x: Tensor) -> _Handle:
        handle = _Handle(x)
        self.kept.setdefault(id(x.cell), WeakSet()).add(handle)
        return handle

    def keep(self, x: Tensor) -> None:
        for handle in list(self.kept.get(id(version_cell(x)), ())):
            if not handle.copied and handle.x.cell is x.cell:
                handle.x, handle.copied = plain(handle.x.array.copy()), True

    def clear(self) -> None:
        self.kept.clear()


class allow_mutation_on_saved_tensors:
    """Tensors that a graph keeps may be written to inside: they are copied just before. Backward must run inside too.

    >>> with flambeau.autograd.graph.allow_mutation_on_saved_tensors():
    ...     x = flambeau.ones(2, requires_grad=True)
    ...     y = x.clone()
    ...     z = (y * y).sum()
    ...     _ = y.zero_()
    ...     z.backward()
    >>> x.grad
    tensor([2., 2.])
    """

    def __enter__(self):
        if context.grad.noticed is not None:
            raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
        noticed = context.grad.noticed = _Noticed()
        ended: list = []
        self.ended = ended

        def unpack(handle: _Handle):
            if ended:
                raise RuntimeError("Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in which the graph was "
                                   "originally recorded.")
            if not handle.copied and version_cell(handle.x)[0] != handle.version:
                raise RuntimeError("a kept tensor was written to where allow_mutation_on_saved_tensors could not see it")
            return handle.x

        self.hooks = saved_tensors_hooks(noticed.pack, unpack)
        self.hooks.__enter__()
        return noticed

    def __exit__(self, *exc):
        self.hooks.__exit__(*exc)
        self.ended.append(True)
        context.grad.noticed.clear()
        context.grad.noticed = None

    def __call__(self, function):
        return context.decorated(function, allow_mutation_on_saved_tensors)


def increment_version(tensor) -> None:
    """Tell autograd that the memory of a tensor, or of several, was written to by other means."""
    for x in (tensor,) if isinstance(tensor, Tensor) else tensor:
        if x.is_inference():
            raise RuntimeError("Inference tensors do not track version counter.")
        version_cell(x)[0] += 1


