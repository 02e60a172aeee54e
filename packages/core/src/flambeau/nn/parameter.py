"""Tensors that a module owns: a `Parameter` is trained, a `Buffer` is only carried along."""

from __future__ import annotations

from typing import Any

import flambeau

from ..tensor import Parameter, Tensor
from .uninitialized import UninitializedBuffer as UninitializedBuffer
from .uninitialized import UninitializedParameter as UninitializedParameter
from .uninitialized import _Uninitialized as UninitializedTensorMixin  # noqa: F401 (PyTorch's name for it)
from .uninitialized import is_lazy as is_lazy

__all__ = ["Buffer", "Parameter"]


class _BufferType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(metaclass=_BufferType):
    """A tensor that becomes a module's buffer when it is assigned to an attribute.

    It is an ordinary Tensor with a mark; with `persistent=False` it is left out of the state_dict.

    >>> module = nn.Module()
    >>> module.steps = nn.Buffer(flambeau.zeros(1))
    >>> list(module.state_dict())
    ['steps']
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        made: Any = flambeau.empty(0) if data is None else data.detach().requires_grad_(data.requires_grad)
        made._is_buffer = True
        made.persistent = persistent
        return made
