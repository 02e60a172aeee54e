"""Maxima of windows that are no regular grid (adaptive, fractional), and maxima put back where they were found."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

import flambeau

from ...casting import listed
from ...ops.window import pooled
from ...tensor import Tensor
from .order import keeps_order
from .sizes import ints

__all__ = [
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d", "fractional_max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip


# ---- the greatest of windows that begin and end anywhere
def _greatest_places(x, places: np.ndarray, inside: np.ndarray, shape: tuple[int, ...], k: int):
    """Of each window the place of the greatest value.  -> shape"""
    plane, out, size = shape[:2], shape[2:], x.shape[2:]
    places = np.broadcast_to(places, (*plane, *places.shape[2:])).reshape(*plane, prod(out) * k)
    values = np.take_along_axis(np.asarray(x.detach().cpu().float().numpy() if x.dtype.itemsize == 2 else x.detach().cpu().numpy())
                                .reshape(*plane, prod(size)), places, -1).reshape(*plane, prod(out), k)  # fmt: skip
    low = -np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).min
    values = np.where(np.broadcast_to(inside, (1, 1, *inside.shape[2:]) if inside.shape[:2] == (1, 1) else inside.shape)
                      .reshape(*inside.shape[:2], prod(out), k), values, low)  # fmt: skip
    best = values.argmax(-1) if k else np.zeros((*plane, prod(out)), np.int64)
    found = np.take_along_axis(places.reshape(*plane, prod(out), k), best[..., None], -1)[..., 0].reshape(*plane, *out)
    return flambeau.from_numpy(np.ascontiguousarray(found))


def greatest(x: Tensor, starts: list[np.ndarray], ends: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Greatest value of each window, and its place in the flattened spatial axes.  (N, C, *S) -> (N, C, *out) twice

    For each axis: where the windows begin and end, (out), or (N, C, out) where each plane has windows of its own.
    """
    axes = len(starts)
    plane, size = x.shape[:2], x.shape[2:]
    extents = tuple(start.shape[-1] for start in starts)
    if not x.numel() or 0 in extents:
        index = flambeau.zeros(*plane, *extents, dtype=flambeau.int64, device=x.device)
        return pooled(x, index, axes), index
    places, inside = np.zeros((1,) * (2 + 2 * axes), np.int64), np.ones((1,) * (2 + 2 * axes), bool)
    for axis, (start, end) in enumerate(zip(starts, ends, strict=True)):
        start, end = (v.reshape(1, 1, -1) if v.ndim == 1 else v for v in (np.asarray(start), np.asarray(end)))
        most = int((end - start).max()) if start.size else 1
        index = start[..., None] + np.arange(most)  # (N, C, out, k)
        keep = index < end[..., None]
        shape = [*index.shape[:2], *(1,) * (2 * axes)]
        shape[2 + axis], shape[2 + axes + axis] = index.shape[2:]
        places = places + np.minimum(index, size[axis] - 1).reshape(shape) * prod(size[axis + 1 :])
        inside = inside & keep.reshape(shape)
    out, k = places.shape[2 : 2 + axes], prod(places.shape[2 + axes :])
    if x.is_meta:
        index = flambeau.empty(*plane, *out, dtype=flambeau.int64, device=x.device)
    else:
        index = _greatest_places(x, places, inside, (*plane, *out), k).to(x.device)
    return pooled(x, index, axes), index


def _fractional(
    axes: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Tensor | None
) -> Any:
    name = f"fractional_max_pool{axes}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.dim() not in (axes + 1, axes + 2):
        raise RuntimeError(f"{name}: Expected {axes + 1}D or {axes + 2}D tensor, but got: {list(input.shape)}")
    kernel = ints(kernel_size, axes, "kernel_size")
    have = tuple(input.shape[-axes:])
    if output_size is None:
        ratio = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * axes
        if len(ratio) != axes:
            raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
        out = tuple(int(n * r) for n, r in zip(have, ratio, strict=True))
    else:
        out = ints(output_size, axes, "output_size")
    batched = input.dim() == axes + 2
    x = input if batched else input.unsqueeze(0)
    if any(n == 0 for n in x.shape[1:]):
        raise RuntimeError(f"{name}: Expected input to have non-zero size for non-batch dimensions, but got {list(input.shape)}")
    if any(o + k - 1 > n for o, k, n in zip(out, kernel, have, strict=True)):
        raise RuntimeError(f"{name}: pool size {kernel} with output size {out} is too large relative to the input size {have}")
    if samples is None:
        samples = flambeau.rand(x.shape[0], x.shape[1], axes, dtype=input.dtype, device=input.device)
    for axis, least, what in ((0, x.shape[0], "input batch size"), (1, x.shape[1], "input channel size"), (2, axes, f"{axes}")):
        if samples.dim() != 3 or samples.shape[axis] < least:
            raise RuntimeError(f"{name}: Expect _random_samples.size({axis}) equals to {what}, got samples of shape {tuple(samples.shape)}")
    told = flambeau.zeros(samples.shape) if samples.is_meta else samples.detach().cpu()
    draws = told.double().numpy()[: x.shape[0]]  # those of a batch serve one example too
    starts = []
    for axis, (n, k, o) in enumerate(zip(have, kernel, out, strict=True)):
        u = draws[..., axes - 1 - axis if axes == 2 else axis]  # the last axis has the first sample in two dimensions
        starts.append(_starts(u.astype(np.float32) if input.dtype is not flambeau.float64 else u, n, k, o))
    values, indices = greatest(x, starts, [s + k for s, k in zip(starts, kernel, strict=True)])
    if not batched:
        values, indices = values.squeeze(0), indices.squeeze(0)
    return (values, indices) if return_indices else values


