"""First values for weights, drawn in PyTorch's order: the same seed gives the same network.

Every function fills its tensor in place, outside of any graph, and returns it.
"""

from __future__ import annotations

import warnings
from math import erf, prod, sqrt
from typing import Any

import numpy as np

import flambeau

from ..autograd import no_grad
from ..overriding.asking import published
from ..tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights must be larger to make up for what a nonlinearity takes away; param is leaky_relu's slope.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity in _LINEAR:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"negative_slope {param} not a valid number")
        slope = 0.01 if param is None else param
        return sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Numbers spread evenly from a to b."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normally distributed numbers."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None) -> Tensor:
    """Normally distributed numbers, those outside of a .. b left out."""

    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(f"trunc_normal_: mean {mean} is more than 2 std outside of [{a}, {b}]: few numbers drawn will serve", stacklevel=2)
    likely = (erf((b - mean) / std / sqrt(2.0)) - erf((a - mean) / std / sqrt(2.0))) / 2 > 0.3
    with no_grad():
        return tensor.copy_((_drawn_inside if likely else _drawn_evenly)(tensor, mean, std, a, b, generator))


def _drawn_inside(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Draw normal numbers, and those outside again, until all are inside."""
    low, high = (flambeau.tensor(bound, dtype=tensor.dtype).item() for bound in (a, b))
    values = tensor.normal_(mean, std, generator=generator)
    while True:
        outside = (values < low) | (values > high)
        if not bool(outside.any()):
            return values
        values = flambeau.where(outside, flambeau.empty_like(values).normal_(mean, std, generator=generator), values)


def _drawn_evenly(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Draw numbers evenly over a .. b, and keep each as often as its density says: quick where a normal number seldom falls."""
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values = None
    pending = flambeau.ones(tensor.shape, dtype=flambeau.bool, device=tensor.device)
    while bool(pending.any()):
        drawn = flambeau.empty_like(tensor, requires_grad=False).uniform_(a, b, generator=generator)
        values = drawn if values is None else flambeau.where(pending, drawn, values)
        density = drawn.sub(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
        pending = pending & (flambeau.empty_like(drawn).uniform_(generator=generator).log_() > density)
    return tensor if values is None else values


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same value everywhere."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, as far as it fits. Raises ValueError unless tensor has two axes."""
    if tensor.dim() != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got {tensor.dim()}")
    with no_grad():
        return tensor.copy_(flambeau.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's identity: each channel of the output (of each group) is its channel of the input.  (out, in/groups, *K)"""
    if tensor.dim() not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported, got {tensor.dim()}")
    if tensor.shape[0] % groups:
        raise ValueError(f"dim 0 must be divisible by groups: got {tensor.shape[0]} and groups={groups}")
    per_group = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    with no_grad():
        tensor.zero_()
        for group in range(groups):
            for channel in range(min(per_group, tensor.shape[1])):
                tensor[(group * per_group + channel, channel, *middle)] = 1
    return tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output adds up, and how many outputs an input goes to."""
    if tensor.dim() < 2:
        raise ValueError(f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got shape {tuple(tensor.shape)}")
    field = prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in ±gain √(6 / (fan in + fan out)).  Source: Glorot and Bengio (2010)."""
    bound = sqrt(3.0) * gain * sqrt(2.0 / float(sum(_fans(tensor))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with standard deviation gain √(2 / (fan in + fan out)).  Source: Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * sqrt(2.0 / float(sum(_fans(tensor)))), generator)


def _fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _fans(tensor)[mode == "fan_out"]


_NOTHING = "Initializing zero-element tensors is a no-op"


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None) -> Tensor:
    """Uniform in ±gain √(3 / fan), for networks of ReLU; `a` is leaky_relu's slope.  Source: He et al. (2015)."""
    if 0 in tensor.shape:
        warnings.warn(_NOTHING, stacklevel=2)
        return tensor
    bound = sqrt(3.0) * (calculate_gain(nonlinearity, a) / sqrt(_fan(tensor, mode)))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None) -> Tensor:
    """Normal with standard deviation gain / √fan, for networks of ReLU; `a` is leaky_relu's slope.  Source: He et al. (2015)."""
    if 0 in tensor.shape:
        warnings.warn(_NOTHING, stacklevel=2)
        return tensor
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / sqrt(_fan(tensor, mode)), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Rows (or columns, when there are fewer) of length `gain` at right angles; trailing axes count as one.

    Source: Saxe et al. (2013).
    """
    if tensor.dim() < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported, got shape {tuple(tensor.shape)}")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    with no_grad():
        drawn = flambeau.empty(rows, tensor.numel() // rows, dtype=tensor.dtype, device=tensor.device).normal_(0, 1, generator=generator)
        tall = drawn.cpu().numpy() if drawn.shape[0] >= drawn.shape[1] else drawn.T.cpu().numpy()
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diagonal(r))  # makes the factorisation unique, hence the distribution uniform
        found = flambeau.from_numpy(np.ascontiguousarray(q if tall.shape == tuple(drawn.shape) else q.T))
        return tensor.copy_(found.reshape(tensor.shape) * gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Normal numbers with that share of each column zero.  Source: Martens (2010)."""
    if tensor.dim() != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got {tensor.dim()}")
    rows, columns = tensor.shape
    zeros = -int(-(sparsity * rows) // 1)
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            tensor[flambeau.randperm(rows)[:zeros], column] = 0
    return tensor


def _older(name: str) -> Any:
    function = globals()[name + "_"]

    def call(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    call.__name__, call.__doc__ = name, f"`{name}_` by its older name."
    return call


(uniform, normal, constant, eye, dirac, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, sparse) = map(
    _older, "uniform normal constant eye dirac xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal sparse".split()
)

published([name for name in __all__ if name.endswith("_")], globals())
