"""Bodies that the kernel tests run: each with its signature, and inputs that show its edges."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    body: object
    signature: str
    shapes: tuple  # for each input a shape; "m" and "n" stand for numbers that the tests choose
    integers: tuple = ()  # positions of inputs of int64


def softmax(xp, x):
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def log_softmax(xp, x):
    x = x - xp.max(x, axis=-1, keepdims=True)
    return x - xp.log(xp.sum(xp.exp(x), axis=-1, keepdims=True))


def layer_norm(xp, x, weight, bias, eps=1e-5):
    mean = xp.mean(x, axis=-1, keepdims=True)
    rstd = 1.0 / xp.sqrt(xp.mean(xp.square(x - mean), axis=-1, keepdims=True) + eps)
    return (x - mean) * rstd * weight + bias, mean, rstd


def layer_norm_backward(xp, g, x, mean, rstd, weight):
    normal = (x - mean) * rstd
    weight_gradient, bias_gradient = xp.sum(g * normal, axis=-2), xp.sum(g, axis=-2)
    g = g * weight
    to_input = (g - xp.mean(g, axis=-1, keepdims=True) - normal * xp.mean(g * normal, axis=-1, keepdims=True)) * rstd
    return to_input, weight_gradient, bias_gradient


def cross_entropy(xp, x, target):
    z = x - xp.max(x, axis=-1, keepdims=True)
    picked = xp.sum(xp.where(xp.arange(x.shape[-1]) == target[..., None], z, 0.0), axis=-1)
    return xp.log(xp.sum(xp.exp(z), axis=-1)) - picked


def variance(xp, x, correction=1):
    return xp.var(x, axis=-1, correction=correction)


def extremes(xp, x):
    return xp.max(x, axis=-1), xp.min(x, axis=-1), xp.any(x > 1.0, axis=-1), xp.all(x < 1.0, axis=-1), xp.prod(xp.abs(x), axis=-1)


def gelu_tanh(xp, x):
    return 0.5 * x * (1.0 + xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def mixture(xp, x, y):
    """Selections, comparisons, logic, clipping and rounding."""
    chosen = xp.where((x > y) & ~xp.isnan(x) | (y < -1), xp.maximum(x, y), xp.clip(x, -0.5, 0.5))
    return chosen + xp.floor(y) - xp.sign(x) * xp.astype(xp.isfinite(y), x.dtype), xp.logical_xor(x > 0, y > 0)


def functions(xp, x):
    a = xp.abs(x) + 0.25
    return xp.sin(x) + xp.log1p(a) * xp.expm1(-a) + a**0.3 + xp.atan(x) / xp.sqrt(a), xp.log(a) - xp.tanh(x)


def adam(xp, p, g, m, v, lr, beta1, beta2):
    m = m + (g - m) * (1.0 - beta1)
    v = v * beta2 + g * g * (1.0 - beta2)
    return p - lr * m / (xp.sqrt(v) + 1e-8), m, v


ROW, ONE, SCALAR, VECTOR = ("m", "n"), ("m", 1), (), ("n",)
CASES = {
    "softmax": Case(softmax, "(n)->(n)", (ROW,)),
    "log_softmax": Case(log_softmax, "(n)->(n)", (ROW,)),
    "layer_norm": Case(layer_norm, "(n),(n),(n)->(n),(1),(1)", (ROW, VECTOR, VECTOR)),
    "layer_norm_backward": Case(layer_norm_backward, "(m,n),(m,n),(m,1),(m,1),(n)->(m,n),(n),(n)", (ROW, ROW, ONE, ONE, VECTOR)),
    "cross_entropy": Case(cross_entropy, "(n),()->()", (ROW, ("m",)), (1,)),
    "variance": Case(variance, "(n)->()", (ROW,)),
    "extremes": Case(extremes, "(n)->(),(),(),(),()", (ROW,)),
    "gelu_tanh": Case(gelu_tanh, "()->()", (ROW,)),
    "mixture": Case(mixture, "(),()->(),()", (ROW, VECTOR)),
    "functions": Case(functions, "()->(),()", (ROW,)),
    "adam": Case(adam, "(),(),(),(),(),(),()->(),(),()", (ROW, ROW, ROW, ROW, SCALAR, SCALAR, SCALAR)),
}


def inputs(case: Case, dtype, m: int, n: int, seed: int = 0) -> list[np.ndarray]:
    """Normal numbers; for adam a positive second moment, and rates below one."""
    rng = np.random.default_rng(seed)
    sizes = {"m": m, "n": n}
    arrays = []
    for position, shape in enumerate(case.shapes):
        shape = tuple(sizes.get(s, s) for s in shape)
        made = rng.integers(0, max(n, 1), shape) if position in case.integers else rng.standard_normal(shape).astype(dtype)
        if case.body is adam and position >= 3:
            made = np.abs(made) if position == 3 else np.asarray(0.1 * position, dtype)
        arrays.append(made)
    return [np.asarray(a) for a in arrays]


def dtypes(case: Case, dtype) -> tuple:
    return tuple(np.dtype(np.int64 if i in case.integers else dtype) for i in range(len(case.shapes)))
