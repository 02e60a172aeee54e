"""Distributions of real numbers with a location and a scale."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import flambeau
from flambeau import Tensor

from . import constraints
from .distribution import Distribution, ExponentialFamily
from .gamma import Chi2
from .utils import broadcast_all

__all__ = ["Cauchy", "GeneralizedPareto", "Laplace", "Normal", "StudentT", "Uniform", "VonMises"]

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class LocScale(Distribution):
    """loc + scale · (a standard variable)"""

    arg_constraints: Any = {"loc": constraints.real, "scale": constraints.positive}
    support: Any = constraints.real
    has_rsample = True
    _params = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    def _standard(self, value: Tensor) -> Tensor:
        return (self._checked(value) - self.loc) / self.scale


class Normal(LocScale, ExponentialFamily):
    """The normal distribution with mean loc and standard deviation scale.

    >>> Normal(0.0, 1.0).log_prob(flambeau.tensor(0.0))
    tensor(-0.9189)
    """

    _mean_carrier_measure = 0

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale.square()

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        return self.loc + standard_normal(self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -(self._checked(value) - self.loc).square() / (2 * self.scale.square()) - self.scale.log() - HALF_LOG_TWO_PI

    def cdf(self, value: Tensor) -> Tensor:
        return 0.5 * (1 + flambeau.erf((self._checked(value) - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * flambeau.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_TWO_PI + self.scale.log()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.loc / self.scale.square(), -0.5 / self.scale.square()

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        first, second = natural_params
        return -0.25 * first.square() / second + 0.5 * (-math.pi / second).log()


def standard_normal(shape: Iterable[int], like: Tensor) -> Tensor:
    return flambeau.randn(tuple(shape), dtype=like.dtype, device=like.device)


class Laplace(LocScale):
    """The double exponential distribution: density exp(-|x - loc| / scale) / (2 scale)."""

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.square()

    @property
    def stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        low = flambeau.finfo(self.loc.dtype).eps - 1
        u = flambeau.empty(shape, dtype=self.loc.dtype, device=self.loc.device).uniform_(low, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        return -(2 * self.scale).log() - (self._checked(value) - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        z = self._standard(value)
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        centred = value - 0.5
        return self.loc - self.scale * centred.sign() * (-2 * centred.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()


class Cauchy(LocScale):
    """The Cauchy distribution, of a ratio of normal variables: it has no mean."""

    @property
    def mean(self) -> Tensor:
        return flambeau.full_like(self.loc, math.nan)

    @property
    def variance(self) -> Tensor:
        return flambeau.full_like(self.loc, math.inf)

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.loc + flambeau.empty(shape, dtype=self.loc.dtype, device=self.loc.device).cauchy_() * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -math.log(math.pi) - self.scale.log() - self._standard(value).square().log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return flambeau.atan(self._standard(value)) / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return flambeau.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class StudentT(LocScale):
    """Student's t distribution with df degrees of freedom, moved to loc and stretched by scale."""

    arg_constraints: Any = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    _params = {"df": 0, "loc": 0, "scale": 0}
    _parts = {"_chi2": 0}

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        Distribution.__init__(self, self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return flambeau.where(self.df <= 1, math.nan, self.loc)

    @property
    def variance(self) -> Tensor:
        finite = self.scale.square() * self.df / (self.df - 2)
        return flambeau.where(self.df > 2, finite, flambeau.where(self.df > 1, math.inf, flambeau.full_like(self.df, math.nan)))

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        sample_shape = tuple(sample_shape)
        normal = standard_normal(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * (normal * (self._chi2.rsample(sample_shape) / self.df).rsqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        norm = self.scale.log() + 0.5 * (self.df.log() + math.log(math.pi)) + (0.5 * self.df).lgamma() - (0.5 * (self.df + 1)).lgamma()
        return -0.5 * (self.df + 1) * (self._standard(value).square() / self.df).log1p() - norm

    def entropy(self) -> Tensor:
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = half.lgamma() + math.lgamma(0.5) - more.lgamma()
        return self.scale.log() + more * (more.digamma() - half.digamma()) + 0.5 * self.df.log() + log_beta


class Uniform(Distribution):
    """The same density everywhere in [low, high)."""

    has_rsample = True
    _params = {"low": 0, "high": 0}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, Any]:
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        return math.nan * self.high

    @property
    def stddev(self) -> Tensor:
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        u = flambeau.rand(self._extended_shape(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        inside = (self.low <= value) & (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Tensor:
        return ((self._checked(value) - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()


class GeneralizedPareto(LocScale):
    """What lies beyond a threshold loc: survival (1 + concentration · (x - loc) / scale) ** (-1 / concentration), exp(-…) at 0."""

    arg_constraints: Any = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    _params = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        Distribution.__init__(self, self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = flambeau.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, end)

    def _shape(self) -> tuple[Tensor, Tensor]:
        """(where the concentration is 0, the concentration with ones there)"""
        zero = flambeau.isclose(self.concentration, flambeau.zeros_like(self.concentration))
        return zero, flambeau.where(zero, 1.0, self.concentration)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log P(X > value)"""
        z = self._standard(value)
        zero, shape = self._shape()
        return flambeau.where(zero, -z, -(shape * z).log1p() / shape)

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._standard(value)
        zero, shape = self._shape()
        power = 1 / shape + flambeau.ones_like(z)
        return -self.scale.log() - flambeau.where(zero, z, flambeau.where(power == 0, power, power * (shape * z).log1p()))

    def log_cdf(self, value: Tensor) -> Tensor:
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        log = (-value).log1p()
        zero, shape = self._shape()
        return flambeau.where(zero, self.loc - self.scale * log, self.loc + self.scale / shape * (-shape * log).expm1())

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        return self.icdf(flambeau.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device))

    @property
    def mean(self) -> Tensor:
        finite = self.concentration < 1
        return flambeau.where(finite, self.loc + self.scale / (1 - flambeau.where(finite, self.concentration, 0.5)), math.nan)

    @property
    def variance(self) -> Tensor:
        finite = self.concentration < 0.5
        c = flambeau.where(finite, self.concentration, 0.25)
        return flambeau.where(finite, self.scale.square() / ((1 - c).square() * (1 - 2 * c)), math.nan)

    def entropy(self) -> Tensor:
        return (self.scale.log() + self.concentration + 1).expand(self._batch_shape)


class VonMises(Distribution):
    """Angles in [-π, π): density proportional to exp(concentration · cos(x - loc)).  Source of the sampler: Best and Fisher (1979)."""

    arg_constraints: Any = {"loc": constraints.real, "concentration": constraints.positive}
    support: Any = constraints.real
    _params = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """1 - E[cos(x - loc)]"""
        return 1 - (_log_bessel(self.concentration, 1) - _log_bessel(self.concentration, 0)).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        angle = self._checked(value) - self.loc
        return self.concentration * angle.cos() - math.log(2 * math.pi) - _log_bessel(self.concentration, 0)

    def sample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        with flambeau.no_grad():
            return self._rejected(self._extended_shape(sample_shape)).to(self.loc.dtype)

    def _rejected(self, shape: Any) -> Tensor:
        """A wrapped Cauchy variable, taken or drawn anew; in float64, for small concentrations take digits."""
        loc, kappa = self.loc.double(), self.concentration.double()
        tau = 1 + (1 + 4 * kappa.square()).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        r = flambeau.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho.square()) / (2 * rho))
        x = flambeau.zeros(shape, dtype=loc.dtype, device=loc.device)
        done = flambeau.zeros(shape, dtype=flambeau.bool, device=loc.device)
        while not bool(done.all()):
            u1, u2, u3 = flambeau.rand((3, *shape), dtype=loc.dtype, device=loc.device).unbind()
            z = (math.pi * u1).cos()
            f = (1 + r * z) / (r + z)
            c = kappa * (r - f)
            accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
            x = flambeau.where(accept, (u3 - 0.5).sign() * f.acos(), x)
            done = done | accept
        return (x + math.pi + loc) % (2 * math.pi) - math.pi


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """log I₀ or log I₁, for x of any size."""
    scaled = flambeau.special.i0e if order == 0 else flambeau.special.i1e
    return x + scaled(x).log()
