"""Convolution and pooling on any array namespace: a window is a few shifted slices ("taps"), laid side by side.

Plain and general; the CPU has faster ways (conv.py, pool.py). Shapes: x (N, C, *S), w (O, C/groups, *K), y (N, O, *out).
"""
from __future__ import annotations

from itertools import product
from math import prod

from .conv import conv_output_size
from .pool import pool_output_size


def _taps(kernel, dilation, stride, out):
    """For each place in the window, the slices of the padded input that it meets."""
    for place in product(*(range(k) for k in kernel)):
        yield tuple(slice(p * d, p * d + s * (n - 1) + 1, s) for p, d, s, n in zip(place, dilation, stride, out, strict=True))


def _columns(xp, x, kernel, stride, padding, dilation, out, groups):
    padded = xp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    taps = [padded[(slice(None), slice(None), *t)] for t in _taps(kernel, dilation, stride, out)]
    return xp.stack(taps, axis=2).reshape(x.shape[0], groups, x.shape[1] // groups * prod(kernel), prod(out))  # (N, G, C/G · K, P)


def conv_forward(xp, x, w, stride, padding, dilation, groups):
    """(N, C, *S), (O, C/groups, *K) -> (N, O, *out)"""
    out = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    columns = _columns(xp, x, w.shape[2:], stride, padding, dilation, out, groups)
    y = xp.matmul(w.reshape(groups, w.shape[0] // groups, -1), columns)
    return y.reshape(x.shape[0], w.shape[0], *out)


def conv_backward_weight(xp, g, x, weight_shape, stride, padding, dilation, groups):
    """(N, O, *out), (N, C, *S) -> weight_shape"""
    columns = _columns(xp, x, weight_shape[2:], stride, padding, dilation, g.shape[2:], groups)
    rows = g.reshape(g.shape[0], groups, weight_shape[0] // groups, prod(g.shape[2:]))
    return xp.sum(xp.matmul(rows, xp.swapaxes(columns, -1, -2)), axis=0).reshape(weight_shape)


def conv_backward_input(xp, g, w, input_shape, stride, padding, dilation, groups):
    """(N, O, *out), (O, C/groups, *K) -> input_shape"""
    kernel, out = w.shape[2:], g.shape[2:]
    rows = g.reshape(g.shape[0], groups, w.shape[0] // groups, prod(out))
    columns = xp.matmul(xp.swapaxes(w.reshape(groups, w.shape[0] // groups, -1), -1, -2), rows)
    columns = columns.reshape(g.shape[0], input_shape[1], prod(kernel), *out)
    padded = xp.zeros((*input_shape[:2], *(s + 2 * p for s, p in zip(input_shape[2:], padding, strict=True))), g.dtype)
    for k, tap in enumerate(_taps(kernel, dilation, stride, out)):
        padded[(slice(None), slice(None), *tap)] += columns[:, :, k]
    return padded[(slice(None), slice(None), *(slice(p, p + s) for s, p in zip(input_shape[2:], padding, strict=True)))]


def _pool_pad(xp, x, kernel, stride, padding, dilation, out, value):
    reach = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(out, stride, dilation, kernel, strict=True)]
    after = [max(r - s - p, 0) for r, s, p in zip(reach, x.shape[2:], padding, strict=True)]
    return xp.pad(x, ((0, 0), (0, 0), *zip(padding, after, strict=True)), constant_values=value)


def max_pool_forward(xp, x, kernel, stride, padding, dilation, ceil_mode):
    """(N, C, *S) -> (N, C, *out), flat places in the plane"""
    size = x.shape[2:]
    out = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    padded = _pool_pad(xp, x, kernel, stride, padding, dilation, out, xp.iinfo(x.dtype).min if x.dtype.kind in "iu" else -xp.inf)
    taps = xp.stack([padded[(slice(None), slice(None), *t)] for t in _taps(kernel, dilation, stride, out)])
    chosen = xp.argmax(taps, axis=0)
    flat = 0
    for axis, (n, s, p, d) in enumerate(zip(out, stride, padding, dilation, strict=True)):
        step = prod(kernel[axis + 1:])
        at = xp.arange(n).reshape(-1, *(1,) * (len(out) - axis - 1)) * s - p + (chosen // step % kernel[axis]) * d
        flat = flat * size[axis] + at
    return xp.max(taps, axis=0), flat


def max_pool_backward(xp, g, indices, input_shape):
    """(N, C, *out) and the places -> input_shape"""
    planes, size = prod(input_shape[:2]), prod(input_shape[2:])
    places = indices.reshape(planes, -1) + xp.arange(planes)[:, None] * size
    return xp.scatter_add((planes * size,), g.dtype, (places.reshape(-1),), g.reshape(-1)).reshape(input_shape)


def _divisor(xp, shape, kernel, stride, padding, out, count_include_pad):
    """How many elements each window is divided by: those inside the padded input, or inside the input."""
    counts = []
    for k, s, p, n, size in zip(kernel, stride, padding, out, shape[2:], strict=True):
        begin = xp.arange(n) * s - p
        low, high = (-p, size + p) if count_include_pad else (0, size)
        counts.append(xp.minimum(begin + k, high) - xp.maximum(begin, low))
    total = counts[0]
    for c in counts[1:]:
        total = total[..., None] * c
    return total


def avg_pool_forward(xp, x, kernel, stride, padding, ceil_mode=False, count_include_pad=True):
    """(N, C, *S) -> (N, C, *out)"""
    ones = (1,) * len(kernel)
    out = pool_output_size(x.shape[2:], kernel, stride, padding, ones, ceil_mode)
    padded = _pool_pad(xp, x, kernel, stride, padding, ones, out, 0)
    total = sum(padded[(slice(None), slice(None), *t)] for t in _taps(kernel, ones, stride, out))
    return (total / _divisor(xp, x.shape, kernel, stride, padding, out, count_include_pad)).astype(x.dtype)


def avg_pool_backward(xp, g, input_shape, kernel, stride, padding, ceil_mode=False, count_include_pad=True):
    """(N, C, *out) -> input_shape"""
    ones, out = (1,) * len(kernel), g.shape[2:]
    share = (g / _divisor(xp, input_shape, kernel, stride, padding, out, count_include_pad)).astype(g.dtype)
    padded = _pool_pad(xp, xp.zeros(input_shape, g.dtype), kernel, stride, padding, ones, out, 0)
    for tap in _taps(kernel, ones, stride, out):
        padded[(slice(None), slice(None), *tap)] += share
    return padded[(slice(None), slice(None), *(slice(p, p + s) for s, p in zip(input_shape[2:], padding, strict=True)))]
