"""Convolution over any number of spatial axes, and its two gradients, as blocked im2col feeding a matrix product.

A block is as many images as keep the column matrix in cache. Shapes: x (N, C, *S), w (O, C/groups, *K), y (N, O, *out).
`stride`, `padding` and `dilation` hold one int for each spatial axis.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["conv_backward_input", "conv_backward_weight", "conv_forward", "conv_output_size"]

Ints = tuple[int, ...]
BLOCK_BYTES = 1 << 20  # a column matrix of about a megabyte stays in the second-level cache of a core


def conv_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Ints:
    """Spatial extents of a convolution's output.  Raises RuntimeError when the kernel does not fit the padded input.

    >>> conv_output_size((28, 28), (3, 3), (2, 2), (1, 1), (1, 1))
    (14, 14)
    """
    for name, values, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
        if len(values) != len(size):
            raise RuntimeError(f"expected {name} with {len(size)} values, one for each spatial axis, got {values}")
        if min(values, default=least) < least:
            raise RuntimeError(f"expected {name} of at least {least} along each axis, got {values}")
    padded = tuple(s + 2 * p for s, p in zip(size, padding, strict=True))
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(r > s for r, s in zip(reach, padded, strict=True)):
        raise RuntimeError(f"expected a kernel that fits the padded input {padded}, got one that reaches over {reach} elements")
    return tuple((s - r) // t + 1 for s, r, t in zip(padded, reach, stride, strict=True))


def _check(x_shape: Ints, w_shape: Ints, groups: int) -> None:
    if len(x_shape) != len(w_shape) or len(x_shape) < 3:
        raise RuntimeError(f"expected input (N, C, *size) and weight (out, in/groups, *kernel) of equal rank, got {x_shape} and {w_shape}")
    if groups < 1 or w_shape[0] % groups:
        raise RuntimeError(f"expected groups that divide the {w_shape[0]} output channels, got groups={groups}")
    if x_shape[1] != w_shape[1] * groups:
        want = f"(out, in/groups, *kernel) = ({', '.join(map(str, (w_shape[0], f'{x_shape[1]}/{groups}', *w_shape[2:])))})"
        raise RuntimeError(f"expected weight of shape {want} for input {x_shape}, got {w_shape}")


def _check_gradient(g_shape: Ints, n: int, o: int, out: Ints) -> None:
    if g_shape != (n, o, *out):
        raise RuntimeError(f"expected a gradient of the output's shape {(n, o, *out)}, got {g_shape}")


def _block(n: int, row: int, itemsize: int) -> int:
    """Images in one block, when a column of one image has `row` elements."""
    return max(1, min(n, BLOCK_BYTES // max(1, row * itemsize)))


def _pad(x: np.ndarray, padding: Ints) -> np.ndarray:
    if not any(padding):
        return x
    n, c, *size = x.shape
    padded = np.zeros((n, c, *(s + 2 * p for s, p in zip(size, padding, strict=True))), x.dtype)
    padded[(..., *(slice(p, p + s) for s, p in zip(size, padding, strict=True)))] = x
    return padded


def _columns(x: np.ndarray, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> np.ndarray:
    """All windows of x as columns.  (n, C, *S) -> (groups, C/groups * prod(K), n * prod(out))"""
    n, c = x.shape[:2]
    if x.shape[2:] != out or any(padding) or prod(kernel) != 1:
        x = _pad(x, padding)
    sn, sc, *ss = x.strides
    windows = as_strided(
        x,
        (c, *kernel, n, *out),
        (sc, *(s * d for s, d in zip(ss, dilation, strict=True)), sn, *(s * t for s, t in zip(ss, stride, strict=True))),
        writeable=False,
    )
    return windows.reshape(groups, c // groups * prod(kernel), n * prod(out))


def _rows(g: np.ndarray, groups: int) -> np.ndarray:
    """Output channels first.  (n, O, *out) -> (groups, O/groups, n * prod(out))"""
    n, o = g.shape[:2]
    return g.reshape(n, groups, o // groups, -1).transpose(1, 2, 0, 3).reshape(groups, o // groups, -1)


def conv_forward(x: np.ndarray, w: np.ndarray, stride: Ints, padding: Ints, dilation: Ints, groups: int = 1) -> np.ndarray:
    """Cross-correlation of x with w.  (N, C, *S), (O, C/groups, *K) -> (N, O, *out)

    >>> conv_forward(np.ones((1, 1, 4)), np.ones((1, 1, 3)), (1,), (1,), (1,))
    array([[[2., 3., 3., 2.]]])
    """
    _check(x.shape, w.shape, groups)
    n, o, kernel = x.shape[0], w.shape[0], w.shape[2:]
    out = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    y = np.empty((n, o, *out), np.result_type(x, w))
    matrix, pixels = w.reshape(groups, o // groups, -1), prod(out)
    step = _block(n, x.shape[1] * prod(kernel) * pixels, x.itemsize)
    for start in range(0, n, step):
        block = x[start : start + step]
        columns = _columns(block, kernel, out, stride, padding, dilation, groups)
        target = y[start : start + step].reshape(len(block), groups, o // groups, pixels)
        if len(block) == 1:
            np.matmul(matrix, columns, out=target[0])
        else:
            target[:] = np.matmul(matrix, columns).reshape(groups, o // groups, len(block), pixels).transpose(2, 0, 1, 3)
    return y


def conv_backward_weight(
    g: np.ndarray, x: np.ndarray, weight_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int = 1
) -> np.ndarray:
    """Gradient of the weight.  (N, O, *out), (N, C, *S) -> weight_shape = (O, C/groups, *K)"""
    _check(x.shape, weight_shape, groups)
    n, o, kernel = x.shape[0], weight_shape[0], tuple(weight_shape[2:])
    out = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    _check_gradient(g.shape, n, o, out)
    total = np.zeros((groups, o // groups, weight_shape[1] * prod(kernel)), np.result_type(g, x))
    step = _block(n, x.shape[1] * prod(kernel) * prod(out), x.itemsize)
    for start in range(0, n, step):
        columns = _columns(x[start : start + step], kernel, out, stride, padding, dilation, groups)
        total += np.matmul(_rows(g[start : start + step], groups), columns.mT)
    return total.reshape(weight_shape)


def conv_backward_input(
    g: np.ndarray, w: np.ndarray, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int = 1
) -> np.ndarray:
    """Gradient of the input; also the transposed convolution of g.  (N, O, *out), (O, C/groups, *K) -> input_shape = (N, C, *S)"""
    _check(input_shape, w.shape, groups)
    n, c, *size = input_shape
    o, kernel = w.shape[0], w.shape[2:]
    out = conv_output_size(tuple(size), kernel, stride, padding, dilation)
    _check_gradient(g.shape, n, o, out)
    gx = np.empty(input_shape, np.result_type(g, w))
    matrix = w.reshape(groups, o // groups, -1).mT
    step = _block(n, c * prod(kernel) * prod(out), g.itemsize)
    for start in range(0, n, step):
        block = g[start : start + step]
        columns = np.matmul(matrix, _rows(block, groups)).reshape(c, *kernel, len(block), *out)
        gx[start : start + step] = _fold(columns, (len(block), c, *size), kernel, out, stride, padding, dilation)
    return gx


def _fold(columns: np.ndarray, shape: Ints, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints) -> np.ndarray:
    """Adjoint of `_columns`: windows summed where they overlap.  (C, *K, n, *out) -> (n, C, *S)"""
    n, c, *size = shape
    padded = np.zeros((c, n, *(s + 2 * p for s, p in zip(size, padding, strict=True))), columns.dtype)
    for offset in product(*map(range, kernel)):
        at = (slice(k * d, k * d + (m - 1) * t + 1, t) for k, d, m, t in zip(offset, dilation, out, stride, strict=True))
        padded[(..., *at)] += columns[(slice(None), *offset)]
    return padded[(..., *(slice(p, p + s) for s, p in zip(size, padding, strict=True)))].swapaxes(0, 1)
