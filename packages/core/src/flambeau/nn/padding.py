"""Layers that make tensors larger at their edges."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


def _sides(padding: Any, axes: int) -> tuple[int, ...]:
    """Two numbers an axis, last axis first."""
    if isinstance(padding, int):
        return (padding,) * (2 * axes)
    if len(padding) != 2 * axes:
        raise ValueError(f"padding must be one number or {2 * axes}, two for each axis from the last, got {tuple(padding)}")
    return tuple(padding)


class _Pad(Module):
    axes: int
    mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = _sides(padding, self.axes)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        n = self.axes
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")
        return super().forward(input)


class ConstantPad1d(_ConstantPad):
    """`value` around the edges.  (N, C, L) or (C, L) -> the same, longer"""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """`value` around the edges.  (N, C, H, W) or (C, H, W) -> the same, larger

    padding is one number, or (left, right, top, bottom); negative numbers crop.

    >>> nn.ConstantPad2d((0, 1, 0, 0), 7.0)(flambeau.ones(1, 1, 2))
    tensor([[[1., 1., 7.]]])
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """`value` around the edges.  (N, C, D, H, W) or (C, D, H, W) -> the same, larger"""

    axes = 3


class ZeroPad1d(_Pad):
    """Zeros around the edges.  (N, C, L) or (C, L) -> the same, longer"""

    axes = 1


class ZeroPad2d(_Pad):
    """Zeros around the edges.  (N, C, H, W) or (C, H, W) -> the same, larger"""

    axes = 2


class ZeroPad3d(_Pad):
    """Zeros around the edges.  (N, C, D, H, W) or (C, D, H, W) -> the same, larger"""

    axes = 3


class ReflectionPad1d(_Pad):
    """The elements inside the edge, mirrored, around it.  (N, C, L) or (C, L) -> the same, longer"""

    axes = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """The elements inside the edge, mirrored, around it.  (N, C, H, W) or (C, H, W) -> the same, larger

    padding is one number, or (left, right, top, bottom).

    >>> nn.ReflectionPad2d((1, 1, 0, 0))(flambeau.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[2., 1., 2., 3., 2.]]])
    """

    axes = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """The elements inside the edge, mirrored, around it.  (N, C, D, H, W) or (C, D, H, W) -> the same, larger"""

    axes = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """The elements at the edge, repeated.  (N, C, L) or (C, L) -> the same, longer"""

    axes = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """The elements at the edge, repeated.  (N, C, H, W) or (C, H, W) -> the same, larger"""

    axes = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """The elements at the edge, repeated.  (N, C, D, H, W) or (C, D, H, W) -> the same, larger"""

    axes = 3
    mode = "replicate"


class CircularPad1d(_CircularPad):
    """The elements at the other edge, as if the axis were a circle.  (N, C, L) or (C, L) -> the same, longer"""

    axes = 1


class CircularPad2d(_CircularPad):
    """The elements at the other edge, as if the axis were a circle.  (N, C, H, W) or (C, H, W) -> the same, larger"""

    axes = 2


class CircularPad3d(_CircularPad):
    """The elements at the other edge, as if the axis were a circle.  (N, C, D, H, W) or (C, D, H, W) -> the same, larger"""

    axes = 3
