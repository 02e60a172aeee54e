"""Forward pre-hooks that recompute a tensor of their module before each call: finding and removing them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["hooks_of", "pop_hook"]


def hooks_of(module: Any, kind: type) -> Iterator[tuple[int, Any]]:
    """The module's forward pre-hooks of this class, with their ids."""
    calls = module._call_hooks
    if calls is not None:
        for key, hook in list(calls.before.items()):
            if isinstance(hook, kind):
                yield key, hook


def pop_hook(module: Any, kind: type, name: str) -> Any:
    """Take the hook of this class for the tensor `name` away and return it; None when there is none."""
    for key, hook in hooks_of(module, kind):
        if hook.name == name:
            del module._call_hooks.before[key]
            return hook
    return None
