"""Convolution over any number of spatial axes, and its two gradients, as blocked im2col feeding a matrix product.

A block is as many images, or rows of one, as keep the column matrix in cache. The columns are gathered in C where there is a compiler,
and a depthwise convolution runs there directly. Shapes: x (N, C, *S), w (O, C/groups, *K), y (N, O, *out).
`stride`, `padding` and `dilation` hold one int for each spatial axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .native import Geometry, address, flat_loop, function, geometry, threads

__all__ = ["conv_backward_input", "conv_backward_weight", "conv_forward", "conv_output_size"]

Ints = tuple[int, ...]
BLOCK_BYTES = 2 << 20  # of columns: measured fastest of 256 KB to 8 MB, 85 to 95 % of what the matrix product alone reaches
LARGEST = 4  # blocks of so many times that where the weight is as large: each block reads all of it


_REFUSED = {"stride": "non-positive stride is not supported", "padding": "negative padding is not supported",
            "dilation": "dilation should be greater than zero"}  # fmt: skip


def conv_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Ints:
    """Spatial extents of a convolution's output.  Raises RuntimeError when the kernel does not fit the padded input.

    >>> conv_output_size((28, 28), (3, 3), (2, 2), (1, 1), (1, 1))
    (14, 14)
    """
    for name, values, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
        if len(values) != len(size):
            raise RuntimeError(f"expected {name} with {len(size)} values, one for each spatial axis, got {values}")
        if min(values, default=least) < least:
            raise RuntimeError(f"{_REFUSED[name]}, got {name}={values}")
    padded = tuple(s + 2 * p for s, p in zip(size, padding, strict=True))
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if min(kernel, default=1) < 1:
        raise RuntimeError(f"kernel size should be greater than zero, but got {kernel}")
    if any(r > s for r, s in zip(reach, padded, strict=True)):
        room, needed = (" x ".join(map(str, values)) for values in (padded, reach))
        raise RuntimeError(f"Calculated padded input size per channel: ({room}). Kernel size: ({needed}). Kernel size can't be greater "
                           "than actual input size")  # fmt: skip
    return tuple((s - r) // t + 1 for s, r, t in zip(padded, reach, stride, strict=True))


def _check(x_shape: Ints, w_shape: Ints, groups: int) -> None:
    if len(x_shape) != len(w_shape) or len(x_shape) < 3:
        raise RuntimeError(f"expected input (N, C, *size) and weight (out, in/groups, *kernel) of equal rank, got {x_shape} and {w_shape}")
    if groups < 1 or w_shape[0] % groups:
        raise RuntimeError(f"expected groups that divide the {w_shape[0]} output channels, got groups={groups}")
    if x_shape[1] != w_shape[1] * groups:
        want = f"(out, in/groups, *kernel) = ({', '.join(map(str, (w_shape[0], f'{x_shape[1]}/{groups}', *w_shape[2:])))})"
        raise RuntimeError(f"expected weight of shape {want} for input {x_shape}, got {w_shape}")


def _whole_steps(x: np.ndarray) -> np.ndarray:
    """x, copied when its strides are no multiples of an element, as those of a field of a record array may be."""
    return np.ascontiguousarray(x) if any(s % x.itemsize for s in x.strides) else x


def _check_gradient(g_shape: Ints, n: int, o: int, out: Ints) -> None:
    if g_shape != (n, o, *out):
        raise RuntimeError(f"expected a gradient of the output's shape {(n, o, *out)}, got {g_shape}")


def _blocks(n: int, out: Ints, weight_shape: Ints, groups: int, itemsize: int) -> Iterator[tuple[slice, slice]]:
    """Images, and rows of their first spatial axis, that make one block: several whole images, or some rows of one."""
    size = max(BLOCK_BYTES, min(LARGEST * BLOCK_BYTES, prod(weight_shape) * itemsize))
    row = max(1, prod(out[1:]) * prod(weight_shape[1:]) * groups * itemsize)
    images = size // (row * out[0])
    if images >= 1:
        for i in range(0, n, images):
            yield slice(i, min(i + images, n)), slice(0, out[0])
        return
    rows = max(1, size // row)
    for i in range(n):
        for r in range(0, out[0], rows):
            yield slice(i, i + 1), slice(r, min(r + rows, out[0]))


def _groups_at_once(n: int, out: Ints, weight_shape: Ints, groups: int, itemsize: int) -> int:
    """Groups whose whole columns make one block: cut so, the pixels that are summed over stay together. All, where not even one fits."""
    return min(groups, BLOCK_BYTES // max(1, n * prod(out) * prod(weight_shape[1:]) * itemsize)) or groups


def _pad(x: np.ndarray, padding: Ints) -> np.ndarray:
    if not any(padding):
        return x
    n, c, *size = x.shape
    padded = np.zeros((n, c, *(s + 2 * p for s, p in zip(size, padding, strict=True))), x.dtype)
    padded[(..., *(slice(p, p + s) for s, p in zip(size, padding, strict=True)))] = x
    return padded


def _part(rows: slice, out: Ints, stride: Ints, padding: Ints) -> tuple[Ints, Ints]:
    """The output's extents and the padding as a block of rows sees them: its first row is row 0."""
    return (rows.stop - rows.start, *out[1:]), (padding[0] - rows.start * stride[0], *padding[1:])


