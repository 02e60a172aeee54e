"""Patches of images as columns (`unfold`), and columns added up into images (`fold`)."""

from __future__ import annotations

from math import prod
from typing import Any

import flambeau

from ...casting import listed
from ...dispatch import run
from ...op import CARDS
from ...tensor import Tensor
from .sizes import ints

__all__ = ["fold", "unfold"]


def _attrs(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[tuple[int, ...], ...]:
    kernel, stride = ints(kernel_size, 2, "kernel_size"), ints(stride, 2, "stride")
    dilation, padding = ints(dilation, 2, "dilation"), ints(padding, 2, "padding")
    for word, values, least in (("kernel size", kernel, 1), ("stride", stride, 1), ("dilation", dilation, 1), ("padding", padding, 0)):
        if min(values) < least:
            raise RuntimeError(f"{name}: {word} should be {'non-negative' if least == 0 else 'greater than zero'}, but got {values}")
    return kernel, stride, padding, dilation


def _counts(size, kernel, stride, padding, dilation) -> list[int]:
    """How many patches there are along each axis."""
    return [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)]


def _one_hot(channels: int, kernel, like: Tensor) -> Tensor:
    """Weights of a convolution that picks each element of a patch.  -> (channels · k, 1, *kernel)"""
    k = prod(kernel)
    return flambeau.eye(k, dtype=like.dtype, device=like.device).reshape(k, 1, *kernel).repeat(channels, 1, 1, 1)


@listed
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The patches under a sliding window, a column each.  (N, C, H, W) or (C, H, W) -> (N, C · kH · kW, patches)

    >>> F.unfold(flambeau.arange(9.0).reshape(1, 1, 3, 3), 2).shape
    flambeau.Size([1, 4, 4])
    """
    kernel, stride, padding, dilation = _attrs("unfold", kernel_size, dilation, padding, stride)
    batched = input.dim() == 4
    if not batched and input.dim() != 3 or any(n == 0 for n in input.shape[-3:]):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: "
            f"{list(input.shape)}"
        )
    x = input if batched else input.unsqueeze(0)
    counts = _counts(x.shape[2:], kernel, stride, padding, dilation)
    if min(counts) <= 0:
        raise RuntimeError(
            f"Given input with spatial size {tuple(x.shape[2:])}, kernel_size={kernel}, dilation={dilation}, padding={padding}, calculated "
            f"shape of the array of sliding blocks as {tuple(counts)}, but its components must be at least one."
        )
    channels = x.shape[1]
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": channels}
    columns = run(CARDS["conv"], (x, _one_hot(channels, kernel, x), None), attrs)
    columns = columns.reshape(x.shape[0], channels * prod(kernel), prod(counts)).contiguous()
    return columns if batched else columns.squeeze(0)


@listed
def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Patches added up where they lay; overlaps sum.  (N, C · kH · kW, patches) or without N -> (N, C, *output_size)

    >>> F.fold(flambeau.ones(1, 4, 4), (3, 3), 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    size = ints(output_size, 2, "output_size")
    kernel, stride, padding, dilation = _attrs("fold", kernel_size, dilation, padding, stride)
    batched = input.dim() == 3
    if not batched and input.dim() != 2 or any(n == 0 for n in input.shape[-2:]):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: "
            f"{list(input.shape)}"
        )
    x = input if batched else input.unsqueeze(0)
    if x.shape[1] % prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={x.shape[1]} and kernel_size={kernel}."
        )
    counts = _counts(size, kernel, stride, padding, dilation)
    if min(counts) <= 0:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, calculated shape of "
            f"the array of sliding blocks as {tuple(counts)}, but its components must be at least one."
        )
    if x.shape[2] != prod(counts):
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, expected size of "
            f"input's dimension 2 to match the calculated number of sliding blocks {' * '.join(map(str, counts))} = {prod(counts)}, but "
            f"got input.size(2)={x.shape[2]}."
        )
    channels = x.shape[1] // prod(kernel)
    attrs = {"shape": (x.shape[0], channels, *size), "stride": stride, "padding": padding, "dilation": dilation, "groups": channels}
    image = run(CARDS["conv_input"], (x.reshape(x.shape[0], -1, *counts), _one_hot(channels, kernel, x)), attrs)
    return image if batched else image.squeeze(0)
