"""Which module is being run: `ModuleTracker`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .. import nn
from ..autograd.graph import current_run, register_multi_grad_hook
from ..func.pytree import tree_leaves
from ..nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from ..tensor import Tensor

__all__ = ["ModuleTracker"]


class ModuleTracker:
    """Inside of `with`, `parents` names the modules whose forward, or backward, is under way: "Global", "Net", "Net.layers.0", …

    A module's name begins with its class's; its children are known by the path to them.

    >>> net, seen = nn.Sequential(nn.Linear(2, 2)), []
    >>> with ModuleTracker() as tracker:
    ...     _ = net[0].register_forward_pre_hook(lambda *_: seen.append(sorted(tracker.parents)))
    ...     _ = net(flambeau.ones(1, 2))
    >>> seen
    [['Global', 'Sequential', 'Sequential.0']]
    """

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
        self._forward: set[str] = set()
        self._backward: tuple[Any, set[str]] = (None, set())  # a backward, and the modules whose gradients it is at
        self._handles: list[Any] = []

    @property
    def is_bw(self) -> bool:
        """Whether a backward is under way."""
        return current_run() is not None

    @property
    def parents(self) -> set[str]:
        run, names = self._backward
        return {"Global"} | self._forward | (names if run is not None and run is current_run() else set())

    def _name(self, module: nn.Module) -> str:
        if module not in self._names:
            root = type(module).__name__
            for path, child in module.named_modules():
                self._names.setdefault(child, f"{root}.{path}" if path else root)
        return self._names[module]

    def __enter__(self) -> ModuleTracker:
        self._handles = [register_module_forward_pre_hook(self._before), register_module_forward_hook(self._after, always_call=True)]
        return self

    def __exit__(self, *_exc: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _before(self, module: nn.Module, args: Any) -> None:
        name = self._name(module)
        self._forward.add(name)
        self._at_gradients(args, lambda names: names.discard(name))

    def _after(self, module: nn.Module, _args: Any, output: Any) -> None:
        name = self._name(module)
        self._forward.discard(name)
        self._at_gradients(output, lambda names: names.add(name))

    def _at_gradients(self, tensors: Any, change: Callable[[set[str]], None]) -> None:
        """Change the names of a backward when it knows all gradients of `tensors`: its way into a module, and out of it."""
        def known(_gradients: Any) -> None:
            run = current_run()
            if self._backward[0] is not run:
                self._backward = run, set()
            change(self._backward[1])

        tracked = [t for t in tree_leaves(tensors) if isinstance(t, Tensor) and t.requires_grad]
        if tracked:
            self._handles.append(register_multi_grad_hook(tracked, known))
