"""Pooling layers."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .functional.sizes import ints
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]


class _MaxPool(Module):
    axes: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.axes - 1]
        return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest of each window; stride defaults to kernel_size.  (N, C, L) or (C, L) -> (N, C, L')"""

    axes = 1


class MaxPool2d(_MaxPool):
    """The largest of each window; stride defaults to kernel_size.  (N, C, H, W) or (C, H, W) -> (N, C, H', W')

    H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, and so W'; ceil_mode rounds up instead. The padding never wins.

    >>> nn.MaxPool2d(2)(flambeau.zeros(1, 16, 28, 28)).shape
    flambeau.Size([1, 16, 14, 14])
    """

    axes = 2


class MaxPool3d(_MaxPool):
    """The largest of each window; stride defaults to kernel_size.  (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')"""

    axes = 3


class AvgPool1d(Module):
    """The mean of each window; stride defaults to kernel_size.  (N, C, L) or (C, L) -> (N, C, L')"""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.kernel_size = ints(kernel_size, 1, "kernel_size")
        self.stride = self.kernel_size if stride is None else ints(stride, 1, "stride")
        self.padding = ints(padding, 1, "padding")
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    axes: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        pool = F.avg_pool2d if self.axes == 2 else F.avg_pool3d
        return pool(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The mean of each window; stride defaults to kernel_size.  (N, C, H, W) or (C, H, W) -> (N, C, H', W')

    The padding's zeros count, unless count_include_pad is False; divisor_override divides the sums by another number.
    """

    axes = 2


class AvgPool3d(_AvgPool):
    """The mean of each window; stride defaults to kernel_size.  (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')"""

    axes = 3


class _LPPool(Module):
    axes: int

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        pool = (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[self.axes - 1]
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, ceil_mode={self.ceil_mode}"


class LPPool1d(_LPPool):
    """The norm of each window: (Σ x^p)^(1/p).  (N, C, L) or (C, L) -> (N, C, L')"""

    axes = 1


class LPPool2d(_LPPool):
    """The norm of each window: (Σ x^p)^(1/p).  (N, C, H, W) or (C, H, W) -> (N, C, H', W')"""

    axes = 2


class _AdaptiveAvgPool(Module):
    axes: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        pool = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[self.axes - 1]
        return pool(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of output_size windows that cover the axis evenly.  (N, C, L) or (C, L) -> (N, C, output_size)"""

    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of windows that cover the image evenly, as many as asked for.  (N, C, H, W) or (C, H, W) -> (N, C, *output_size)

    output_size is one number or one for each of H and W; None keeps an extent.

    >>> nn.AdaptiveAvgPool2d((5, None))(flambeau.zeros(1, 64, 8, 9)).shape
    flambeau.Size([1, 64, 5, 9])
    """

    axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means of windows that cover the volume evenly, as many as asked for.  (N, C, D, H, W) -> (N, C, *output_size)"""

    axes = 3


class _AdaptiveMaxPool(Module):
    axes: int

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        pool = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[self.axes - 1]
        return pool(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest of output_size windows that cover the axis evenly.  (N, C, L) or (C, L) -> (N, C, output_size)"""

    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest of windows that cover the image evenly, as many as asked for.  (N, C, H, W) -> (N, C, *output_size)"""

    axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest of windows that cover the volume evenly, as many as asked for.  (N, C, D, H, W) -> (N, C, *output_size)"""

    axes = 3
