"""Window ops: convolution and pooling over any number of spatial axes.

A convolution is linear in its input and in its weight, so three cards that name each other as gradients give every order of derivative.
"""
from __future__ import annotations

from math import prod

from ..define import op
from ..dispatch import run
from ..op import CARDS


def _conv_attrs(stride, padding, dilation, groups):
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def _conv_samples(make):
    for shape, w, attrs in (
        ((2, 4, 5, 5), (6, 4, 3, 3), ((1, 1), (1, 1), (1, 1), 1)),
        ((1, 4, 6, 5), (4, 2, 3, 2), ((2, 1), (1, 0), (1, 2), 2)),
        ((2, 3, 7), (2, 3, 3), ((2,), (1,), (1,), 1)),
    ):
        yield (make(shape, -1.0, 1.0), make(w, -1.0, 1.0), make(w[:1], -1.0, 1.0)), _conv_attrs(*attrs)


def _bias_back(g):
    return g.sum((0, *range(2, g.ndim)))


@op("window", samples=_conv_samples, inputs=3,
    vjp=(lambda g, _y, _x, w, _b, **a: run(CARDS["conv_input"], (g, w), {"shape": _x.shape, **a}),
         lambda g, _y, x, _w, _b, **a: run(CARDS["conv_weight"], (g, x), {"shape": _w.shape, **a}),
         lambda g, _y, _x, _w, _b, **a: _bias_back(g)))
def conv(xp, x, weight, bias=None, *, stride, padding, dilation, groups):
    """Cross-correlation with a window of weights.  (N, C, *S), (O, C/groups, *K), (O) -> (N, O, *out)"""
    y = xp.conv_forward(x, weight, stride, padding, dilation, groups)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * (x.ndim - 2))
    return y


def _conv_input_samples(make):
    yield (make((2, 6, 5, 5), -1.0, 1.0), make((6, 4, 3, 3), -1.0, 1.0)), {"shape": (2, 4, 5, 5), **_conv_attrs((1, 1), (1, 1), (1, 1), 1)}
    yield (make((1, 4, 3), -1.0, 1.0), make((4, 2, 2), -1.0, 1.0)), {"shape": (1, 4, 6), **_conv_attrs((2,), (0,), (1,), 2)}


@op("window", samples=_conv_input_samples,
    vjp=(lambda g, _y, _g, w, shape, **a: run(CARDS["conv"], (g, w, None), a),
         lambda g, _y, u, _w, shape, **a: run(CARDS["conv_weight"], (u, g), {"shape": _w.shape, **a})))
def conv_input(xp, g, weight, *, shape, stride, padding, dilation, groups):
    """The gradient of a convolution for its input, which is also the transposed convolution.  (N, O, *out), (O, C/groups, *K) -> shape"""
    return xp.conv_backward_input(g, weight, tuple(shape), stride, padding, dilation, groups)


def _conv_weight_samples(make):
    yield (make((2, 6, 5, 5), -1.0, 1.0), make((2, 4, 5, 5), -1.0, 1.0)), {"shape": (6, 4, 3, 3), **_conv_attrs((1, 1), (1, 1), (1, 1), 1)}


@op("window", samples=_conv_weight_samples,
    vjp=(lambda g, _y, _u, x, shape, **a: run(CARDS["conv"], (x, g, None), a),
         lambda g, _y, u, _x, shape, **a: run(CARDS["conv_input"], (u, g), {"shape": _x.shape, **a})))
def conv_weight(xp, g, x, *, shape, stride, padding, dilation, groups):
    """The gradient of a convolution for its weight.  (N, O, *out), (N, C, *S) -> shape"""
    return xp.conv_backward_weight(g, x, tuple(shape), stride, padding, dilation, groups)


# ---- pooling
def _max_pool_samples(make):
    yield (make((2, 3, 6, 6), -2.0, 2.0),), {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False}
    yield (make((1, 2, 7), -2.0, 2.0),), {"kernel": (3,), "stride": (2,), "padding": (1,), "dilation": (1,), "ceil_mode": True}


