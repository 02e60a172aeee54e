"""`Variable`, which every tensor is since tensors carry gradients themselves."""
from __future__ import annotations

from warnings import warn

from ..context import get_default_dtype
from ..ops.create import empty
from ..tensor import Tensor

__all__ = ["Variable"]


class _IsTensor(type):
    def __instancecheck__(cls, obj) -> bool:
        return isinstance(obj, Tensor)


class Variable(metaclass=_IsTensor):
    """The older name of a tensor: `Variable(x, requires_grad)` is a tensor of x's values and memory, without a history.

    >>> flambeau.autograd.Variable(flambeau.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = False, volatile: bool = False):
        if volatile:
            warn("volatile was removed and now has no effect. Use `with flambeau.no_grad():` instead.", UserWarning, stacklevel=2)
            if requires_grad:
                raise ValueError("Variable can't be volatile and require_grad at the same time!")
        if data is None:
            data = empty(0, dtype=get_default_dtype())
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
