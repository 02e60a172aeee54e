"""Max and average pooling over any number of spatial axes, with their gradients.

Arrays are (*, *S): the last len(kernel) axes are pooled, those before them are kept. Tuples hold one int for each pooled axis.
A pool loops over the few offsets of its window, each one strided slice of the whole array; max pooling runs in C where there is a compiler.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from .native import address, counts, flat_loop, function, geometry, threads
from .order import as_it_lies

__all__ = ["avg_pool_backward", "avg_pool_forward", "max_pool_backward", "max_pool_forward", "pool_output_size"]

Ints = tuple[int, ...]


def pool_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool = False) -> Ints:
    """Spatial extents of a pool's output.

    ceil_mode keeps a last window that begins inside the input or its left padding, though it ends outside.
    Raises RuntimeError for values out of range and for an output without elements.

    >>> pool_output_size((5, 5), (2, 2), (2, 2), (0, 0), (1, 1)), pool_output_size((5, 5), (2, 2), (2, 2), (0, 0), (1, 1), ceil_mode=True)
    ((2, 2), (3, 3))
    """
    result = []
    for name, values, least in (("kernel_size", kernel, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
        if len(values) != len(size):
            raise RuntimeError(f"expected {name} with {len(size)} values, one for each pooled axis, got {values}")
        if min(values, default=least) < least:
            raise RuntimeError(f"expected {name} of at least {least} along each axis, got {values}")
    for s, k, t, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        if p > k // 2:
            raise RuntimeError(f"expected padding of at most half the kernel, got padding={p} for kernel_size={k}")
        window = d * (k - 1) + 1
        room = s + 2 * p - window
        count = (room + (t - 1 if ceil_mode else 0)) // t + 1
        if ceil_mode and (count - 1) * t >= s + p:  # the last window would lie wholly in the right padding
            count -= 1
        result.append(max(count, 0))
    if 0 in result:
        given, found = ("x".join(map(str, values)) for values in (size, result))
        raise RuntimeError(f"Given input size: (*x{given}). Calculated output size: (*x{found}). Output size is too small: a window "
                           f"of {kernel} is larger than the input with padding={padding}")  # fmt: skip
    return tuple(result)


def _spatial(x: np.ndarray, kernel: Ints) -> Ints:
    if x.ndim < len(kernel):
        raise RuntimeError(f"expected an input with at least {len(kernel)} axes, got shape {x.shape}")
    return x.shape[x.ndim - len(kernel) :]


def _pad(x: np.ndarray, size: Ints, extents: Ints, padding: Ints, fill) -> np.ndarray:
    """x in an array of `extents` at offset `padding`, the rest `fill`; windows past the end read the fill too."""
    if extents == size and not any(padding):
        return x
    padded = np.full(x.shape[: x.ndim - len(size)] + extents, fill, x.dtype)
    kept = tuple(slice(p, max(p, min(p + s, e))) for s, p, e in zip(size, padding, extents, strict=True))
    padded[(..., *kept)] = x[(..., *(slice(k.stop - k.start) for k in kept))]
    return padded


def _extents(out: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> Ints:
    """Elements that the windows reach over, from the first element of the left padding."""
    return tuple((m - 1) * t + d * (k - 1) + 1 for m, k, t, d in zip(out, kernel, stride, dilation, strict=True))


@lru_cache(512)
def _plan(shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool, counted: bool | None = None):
    """C's pool over an array in order, the output's shape, and what C reads; None without C.  `counted`, of a mean: whether padding is."""
    run = None
    if len(kernel) <= 3:
        run = flat_loop("max_pool", "Tq->Tq", "pgqq") if counted is None else flat_loop("avg_pool", "Tq->T", "pgq")
    if run is None:
        return None
    kept = len(shape) - len(kernel)
    if kept < 0:
        raise RuntimeError(f"expected an input with at least {len(kernel)} axes, got shape {shape}")
    size = shape[kept:]
    out = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    given = geometry(prod(shape[:kept]), 1, size, kernel, out, stride, padding, dilation, (0,) * (2 + len(size)))
    if counted is not None:
        given[DILATION] = int(counted)
    numbers = np.array(given, np.int64)
    return run, (*shape[:kept], *out), numbers


@lru_cache(512)
def mean_plan(shape: Ints, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool, counted: bool):
    """The loop, the result's shape and the geometry that it takes; None without C."""
    return _plan(shape, kernel, stride, padding, (1,) * len(kernel), ceil_mode, counted)


FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
DILATION = 17  # where a geometry's dilation begins: after two counts and five rows of three


def max_pool_forward(
    x: np.ndarray, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Largest element of each window, and where it lies.  (*, *S) -> (*, *out), (*, *out) int64

    Indices count through the flattened input plane. The first of equal elements wins; NaN beats all, the last NaN first.

    >>> max_pool_forward(np.array([[1., 3., 2., 5.]]), (2,), (2,), (0,), (1,))
    (array([[3., 5.]]), array([[1, 3]]))
    """
    plan = _plan(x.shape, kernel, stride, padding, dilation, ceil_mode) if x.dtype in FLOATS else None
    if plan is not None:
        pool, shape, geometry = plan
        made = pool(x, geometry, shape, shape)
        return made if x.flags.c_contiguous else as_it_lies(x, made)
    size = _spatial(x, kernel)
    out = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = _pad(x, size, _extents(out, kernel, stride, dilation), padding, least)
    origins = [np.arange(m) * t - p for m, t, p in zip(out, stride, padding, strict=True)]
    first = [a + d * -(np.minimum(a, 0) // d) for a, d in zip(origins, dilation, strict=True)]  # first element inside the plane
    best = np.full(x.shape[: x.ndim - len(size)] + out, least, x.dtype)
    where = np.empty(best.shape, np.int64)
    where[...] = _flat(first, size)
    for offset in product(*map(range, kernel)):
        at = tuple(slice(k * d, k * d + (m - 1) * t + 1, t) for k, d, m, t in zip(offset, dilation, out, stride, strict=True))
        value = padded[(..., *at)]
        better = value > best
        if x.dtype.kind == "f":
            better |= value != value
        np.copyto(best, value, where=better)
        flat = _flat([a + k * d for a, k, d in zip(origins, offset, dilation, strict=True)], size)
        np.copyto(where, flat, where=better)
    return as_it_lies(x, (best, where))


def _flat(positions: list[np.ndarray], size: Ints) -> np.ndarray:
    """Flat index into a plane of `size` for the grid of the given positions."""
    flat: np.ndarray = np.zeros((), np.int64)
    for position, extent in zip(positions, size, strict=True):
        flat = flat[..., None] * extent + position
    return flat


def max_pool_backward(g: np.ndarray, indices: np.ndarray, input_shape: Ints, pooled: int | None = None) -> np.ndarray:
    """Sends each gradient to the element that was largest; where windows overlap they add.  (*, *out) -> input_shape

    pooled: how many of the last axes are pooled; by default all but two, for input (N, C, *S).
    Raises RuntimeError when shapes disagree or an index lies outside the plane.
    """
    kept = len(input_shape) - (len(input_shape) - 2 if pooled is None else pooled)
    if g.shape != indices.shape or g.ndim != len(input_shape) or g.shape[:kept] != tuple(input_shape[:kept]):
        raise RuntimeError(f"expected gradient and indices of one shape for input {tuple(input_shape)}, got {g.shape} and {indices.shape}")
    planes, plane = prod(input_shape[:kept]), prod(input_shape[kept:])
    if indices.size and (indices.min() < 0 or indices.max() >= plane):
        raise RuntimeError(f"expected indices into a plane of {plane} elements, got {indices.min()} to {indices.max()}")
    if (c_scatter := function("scatter", g, axes=1)) is not None:
        gx = np.zeros(input_shape, g.dtype)
        g, indices = np.ascontiguousarray(g), np.ascontiguousarray(indices, dtype=np.int64)
        c_scatter(address(gx), address(g), address(indices), *counts(planes, plane, prod(g.shape[kept:])), threads(g.size))
        return gx
    flat = (indices.reshape(planes, prod(g.shape[kept:])) + np.arange(planes)[:, None] * plane).ravel()
    return np.bincount(flat, weights=g.ravel(), minlength=planes * plane).astype(g.dtype).reshape(input_shape)


def _divisors(size: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints, count_include_pad: bool, divisor: int | None):
    """What each window's sum is divided by: how many elements it holds, with or without those of the padding."""
    if divisor is not None:
        if divisor == 0:
            raise RuntimeError("expected divisor_override other than zero, got 0")
        return divisor
    counts = np.ones((), np.int64)
    for s, m, k, t, p in zip(size, out, kernel, stride, padding, strict=True):
        begin = np.arange(m) * t - p
        end = np.minimum(begin + k, s + p)
        inside = end - begin if count_include_pad else np.minimum(end, s) - np.maximum(begin, 0)
        counts = counts[..., None] * inside
    return counts


def avg_pool_forward(
    x: np.ndarray, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Mean of each window.  (*, *S) -> (*, *out)

    A window that ceil_mode lets reach past the padding counts only the elements before its end.

    >>> avg_pool_forward(np.array([[1., 3., 2., 6.]]), (2,), (2,), (0,))
    array([[2., 4.]])
    """
    if x.dtype in FLOATS and divisor_override is None:
        plan = mean_plan(x.shape, kernel, stride, padding, ceil_mode, count_include_pad)
        if plan is not None:
            pool, shape, geometry = plan
            made = pool(x, geometry, shape)
            return made if x.flags.c_contiguous else as_it_lies(x, made, (4,))
    ones = (1,) * len(kernel)
    size = _spatial(x, kernel)
    out = pool_output_size(size, kernel, stride, padding, ones, ceil_mode)
    total = _pad(x, size, _extents(out, kernel, stride, ones), padding, 0)
    kept = x.ndim - len(size)
    for axis, (m, k, t) in enumerate(zip(out, kernel, stride, strict=True), kept):  # axis by axis: the sum is separable
        total = sum(total[(slice(None),) * axis + (slice(i, i + (m - 1) * t + 1, t),)] for i in range(k))
    counts = _divisors(size, out, kernel, stride, padding, count_include_pad, divisor_override)
    return as_it_lies(x, total // counts if x.dtype.kind in "iu" else (total / counts).astype(x.dtype, copy=False), (4,))


def avg_pool_backward(
    g: np.ndarray, input_shape: Ints, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Gradient of the input: each window's gradient spread evenly over it.  (*, *out) -> input_shape"""
    kept, ones = len(input_shape) - len(kernel), (1,) * len(kernel)
    size = tuple(input_shape[kept:])
    out = pool_output_size(size, kernel, stride, padding, ones, ceil_mode)
    if g.shape != (*input_shape[:kept], *out):
        raise RuntimeError(f"expected a gradient of the output's shape {(*input_shape[:kept], *out)}, got {g.shape}")
    total = (g / _divisors(size, out, kernel, stride, padding, count_include_pad, divisor_override)).astype(g.dtype, copy=False)
    for axis, (s, m, k, t, p) in enumerate(zip(size, out, kernel, stride, padding, strict=True), kept):
        spread = np.zeros((*total.shape[:axis], max((m - 1) * t + k, p + s), *total.shape[axis + 1 :]), g.dtype)
        for i in range(k):
            spread[(slice(None),) * axis + (slice(i, i + (m - 1) * t + 1, t),)] += total
        total = spread[(slice(None),) * axis + (slice(p, p + s),)]
    return np.ascontiguousarray(total)
