"""Parameters and buffers whose shape is not known before the first call."""

from __future__ import annotations

from typing import Any

import flambeau

from ..tensor import Parameter, Tensor

__all__ = ["UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class _Uninitialized(Tensor):
    """It has a dtype and a device, may be moved and cast, and refuses everything else until `materialize`."""

    _becomes: type = Tensor

    @classmethod
    def _made(cls, requires_grad: bool, device: Any, dtype: Any) -> Any:
        made: Any = flambeau.empty(0, device=device, dtype=dtype)
        made.requires_grad_(requires_grad)
        made.__class__ = cls
        return made

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Take memory of this shape; dtype and device stay unless given. The values are whatever was there."""
        data = self.data
        extents = (shape,) if isinstance(shape, int) else tuple(shape)
        self.data = flambeau.empty(extents, device=device or data.device, dtype=dtype or data.dtype)
        self.__class__ = self._becomes

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This happens when load_state_dict loads an uninitialized "
            "parameter into an initialized one: call forward() once to initialize the parameters before accessing their attributes."
        )

    def process(self, card: Any, inputs: Any, attrs: Any) -> Any:
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {card.name}. A lazy module's parameters take their shape from its first "
            "input: call forward() once before using them."
        )

    def to(self, *args: Any, **kwargs: Any) -> Any:
        data = self.data.to(*args, **kwargs)
        kind: Any = type(self)
        return kind(self.requires_grad, data.device, data.dtype)

    def detach(self) -> Any:
        return self

    def share_memory_(self) -> Any:
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer. Call forward() once before share_memory().")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            kind: Any = type(self)
            memo[id(self)] = kind(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, str(self.data.device), self.data.dtype)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):  # type: ignore[misc]
    """A parameter of a shape that is not known yet.

    >>> weight = nn.UninitializedParameter()
    >>> weight.materialize((2, 3))
    >>> weight.shape, type(weight).__name__
    (flambeau.Size([2, 3]), 'Parameter')
    """

    _becomes = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return cls._made(requires_grad, device, dtype)


class UninitializedBuffer(_Uninitialized):
    """A buffer of a shape that is not known yet."""

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True) -> Any:
        made = cls._made(requires_grad, device, dtype)
        made._is_buffer = True
        made.persistent = persistent
        return made


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(param, _Uninitialized)
