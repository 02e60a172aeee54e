"""What a module computes, as rows that a graph can be drawn of: its inputs and parameters, its operations in their modules, its outputs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any

from .. import context, nn
from ..autograd.grad_mode import no_grad
from ..dispatch import run_watched
from ..func.pytree import tree_leaves
from ..nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from ..profiler.names import event_name
from ..tensor import Tensor

__all__ = ["Row", "module_graph"]
TEXT_AT_MOST = 1000  # characters of what a row tells of its options


@dataclass(frozen=True)
class Row:
    """A node of the graph: `inputs` are the names of those that it takes, `shapes` those of what it gives."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The options as one line."""
        return f"{{ {', '.join(f'{key}: {value}' for key, value in self.options.items())} }}"[:TEXT_AT_MOST] if self.options else ""


def module_graph(model: nn.Module, inputs: Any = None, strict: bool = True) -> list[Row]:
    """The operations of one call of `model`, as it is in evaluation, each named by the modules that it is in.

    inputs: a tensor, or a tuple or list of what the module is called with. strict=False takes modules that give dicts.
    Only what this call does is seen: the branch of an `if` that it takes, the turns of a loop that it makes.
    RuntimeError for an output that is a dict where `strict`, and for one without tensors; what the module raises goes on.

    >>> for row in module_graph(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), flambeau.zeros(1, 2)): print(row.name, row.op, row.inputs)
    input/input IO Node ()
    Sequential/Linear[0]/weight prim::GetAttr ()
    Sequential/Linear[0]/bias prim::GetAttr ()
    Sequential/Linear[0]/linear aten::linear ('input/input', 'Sequential/Linear[0]/weight', 'Sequential/Linear[0]/bias')
    Sequential/ReLU[1]/relu aten::relu ('Sequential/Linear[0]/linear',)
    output/output.1 IO Node ('Sequential/ReLU[1]/relu',)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"expected a module, got {type(model).__name__}")
    if inputs is None:
        raise TypeError("expected what the module is called with, a tensor or a tuple of arguments, got None")
    arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    seen = _Seen(model)
    for name, value in _named(model, arguments):
        for i, leaf in enumerate(_tensors(value)):
            seen.give(leaf, seen.add(f"input/{name}" + (f".{i}" if i else ""), "IO Node", shapes=(tuple(leaf.shape),)))
    with _in_evaluation(model), no_grad(), seen:
        outputs = model(*arguments)
    if strict and isinstance(outputs, dict):
        raise RuntimeError("the module gives a dict, whose keys a graph does not show: pass use_strict_trace=False, or return a tuple")
    found = list(_tensors(outputs))
    if not found:
        raise RuntimeError(f"the module gives no tensor that a graph could end in, got {type(outputs).__name__}")
    for i, leaf in enumerate(found, 1):
        seen.add(f"output/output.{i}", "IO Node", (seen.name_of(leaf),), (tuple(leaf.shape),))
    return seen.rows


def _named(model: nn.Module, arguments: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """The arguments with their names in the module's `forward`."""
    names = list(inspect.signature(model.forward).bind(*arguments).arguments.items())
    for name, value in names:
        kind = inspect.signature(model.forward).parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            yield from ((f"{name}_{i}", each) for i, each in enumerate(value))
        else:
            yield name, value


def _tensors(value: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


@contextmanager
def _in_evaluation(model: nn.Module) -> Iterator[None]:
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


class _Seen:
    """The mode that sees each op of this thread, while it is entered, and what has been seen."""

    def __init__(self, model: nn.Module) -> None:
        self.rows: list[Row] = []
        self.taken: set[str] = set()
        self.names: dict[int, tuple[str, Tensor]] = {}  # id -> the row's name, and the tensor, whose id is to stay its own
        self.thread, self.inside = get_ident(), False
        self.scopes: dict[nn.Module, str] = {}
        for path, module in model.named_modules():
            above, _, name = path.rpartition(".")
            label = type(module).__name__
            self.scopes[module] = f"{self.scopes[model.get_submodule(above)]}/{label}[{name}]" if path else label
        self.held = {
            id(value): f"{scope}/{name}"
            for module, scope in reversed(self.scopes.items())  # what two modules share is the first one's
            for name, value in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        }
        self.open: list[nn.Module] = []

    def __enter__(self) -> _Seen:
        self.handles = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave, always_call=True)]
        context.push_mode(self)
        return self

    def __exit__(self, *_exc: Any) -> None:
        context.pop_mode(self)
        for handle in self.handles:
            handle.remove()

    def _enter(self, module: nn.Module, _args: Any) -> None:
        if get_ident() == self.thread:
            self.open.append(module)

    def _leave(self, module: nn.Module, _args: Any, _result: Any) -> None:
        if module in self.open:
            del self.open[self.open.index(module) :]

    # ---- rows
    def add(self, name: str, op: str, inputs: tuple[str, ...] = (), shapes: tuple[tuple[int, ...], ...] = (),
            options: dict[str, Any] | None = None) -> str:  # fmt: skip
        number, free = 0, name
        while free in self.taken:
            number += 1
            free = f"{name}_{number}"
        self.taken.add(free)
        self.rows.append(Row(free, op, inputs, shapes, options or {}))
        return free

    def give(self, tensor: Tensor, name: str) -> None:
        self.names[id(tensor)] = name, tensor

    def scope(self) -> str:
        for module in reversed(self.open):
            if module in self.scopes:
                return self.scopes[module]
        return "outside"

    def name_of(self, tensor: Tensor) -> str:
        """The row that the tensor comes of; one is made for a parameter, and for what no op has given."""
        if id(tensor) not in self.names:
            shapes = (tuple(tensor.shape),)
            if id(tensor) in self.held:
                name = self.held[id(tensor)]
                self.give(tensor, self.add(name, "prim::GetAttr", (), shapes, {"name": name.rpartition("/")[2]}))
            else:
                self.give(tensor, self.add(f"{self.scope()}/constant", "prim::Constant", (), shapes))
        return self.names[id(tensor)][0]

    # ---- what the modes' contract asks for
    def before(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return inputs, attrs

    def instead(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> Any:
        if self.inside or get_ident() != self.thread:  # an op of an op is no row
            return run_watched(card, inputs, attrs, self)
        self.inside = True
        try:
            out = run_watched(card, inputs, attrs, self)
        finally:
            self.inside = False
        op = event_name(card, inputs, attrs, False)
        given = list(_tensors(out))
        names = tuple(map(self.name_of, _tensors(list(inputs))))
        options = {key: value for key, value in attrs.items() if not isinstance(value, Tensor)}
        row = self.add(f"{self.scope()}/{op.rpartition('::')[2]}", op, names, tuple(tuple(t.shape) for t in given), options)
        for tensor in given:
            self.give(tensor, row)
        return out
