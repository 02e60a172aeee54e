"""Transposed convolution layers, and the lazy ones."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .conv import _Conv
from .functional.sizes import ints
from .lazy import LazyConvMixin

__all__ = [
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]


class _ConvTranspose(_Conv):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}, got {padding_mode!r}')
        if isinstance(padding, str):
            raise TypeError(f"padding of {type(self).__name__} must be numbers, got {padding!r}")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype)
        self.output_padding = ints(output_padding, self.axes, "output_padding")

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.axes - 1]
        extra = self.output_padding if output_size is None else self._output_padding(input, list(output_size))
        return convolve(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _output_padding(self, input: Tensor, size: list[int]) -> tuple[int, ...]:
        """What must be added to the least size for the result to be of this size."""
        n = self.axes
        lead = input.dim() - n
        if len(size) == lead + n:
            size = size[lead:]
        if len(size) != n:
            raise ValueError(
                f"{type(self).__name__}: for {input.dim()}D input, output_size must have {n} or {lead + n} elements (got {len(size)})"
            )
        geometry = zip(input.shape[lead:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(have - 1) * s - 2 * p + d * (k - 1) + 1 for have, s, p, d, k in geometry]
        most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
        if any(not low <= want <= high for low, want, high in zip(least, size, most, strict=True)):
            raise ValueError(
                f"requested an output size of {size}, but valid sizes range from {least} to {most} (for an input of {input.shape[lead:]})"
            )
        return tuple(want - low for want, low in zip(size, least, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """Each place adds its multiple of the kernel: the gradient of Conv1d.  (N, C, L) or (C, L) -> (N, out, L')

    Arguments as for ConvTranspose2d; each of them is one number.
    """

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """Each pixel adds its multiple of the kernel: the gradient of Conv2d.  (N, C, H, W) or (C, H, W) -> (N, out, H', W')

    H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1, and so W'; the call's output_size gives it instead.
    weight (C, out/groups, kH, kW) and bias start uniform in ±1/√(out/groups · kH · kW).

    >>> nn.ConvTranspose2d(16, 8, 3, stride=2)(flambeau.zeros(1, 16, 5, 5), output_size=(12, 12)).shape
    flambeau.Size([1, 8, 12, 12])
    """

    axes = 2


class ConvTranspose3d(_ConvTranspose):
    """Each voxel adds its multiple of the kernel: the gradient of Conv3d.  (N, C, D, H, W) or (C, D, H, W) -> (N, out, D', H', W')"""

    axes = 3


class _LazyConvTranspose(LazyConvMixin):
    transposed = True


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """ConvTranspose1d whose in_channels are those of its first input.  (N, C, L) or (C, L) -> (N, out, L')"""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """ConvTranspose2d whose in_channels are those of its first input.  (N, C, H, W) or (C, H, W) -> (N, out, H', W')"""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """ConvTranspose3d whose in_channels are those of its first input.  (N, C, D, H, W) or (C, D, H, W) -> (N, out, D', H', W')"""

    cls_to_become = ConvTranspose3d
