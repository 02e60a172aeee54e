"""Pooling at random places and its inverse, patches, and norms across channels."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .functional.sizes import ints
from .module import Module
from .pooling import _LPPool

__all__ = [
    "ChannelShuffle",
    "CrossMapLRN2d",
    "Fold",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Unfold",
]


class LPPool3d(_LPPool):
    """The norm of each window: (Σ x^p)^(1/p).  (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')"""

    axes = 3


class _MaxUnpool(Module):
    axes: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = ints(kernel_size, self.axes, "kernel_size")
        self.stride = self.kernel_size if stride is None else ints(stride, self.axes, "stride")
        self.padding = ints(padding, self.axes, "padding")

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self.axes - 1]
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros with each value at the place that MaxPool1d(return_indices=True) told.  (N, C, L) or (C, L) -> (N, C, L')"""

    axes = 1


class MaxUnpool2d(_MaxUnpool):
    """Zeros with each value at the place that MaxPool2d(return_indices=True) told.  (N, C, H, W) or (C, H, W) -> (N, C, H', W')

    >>> x = flambeau.arange(16.0).reshape(1, 1, 4, 4)
    >>> nn.MaxUnpool2d(2)(*nn.MaxPool2d(2, return_indices=True)(x)).sum() == 5 + 7 + 13 + 15
    tensor(True)
    """

    axes = 2


class MaxUnpool3d(_MaxUnpool):
    """Zeros with each value at the place that MaxPool3d(return_indices=True) told.  (N, C, D, H, W) -> (N, C, D', H', W')"""

    axes = 3


class _FractionalMaxPool(Module):
    axes: int

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False, _random_samples: Any = None
    ) -> None:
        super().__init__()
        n, name = self.axes, type(self).__name__
        if (not isinstance(kernel_size, int) and any(k <= 0 for k in kernel_size)) or (isinstance(kernel_size, int) and kernel_size <= 0):
            raise ValueError(f"kernel_size must greater than zero, but got {kernel_size}")
        self.kernel_size = ints(kernel_size, n, "kernel_size")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else ints(output_size, n, "output_size")
        self.output_ratio = (output_ratio,) * n if isinstance(output_ratio, (int, float)) else output_ratio
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        pool = F.fractional_max_pool2d if self.axes == 2 else F.fractional_max_pool3d
        return pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, _random_samples=self._random_samples
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest of windows at random, nearly even places.  (N, C, H, W) or (C, H, W) -> (N, C, *output_size)

    Give output_size, or output_ratio of the input's size (between 0 and 1). Source: Graham (2014).
    """

    axes = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest of windows at random, nearly even places.  (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size)"""

    axes = 3


class Unfold(Module):
    """The patches under a sliding window, a column each.  (N, C, H, W) or (C, H, W) -> (N, C · kH · kW, patches)"""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Patches added up where they lay; overlaps sum.  (N, C · kH · kW, patches) or without N -> (N, C, *output_size)"""

    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class ChannelShuffle(Module):
    """Channels of `groups` blocks dealt out in turn.  (N, C, *) -> (N, C, *)"""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class CrossMapLRN2d(Module):
    """x / (k + alpha/size Σ x²)^beta, the sum over the neighbouring channels at each pixel.  (N, C, H, W) -> the same

    As LocalResponseNorm, but for an even size: there one channel fewer counts on each side's end.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        reach = int((self.size - 1) / 2 + 1) - 1  # channels on each side
        squares = F.pad(input.square(), (0, 0, 0, 0, reach, reach))
        total = squares.unfold(1, 2 * reach + 1, 1).sum(-1)
        return input * (self.k + self.alpha / self.size * total).pow(-self.beta)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
