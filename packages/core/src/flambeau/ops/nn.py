"""The ops that networks are made of, whole: each has a formula of its own and becomes one kernel."""
from __future__ import annotations

import math

import numpy as np

from ..backends import network
from ..define import op
from ..dispatch import run
from ..fused import Fused, Native
from ..op import CARDS
from .elementwise import gt, sigmoid, where


def _rows(make):
    yield (make((3, 4), -2.0, 2.0),), {"dim": 1}
    yield (make((2, 3, 2), -2.0, 2.0),), {"dim": 1}
    yield (make((), -2.0, 2.0),), {"dim": 0}


@op(vjp=lambda g, y, _x, dim=-1: softmax_back(g, y, dim), promote="float", samples=_rows, fused=Fused("(n)->(n)", "dim"))
def softmax(xp, x, dim=-1):
    """Softmax along `dim`: positive, sums to one.  (*, n, *) -> (*, n, *)"""
    e = xp.exp(x - xp.supremum(x, axis=dim, keepdims=True))
    return e / xp.sum(e, axis=dim, keepdims=True)


@op(promote="same", samples=lambda make: _pairs(make), fused=Fused("(n),(n)->(n)", "dim"))
def softmax_back(xp, g, y, dim=-1):
    """The gradient of softmax for its input, from that of its result y.  (*, n, *), (*, n, *) -> (*, n, *)"""
    return y * (g - xp.sum(g * y, axis=dim, keepdims=True))


@op(vjp=lambda g, y, _x, dim=-1: log_softmax_back(g, y, dim), promote="float", samples=_rows, fused=Fused("(n)->(n)", "dim"))
def log_softmax(xp, x, dim=-1):
    """Logarithm of softmax along `dim`, without overflow.  (*, n, *) -> (*, n, *)"""
    shifted = x - xp.supremum(x, axis=dim, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=dim, keepdims=True))


@op(promote="same", samples=lambda make: _pairs(make), fused=Fused("(n),(n)->(n)", "dim"))
def log_softmax_back(xp, g, y, dim=-1):
    """The gradient of log_softmax for its input, from that of its result y.  (*, n, *), (*, n, *) -> (*, n, *)"""
    return g - xp.exp(y) * xp.sum(g, axis=dim, keepdims=True)


def _pairs(make):
    yield (make((3, 4), -2.0, 2.0), make((3, 4), -2.0, 2.0)), {"dim": 1}
    yield (make((2, 3, 2), -2.0, 2.0), make((2, 3, 2), -2.0, 2.0)), {"dim": 1}


def _two(make):
    yield (make((3, 4), -2.0, 2.0), make((3, 4), -2.0, 2.0)), {}


def _plain(make):
    yield (make((3, 4), -2.0, 2.0),), {}


_HALF, _DENSITY = 1 / math.sqrt(2), 1 / math.sqrt(2 * math.pi)


@op("elementwise", promote="float", samples=_plain, c="(0.5 * {0} * (1 + erf({0} * 0.70710678118654752)))", fused=Fused("()->()"),
    vjp=lambda g, _y, x: gelu_erf_back(g, x))
def gelu_erf(xp, x):
    """x · Φ(x), Φ the normal distribution.  (*) -> (*)"""
    return x * 0.5 * (1.0 + xp.erf(x * _HALF))


@op(promote="same", samples=_two, fused=Fused("(),()->()"))
def gelu_erf_back(xp, g, x):
    """The gradient of gelu_erf for its input x.  (*), (*) -> (*)"""
    return g * (0.5 * (1.0 + xp.erf(x * _HALF)) + x * xp.exp(x * x * -0.5) * _DENSITY)


_SLOPE = math.sqrt(2 / math.pi)


@op(promote="same", samples=_two, fused=Fused("(),()->()"))
def gelu_tanh_back(xp, g, x):
    """The gradient of gelu_tanh for its input x.  (*), (*) -> (*)"""
    t = xp.tanh(_SLOPE * (x + 0.044715 * x * x * x))
    return g * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * (_SLOPE * (1.0 + 3 * 0.044715 * x * x)))


@op("elementwise", promote="float", samples=_plain, vjp=lambda g, _y, x: gelu_tanh_back(g, x), fused=Fused("()->()"),
    c="(0.5 * {0} * (1 + tanh(0.79788456080286536 * ({0} + 0.044715 * {0} * {0} * {0}))))")
def gelu_tanh(xp, x):
    """x · Φ(x), with Φ approximated by tanh.  (*) -> (*)"""
    return 0.5 * x * (1.0 + xp.tanh(_SLOPE * (x + 0.044715 * x * x * x)))


@op(promote="same", samples=_two, fused=Fused("(),()->()"))
def silu_back(xp, g, x):
    """The gradient of silu for its input x.  (*), (*) -> (*)"""
    s = 1.0 / (1.0 + xp.exp(-x))
    return g * s * (1.0 + x * (1.0 - s))


