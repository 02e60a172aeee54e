"""Transposed convolutions: what a convolution's gradient does to its input, as a layer that makes images larger."""

from __future__ import annotations

from typing import Any

from ...casting import listed
from ...dispatch import run
from ...op import CARDS
from ...tensor import Tensor
from .padding import pad
from .sizes import ints

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


@listed
@listed
def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Each element adds its multiple of the window.  (N, C, L) or (C, L), (C, out/groups, K), (out) -> (N, out, L')

    L' = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@listed
@listed
def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Each pixel adds its multiple of the window.  (N, C, H, W) or (C, H, W), (C, out/groups, kH, kW), (out) -> (N, out, H', W')

    H' = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1, and so W'.

    >>> F.conv_transpose2d(flambeau.ones(1, 1, 1, 2), flambeau.ones(1, 1, 1, 2)).squeeze()
    tensor([1., 2., 1.])
    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@listed
@listed
def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Each voxel adds its multiple of the window.  (N, C, D, H, W) or (C, D, H, W), (C, out/groups, kD, kH, kW), (out) -> (N, out, …)"""
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _conv_transpose(
    axes: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, output_padding: Any, groups: int,
    dilation: Any,
) -> Tensor:  # fmt: skip
    name = f"conv_transpose{axes}d"
    stride, padding, dilation = ints(stride, axes, "stride"), ints(padding, axes, "padding"), ints(dilation, axes, "dilation")
    more = ints(output_padding, axes, "output_padding")
    batched = input.dim() == axes + 2
    if not batched and input.dim() == axes + 1:
        input = input.unsqueeze(0)
    _check(name, axes, input, weight, bias, groups, stride, dilation, padding, more)
    shape = [input.shape[0], weight.shape[1] * groups]
    for n, k, s, p, d, extra in zip(input.shape[2:], weight.shape[2:], stride, padding, dilation, more, strict=True):
        shape.append((n - 1) * s - 2 * p + d * (k - 1) + extra + 1)
    if min(shape[2:]) <= 0:
        raise RuntimeError(
            f"Given input size per channel: ({list(input.shape[2:])}). Calculated output size per channel: ({shape[2:]}). "
            "Output size is too small"
        )
    attrs = {"shape": tuple(shape), "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if any(extra >= s for extra, s in zip(more, stride, strict=True)):  # no convolution loses so much: the whole image, then its part
        whole = [n - extra + 2 * p for n, extra, p in zip(shape[2:], more, padding, strict=True)]
        attrs |= {"shape": (*shape[:2], *whole), "padding": (0,) * axes}
    result = run(CARDS["conv_input"], (input, weight), attrs)
    if attrs["shape"] != tuple(shape):
        result = pad(result, [side for p, extra in zip(reversed(padding), reversed(more)) for side in (-p, extra - p)])
    if bias is not None:
        result = result + bias.reshape(-1, *[1] * axes)
    return result if batched else result.squeeze(0)


def _check(name, axes, input, weight, bias, groups, stride, dilation, padding, more) -> None:
    if input.dim() != axes + 2:
        raise RuntimeError(
            f"Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to {name}, but got input of size: {list(input.shape)}"
        )
    if weight.dim() != axes + 2:
        raise RuntimeError(f"{name}: expected weight of {axes + 2} axes (in, out/groups, *kernel), got {tuple(weight.shape)}")
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"expected input and weight of one dtype, got {input.dtype} and {weight.dtype}")
    if groups <= 0 or min(stride) <= 0 or min(dilation) <= 0 or min(padding) < 0:
        raise RuntimeError(f"{name}: groups, stride and dilation must be positive and padding not negative, got groups={groups}, "
                           f"stride={stride}, dilation={dilation}, padding={padding}")  # fmt: skip
    if input.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(input.shape)} to have {weight.shape[0]} "
            f"channels, a multiple of groups={groups}, but got {input.shape[1]} channels instead"
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[1] * groups,):
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {weight.shape[1] * groups} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )
    if any(extra >= max(s, d) for extra, s, d in zip(more, stride, dilation, strict=True)):
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got output_padding={more}, stride={stride}, "
            f"dilation={dilation}"
        )
