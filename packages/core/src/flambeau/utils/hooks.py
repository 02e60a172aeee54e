"""Handles of hooks, under PyTorch's path."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ..nn.hooks import RemovableHandle

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]


def unserializable_hook(f: Any) -> Any:
    """Mark a hook that is not to be written to files: those that warn about lost hooks say nothing of it."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor: Any) -> None:
    """A warning for each hook of a tensor that a file would lose."""
    node = tensor.node
    for hook in list(node.hooks.tensor.values()) if node is not None and node.hooks is not None else ():
        if not hasattr(hook, "__torch_unserializable__"):
            warn(f"backward hook {hook!r} on tensor will not be serialized. If this is expected, you can decorate the function with "
                 "@flambeau.utils.hooks.unserializable_hook to suppress this warning", UserWarning, stacklevel=2)  # fmt: skip
