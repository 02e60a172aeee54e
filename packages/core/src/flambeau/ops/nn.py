"""The ops that networks are made of, whole: each has a formula of its own and becomes one kernel."""
from __future__ import annotations

import math

from ..define import op
from ..dispatch import run
from ..op import CARDS
from .elementwise import exp, gt, sigmoid, where


def _rows(make):
    yield (make((3, 4), -2.0, 2.0),), {"dim": 1}
    yield (make((2, 3, 2), -2.0, 2.0),), {"dim": 1}
    yield (make((), -2.0, 2.0),), {"dim": 0}


@op(vjp=lambda g, y, _x, dim=-1: y * (g - (g * y).sum(dim, keepdim=True)), promote="float", samples=_rows)
def softmax(xp, x, dim=-1):
    """Softmax along `dim`: positive, sums to one.  (*, n, *) -> (*, n, *)"""
    e = xp.exp(x - xp.max(x, axis=dim, keepdims=True))
    return e / xp.sum(e, axis=dim, keepdims=True)


@op(vjp=lambda g, y, _x, dim=-1: g - exp(y) * g.sum(dim, keepdim=True), promote="float", samples=_rows)
def log_softmax(xp, x, dim=-1):
    """Logarithm of softmax along `dim`, without overflow.  (*, n, *) -> (*, n, *)"""
    shifted = x - xp.max(x, axis=dim, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=dim, keepdims=True))


def _plain(make):
    yield (make((3, 4), -2.0, 2.0),), {}


_HALF, _DENSITY = 1 / math.sqrt(2), 1 / math.sqrt(2 * math.pi)


@op("elementwise", promote="float", samples=_plain, c="(0.5 * {0} * (1 + erf({0} * 0.70710678118654752)))",
    vjp=lambda g, _y, x: g * (0.5 * (1 + (x * _HALF).erf()) + x * exp(x * x * -0.5) * _DENSITY))
def gelu_erf(xp, x):
    """x · Φ(x), Φ the normal distribution.  (*) -> (*)"""
    return x * 0.5 * (1.0 + xp.erf(x * _HALF))


def _tanh_slope(g, x):
    k = math.sqrt(2 / math.pi)
    inner = k * (x + 0.044715 * x * x * x)
    t = inner.tanh()
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x))


@op("elementwise", promote="float", samples=_plain, vjp=lambda g, _y, x: _tanh_slope(g, x),
    c="(0.5 * {0} * (1 + tanh(0.79788456080286536 * ({0} + 0.044715 * {0} * {0} * {0}))))")
def gelu_tanh(xp, x):
    """x · Φ(x), with Φ approximated by tanh.  (*) -> (*)"""
    return 0.5 * x * (1.0 + xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


@op("elementwise", promote="float", samples=_plain, c="({0} / (1 + exp(-{0})))",
    vjp=lambda g, _y, x: g * sigmoid(x) * (1 + x * (1 - sigmoid(x))))
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
    dims = tuple(range(-axes, 0))
    lead = tuple(range(x.ndim - axes))
    centred = x - x.mean(dims, keepdim=True)
    scale = ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()
    unit = centred * scale
    gw = g if weight is None else g * weight
    gx = scale * (gw - gw.mean(dims, keepdim=True) - unit * (gw * unit).mean(dims, keepdim=True))
    return gx, None if weight is None else (g * unit).sum(lead) if lead else g * unit, None if bias is None else g.sum(lead) if lead else g


@op(inputs=3, samples=_layer_norm_samples, promote="same",
    vjp=lambda g, _y, x, weight, _bias, axes=1, eps=1e-5: _layer_norm_back(g, x, weight, axes, eps, _bias))
def layer_norm(xp, x, weight=None, bias=None, axes=1, eps=1e-5):
    """Zero mean and unit variance over the last `axes` axes, then scaled and shifted.  (*, d), (d), (d) -> (*, d)"""
    dims = tuple(range(-axes, 0))
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


@op(inputs=3, outputs=3, samples=_batch_norm_samples, vjp=lambda g, _y, x, weight, _bias, eps=1e-5: _batch_norm_back(g, _y, x, weight, _bias, eps))
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
    return share * probabilities - run(CARDS["scatter_sum"], (share.expand(x.shape[0], 1), target.unsqueeze(1)), {"dim": 1, "shape": x.shape})


@op(inputs=2, samples=_cross_entropy_samples, vjp=(lambda g, _y, x, target: _cross_entropy_back(g, x, target), None))
def mean_cross_entropy(xp, x, target):
    """Mean over rows of -log softmax at the row's class: the usual case of `cross_entropy`.  (N, C), (N) int64 -> ()"""
    shifted = x - xp.max(x, axis=1, keepdims=True)
    chosen = xp.take_along_axis(shifted, target[:, None], axis=1)[:, 0]
    return xp.mean(xp.log(xp.sum(xp.exp(shifted), axis=1)) - chosen)


