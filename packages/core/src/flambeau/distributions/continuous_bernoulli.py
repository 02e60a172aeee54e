"""The continuous Bernoulli distribution (Loaiza-Ganem and Cunningham 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import flambeau
from flambeau import Size, Tensor
from flambeau.nn import functional as F

from . import constraints
from .discrete import Odds
from .distribution import ExponentialFamily
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Odds, ExponentialFamily):
    """Density proportional to probs ** x · (1 - probs) ** (1 - x) in [0, 1].

    lims: between these probabilities the formulas lose their digits, and their Taylor series around 1/2 take their place.
    """

    support: Any = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _params = {"probs": 0, "logits": 0}

    def __init__(self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
                 validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(probs, logits)
        if probs is not None:
            if validate_args is not None and not bool(constraints.unit_interval.check(self.probs).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    def _expanded(self, new: Any, batch_shape: Size) -> None:
        new._lims = self._lims

    @lazy_property
    def probs(self) -> Tensor:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _stable(self) -> tuple[Tensor, Tensor, Tensor]:
        """(where the formulas hold, probabilities with which they do, log odds of those)"""
        far = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        p = flambeau.where(far, self.probs, self._lims[0])
        return far, p, p.log() - (-p).log1p()

    def _cont_bern_log_norm(self) -> Tensor:
        """log of what makes the density one of probability."""
        far, p, odds = self._stable()
        x = (self.probs - 0.5).square()
        below, above = flambeau.where(p <= 0.5, p, 0.0), flambeau.where(p >= 0.5, p, 1.0)
        gap = flambeau.where(p <= 0.5, (-2.0 * below).log1p(), (2.0 * above - 1.0).log())
        return flambeau.where(far, odds.abs().log() - gap, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Tensor:
        far, p, odds = self._stable()
        x = self.probs - 0.5
        return flambeau.where(far, p / (2.0 * p - 1.0) - 1.0 / odds, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.square()) * x)

    @property
    def variance(self) -> Tensor:
        far, p, odds = self._stable()
        x = (self.probs - 0.5).square()
        exact = p * (p - 1.0) / (1.0 - 2.0 * p).square() + 1.0 / odds.square()
        return flambeau.where(far, exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def sample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        with flambeau.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        return self.icdf(flambeau.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        far, p, _odds = self._stable()
        exact = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        return flambeau.where(far, exact, value).masked_fill(value <= 0, 0.0).masked_fill(value >= 1, 1.0)

    def icdf(self, value: Tensor) -> Tensor:
        far, p, odds = self._stable()
        return flambeau.where(far, ((-p + value * (2.0 * p - 1.0)).log1p() - (-p).log1p()) / odds, value)

    def entropy(self) -> Tensor:
        zero, one = (-self.probs).log1p(), self.probs.log()
        return self.mean * (zero - one) - self._cont_bern_log_norm() - zero

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        low, high = self._lims[0] - 0.5, self._lims[1] - 0.5
        far = (x <= low) | (x > high)
        cut = flambeau.where(far, x, low)
        return flambeau.where(far, cut.expm1().abs().log() - cut.abs().log(), 0.5 * x + x.square() / 24.0 - x.pow(4) / 2880.0)
