"""Convolutions over one, two and three spatial axes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...casting import state as autocast
from ...dispatch import run
from ...ops.window import conv
from ...tensor import Tensor
from .padding import pad
from .sizes import ints

__all__ = ["conv1d", "conv2d", "conv3d", "conv_tbc"]

_AXES = {1: "L", 2: "H, W", 3: "D, H, W"}


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Cross-correlation along one axis.  (N, C, L) or (C, L), (out, C/groups, K), (out) -> (N, out, L')

    `padding` is a number of zeros on both sides, "valid" for none, or "same" for as many as keep L.
    Raises RuntimeError when the shapes do not fit.
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Cross-correlation of images.  (N, C, H, W) or (C, H, W), (out, C/groups, kH, kW), (out) -> (N, out, H', W')

    H' = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1, and so W'. `padding` may be "valid" or "same".
    Raises RuntimeError when the shapes do not fit.

    >>> F.conv2d(flambeau.ones(1, 1, 3, 3), flambeau.ones(1, 1, 2, 2)).squeeze()
    tensor([[4., 4.],
            [4., 4.]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Cross-correlation of volumes.  (N, C, D, H, W) or (C, D, H, W), (out, C/groups, kD, kH, kW), (out) -> (N, out, D', H', W')"""
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Cross-correlation along the first axis, channels last.  (T, B, C), (K, C, out), (out) -> (T', B, out)"""
    if input.dim() != 3 or weight.dim() != 3 or bias.dim() != 1:
        raise RuntimeError(f"conv_tbc: expected input (T, B, C), weight (K, C, out) and bias (out), got {tuple(input.shape)}, "
                           f"{tuple(weight.shape)} and {tuple(bias.shape)}")
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)


def _conv(axes: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    if (input.dtype is not weight.dtype or bias is not None and bias.dtype is not weight.dtype) and not autocast.active:
        found = ", ".join(str(t.dtype) for t in (input, weight, bias) if t is not None)
        raise RuntimeError(f"conv{axes}d: Input type, weight type and bias type should be the same, got {found}: convert one with .to()")
    if type(stride) is type(padding) is type(dilation) is type(groups) is int and input.ndim == axes + 2:
        attrs = _attrs(axes, stride, padding, dilation, groups)
        _checked(axes, input.shape, weight.shape, None if bias is None else bias.shape, groups)
        return run(conv.card, (input, weight, bias), attrs)
    stride, dilation = ints(stride, axes, "stride"), ints(dilation, axes, "dilation")
    batched = input.dim() == axes + 2
    if not batched and input.dim() == axes + 1:
        input = input.unsqueeze(0)
    check_conv(axes, tuple(input.shape), tuple(weight.shape), None if bias is None else tuple(bias.shape), groups)
    if isinstance(padding, str):
        input, padding = _named_padding(padding, input, weight, stride, dilation)
    else:
        padding = ints(padding, axes, "padding")
    result = conv(input, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return result if batched else result.squeeze(0)


@lru_cache(256)
def _attrs(axes: int, stride: int, padding: int, dilation: int, groups: int) -> dict[str, Any]:
    return {"stride": (stride,) * axes, "padding": (padding,) * axes, "dilation": (dilation,) * axes, "groups": groups}


@lru_cache(512)
def _checked(axes: int, x: Any, w: Any, b: Any, groups: int) -> None:
    check_conv(axes, tuple(x), tuple(w), None if b is None else tuple(b), groups)


def _named_padding(name: str, input: Tensor, weight: Tensor, stride: Any, dilation: Any) -> tuple[Tensor, tuple[int, ...]]:
    if name == "valid":
        return input, (0,) * len(stride)
    if name != "same":
        raise RuntimeError(f"Invalid padding string: {name!r}, expected 'valid' or 'same'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    # an odd total has one zero more on the right: the input gets it first, the rest is symmetric
    if any(t % 2 for t in total):
        input = pad(input, [side for t in reversed(total) for side in (0, t % 2)])
    return input, tuple(t // 2 for t in total)


def check_conv(axes: int, x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None, groups: int) -> None:
    """Raise RuntimeError, with the shapes that were expected, when these do not make a convolution."""
    kernel = ", ".join(f"k{axis}" for axis in _AXES[axes].split(", "))
    if len(w) != axes + 2:
        raise RuntimeError(f"conv{axes}d: expected weight of shape (out, in/groups, {kernel}), got {w}")
    if len(x) != axes + 2:
        raise RuntimeError(
            f"Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to conv{axes}d, but got input of size: {list(x)}"
        )
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported: got groups={groups}")
    if w[0] < groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
                           f"{list(w)} instead")
    if 0 in w[2:]:
        raise RuntimeError(f"kernel size should be greater than zero, but got weight of size {list(w)}")
    if w[0] % groups:
        raise RuntimeError(f"conv{axes}d: expected groups to divide the {w[0]} output channels, got groups={groups}")
    if x[1] != w[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(w)}, expected input{list(x)} to have {w[1] * groups} channels, "
            f"but got {x[1]} channels instead"
        )
    if b is not None and b != (w[0],):
        raise RuntimeError(
            f"Given weight of size {list(w)}, expected bias to be 1-dimensional with {w[0]} elements, "
            f"but got bias of size {list(b)} instead"
        )
