"""Modules without first values."""

from __future__ import annotations

from inspect import signature
from typing import Any

from ..module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type, *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters hold whatever was in memory: for one that a state_dict is loaded into.

    Raises RuntimeError when the class is no Module, or takes no `device`.

    >>> nn.utils.skip_init(nn.Linear, 5, 1).weight.shape
    flambeau.Size([1, 5])
    """
    if not isinstance(module_cls, type) or not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in signature(module_cls).parameters:
        raise RuntimeError(f"Module must support a 'device' arg to skip initialization; {module_cls.__name__} has none")
    device = kwargs.pop("device", "cpu")
    make: Any = module_cls
    return make(*args, device="meta", **kwargs).to_empty(device=device)