@op(
    "elementwise", promote="float", samples=_plain, c="({0} / (1 + exp(-{0})))", fused=Fused("()->()"), vjp=lambda g, _y, x: silu_back(g, x)
)
def silu(xp, x):
    """x · sigmoid(x).  (*) -> (*)"""
    return x / (1.0 + xp.exp(-x))


@op("elementwise", promote="float", samples=_plain, c="({0} * {beta} > {threshold} ? {0} : log1p(exp({beta} * {0})) / {beta})", inputs=1,
    vjp=lambda g, _y, x, beta=1.0, threshold=20.0: where(gt(x * beta, threshold), g, g * sigmoid(x * beta)))
def softplus(xp, x, beta=1.0, threshold=20.0):
    """log(1 + exp(βx)) / β, and x itself where βx > threshold.  (*) -> (*)"""
    scaled = x * beta
    return xp.where(scaled > threshold, x, xp.log1p(xp.exp(xp.minimum(scaled, threshold))) / beta)


# ---- normalisation
def _layer_norm_samples(make):
    yield (make((3, 4), -2.0, 2.0), make((4,), 0.5, 1.5), make((4,), -1.0, 1.0)), {"axes": 1, "eps": 1e-5}
    yield (make((2, 3, 4), -2.0, 2.0), None, None), {"axes": 2, "eps": 1e-5}


def _layer_norm_back(g, x, weight, axes, eps, bias):
    lead = tuple(range(x.ndim - axes))
    gx, g_unit = layer_norm_back(g, x, weight, axes=axes, eps=eps)
    return gx, None if weight is None else g_unit.sum(lead) if lead else g_unit, None if bias is None else g.sum(lead) if lead else g


def _layer_norm_back_samples(make):
    yield (make((3, 4), -2.0, 2.0), make((3, 4), -2.0, 2.0), make((4,), 0.5, 1.5)), {"axes": 1, "eps": 1e-5}
    yield (make((2, 3, 4), -2.0, 2.0), make((2, 3, 4), -2.0, 2.0), None), {"axes": 2, "eps": 1e-5}


@op(inputs=3, outputs=2, samples=_layer_norm_back_samples, promote="same", fused=Fused("(n),(n),(n)->(n),(n)"))
def layer_norm_back(xp, g, x, weight=None, axes=1, eps=1e-5):
    """The gradient of layer_norm for its input x, and the summands of that for its weight.  (*, d), (*, d), (d) -> (*, d), (*, d)"""
    dims = -1 if axes == 1 else tuple(range(-axes, 0))
    centred = x - xp.mean(x, axis=dims, keepdims=True)
    scale = 1.0 / xp.sqrt(xp.mean(centred * centred, axis=dims, keepdims=True) + eps)
    unit = centred * scale
    gw = g if weight is None else g * weight
    gx = scale * (gw - xp.mean(gw, axis=dims, keepdims=True) - unit * xp.mean(gw * unit, axis=dims, keepdims=True))
    return gx, g * unit


@op(inputs=3, samples=_layer_norm_samples, promote="same", fused=Fused("(n),(n),(n)->(n)"),
    vjp=lambda g, _y, x, weight, _bias, axes=1, eps=1e-5: _layer_norm_back(g, x, weight, axes, eps, _bias))
