"""Masked tensors from data and a mask."""

from __future__ import annotations

from typing import Any

from flambeau.autograd import Function
from flambeau.tensor import Tensor

from .core import MaskedTensor, checked, made

__all__ = ["as_masked_tensor", "masked_tensor"]


def masked_tensor(data: Tensor, mask: Tensor, requires_grad: bool = False) -> MaskedTensor:
    """A leaf with a copy of data, of which mask says what is in.  (*), (*) -> (*)

    data is of float16, float32, float64, bool or a signed integer, and dense, COO or CSR; mask is of bool, in the same layout.
    Raises TypeError or ValueError where the two do not go together.

    >>> flambeau.masked.masked_tensor(flambeau.tensor([1.0, 2.0]), flambeau.tensor([True, False]))
    MaskedTensor(
      [  1.0000,       --]
    )
    """
    return MaskedTensor(data, mask, requires_grad)


def as_masked_tensor(data: Tensor, mask: Tensor) -> MaskedTensor:
    """data with a mask, in its graph: the gradient that comes to data is a MaskedTensor.  (*), (*) -> (*)

    >>> x = flambeau.ones(2, requires_grad=True)
    >>> flambeau.masked.as_masked_tensor(x, flambeau.tensor([True, False])).sum().backward()
    >>> x.grad
    MaskedTensor(
      [  1.0000,       --]
    )
    """
    data, mask = checked(data, mask)
    return made(_Kept.apply(data, mask) if data.requires_grad else data.clone(), mask.clone())


class _Kept(Function):
    """A copy, whose gradient goes back with the mask."""

    @staticmethod
    def forward(ctx: Any, data: Tensor, mask: Tensor) -> Tensor:
        ctx.mask = mask
        return data.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (grads[0] if isinstance(grads[0], MaskedTensor) else made(grads[0], ctx.mask)), None
