"""Activation functions: elementwise nonlinearities, and the softmax family."""

from __future__ import annotations

from typing import Any

import flambeau

from ...casting import listed
from ...dtype import FLOAT
from ...ops import activation as cards
from ...ops.nn import gelu_erf, gelu_tanh
from ...ops.nn import silu as silu_card
from ...ops.nn import softplus as softplus_card
from ...tensor import Tensor
from ...write import into

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0).  (*) -> (*)"""
    return input.relu_() if inplace else input.relu()


def relu_(input: Tensor) -> Tensor:
    """`relu` in place."""
    return input.relu_()


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6).  (*) -> (*)"""
    return hardtanh(input, 0, 6, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input between min_val and max_val; no gradient at the bounds.  (*) -> (*)"""
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val: got min_val={min_val}, max_val={max_val}")
    if input.dtype.category < FLOAT:
        if input.dtype is flambeau.bool:
            raise RuntimeError("Bool inputs not supported for hardtanh")
        min_val, max_val = int(min_val), int(max_val)
    return cards.hardtanh.card.inplace(input, min_val, max_val) if inplace else cards.hardtanh(input, min_val, max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` in place."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is above `threshold`, else `value`.  (*) -> (*)"""
    return cards.threshold.card.inplace(input, threshold, value) if inplace else cards.threshold(input, threshold, value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold` in place."""
    return cards.threshold.card.inplace(input, threshold, value)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where positive, else negative_slope * input.  (*) -> (*)"""
    return cards.leaky_relu.card.inplace(input, negative_slope) if inplace else cards.leaky_relu(input, negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` in place."""
    return cards.leaky_relu.card.inplace(input, negative_slope)


@listed
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """`leaky_relu` with a learned slope: one, or one a channel (axis 1).  (N, C, *), (1) or (C) -> (N, C, *)"""
    if weight.dim() > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}")
    channels = input.shape[1] if input.dim() > 1 else 1
    if weight.numel() not in (1, channels):
        raise RuntimeError(f"prelu: expected a weight of 1 or {channels} (the input's channels) elements, got {weight.numel()}")
    if weight.dim() == 1 and input.dim() > 1:
        weight = weight.reshape(1, -1, *[1] * (input.dim() - 2))
    if not input.dim():
        weight = weight.reshape(())
    return flambeau.where(input > 0, input, input * weight)


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False) -> Tensor:
    """`leaky_relu` with a slope drawn from lower to upper for each element; their mean outside of training.  (*) -> (*)"""
    if lower > upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    if not input.dim():
        return input.mul_(rrelu(input.detach().reshape(1), lower, upper, True)[0] / input.detach()) if inplace else \
            rrelu(input.reshape(1), lower, upper, True).reshape(())
    if input.process is None and input.is_meta:
        return input.mul_(input.detach()) if inplace else input * input.detach()
    negative = input.detach() <= 0
    drawn = flambeau.empty(int(negative.sum()), dtype=flambeau.float64, device=input.device).uniform_(lower, upper)
    slope = flambeau.ones_like(input, requires_grad=False)
    slope[negative] = drawn.to(input.dtype)
    return input.mul_(slope) if inplace else input * slope


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input) - 1).  (*) -> (*)"""
    return cards.elu.card.inplace(input, alpha) if inplace else cards.elu(input, alpha)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu` in place."""
    return cards.elu.card.inplace(input, alpha)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, input) + min(0, alpha * (exp(input / alpha) - 1)).  (*) -> (*)"""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return cards.celu.card.inplace(input, alpha) if inplace else cards.celu(input, alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu` in place."""
    return celu(input, alpha, inplace=True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising ELU, scale * elu(input, alpha) with its two fixed constants.  (*) -> (*)

    Source: Klambauer et al. (2017).
    """
    return cards.selu.card.inplace(input) if inplace else cards.selu(input)


def selu_(input: Tensor) -> Tensor:
    """`selu` in place."""
    return cards.selu.card.inplace(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """input times the normal distribution's share below it; `approximate="tanh"` for the older formula.  (*) -> (*)

    Source: Hendrycks and Gimpel (2016).

    >>> F.gelu(flambeau.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")
    return gelu_tanh(input) if approximate == "tanh" else gelu_erf(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), also known as swish.  (*) -> (*)"""
    return silu_card.card.inplace(input) if inplace else silu_card(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input)).  (*) -> (*)"""
    return cards.mish.card.inplace(input) if inplace else cards.mish(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """The sigmoid's broken line: min(max(input / 6 + 1/2, 0), 1).  (*) -> (*)"""
    return cards.hardsigmoid.card.inplace(input) if inplace else cards.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * hardsigmoid(input).  (*) -> (*)"""
    return cards.hardswish.card.inplace(input) if inplace else cards.hardswish(input)


@listed
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0, *, out: Tensor | None = None) -> Tensor:
    """log(1 + exp(beta * input)) / beta; input itself where beta * input is above `threshold`.  (*) -> (*)"""
    result = softplus_card(input, beta=beta, threshold=threshold)
    return result if out is None else into(out, result, "softplus")


def hardshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """input, but 0 between -lambd and lambd.  (*) -> (*)"""
    result = cards.hardshrink(input, lambd)
    return result if out is None else into(out, result, "hardshrink")


def softshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """input drawn towards 0 by lambd, 0 between -lambd and lambd.  (*) -> (*)"""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    result = cards.softshrink(input, lambd)
    return result if out is None else into(out, result, "softshrink")


def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input).  (*) -> (*)"""
    return input - input.tanh()


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|).  (*) -> (*)"""
    return input / (input.abs() + 1)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input)).  (*) -> (*)"""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent.  (*) -> (*)"""
    return input.tanh()


def logsigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log(sigmoid(input)), exact far below zero too.  (*) -> (*)"""
    result = cards.logsigmoid(input)
    return result if out is None else into(out, result, "logsigmoid")


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """First half of `dim` times the sigmoid of the second.  (*, 2n, *) -> (*, n, *)"""
    if input.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    return input.narrow(dim, 0, size // 2) * input.narrow(dim, size // 2, size // 2).sigmoid()


def _softmax_dim(input: Tensor, dim: int | None) -> int:
    """The axis that PyTorch chooses when none is given: 0 for 0, 1 and 3 axes, else 1."""
    return dim if dim is not None else 0 if input.dim() in (0, 1, 3) else 1


def _cast(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else input.to(dtype)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(input), scaled to sum to 1 along `dim`.  (*, n, *) -> (*, n, *)

    >>> F.softmax(flambeau.zeros(4), dim=0)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    if dtype is None and dim is not None:
        return input.softmax(dim)
    return _cast(input, dtype).softmax(_softmax_dim(input, dim))


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-input).  (*, n, *) -> (*, n, *)"""
    return (-_cast(input, dtype)).softmax(_softmax_dim(input, dim))


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(input)), computed without leaving the logarithm.  (*, n, *) -> (*, n, *)"""
    if dtype is None and dim is not None:
        return input.log_softmax(dim)
    return _cast(input, dtype).log_softmax(_softmax_dim(input, dim))


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A random choice along `dim`, differentiable in the logits; `hard` gives one-hot values with the soft gradient.

    Source: Jang et al. (2016), Maddison et al. (2016).
    """
    uniform = flambeau.rand(logits.shape, dtype=flambeau.float64, device=logits.device)
    noise = -(-(-uniform).log1p()).log().to(logits.dtype)  # -log of an exponential number has Gumbel's distribution
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    chosen = soft.max(dim, keepdim=True)[1]
    return flambeau.zeros_like(logits, requires_grad=False).scatter_(dim, chosen, 1.0) - soft.detach() + soft