def _columns(x: np.ndarray, rows: slice, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> np.ndarray:
    """The windows of some output rows as columns.  (n, C, *S) -> (groups, C/groups * prod(K), n * pixels)"""
    n, c = x.shape[:2]
    part, shifted = _part(rows, out, stride, padding)
    shape = (groups, c // groups * prod(kernel), n * prod(part))
    if (c_columns := function("columns", x, axes=len(kernel))) is not None:
        columns = np.empty(shape, x.dtype)
        steps = tuple(s // x.itemsize for s in x.strides)
        geometry = Geometry(n, c, x.shape[2:], kernel, part, stride, shifted, dilation, steps)
        c_columns(address(x), address(columns), geometry, threads(columns.size))
        return columns
    x = _pad(x, padding)
    sn, sc, *ss = x.strides
    windows = as_strided(
        x[:, :, rows.start * stride[0] :],
        (c, *kernel, n, *part),
        (sc, *(s * d for s, d in zip(ss, dilation, strict=True)), sn, *(s * t for s, t in zip(ss, stride, strict=True))),
        writeable=False,
    )
    return windows.reshape(shape)


def _rows(g: np.ndarray, groups: int) -> np.ndarray:
    """Output channels first.  (n, O, *out) -> (groups, O/groups, n * prod(out))"""
    n, o = g.shape[:2]
    return g.reshape(n, groups, o // groups, -1).transpose(1, 2, 0, 3).reshape(groups, o // groups, -1)


FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
FEW = 1 << 11  # products that take less time than the columns and the call of BLAS would


@lru_cache(512)
def _one_block(x_shape: Ints, w_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int, itemsize: int):
    """What a convolution over an array in order needs, where all its columns fit one block: worked out once. None for larger ones."""
    _check(x_shape, w_shape, groups)
    n, c, *size = x_shape
    kernel = w_shape[2:]
    out = conv_output_size(tuple(size), kernel, stride, padding, dilation)
    depthwise = c == groups == w_shape[0] and groups > 1
    if depthwise or len(kernel) > 3 or not n or len(list(_blocks(n, out, w_shape, groups, itemsize))) != 1:
        return None
    strides = [prod(x_shape[i + 1 :]) for i in range(len(x_shape))]
    numbers = np.array(geometry(n, c, tuple(size), kernel, out, stride, padding, dilation, tuple(strides)), np.int64)
    numbers = np.append(numbers, [w_shape[0], groups])
    return (n, w_shape[0], *out), (groups, c // groups * prod(kernel), n * prod(out)), numbers, n * prod(out) * prod(w_shape)


def _forward_at_once(x: np.ndarray, w: np.ndarray, groups: int, gather, shape: Ints, block: Ints, numbers: np.ndarray) -> np.ndarray:
    columns = np.empty(block, x.dtype)
    gather(x, numbers, columns)
    n, o = shape[:2]
    if groups == 1:
        y = w.reshape(o, -1).dot(columns[0])  # a µs less than matmul's loop over one product
    else:
        y = np.matmul(w.reshape(groups, o // groups, -1), columns)
    if n > 1:
        y = np.ascontiguousarray(y.reshape(groups, o // groups, n, -1).transpose(2, 0, 1, 3))  # users call view() on it
    return y.reshape(shape)


def conv_forward(x: np.ndarray, w: np.ndarray, stride: Ints, padding: Ints, dilation: Ints, groups: int = 1) -> np.ndarray:
    """Cross-correlation of x with w.  (N, C, *S), (O, C/groups, *K) -> (N, O, *out)

    >>> conv_forward(np.ones((1, 1, 4)), np.ones((1, 1, 3)), (1,), (1,), (1,))
    array([[[2., 3., 3., 2.]]])
    """
    plan = _one_block(x.shape, w.shape, stride, padding, dilation, groups, x.itemsize) if x.dtype is w.dtype and x.dtype in FLOATS else None
    if plan is not None and x.flags.c_contiguous and (gather := flat_loop("columns", "Tq->T", "pgc")) is not None:
        if w.dtype is x.dtype and plan[3] <= FEW:
            return flat_loop("convolve", "TTq->T", "pwgq")(x, w, plan[2], plan[0])
        return _forward_at_once(x, w, groups, gather, *plan[:3])
    _check(x.shape, w.shape, groups)
    x = _whole_steps(x)
    n, o, kernel = x.shape[0], w.shape[0], w.shape[2:]
    out = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    dtype = np.result_type(x, w)
    if _is_depthwise(x, w, groups) and (direct := function("depthwise", x, w, axes=len(kernel))) is not None:
        y = np.zeros((n, o, *out), dtype)
        _depthwise(direct, np.ascontiguousarray(x), np.ascontiguousarray(w), y, (stride, padding, dilation), FORWARD)
        return y
    y = np.empty((n, o, *out), dtype)
    matrix, width = w.reshape(groups, o // groups, -1), prod(out[1:])
    for images, rows in _blocks(n, out, w.shape, groups, x.itemsize):
        columns = _columns(x[images], rows, kernel, out, stride, padding, dilation, groups)
        count = images.stop - images.start
        target = y[images].reshape(count, groups, o // groups, -1)[..., rows.start * width : rows.stop * width]
        if count == 1:
            np.matmul(matrix, columns, out=target[0])
        else:
            target[:] = np.matmul(matrix, columns).reshape(groups, o // groups, count, -1).transpose(2, 0, 1, 3)
    return y


def conv_backward_weight(
    g: np.ndarray, x: np.ndarray, weight_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int = 1
) -> np.ndarray:
    """Gradient of the weight.  (N, O, *out), (N, C, *S) -> weight_shape = (O, C/groups, *K)"""
    _check(x.shape, weight_shape, groups)
    x = _whole_steps(x)
    n, o, kernel = x.shape[0], weight_shape[0], tuple(weight_shape[2:])
    out = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    _check_gradient(g.shape, n, o, out)
    if _is_depthwise(x, np.empty(weight_shape, x.dtype), groups) and (direct := function("depthwise", x, g, axes=len(kernel))) is not None:
        gw = np.zeros(weight_shape, x.dtype)
        _depthwise(direct, x, gw, np.ascontiguousarray(g), (stride, padding, dilation), TO_WEIGHT)
        return gw
    total = np.zeros((groups, o // groups, weight_shape[1] * prod(kernel)), np.result_type(g, x))
    if (some := _groups_at_once(n, out, weight_shape, groups, x.itemsize)) < groups:
        inputs, outputs = x.shape[1] // groups, o // groups
        for first in range(0, groups, some):
            last = min(first + some, groups)
            columns = _columns(x[:, first * inputs : last * inputs], slice(0, out[0]), kernel, out, stride, padding, dilation, last - first)
            total[first:last] = np.matmul(_rows(g[:, first * outputs : last * outputs], last - first), columns.mT)
        return total.reshape(weight_shape)
    for images, rows in _blocks(n, out, weight_shape, groups, x.itemsize):
        columns = _columns(x[images], rows, kernel, out, stride, padding, dilation, groups)
        total += np.matmul(_rows(g[images, :, rows], groups), columns.mT)
    return total.reshape(weight_shape)


def conv_backward_input(
    g: np.ndarray, w: np.ndarray, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int = 1
) -> np.ndarray:
    """Gradient of the input; also the transposed convolution of g.  (N, O, *out), (O, C/groups, *K) -> input_shape = (N, C, *S)"""
    _check(input_shape, w.shape, groups)
    n, _c, *size = input_shape
    o, kernel = w.shape[0], w.shape[2:]
    out = conv_output_size(tuple(size), kernel, stride, padding, dilation)
    _check_gradient(g.shape, n, o, out)
    gx = np.zeros(input_shape, np.result_type(g, w))
    if _is_depthwise(gx, w, groups) and (direct := function("depthwise", gx, w, g, axes=len(kernel))) is not None:
        _depthwise(direct, gx, np.ascontiguousarray(w), np.ascontiguousarray(g), (stride, padding, dilation), TO_INPUT)
        return gx
    matrix = w.reshape(groups, o // groups, -1).mT
    for images, rows in _blocks(n, out, w.shape, groups, g.itemsize):
        columns = np.matmul(matrix, _rows(g[images, :, rows], groups))
        _fold(columns, gx[images], rows, kernel, out, stride, padding, dilation)
    return gx


def _fold(columns: np.ndarray, gx: np.ndarray, rows: slice, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints) -> None:
    """Transpose of `_columns`: adds each window to where it was read.  (groups, C/groups * prod(K), n * pixels) into (n, C, *S)"""
    n, c, *size = gx.shape
    part, shifted = _part(rows, out, stride, padding)
    if (c_fold := function("fold", gx, columns, axes=len(kernel))) is not None:
        steps = tuple(s // gx.itemsize for s in gx.strides)
        geometry = Geometry(n, c, tuple(size), kernel, part, stride, shifted, dilation, steps)
        c_fold(address(gx), address(columns), geometry, threads(columns.size))
        return
    columns = columns.reshape(c, *kernel, n, *part)
    for offset in product(*map(range, kernel)):
        here, there = [slice(None), slice(None)], [slice(None), slice(None)]
        for k, d, m, t, p, s in zip(offset, dilation, part, stride, shifted, size, strict=True):
            first = k * d - p  # the input element that output 0 reads; those outside 0 … s - 1 are padding
            low = max(0, -(first // t))
            high = min(m, -((first - s) // t))
            here.append(slice(low, max(low, high)))
            there.append(slice(first + low * t, max(first + (high - 1) * t + 1, 0) if high > low else first + low * t, t))
        if all(h.stop > h.start for h in here[2:]):
            gx[tuple(there)] += columns[(slice(None), *offset)][tuple(here)].swapaxes(0, 1)


FORWARD, TO_INPUT, TO_WEIGHT = range(3)


def _is_depthwise(x: np.ndarray, w: np.ndarray, groups: int) -> bool:
    return x.shape[1] == groups == w.shape[0] and groups > 1


def _depthwise(direct, x: np.ndarray, w: np.ndarray, y: np.ndarray, options: tuple[Ints, Ints, Ints], mode: int) -> None:
    n, c, *size = x.shape
    geometry = Geometry(n, c, tuple(size), w.shape[2:], y.shape[2:], *options, tuple(s // x.itemsize for s in x.strides))
    direct(address(x), address(w), address(y), geometry, mode, threads(y.size))
