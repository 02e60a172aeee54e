"""Convolution layers."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import flambeau

from ..tensor import Parameter, Tensor
from . import functional as F
from . import init
from .functional.sizes import ints
from .module import Module

__all__ = ["Conv1d", "Conv2d", "Conv3d"]

_MODES = {"zeros", "reflect", "replicate", "circular"}


class _Conv(Module):
    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        n = self.axes
        if groups <= 0:
            raise ValueError(f"groups must be a positive integer, got {groups}")
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, got in_channels={in_channels} and groups={groups}")
        if out_channels % groups:
            raise ValueError(f"out_channels must be divisible by groups, got out_channels={out_channels} and groups={groups}")
        if padding_mode not in _MODES:
            raise ValueError(f"padding_mode must be one of {sorted(_MODES)}, but got padding_mode={padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ints(kernel_size, n, "kernel_size")
        self.stride = ints(stride, n, "stride")
        self.padding: Any = padding if isinstance(padding, str) else ints(padding, n, "padding")
        self.dilation = ints(dilation, n, "dilation")
        self.groups = groups
        self.padding_mode = padding_mode
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'valid', 'same'")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        self._edges = self._edge_sizes()
        self.weight = Parameter(flambeau.empty(self._weight_shape(), device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(flambeau.empty(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def _edge_sizes(self) -> list[int]:
        """What `pad` must add when the edges are not zeros: before and after, last axis first."""
        if self.padding == "valid":
            return [0] * (2 * self.axes)
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return [side for t in reversed(total) for side in (t // 2, t - t // 2)]
        return [side for p in reversed(self.padding) for side in (p, p)]

    def reset_parameters(self) -> None:
        """Draw new weights."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        if self.bias is not None:
            fan_in = self.weight.shape[1] * prod(self.kernel_size)
            if fan_in:
                init.uniform_(self.bias, -1 / sqrt(fan_in), 1 / sqrt(fan_in))

    def forward(self, input: Tensor) -> Tensor:
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.axes - 1]
        if self.padding_mode == "zeros":
            return convolve(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        edged = F.pad(input, self._edges, self.padding_mode)
        return convolve(edged, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        n = self.axes
        if self.padding != (0,) * n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            text += f", dilation={self.dilation}"
        if getattr(self, "output_padding", (0,) * n) != (0,) * n:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else text + f", padding_mode={self.padding_mode}"


class Conv1d(_Conv):
    """Cross-correlation along one axis.  (N, C, L) or (C, L) -> (N, out, L')

    Arguments as for Conv2d; each of kernel_size, stride, padding and dilation is one number.
    """

    axes = 1


class Conv2d(_Conv):
    """Cross-correlation of images.  (N, C, H, W) or (C, H, W) -> (N, out, H', W')

    H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, and so W'. kernel_size, stride, padding and dilation are
    one number or one for each of H and W; padding may be "same" or "valid"; padding_mode says what lies beyond the edge.
    `groups` splits the channels: each output channel sees the inputs of its own group. weight (out, in/groups, kH, kW) and bias
    start uniform in ±1/√(in/groups · kH · kW).

    >>> nn.Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2))(flambeau.zeros(2, 16, 50, 10)).shape
    flambeau.Size([2, 33, 28, 10])
    """

    axes = 2


class Conv3d(_Conv):
    """Cross-correlation of volumes.  (N, C, D, H, W) or (C, D, H, W) -> (N, out, D', H', W')

    Arguments as for Conv2d, with one number more where there is one an axis.
    """

    axes = 3
