"""Changing the resolution of images."""

from __future__ import annotations

import warnings
from math import floor
from typing import Any

import numpy as np

import flambeau

from ...casting import listed
from ...tensor import Tensor
from .grid import cubic_weights
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .precision import rounded_once

__all__ = [
    "channel_shuffle", "interpolate", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "upsample", "upsample_bilinear",
    "upsample_nearest",
]  # fmt: skip

_SMOOTH = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


@listed
@rounded_once
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resample the spatial axes to `size`, or by `scale_factor`.  (N, C, *S) -> (N, C, *size)

    mode: "nearest", "nearest-exact" (rounds at the middle), "linear" (N, C, L), "bilinear" (N, C, H, W), "trilinear", or "area"
    (the mean of what a new element covers). align_corners keeps the outermost elements in place, in the linear modes.

    >>> F.interpolate(flambeau.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    if input.dim() not in (3, 4, 5):
        raise NotImplementedError(f"interpolate: Got {input.dim()}D input, expected (N, C, L), (N, C, H, W) or (N, C, D, H, W)")
    axes = input.dim() - 2
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not supported")
    if align_corners is not None and mode not in _SMOOTH:
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear")
    if mode not in ("nearest", "nearest-exact", "area", *_SMOOTH):
        modes = "nearest, nearest-exact, area, linear, bilinear, bicubic and trilinear"
        raise NotImplementedError(f"interpolate: unknown mode {mode!r}; there are {modes}")
    if _SMOOTH.get(mode, axes) != axes:
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {_SMOOTH[mode] + 2}D input")
    sizes, scales = _target(input, size, scale_factor, axes, bool(recompute_scale_factor))
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[axes - 1](input, sizes)
    for axis in range(axes):
        dim, have = axis + 2, input.shape[axis + 2]
        if mode == "bicubic":
            input = _cubic_axis(input, dim, have, sizes[axis], scales[axis], bool(align_corners))
        elif mode in _SMOOTH:
            input = _linear_axis(input, dim, have, sizes[axis], scales[axis], bool(align_corners))
        else:
            shift = 0.5 if mode == "nearest-exact" else 0.0
            index = [min(floor((i + shift) * scales[axis]), have - 1) for i in range(sizes[axis])]
            input = input.index_select(dim, flambeau.tensor(index, dtype=flambeau.int64, device=input.device))
    return input


def _target(input: Tensor, size: Any, scale_factor: Any, axes: int, recompute: bool) -> tuple[list[int], list[float]]:
    """The new extents, and how many old elements make one new element, for each axis."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{'only one of' if size is not None else 'either'} size or scale_factor should be defined")
    given = size if size is not None else scale_factor
    values = list(given) if isinstance(given, (tuple, list)) else [given] * axes
    if len(values) != axes:
        raise ValueError(
            f"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of "
            f"{list(input.shape[2:])} and {'size' if size is not None else 'scale_factor'} {given!r}"
        )
    have = list(input.shape[2:])
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        sizes, scales = [int(v) for v in values], [h / v if v else 0.0 for h, v in zip(have, values, strict=True)]
    else:
        sizes = [floor(h * v) for h, v in zip(have, values, strict=True)]
        scales = [h / s if recompute and s else 1.0 / v for h, s, v in zip(have, sizes, values, strict=True)]
    if any(s <= 0 for s in sizes):
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got input (N, C, {have}) and output {sizes}")
    return sizes, scales


def _linear_axis(input: Tensor, dim: int, have: int, want: int, scale: float, align_corners: bool) -> Tensor:
    if align_corners:
        places = [i * (have - 1) / (want - 1) if want > 1 else 0.0 for i in range(want)]
    else:
        places = [max((i + 0.5) * scale - 0.5, 0.0) for i in range(want)]
    left = [min(int(p), have - 1) for p in places]
    right = [min(i + 1, have - 1) for i in left]
    share = flambeau.tensor([p - i for p, i in zip(places, left, strict=True)], dtype=input.dtype, device=input.device)
    share = share.reshape(-1, *[1] * (input.dim() - 1 - dim))

    def at(index: list[int]) -> Tensor:
        return input.index_select(dim, flambeau.tensor(index, dtype=flambeau.int64, device=input.device))

    return at(left) * (1 - share) + at(right) * share


def _cubic_axis(input: Tensor, dim: int, have: int, want: int, scale: float, align_corners: bool) -> Tensor:
    """Four elements around each place; those beyond the edge are the edge's."""
    if align_corners:
        places = np.arange(want) * ((have - 1) / (want - 1) if want > 1 else 0.0)
    else:
        places = (np.arange(want) + 0.5) * scale - 0.5
    floor = np.floor(places)
    shape = (-1, *[1] * (input.dim() - 1 - dim))
    result: Any = 0.0
    for step, share in zip((-1, 0, 1, 2), cubic_weights(flambeau.from_numpy(places - floor)), strict=True):
        index = flambeau.from_numpy(np.clip(floor + step, 0, have - 1).astype(np.int64)).to(input.device)
        result = result + input.index_select(dim, index) * share.to(input.device, input.dtype).reshape(shape)
    return result


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """`interpolate` by its older name.  (N, C, *S) -> (N, C, *size)"""
    _older("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode "nearest".  (N, C, *S) -> (N, C, *size)"""
    _older("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode "bilinear" and the corners kept.  (N, C, H, W) -> (N, C, *size)"""
    _older("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)


def _older(name: str) -> None:
    warnings.warn(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", UserWarning, stacklevel=3)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels become finer pixels.  (*, C r², H, W) -> (*, C, H r, W r)"""
    r = upscale_factor
    if input.dim() < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, got shape {tuple(input.shape)}")
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but got {c} channels for factor {r}"
        )
    n = len(lead)
    split = input.reshape(*lead, c // (r * r), r, r, h, w)  # (*, C, r, r, H, W)
    return split.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2).reshape(*lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Blocks of pixels become channels.  (*, C, H r, W r) -> (*, C r², H, W)"""
    r = downscale_factor
    if input.dim() < 3:
        raise RuntimeError(f"pixel_unshuffle expects input to have at least 3 dimensions, got shape {tuple(input.shape)}")
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError(f"pixel_unshuffle expects height and width divisible by downscale_factor, but got ({h}, {w}) for factor {r}")
    n = len(lead)
    split = input.reshape(*lead, c, h // r, r, w // r, r)  # (*, C, H, r, W, r)
    return split.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3).reshape(*lead, c * r * r, h // r, w // r)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels of `groups` blocks dealt out in turn.  (N, C, *) -> (N, C, *)

    >>> F.channel_shuffle(flambeau.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if input.dim() < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0 or input.shape[1] % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups.")
    split = input.reshape(input.shape[0], groups, input.shape[1] // groups, *input.shape[2:])
    return split.transpose(1, 2).reshape(input.shape)


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """`channel_shuffle` by its other name.  (N, C, *) -> (N, C, *)"""
    return channel_shuffle(input, groups)
