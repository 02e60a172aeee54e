"""Random numbers of other distributions, made of the generator's uniform numbers by PyTorch's CPU methods: the same seed, the same numbers.

Where a method takes as many uniform numbers as it happens to need, elements are drawn one after the other from a `Stream`.
Sources: W. Hörmann, The transformed rejection method for generating Poisson random variables, 1993, and The generation of binomial random
variates, 1993; G. Marsaglia and W. Tsang, A simple method for generating gamma variables, 2000.
"""
from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..dtype import FLOAT, bool_
from ..tensor import Tensor, plain
from .random import _source, _write, fills, maps_over


def _check_float(x: Tensor, name: str) -> None:
    if x.dtype.category != FLOAT:
        raise RuntimeError(f"{name} fills tensors of real floating numbers, not of {x.dtype.name}: convert it with .float()")


def _positive(name: str, word: str, value: float) -> None:
    if not value > 0:
        raise RuntimeError(f"{name} expects {word} > 0.0, but found {word}={value}")


# ---- in place: one uniform number, or one normal number, an element
@fills
def exponential_(x: Tensor, lambd: float = 1.0, *, generator=None) -> Tensor:
    """Fill x with exponential numbers of the rate `lambd`, of mean 1 / lambd.

    >>> _ = flambeau.manual_seed(0)
    >>> flambeau.empty(2).exponential_()
    tensor([3.5083, 1.2304])
    """
    _check_float(x, "exponential_")
    _positive("exponential_", "lambda", lambd)
    return _write(x, -np.log1p(-_source(generator, x.device).uniform(x.numel(), np.float64)) / lambd)


@fills
def cauchy_(x: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator=None) -> Tensor:
    """Fill x with numbers of Cauchy's distribution around `median`, half of them within `sigma` of it.

    >>> flambeau.empty(3).cauchy_().shape
    flambeau.Size([3])
    """
    _check_float(x, "cauchy_")
    _positive("cauchy_", "sigma", sigma)
    u = _source(generator, x.device).uniform(x.numel(), np.float64)
    return _write(x, median + sigma * np.tan(np.pi * (u - 0.5)))


@fills
def log_normal_(x: Tensor, mean: float = 1.0, std: float = 2.0, *, generator=None) -> Tensor:
    """Fill x with numbers whose logarithm is normal, of the given mean and standard deviation.

    >>> bool((flambeau.empty(3).log_normal_() > 0).all())
    True
    """
    _check_float(x, "log_normal_")
    _positive("log_normal_", "std", std)
    if x.is_meta:
        return _write(x, x.array)
    stream = Stream(_source(generator, x.device))
    values = np.array([stream.normal() for _ in range(x.numel())])
    stream.close()
    return _write(x, np.exp(values * std + mean))


@fills
def geometric_(x: Tensor, p: float, *, generator=None) -> Tensor:
    """Fill x with how many trials of success p it takes to succeed: 1, 2, …

    >>> flambeau.empty(3).geometric_(0.999).shape
    flambeau.Size([3])
    """
    if x.dtype is bool_ or x.is_complex():
        raise RuntimeError(f"geometric_ fills tensors of real numbers, not of {x.dtype.name}")
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    u = _source(generator, x.device).uniform(x.numel(), np.float64)
    return _write(x, np.ceil(np.log(u) / math.log1p(-p)))


# ---- element by element
class Stream:
    """Uniform and normal numbers one at a time; `close` leaves the generator behind the last one that was taken."""

    def __init__(self, generator):
        self.generator, self.place = generator, generator._bits.state
        self.ahead: list[float] = []
        self.taken = 0

    def uniform(self) -> float:
        if self.taken == len(self.ahead):
            self.ahead += self.generator.uniform(max(256, len(self.ahead)), np.float64).tolist()
        self.taken += 1
        return self.ahead[self.taken - 1]

    def normal(self) -> float:
        held, self.generator._normal = self.generator._normal, None
        if held is not None:
            return held
        u1, u2 = self.uniform(), self.uniform()
        radius = math.sqrt(-2.0 * math.log1p(-u2))
        self.generator._normal = radius * math.sin(2.0 * math.pi * u1)
        return radius * math.cos(2.0 * math.pi * u1)

    def close(self) -> None:
        self.generator._bits.state = self.place
        self.generator.words64(self.taken)


def _drawn(like: Tensor, draw, *parameters: Tensor, generator) -> Tensor:
    """draw(stream, *numbers) for each element of the broadcast parameters.  (*), … -> (*)"""
    source: Any = _source(generator, like.device)
    arrays = np.broadcast_arrays(*(np.asarray(p.detach().cpu().array, np.float64) for p in parameters))
    if not hasattr(source, "_bits"):  # on meta there is nothing to draw
        return plain(np.empty(arrays[0].shape, like.dtype.numpy))._to_device(like.device)
    stream = Stream(source)
    values = [draw(stream, *numbers) for numbers in zip(*(a.reshape(-1).tolist() for a in arrays))]
    stream.close()
    return plain(np.array(values, np.float64).astype(like.dtype.numpy).reshape(arrays[0].shape))._to_device(like.device)


@maps_over
def poisson(input: Tensor, generator=None) -> Tensor:
    """Counts of events that happen at the rates in `input`, in its dtype.  (*) -> (*)

    >>> flambeau.poisson(flambeau.zeros(3))
    tensor([0., 0., 0.])
    """
    _check_float(input, "poisson")
    if bool((input < 0).any()):
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return _drawn(input, _poisson, input, generator=generator)