def layer_norm(xp, x, weight=None, bias=None, axes=1, eps=1e-5):
    """Zero mean and unit variance over the last `axes` axes, then scaled and shifted.  (*, d), (d), (d) -> (*, d)"""
    dims = -1 if axes == 1 else tuple(range(-axes, 0))
    centred = x - xp.mean(x, axis=dims, keepdims=True)
    y = centred / xp.sqrt(xp.mean(centred * centred, axis=dims, keepdims=True) + eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def _batch_norm_samples(make):
    yield (make((4, 3, 2), -2.0, 2.0), make((3,), 0.5, 1.5), make((3,), -1.0, 1.0)), {"eps": 1e-5}
    yield (make((5, 2), -2.0, 2.0), None, None), {"eps": 1e-5}


def _channels(v, ndim):
    return v.reshape(1, -1, *(1,) * (ndim - 2))


def _batch_norm_back(g, y, x, weight, bias, eps):
    (gy, gmean, gvar), ndim = g, x.ndim
    dims = (0, *range(2, ndim))
    n = x.numel() // x.shape[1]
    mean, var = _channels(x.mean(dims), ndim), _channels(x.var(dims, correction=0), ndim)
    scale = (var + eps).rsqrt()
    unit = (x - mean) * scale
    gw, gb = (gy * unit).sum(dims), gy.sum(dims)
    gain = scale if weight is None else scale * _channels(weight, ndim)
    gx = gain * (gy - _channels(gb / n, ndim) - unit * _channels(gw / n, ndim))
    if gmean is not None:
        gx = gx + _channels(gmean / n, ndim)
    if gvar is not None:
        gx = gx + _channels(gvar * (2 / n), ndim) * (x - mean)
    return gx, None if weight is None else gw, None if bias is None else gb


@op(
    inputs=3,
    outputs=3,
    samples=_batch_norm_samples,
    fused=Native(network.batch_norm_train),
    vjp=lambda g, _y, x, weight, _bias, eps=1e-5: _batch_norm_back(g, _y, x, weight, _bias, eps),
)
def batch_norm_train(xp, x, weight=None, bias=None, eps=1e-5):
    """Zero mean and unit variance over all axes but the second; also that mean and (biased) variance.  (N, C, *) -> (N, C, *), (C), (C)"""
    dims = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean = xp.mean(x, axis=dims)
    centred = x - xp.reshape(mean, shape)
    var = xp.mean(centred * centred, axis=dims)
    scale = 1.0 / xp.sqrt(var + eps)
    y = centred * xp.reshape(scale if weight is None else scale * weight, shape)
    return (y if bias is None else y + xp.reshape(bias, shape)), mean, var


def _batch_norm_eval_back(g, x, mean, var, weight, bias, eps):
    ndim = x.ndim
    dims = (0, *range(2, ndim))
    scale = (var + eps).rsqrt()
    gain = scale if weight is None else scale * weight
    gb = g.sum(dims)
    across = (g * (x - _channels(mean, ndim))).sum(dims)
    return (g * _channels(gain, ndim), -gb * gain, across * gain * scale * scale * -0.5, None if weight is None else across * scale,
            None if bias is None else gb)


def _batch_norm_eval_samples(make):
    yield (make((4, 3, 2), -2.0, 2.0), *(make((3,), 0.5, 1.5) for _ in range(4))), {"eps": 1e-5}
    yield (make((5, 2), -2.0, 2.0), make((2,), -1.0, 1.0), make((2,), 0.5, 1.5), None, None), {"eps": 1e-5}


@op(inputs=5, samples=_batch_norm_eval_samples, promote="same", fused=Native(network.batch_norm_eval),
    vjp=lambda g, _y, x, mean, var, weight, _bias, eps=1e-5: _batch_norm_eval_back(g, x, mean, var, weight, _bias, eps))
def batch_norm_eval(xp, x, mean, var, weight=None, bias=None, eps=1e-5):
    """x brought from a known mean and variance a channel to 0 and 1, then scaled and shifted.  (N, C, *), 4 × (C) -> (N, C, *)"""
    shape = (-1,) + (1,) * (x.ndim - 2)  # one multiplication and one addition an element: everything else happens once a channel
    scale = 1.0 / xp.sqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    return x * xp.reshape(scale, shape) + xp.reshape(shift, shape)


# ---- losses
@op("index", inputs=2, samples=lambda make: [((make((3, 4), -2.0, 2.0), make.index([1, 0, 3])), {})],
    vjp=(lambda g, _y, _x, target: run(CARDS["scatter_sum"], (g.unsqueeze(1), target.unsqueeze(1)), {"dim": 1, "shape": _x.shape}), None))
def pick_class(xp, x, target):
    """Each row's entry for its class.  (N, C), (N) int64 -> (N)"""
    return xp.take_along_axis(x, target[:, None], axis=1)[:, 0]


def _cross_entropy_samples(make):
    yield (make((3, 4), -2.0, 2.0), make.index([1, 0, 3])), {}


def _cross_entropy_back(g, x, target):
    probabilities = softmax(x, 1)
    share = g / x.shape[0]
    return share * probabilities - run(
        CARDS["scatter_sum"], (share.expand(x.shape[0], 1), target.unsqueeze(1)), {"dim": 1, "shape": x.shape}
    )


def _cross_entropy_array_back(g, x, target):
    p = np.exp(x - np.maximum.reduce(x, 1, None, None, True))
    share = g / x.shape[0]
    p *= share / np.add.reduce(p, 1, None, None, True)
    p[np.arange(len(p)), target] -= share
    return p


@op(inputs=2, samples=_cross_entropy_samples, fused=Native(network.mean_cross_entropy),
    vjp=(lambda g, _y, x, target: _cross_entropy_back(g, x, target), None),
    back=(lambda g, _y, x, target: _cross_entropy_array_back(g, x, target), None))
def mean_cross_entropy(xp, x, target):
    """Mean over rows of -log softmax at the row's class: the usual case of `cross_entropy`.  (N, C), (N) int64 -> ()"""
    shifted = x - xp.max(x, axis=1, keepdims=True)
    chosen = xp.take_along_axis(shifted, target[:, None], axis=1)[:, 0]
    return xp.mean(xp.log(xp.sum(xp.exp(shifted), axis=1)) - chosen)


