"""Which module is being run: `ModuleTracker`."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from .. import nn
from ..nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

__all__ = ["ModuleTracker"]


class ModuleTracker:
    """Inside of `with`, `parents` holds the names of the modules whose forward is under way: "Global", "Net", "Net.layers.0", …

    A module's name begins with its class's; its children are known by the path to them.

    >>> net, seen = nn.Sequential(nn.Linear(2, 2)), []
    >>> with ModuleTracker() as tracker:
    ...     _ = net[0].register_forward_pre_hook(lambda *_: seen.append(sorted(tracker.parents)))
    ...     _ = net(flambeau.ones(1, 2))
    >>> seen
    [['Global', 'Sequential', 'Sequential.0']]
    """

    parents: set[str]

    def __init__(self) -> None:
        self.parents = {"Global"}
        self._names: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()

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

    def _before(self, module: nn.Module, _args: Any) -> None:
        self.parents.add(self._name(module))

    def _after(self, module: nn.Module, _args: Any, _output: Any) -> None:
        self.parents.discard(self._name(module))