def _poisson(stream: Stream, rate: float) -> float:
    if rate >= 10:
        root, log_rate = math.sqrt(rate), math.log(rate)
        b = 0.931 + 2.53 * root
        a = -0.059 + 0.02483 * b
        scale, accept = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
        while True:
            u, v = stream.uniform() - 0.5, stream.uniform()
            room = 0.5 - abs(u)
            k = math.floor((2 * a / room + b) * u + rate + 0.43)
            if room >= 0.07 and v <= accept:
                return k
            if k < 0 or (room < 0.013 and v > room):
                continue
            if math.log(v) + math.log(scale) - math.log(a / (room * room) + b) <= -rate + k * log_rate - math.lgamma(k + 1):
                return k
    if rate == 0:
        return 0
    count, product, least = 0, stream.uniform(), math.exp(-rate)
    while product > least:
        count += 1
        product *= stream.uniform()
    return count


@maps_over
def binomial(count: Tensor, prob: Tensor, generator=None) -> Tensor:
    """How many of `count` trials succeed, each with probability `prob`.  (*), (*) -> (*), broadcast, in count's dtype

    >>> flambeau.binomial(flambeau.tensor([5.0, 7.0]), flambeau.tensor([0.0, 1.0]))
    tensor([0., 7.])
    """
    _check_float(count, "binomial")
    if not isinstance(prob, Tensor) or prob.dtype is not count.dtype:
        found = getattr(prob, "dtype", type(prob).__name__)
        raise ValueError(f"binomial expects count and prob of one dtype, got {count.dtype} and {found}")
    return _drawn(count, _binomial, count, prob, generator=generator)


def _binomial(stream: Stream, n: float, p: float) -> float:
    if n <= 0 or p <= 0:
        return 0
    if p >= 1:
        return n
    if p > 0.5:
        return n - _successes(stream, n, 1 - p)
    if p <= 0.5:
        return _successes(stream, n, p)
    return math.nan  # a probability that is no number


def _successes(stream: Stream, n: float, p: float) -> float:
    """For p at most a half: gaps between successes are summed, or, where many are expected, candidates are rejected."""
    if n * p < 10:
        found, place, log_fail = 0, 0.0, math.log1p(-p)
        while True:
            place += math.ceil(math.log(stream.uniform()) / log_fail)
            if place > n:
                return found
            found += 1
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre, accept, odds = n * p + 0.5, 0.92 - 4.2 / b, p / (1 - p)
    alpha, mode = (2.83 + 5.1 / b) * spread, math.floor((n + 1) * p)
    while True:
        u, v = stream.uniform() - 0.5, stream.uniform()
        room = 0.5 - abs(u)
        k = math.floor((2 * a / room + b) * u + centre)
        if room >= 0.07 and v <= accept:
            return k
        if k < 0 or k > n:
            continue
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _stirling(mode) + _stirling(n - mode) - _stirling(k) - _stirling(n - k)
        )  # fmt: skip
        if math.log(v * alpha / (a / (room * room) + b)) <= bound:
            return k


def _stirling(k: float) -> float:
    """What Stirling's formula leaves over of log k!."""
    if k <= 9:
        return math.lgamma(k + 1) - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


THIRD, SQUEEZE = float(np.float32(1 / 3)), float(np.float32(0.0331))  # PyTorch has both in single precision, whatever the dtype


def _single(number: float) -> float:
    return float(np.float32(number))


def _gamma(stream: Stream, alpha: float, single: bool = False) -> float:
    """Marsaglia and Tsang's rejection.  single: what is worked out of alpha alone is of single precision, as in PyTorch."""
    scale, near = 1.0, _single if single else float
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = (1 - stream.uniform()) ** near(1 / alpha)
        alpha = near(alpha + 1)
    d = near(alpha - THIRD)
    c = 1 / math.sqrt(9 * d)
    while True:
        x, y = 0.0, 0.0
        while y <= 0:
            x = stream.normal()
            y = 1 + c * x
        v, u, square = y * y * y, 1 - stream.uniform(), x * x
        if u < 1 - SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


@maps_over
def _standard_gamma(alpha: Tensor, generator=None) -> Tensor:
    """Numbers of the gamma distribution of shape `alpha` and scale 1.  (*) -> (*)"""
    _check_float(alpha, "_standard_gamma")
    made = _drawn(alpha, partial(_gamma, single=alpha.dtype.itemsize < 8), alpha, generator=generator)
    return made.clamp(min=float(np.finfo(np.float64 if alpha.dtype.itemsize == 8 else np.float32).tiny))


@maps_over
def _sample_dirichlet(alpha: Tensor, generator=None) -> Tensor:
    """Shares that sum to 1, of Dirichlet's distribution of concentrations `alpha`.  (*, k) -> (*, k)"""
    _check_float(alpha, "_sample_dirichlet")
    drawn = _drawn(alpha.double(), _gamma, alpha, generator=generator).clamp(min=float(np.finfo(np.float64).tiny))  # not all 0
    kind = np.float64 if alpha.dtype.itemsize == 8 else np.float32
    most = float(np.nextafter(kind(1), kind(0)))  # a share of 0 or 1 would have a density of 0 or infinity
    return (drawn / drawn.sum(-1, keepdim=True)).to(alpha.dtype).clamp(min=float(np.finfo(kind).tiny), max=most)