def _starts(u: np.ndarray, n: int, k: int, out: int) -> np.ndarray:
    """Where windows of k begin: steps of (n - k) / (out - 1) on average, shifted by u; the last ends at the edge.  (N, C) -> (N, C, out)"""
    last = np.full((*u.shape, min(out, 1)), n - k, np.int64)
    if out <= 1:
        return last
    step = u.dtype.type((n - k) / (out - 1))
    places = np.arange(out - 1, dtype=u.dtype)
    first = ((places + u[..., None]) * step).astype(np.int64) - (u[..., None] * step).astype(np.int64)
    return np.concatenate([first, last], -1)


@listed
def fractional_max_pool2d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """The largest of windows at random, nearly even places.  (N, C, H, W) or (C, H, W) -> (N, C, *output_size)

    output_size, or output_ratio of the input's size. Source: B. Graham, Fractional max-pooling, 2014.

    >>> F.fractional_max_pool2d(flambeau.rand(1, 1, 8, 8), 2, output_ratio=0.5).shape
    flambeau.Size([1, 1, 4, 4])
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@listed
def fractional_max_pool3d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """The largest of windows at random, nearly even places.  (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size)"""
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """`fractional_max_pool2d` with the places in the flattened plane."""
    return _fractional(2, input, kernel_size, output_size, output_ratio, True, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """`fractional_max_pool3d` with the places in the flattened volume."""
    return _fractional(3, input, kernel_size, output_size, output_ratio, True, _random_samples)


# ---- back to where they were
def _max_unpool(axes: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Tensor:
    name = f"max_unpool{axes}d"
    if indices.dtype is not flambeau.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if input.dim() not in (axes + 1, axes + 2):
        raise RuntimeError(f"{name}: Input to {name} should be a {axes + 1}d or {axes + 2}d Tensor, but got: {input.dim()} axes")
    if input.shape != indices.shape:
        raise RuntimeError(f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}), but got "
                           f"{list(indices.shape)}")  # fmt: skip
    kernel = ints(kernel_size, axes, "kernel_size")
    stride = ints(stride, axes, "stride") if stride is not None and stride != () else kernel
    padding = ints(padding, axes, "padding")
    usual = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(input.shape[-axes:], stride, padding, kernel, strict=True)]
    size = usual
    if output_size is not None:
        size = list(output_size)[-axes:]
        if len(output_size) not in (axes, axes + 2, axes + 1):
            raise ValueError(f"output_size should be a sequence containing {axes} or {axes + 2} elements, but it has a length of "
                             f"'{len(output_size)}'")  # fmt: skip
        for d, (n, want, step) in enumerate(zip(size, usual, stride, strict=True)):
            if not want - step < n < want + step:
                raise ValueError(f"invalid output_size \"{output_size}\" (dim {d} must be between {want - step} and {want + step})")
    total = prod(size)
    if indices.numel() and not indices.is_meta:
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= total:
            raise RuntimeError(f"Found an invalid max index: {high if high >= total else low} (output volumes are of size {size})")
    lead = input.shape[:-axes]
    count = prod(input.shape[-axes:])
    flat = input.new_zeros((*lead, total)).scatter(-1, indices.reshape(*lead, count), input.reshape(*lead, count))
    return flat.reshape(*lead, *size)


@listed
def max_unpool1d(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Tensor:
    """Zeros with each value at the place that `max_pool1d(return_indices=True)` told.  (N, C, L) or (C, L) -> (N, C, L')

    >>> F.max_unpool1d(flambeau.tensor([[[2.0, 4.0]]]), flambeau.tensor([[[1, 3]]]), 2)
    tensor([[[0., 2., 0., 4.]]])
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@listed
@keeps_order
def max_unpool2d(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Tensor:
    """Zeros with each value at the place that `max_pool2d(return_indices=True)` told.  (N, C, H, W) or (C, H, W) -> (N, C, H', W')"""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@listed
@keeps_order
def max_unpool3d(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Tensor:
    """Zeros with each value at the place that `max_pool3d(return_indices=True)` told.  (N, C, D, H, W) -> (N, C, D', H', W')"""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
