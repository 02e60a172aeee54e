"""Calls of modules as events: `nn.Module: Linear_0` for the first Linear that was called."""

from __future__ import annotations

import weakref
from typing import Any

from flambeau.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


class Modules:
    """Hooks on all modules, from its making to `close()`."""

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder
        self.names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self.counts: dict[str, int] = {}
        self.handles = [register_module_forward_pre_hook(self.enter), register_module_forward_hook(self.leave, always_call=True)]

    def enter(self, module: Any, _args: Any) -> None:
        name = self.names.get(module)
        if name is None:
            kind = type(module).__name__
            number = self.counts[kind] = self.counts.get(kind, -1) + 1
            name = self.names[module] = f"nn.Module: {kind}_{number}"
        self.recorder.begin(name).is_module = True

    def leave(self, module: Any, _args: Any, _result: Any) -> None:
        """A module whose forward failed before another's hook could end it is passed over."""
        name, call = self.names.get(module), self.recorder.here.open
        while call is not None and call.name != name:
            call = call.above
        if call is not None:
            self.recorder.end(call)

    def close(self) -> None:
        for handle in self.handles:
            handle.remove()
