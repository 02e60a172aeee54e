"""Activation functions beside the common ones of `nn`: elementwise, each with its slope; the costly ones are one kernel each way."""
from __future__ import annotations

from ..define import op
from ..fused import Fused
from .elementwise import gt, le, logical_and, logical_or, lt, sigmoid, where

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _anywhere(make):
    yield (make((3, 4), -4.0, 4.0),), {}


def _pairs(make):
    yield (make((3, 4), -2.0, 2.0), make((3, 4), -4.0, 4.0)), {}


def _between(x, low, high):
    return logical_and(gt(x, low), lt(x, high))


@op("elementwise", promote="same", samples=lambda make: [((make((3, 4), -2.0, 2.0),), {"min_val": -0.5, "max_val": 1.5})], inputs=1,
    vjp=lambda g, _y, x, min_val=-1.0, max_val=1.0: g * _between(x, min_val, max_val), c="clamp({0}, {min_val}, {max_val})")
def hardtanh(xp, x, min_val=-1.0, max_val=1.0):
    """x between min_val and max_val; no gradient passes at or beyond the bounds.  (*) -> (*)"""
    return xp.minimum(xp.maximum(x, min_val), max_val)


@op("elementwise", promote="same", samples=lambda make: [((make((3, 4), -2.0, 2.0),), {"threshold": 0.3, "value": -1.0})],
    vjp=lambda g, _y, x, threshold, value: where(le(x, threshold), 0.0, g), inputs=1, c="({0} <= {threshold} ? {value} : {0})")
def threshold(xp, x, threshold, value):
    """`value` where x is at most `threshold`, else x.  (*) -> (*)"""
    return xp.where(x <= threshold, value, x)


@op(promote="same", samples=_pairs, inputs=2, fused=Fused("(),()->()"))
def leaky_relu_back(xp, g, x, negative_slope=0.01):
    """The gradient of leaky_relu for its input x.  (*), (*) -> (*)"""
    return xp.where(x > 0, g, g * negative_slope)


@op("elementwise", promote="float", samples=_anywhere, inputs=1, c="({0} > 0 ? {0} : {negative_slope} * {0})", fused=Fused("()->()"),
    vjp=lambda g, _y, x, negative_slope=0.01: leaky_relu_back(g, x, negative_slope=negative_slope))
def leaky_relu(xp, x, negative_slope=0.01):
    """x where positive, else negative_slope · x.  (*) -> (*)"""
    return xp.where(x > 0, x, x * negative_slope)


@op(promote="same", samples=_pairs, inputs=2, fused=Fused("(),()->()"))
def celu_back(xp, g, x, alpha=1.0, scale=1.0):
    """The gradient of celu (for `scale` alpha, of elu) for its input x.  (*), (*) -> (*)"""
    return xp.where(x > 0, g, g * scale * xp.exp(xp.minimum(x, 0.0) / alpha))


@op("elementwise", promote="float", samples=_anywhere, inputs=1, c="({0} > 0 ? {0} : {alpha} * expm1({0}))", fused=Fused("()->()"),
    vjp=lambda g, _y, x, alpha=1.0: celu_back(g, x, alpha=1.0, scale=alpha))
def elu(xp, x, alpha=1.0):
    """x where positive, else α (exp(x) - 1).  (*) -> (*)"""
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


@op("elementwise", promote="float", samples=_anywhere, inputs=1, c="({0} > 0 ? {0} : {alpha} * expm1({0} / {alpha}))",
    vjp=lambda g, _y, x, alpha=1.0: celu_back(g, x, alpha=alpha), fused=Fused("()->()"))
def celu(xp, x, alpha=1.0):
    """x where positive, else α (exp(x / α) - 1).  (*) -> (*)"""
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0) / alpha))


@op("elementwise", promote="float", samples=_anywhere, c="({0} > 0 ? 1.0507009873554805 * {0} : 1.7580993408473766 * expm1({0}))",
    vjp=lambda g, _y, x: celu_back(g, x, alpha=1.0, scale=SELU_ALPHA) * SELU_SCALE, fused=Fused("()->()"))
def selu(xp, x):
    """The ELU whose two constants keep mean 0 and variance 1 from layer to layer.  (*) -> (*)"""
    return SELU_SCALE * xp.where(x > 0, x, SELU_ALPHA * xp.expm1(xp.minimum(x, 0.0)))


@op(promote="same", samples=_pairs, inputs=2, fused=Fused("(),()->()"))
def mish_back(xp, g, x):
    """The gradient of mish for its input x.  (*), (*) -> (*)"""
    t = xp.tanh(xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x))))
    return g * (t + x * (1.0 - t * t) / (1.0 + xp.exp(-x)))


@op("elementwise", promote="float", samples=_anywhere, vjp=lambda g, _y, x: mish_back(g, x), fused=Fused("()->()"),
    c="({0} * tanh(maximum({0}, 0) + log1p(exp(-fabs({0})))))")
def mish(xp, x):
    """x · tanh(log(1 + exp(x))).  (*) -> (*)"""
    return x * xp.tanh(xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x))))


@op("elementwise", promote="float", samples=_anywhere, vjp=lambda g, _y, x: g * _between(x, -3, 3) / 6, c="(clamp({0} + 3, 0, 6) / 6)",
    fused=Fused("()->()"))
def hardsigmoid(xp, x):
    """The sigmoid as a broken line, 0 up to -3 and 1 from 3.  (*) -> (*)"""
    return xp.minimum(xp.maximum(x + 3.0, 0.0), 6.0) / 6.0


@op(promote="same", samples=_pairs, inputs=2, fused=Fused("(),()->()"))
def hardswish_back(xp, g, x):
    """The gradient of hardswish for its input x.  (*), (*) -> (*)"""
    return xp.where(x <= -3, 0.0, xp.where(x >= 3, g, g * (x / 3.0 + 0.5)))


@op("elementwise", promote="float", samples=_anywhere, c="({0} * clamp({0} + 3, 0, 6) / 6)", vjp=lambda g, _y, x: hardswish_back(g, x),
    fused=Fused("()->()"))
def hardswish(xp, x):
    """x · hardsigmoid(x).  (*) -> (*)"""
    return x * xp.minimum(xp.maximum(x + 3.0, 0.0), 6.0) / 6.0


def _outside(x, bound):
    return logical_or(gt(x, bound), lt(x, -bound))


@op("elementwise", promote="float", samples=_anywhere, inputs=1, c="(fabs({0}) <= {lambd} ? 0 : {0})",
    vjp=lambda g, _y, x, lambd=0.5: g * _outside(x, lambd))
def hardshrink(xp, x, lambd=0.5):
    """x, but 0 from -lambd to lambd.  (*) -> (*)"""
    return xp.where(xp.abs(x) <= lambd, 0.0, x)


@op("elementwise", promote="float", samples=_anywhere, inputs=1, c="({0} - clamp({0}, -{lambd}, {lambd}))",
    vjp=lambda g, _y, x, lambd=0.5: g * _outside(x, lambd))
def softshrink(xp, x, lambd=0.5):
    """x drawn towards 0 by lambd, and 0 from -lambd to lambd.  (*) -> (*)"""
    return x - xp.minimum(xp.maximum(x, -lambd), lambd)


@op("elementwise", promote="float", samples=_anywhere, vjp=lambda g, _y, x: g * sigmoid(-x), c="(minimum({0}, 0) - log1p(exp(-fabs({0}))))",
    fused=Fused("()->()"))
def logsigmoid(xp, x):
    """log(sigmoid(x)), exact far below 0 too.  (*) -> (*)"""
    return xp.minimum(x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))
