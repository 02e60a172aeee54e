"""Changing the resolution of images."""

from __future__ import annotations

import warnings
from math import floor
from typing import Any

import numpy as np

import flambeau

from ...casting import listed
from ...ops.outs import word
from ...tensor import Tensor
from .grid import cubic_weights
from .order import keeps_order
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .precision import rounded_once

__all__ = [
    "channel_shuffle", "interpolate", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "upsample", "upsample_bilinear",
    "upsample_nearest",
]  # fmt: skip

_SMOOTH = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


@listed
@keeps_order
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
    antialias, for "bilinear" and "bicubic": where the image shrinks, the filter is as much wider, so that every old pixel counts.

    >>> F.interpolate(flambeau.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    if input.dim() not in (3, 4, 5):
        raise NotImplementedError(f"interpolate: Got {input.dim()}D input, expected (N, C, L), (N, C, H, W) or (N, C, D, H, W)")
    axes = input.dim() - 2
    if antialias and not (axes == 2 and mode in _FILTERS):
        raise ValueError("Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input")
    if align_corners is not None and mode not in _SMOOTH:
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear")
    if mode not in ("nearest", "nearest-exact", "area", *_SMOOTH):
        modes = "nearest, nearest-exact, area, linear, bilinear, bicubic and trilinear"
        raise NotImplementedError(f"interpolate: unknown mode {mode!r}; there are {modes}")
    if _SMOOTH.get(mode, axes) != axes:
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {_SMOOTH[mode] + 2}D input")
    if not input.is_floating_point() and not (input.dtype is flambeau.uint8 and ("nearest" in mode or mode in _FILTERS)):
        raise NotImplementedError(f'"interpolate_{mode}" not implemented for {word(input.dtype)!r}: convert the input with .float()')
    sizes, scales = _target(input, size, scale_factor, axes, bool(recompute_scale_factor))
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[axes - 1](input, sizes)
    if input.dtype is flambeau.uint8 and mode in _SMOOTH:  # in between the bytes, then to the nearest one; wide filters do so for each axis
        x = input.float()
        for axis in reversed(range(axes)):
            x = _resampled(x, axis + 2, sizes[axis], scales[axis], mode, bool(align_corners), antialias)
            x = x.round().clamp(0, 255) if antialias or mode == "bicubic" or not axis else x
        return x.to(flambeau.uint8)
    for axis in range(axes):
        input = _resampled(input, axis + 2, sizes[axis], scales[axis], mode, bool(align_corners), antialias)
    return input


def _resampled(input: Tensor, dim: int, want: int, scale: float, mode: str, align_corners: bool, antialias: bool) -> Tensor:
    have = input.shape[dim]
    if antialias:
        kind: Any = np.float64 if input.dtype is flambeau.float64 else np.float32
        weights = flambeau.from_numpy(_filter_weights(have, want, kind(scale), mode, align_corners))
        weights = weights.to(device=input.device, dtype=input.dtype)
        return (input.transpose(dim, -1) @ weights.mT).transpose(dim, -1).contiguous()
    if mode == "bicubic":
        return _cubic_axis(input, dim, have, want, scale, align_corners)
    if mode in _SMOOTH:
        return _linear_axis(input, dim, have, want, scale, align_corners)
    shift = 0.5 if mode == "nearest-exact" else 0.0
    index = [min(floor((i + shift) * scale), have - 1) for i in range(want)]
    return input.index_select(dim, flambeau.tensor(index, dtype=flambeau.int64, device=input.device))


def _triangle(x: Any) -> Any:
    return np.maximum(1.0 - abs(x), 0.0)


def _cubic(x: Any, a: float = -0.5) -> Any:
    x = abs(x)
    return np.where(x < 1, ((a + 2) * x - (a + 3)) * x * x + 1, np.where(x < 2, (((x - 5) * x + 8) * x - 4) * a, 0.0))


_FILTERS: dict[str, Any] = {"bilinear": (1, _triangle), "bicubic": (2, _cubic)}  # (reach in old pixels, filter)


def _filter_weights(have: int, want: int, scale: Any, mode: str, align_corners: bool) -> Any:
    """What each old element counts in each new one: (want, have). Centres are counted in the precision of scale, as PyTorch counts."""
    kind = type(scale)
    if align_corners:
        scale = kind(have - 1) / kind(want - 1) if want > 1 else kind(0)
    reach, of = _FILTERS[mode]
    wide = max(float(scale), 1.0)
    centre = scale * (np.arange(want, dtype=kind)[:, None] + kind(0.5))
    low = np.maximum((centre - reach * wide + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + reach * wide + 0.5).astype(np.int64), have)
    places = np.arange(have)
    weights = np.where((places >= low) & (places < high), of((places - centre + 0.5) / wide), 0.0)
    total = weights.sum(1, keepdims=True)
    return weights / np.where(total, total, 1.0)


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
        if not all(isinstance(v, int | Tensor | np.integer) for v in values):
            raise TypeError("expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got size with "
                            f"types {[type(v) for v in values]}")
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
    places = np.maximum(_places(input, have, want, scale, align_corners), 0)
    left = np.minimum(places.astype(np.int64), have - 1)
    share = flambeau.from_numpy(places - left).to(device=input.device, dtype=input.dtype).reshape(-1, *[1] * (input.dim() - 1 - dim))

    def at(index: Any) -> Tensor:
        return input.index_select(dim, flambeau.from_numpy(index).to(input.device))

    return at(left) * (1 - share) + at(np.minimum(left + 1, have - 1)) * share


def _places(input: Tensor, have: int, want: int, scale: float, align_corners: bool) -> Any:
    """Where the new elements lie among the old ones, counted in input's precision (of halves in float32), as PyTorch counts."""
    kind: Any = np.float64 if input.dtype is flambeau.float64 else np.float32
    index = np.arange(want, dtype=kind)
    if align_corners:
        return index * (kind(have - 1) / kind(want - 1) if want > 1 else kind(0))
    return ((index + 0.5).astype(np.float64) * kind(scale) - 0.5).astype(kind)  # product and difference in one rounding


def _cubic_axis(input: Tensor, dim: int, have: int, want: int, scale: float, align_corners: bool) -> Tensor:
    """Four elements around each place; those beyond the edge are the edge's."""
    places = _places(input, have, want, scale, align_corners)
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


@keeps_order
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


@keeps_order
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


@keeps_order
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