@op("window", outputs=2, samples=_max_pool_samples, inputs=1,
    vjp=lambda g, y, _x, **a: run(CARDS["max_pool_back"], (g[0], y[1]), {"shape": _x.shape}))
def max_pool(xp, x, *, kernel, stride, padding, dilation, ceil_mode):
    """Greatest value of each window, and its place in the plane.  (N, C, *S) -> (N, C, *out), (N, C, *out) int64"""
    return xp.max_pool_forward(x, kernel, stride, padding, dilation, ceil_mode)


def pooled(x, index, spatial):
    """The elements at places in the flattened last axes.  (*, *S), (*, *out) int64 -> (*, *out)"""
    lead = tuple(x.shape[:-spatial])
    flat = x.reshape(*lead, prod(x.shape[-spatial:]))
    return flat.gather(-1, index.reshape(*lead, prod(index.shape[-spatial:]))).reshape(index.shape)


def _max_pool_back_samples(make):
    import numpy as np
    places = np.array([[0, 1], [10, 15]]).reshape(1, 1, 2, 2)
    yield (make((1, 1, 2, 2), -1.0, 1.0), make.index(places)), {"shape": (1, 1, 4, 4)}


@op("window", linear=True, inputs=2, samples=_max_pool_back_samples,
    vjp=(lambda g, _y, _g, index, shape: pooled(g, index, len(shape) - 2), None))
def max_pool_back(xp, g, index, *, shape):
    """Zeros of `shape` with each window's gradient at the place of its greatest value."""
    return xp.max_pool_backward(g, index, tuple(shape))


def _avg_pool_samples(make):
    yield (
        (make((2, 3, 6, 6), -1.0, 1.0),),
        {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "ceil_mode": False, "count_include_pad": True},
    )
    yield (make((1, 2, 7), -1.0, 1.0),), {"kernel": (3,), "stride": (2,), "padding": (1,), "ceil_mode": False, "count_include_pad": False}


@op("window", linear=True, inputs=1, samples=_avg_pool_samples,
    vjp=lambda g, _y, _x, **a: run(CARDS["avg_pool_back"], (g,), {"shape": _x.shape, **a}))
def avg_pool(xp, x, *, kernel, stride, padding, ceil_mode=False, count_include_pad=True):
    """Mean of each window.  (N, C, *S) -> (N, C, *out)"""
    return xp.avg_pool_forward(x, kernel, stride, padding, ceil_mode, count_include_pad)


@op("window", linear=True, inputs=1, vjp=lambda g, _y, _x, shape, **a: run(CARDS["avg_pool"], (g,), a),
    samples=lambda make: [((make((2, 3, 3, 3), -1.0, 1.0),), {"shape": (2, 3, 6, 6), "kernel": (2, 2), "stride": (2, 2), "padding": (0, 0),
                                                              "ceil_mode": False, "count_include_pad": True})])
def avg_pool_back(xp, g, *, shape, kernel, stride, padding, ceil_mode=False, count_include_pad=True):
    """The gradient of `avg_pool` for its input: each window's share spread over it."""
    return xp.avg_pool_backward(g, tuple(shape), kernel, stride, padding, ceil_mode, count_include_pad)


@op("window", linear=True, inputs=1, vjp=lambda g, _y, _x, pads, value=0.0: _unpad(g, pads),
    samples=lambda make: [((make((2, 3), -1.0, 1.0),), {"pads": ((1, 2), (0, 1)), "value": 0.0})])
def constant_pad(xp, x, *, pads, value=0.0):
    """A number put around: `pads` holds (before, after) for each axis; negative ones cut off.  (*) -> (*)"""
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pads, strict=True))]
    return xp.pad(x, [(max(a, 0), max(b, 0)) for a, b in pads], constant_values=value)


def _unpad(g, pads):
    return run(CARDS["constant_pad"], (g,), {"pads": tuple((-a, -b) for a, b in pads), "value": 0.0})
