"""Products of an input with weights."""

from __future__ import annotations

from math import prod
from typing import Any

from numpy import dtype

from ...casting import listed
from ...casting import state as autocast
from ...context import grad
from ...ops.linalg import linear as linear_card
from ...ops.view import ready
from ...overriding import elsewhere
from ...record import record
from ...tensor import Tensor, plain

FLOATS = (dtype("float32"), dtype("float64"))

__all__ = ["bilinear", "linear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias.  (*, in), (out, in), (out) -> (*, out)

    Raises RuntimeError when the shapes do not fit.
    """
    x, w, b = ready(input), ready(weight), None if bias is None else ready(bias)
    if x is not None and w is not None and x.ndim == w.ndim == 2 and x.dtype is w.dtype and x.dtype in FLOATS and x.shape[1] == w.shape[1] \
            and (bias is None or (b is not None and b.dtype is x.dtype and b.shape == w.shape[:1])):
        return _of_matrices(input, weight, bias, x, w, b)
    if not isinstance(input, Tensor) or not isinstance(weight, Tensor):
        return elsewhere(linear, (input, weight, bias))
    if input.dtype is not weight.dtype and not autocast.active:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {weight.dtype}")
    if weight.ndim == 1:
        return _one_output(input, weight, bias)
    try:
        return linear_card(input, weight, bias)
    except (RuntimeError, ValueError, IndexError):
        _explain_linear(input, weight, bias)
        raise


def _of_matrices(input: Tensor, weight: Tensor, bias: Tensor | None, x: Any, w: Any, b: Any) -> Tensor:
    """The card's body on arrays that fit, and its node."""
    y = x.dot(w.T)
    if b is not None:
        y += b
    out = plain(y)
    parents = (input.node, weight.node, None if bias is None else bias.node)
    if grad.enabled and parents != (None, None, None):
        out.node = record(linear_card.card, out, (input, weight, bias), {}, parents)
    return out


def _one_output(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A weight without the axis of outputs: (*, in), (in), () -> (*)"""
    result = input @ weight
    return result if bias is None else result + bias


def _explain_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    features = input.shape[-1] if input.dim() else None
    if not input.dim() or not weight.dim():
        raise RuntimeError(f"both arguments to linear need to be at least 1D, but they are {input.dim()}D and {weight.dim()}D") from None
    if weight.dim() not in (1, 2):
        raise RuntimeError(f"linear(): expected weight of shape (out, in), got {tuple(weight.shape)}") from None
    if features != weight.shape[-1]:
        out = weight.shape[0] if weight.dim() == 2 else 1
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({prod(input.shape[:-1])}x{features} and {weight.shape[-1]}x{out}): linear "
            f"expected input of shape (*, {weight.shape[-1]}) for weight (out, in) = ({out}, {weight.shape[-1]}), got {tuple(input.shape)}"
        ) from None
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise RuntimeError(f"linear(): expected bias of shape ({weight.shape[0]},), got {tuple(bias.shape)}") from None


@listed
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 · weight[k] · input2 for each output k.  (*, n), (*, m), (out, n, m), (out) -> (*, out)"""
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got {tuple(input1.shape)} and {tuple(input2.shape)}")
    if weight.dim() != 3 or (input1.shape[-1], input2.shape[-1]) != tuple(weight.shape[1:]):
        raise RuntimeError(f"bilinear(): expected weight of shape (out, {input1.shape[-1]}, {input2.shape[-1]}), got {tuple(weight.shape)}")
    out, n, m = weight.shape
    left = input1.reshape(-1, n) @ weight.permute(1, 0, 2).reshape(n, out * m)  # (rows, out * m)
    result = (left.reshape(-1, out, m) * input2.reshape(-1, 1, m)).sum(-1).reshape(*input1.shape[:-1], out)
    result = result if bias is None else result + bias
    return result if result.dtype is input1.dtype else result.to(input1.dtype)  # sums of small integers are wide
