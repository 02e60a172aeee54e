"""Resizing a tensor image is two matrix products: one mixes rows, one mixes columns."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache

import numpy as np
from PIL import Image

import flambeau
from flambeau import Tensor


class InterpolationMode(Enum):
    """How new pixels come from old ones. Tensors take the first four; Pillow images all but NEAREST_EXACT's own name."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


PIL_FILTERS = {
    InterpolationMode.NEAREST: Image.Resampling.NEAREST,
    InterpolationMode.NEAREST_EXACT: Image.Resampling.NEAREST,
    InterpolationMode.BILINEAR: Image.Resampling.BILINEAR,
    InterpolationMode.BICUBIC: Image.Resampling.BICUBIC,
    InterpolationMode.BOX: Image.Resampling.BOX,
    InterpolationMode.HAMMING: Image.Resampling.HAMMING,
    InterpolationMode.LANCZOS: Image.Resampling.LANCZOS,
}
PIL_CODES = {int(code): mode for mode, code in PIL_FILTERS.items() if mode is not InterpolationMode.NEAREST_EXACT}


def interpolation_mode(mode: InterpolationMode | int) -> InterpolationMode:
    """The mode itself, or the one that a Pillow constant stands for."""
    if isinstance(mode, InterpolationMode): return mode
    if isinstance(mode, int) and int(mode) in PIL_CODES: return PIL_CODES[int(mode)]
    raise TypeError(f"interpolation should be an InterpolationMode or a Pillow constant, got {mode!r}")


def resample(image: Tensor, size: tuple[int, int], mode: InterpolationMode, antialias: bool) -> Tensor:
    """The image at another size, differentiable.  (*, h, w) -> (*, *size)"""
    h, w = image.shape[-2:]
    if mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        rows, columns = (flambeau.from_numpy(nearest(old, new, mode)) for old, new in zip((h, w), size))
        return image.index_select(-2, rows).index_select(-1, columns)
    if mode.value not in FILTERS:
        raise NotImplementedError(f"expected nearest, nearest-exact, bilinear or bicubic for a tensor, got {mode.value}; pass a PIL image")
    dtype = image.dtype if image.dtype in (flambeau.float32, flambeau.float64) else flambeau.float32
    rows, columns = (flambeau.from_numpy(weights(old, new, mode.value, antialias)).to(dtype) for old, new in zip((h, w), size))
    resized = rows.to(image.device) @ (image.to(dtype) @ columns.to(image.device).mT)  # (H, h) @ ((*, h, w) @ (w, W))
    if image.is_floating_point(): return resized.to(image.dtype)
    if mode is InterpolationMode.BICUBIC and image.dtype == flambeau.uint8: resized = resized.clamp(0, 255)  # it overshoots
    return resized.round().to(image.dtype)


def nearest(old: int, new: int, mode: InterpolationMode) -> np.ndarray:
    """Which old pixel each new one shows.  -> int64 (new,)"""
    shift = 0.5 if mode is InterpolationMode.NEAREST_EXACT else 0.0
    position = (np.arange(new, dtype=np.float32) + np.float32(shift)) * np.float32(old / new)
    return np.minimum(position.astype(np.int64), old - 1)


def triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def cubic(a: float) -> Callable[[np.ndarray], np.ndarray]:
    """Keys's cubic convolution kernel."""

    def kernel(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        return np.where(x < 1, ((a + 2) * x - (a + 3)) * x * x + 1, np.where(x < 2, (((x - 5) * x + 8) * x - 4) * a, 0))

    return kernel


# (reach in pixels, kernel with antialias as Pillow has it, kernel without)
FILTERS = {"bilinear": (1, triangle, triangle), "bicubic": (2, cubic(-0.5), cubic(-0.75))}


@lru_cache(maxsize=64)
def weights(old: int, new: int, name: str, antialias: bool) -> np.ndarray:
    """How much of each old pixel goes into each new one; rows sum to one.  -> float64 (new, old)

    With antialias the kernel is widened by the factor of shrinking, so that every old pixel counts.
    """
    reach, smooth, sharp = FILTERS[name]
    scale = old / new
    center = (np.arange(new)[:, None] + 0.5) * scale  # (new, 1), in old pixels from the edge
    if antialias:
        width = max(scale, 1.0)
        first, last = np.floor(center - reach * width + 0.5), np.floor(center + reach * width + 0.5)
        pixel = np.arange(old)
        matrix = np.where((pixel >= first) & (pixel < last), smooth((pixel + 0.5 - center) / width), 0.0)
        return matrix / matrix.sum(1, keepdims=True)
    base = np.floor(center - 0.5).astype(np.int64)
    pixel = base + np.arange(1 - reach, 1 + reach)  # (new, 2·reach)
    matrix = np.zeros((new, old))
    # beyond the edge the last pixel goes on
    np.add.at(matrix, (np.arange(new)[:, None], pixel.clip(0, old - 1)), sharp(center - 0.5 - pixel))
    return matrix
