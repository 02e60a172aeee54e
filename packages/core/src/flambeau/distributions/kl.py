"""Kullback and Leibler's divergence E_p[log p - log q], by closed forms; `register_kl` adds one's own.

Many pairs of different families need no formula of their own: E_p[log q] is made of a few expectations of p, E[x], E[x²], E[log x],
E[log(1 - x)] and E[exp(-s x)], and KL(p, q) = -H(p) - E_p[log q]. `EXPECTED` has p's, `CROSS` says which of them q's density needs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import functional as F

from .continuous_bernoulli import ContinuousBernoulli
from .discrete import Bernoulli, Binomial, Categorical, Geometric, OneHotCategorical, Poisson
from .distribution import Distribution, ExponentialFamily
from .gamma import Beta, Dirichlet, Exponential, Gamma
from .location import Cauchy, Laplace, Normal, Uniform
from .multivariate import LowRankMultivariateNormal, MultivariateNormal, distance, log_diagonal, solved
from .transformed import Gumbel, HalfNormal, Independent, Pareto, TransformedDistribution
from .utils import euler_constant, sum_rightmost

__all__ = ["kl_divergence", "register_kl"]

_registry: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}
_found: dict[tuple[type, type], Any] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """Decorate `f(p, q)` to be the divergence between these classes and their subclasses.  TypeError for what is no distribution."""
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorator(function: Callable) -> Callable:
        _registry[type_p, type_q] = function
        _found.clear()
        return function

    return decorator


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p, q) for each place of the batch, in nats.  NotImplementedError for pairs without a form.

    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    key = type(p), type(q)
    if key not in _found:
        _found[key] = _dispatch(*key)
    if _found[key] is None:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}")
    return _found[key](p, q)


def _dispatch(kind_p: type, kind_q: type) -> Any:
    """The form of the nearest classes: first p's, then q's; a warning where the other order would choose another."""
    fits = [pair for pair in _registry if issubclass(kind_p, pair[0]) and issubclass(kind_q, pair[1])]
    if not fits:
        return None
    near_p, near_q = kind_p.__mro__.index, kind_q.__mro__.index
    left = min(fits, key=lambda pair: (near_p(pair[0]), near_q(pair[1])))
    right = min(fits, key=lambda pair: (near_q(pair[1]), near_p(pair[0])))
    if _registry[left] is not _registry[right]:
        warnings.warn(f"Ambiguous kl_divergence({kind_p.__name__}, {kind_q.__name__}). Please register_kl({left[0].__name__}, "
                      f"{right[1].__name__})", RuntimeWarning, stacklevel=3)  # fmt: skip
    return _registry[left]


# ---- within a family
@register_kl(Normal, Normal)
def _(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


register_kl(HalfNormal, HalfNormal)(lambda p, q: kl_divergence(p.base_dist, q.base_dist))


@register_kl(Laplace, Laplace)
def _(p: Any, q: Any) -> Tensor:
    ratio, gap = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + gap / q.scale + ratio * (-gap / p.scale).exp() - 1


@register_kl(Cauchy, Cauchy)
def _(p: Any, q: Any) -> Tensor:
    return ((p.scale + q.scale).square() + (p.loc - q.loc).square()).log() - (4 * p.scale * q.scale).log()


@register_kl(Gumbel, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    ratio, gap = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return -ratio.log() + gap + ratio * euler_constant + ((1 + ratio).lgamma() - gap).exp() - (1 + euler_constant)


@register_kl(Exponential, Exponential)
def _(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    return b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Dirichlet, Dirichlet)
def _(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    surplus = ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)
    return total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1) + surplus


register_kl(Beta, Beta)(lambda p, q: kl_divergence(p._dirichlet, q._dirichlet))


@register_kl(Pareto, Pareto)
def _(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    return (q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1).masked_fill(p.scale < q.scale, math.inf)


@register_kl(Uniform, Uniform)
def _(p: Any, q: Any) -> Tensor:
    return ((q.high - q.low) / (p.high - p.low)).log().masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _(p: Any, q: Any) -> Tensor:
    norms = p._cont_bern_log_norm() + (-p.probs).log1p() - q._cont_bern_log_norm() - (-q.probs).log1p()
    return p.mean * (p.logits - q.logits) + norms


@register_kl(Bernoulli, Bernoulli)
def _(p: Any, q: Any) -> Tensor:
    one = p.probs * (F.softplus(-q.logits) - F.softplus(-p.logits))
    one = one.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0.0)
    none = (1 - p.probs) * (F.softplus(q.logits) - F.softplus(p.logits))
    return one + none.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0.0)


@register_kl(Binomial, Binomial)
def _(p: Any, q: Any) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return (p.total_count * each).masked_fill(p.total_count > q.total_count, math.inf)


@register_kl(Categorical, Categorical)
def _(p: Any, q: Any) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    return terms.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0.0).sum(-1)


register_kl(OneHotCategorical, OneHotCategorical)(lambda p, q: kl_divergence(p._categorical, q._categorical))


@register_kl(Geometric, Geometric)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(ExponentialFamily, ExponentialFamily)
def _bregman(p: Any, q: Any) -> Tensor:
    """F(θ_q) - F(θ_p) - (θ_q - θ_p) · ∇F(θ_p)"""
    if type(p) is not type(q):
        raise NotImplementedError("The cross KL-divergence between different exponential families cannot be computed using Bregman "
                                  "divergences")  # fmt: skip
    theta = [t.detach().requires_grad_() for t in p._natural_params]
    with flambeau.enable_grad():
        normalizer = p._log_normalizer(*theta)
        means = flambeau.autograd.grad(normalizer.sum(), theta, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - normalizer
    for before, after, mean in zip(theta, q._natural_params, means):
        term = (after - before) * mean
        result = result - sum_rightmost(term, term.ndim - result.ndim)
    return result


# ---- several axes
@register_kl(Independent, Independent)
def _(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL between Independents of different reinterpreted_batch_ndims is not implemented")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL between TransformedDistributions is implemented for equal transforms and event shapes")
    return kl_divergence(p.base_dist, q.base_dist)


def _trace(a: Tensor) -> Tensor:
    """tr(A Aᵀ).  (*, m, n) -> (*)"""
    return a.square().sum((-2, -1))


def _columns(p: Any) -> list[Tensor]:
    """Matrices whose products with their own transposes add up to p's covariance."""
    if isinstance(p, MultivariateNormal):
        return [p._unbroadcasted_scale_tril]
    return [p._unbroadcasted_cov_factor, p._unbroadcasted_cov_diag.sqrt().diag_embed()]


def _half_log_det(p: Any) -> Tensor:
    return log_diagonal(p._unbroadcasted_scale_tril) if isinstance(p, MultivariateNormal) else 0.5 * p._log_det()


def _of_normal_vectors(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two (Low Rank) Multivariate Normals with different event shapes cannot be computed")
    spread: Any = 0.0
    if isinstance(q, MultivariateNormal):
        lower = q._unbroadcasted_scale_tril
        for columns in _columns(p):
            spread = spread + _trace(solved(lower, columns))
        gap = distance(lower, q.loc - p.loc)
    else:
        root, small = q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1), solved(q._capacitance_tril, q._weighted())
        for columns in _columns(p):
            spread = spread + _trace(root * columns) - _trace(small @ columns)
        gap = q._distance(q.loc - p.loc)
    return _half_log_det(q) - _half_log_det(p) + 0.5 * (spread + gap - p.event_shape[0])


for _p in (MultivariateNormal, LowRankMultivariateNormal):
    for _q in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_p, _q)(_of_normal_vectors)


# ---- between families: by expectations
def _x_log_x(x: Tensor) -> Tensor:
    return flambeau.xlogy(x, x)


def _beta_logs(p: Any) -> tuple[Tensor, Tensor]:
    total = (p.concentration1 + p.concentration0).digamma()
    return p.concentration1.digamma() - total, p.concentration0.digamma() - total


def _uniform_log(low: Tensor, high: Tensor) -> Tensor:
    """E[log x] of x uniform in [low, high]."""
    return (_x_log_x(high) - _x_log_x(low)) / (high - low) - 1


# p -> {what: its expectation}; "decay" is E[exp(-s x)] as a function of s
EXPECTED: dict[type, dict[str, Callable[..., Tensor]]] = {
    Normal: {"decay": lambda p, s: (-s * p.loc + 0.5 * (s * p.scale).square()).exp()},
    Exponential: {"log": lambda p: -euler_constant - p.rate.log(), "decay": lambda p, s: p.rate / (p.rate + s)},
    Gamma: {"log": lambda p: p.concentration.digamma() - p.rate.log(), "decay": lambda p, s: (1 + s / p.rate).pow(-p.concentration)},
    Beta: {"log": lambda p: _beta_logs(p)[0], "log1m": lambda p: _beta_logs(p)[1]},
    Uniform: {"log": lambda p: _uniform_log(p.low, p.high), "log1m": lambda p: _uniform_log(1 - p.high, 1 - p.low),
              "decay": lambda p, s: ((-s * p.low).exp() - (-s * p.high).exp()) / (s * (p.high - p.low))},
    Pareto: {"log": lambda p: p.scale.log() + p.alpha.reciprocal()},
    Laplace: {}, Gumbel: {}, ContinuousBernoulli: {},
}  # fmt: skip


def _expected(p: Any, what: str) -> Any:
    return EXPECTED[next(kind for kind in type(p).__mro__ if kind in EXPECTED)][what]


def _in_normal(p: Any, q: Any) -> Tensor:
    square = (p.variance + (p.mean - q.loc).square()) / (2 * q.scale.square())
    far = q.scale.log() + 0.5 * math.log(2 * math.pi) + square
    return far.masked_fill(p.alpha <= 2, math.inf) if isinstance(p, Pareto) else far


def _in_exponential(p: Any, q: Any) -> Tensor:
    far = q.rate * p.mean - q.rate.log()
    return far.masked_fill(p.alpha <= 1, math.inf) if isinstance(p, Pareto) else far


def _in_gamma(p: Any, q: Any) -> Tensor:
    a = q.concentration
    far = a.lgamma() - a * q.rate.log() - (a - 1) * _expected(p, "log")(p) + q.rate * p.mean
    return far.masked_fill(p.alpha <= 1, math.inf) if isinstance(p, Pareto) else far


def _in_gumbel(p: Any, q: Any) -> Tensor:
    s = q.scale.reciprocal()
    return q.scale.log() + (p.mean - q.loc) * s + (q.loc * s).exp() * _expected(p, "decay")(p, s)


def _in_beta(p: Any, q: Any) -> Tensor:
    a, b = q.concentration1, q.concentration0
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    return norm - (a - 1) * _expected(p, "log")(p) - (b - 1) * _expected(p, "log1m")(p)


def _in_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return -p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


def _in_pareto(p: Any, q: Any) -> Tensor:
    return -q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * _expected(p, "log")(p)


def _in_uniform(p: Any, q: Any) -> Tensor:
    return (q.high - q.low).log()


def _in_laplace(p: Any, q: Any) -> Tensor:
    """-E[log q] of a normal p: E|x - loc| is that of a folded normal variable."""
    gap = p.loc - q.loc
    z = gap / p.scale
    far = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.square()).exp() + gap * (z / math.sqrt(2)).erf()
    return (2 * q.scale).log() + far / q.scale


# -E_p[log q]
CROSS: dict[type, Callable[[Any, Any], Tensor]] = {
    Normal: _in_normal, Exponential: _in_exponential, Gamma: _in_gamma, Gumbel: _in_gumbel, Beta: _in_beta,
    ContinuousBernoulli: _in_continuous_bernoulli, Pareto: _in_pareto, Uniform: _in_uniform, Laplace: _in_laplace,
}  # fmt: skip


def _unfit(p: Any, q: Any, result: Tensor) -> Tensor:
    """The divergence with infinity where p, if it is bounded, leaves q's support."""
    (low, high), (floor, ceiling) = _bounds(p), _bounds(q)
    if low is not None and floor is not None:
        result = result.masked_fill(low < floor, math.inf)
    if high is not None and ceiling is not None:
        result = result.masked_fill(high > ceiling, math.inf)
    return result


def _bounds(p: Any) -> tuple[Any, Any]:
    if isinstance(p, Uniform):
        return p.low, p.high
    if isinstance(p, Beta | ContinuousBernoulli):
        one = flambeau.ones((), device=p.mean.device)
        return 0 * one, one
    if isinstance(p, Exponential | Gamma):
        return flambeau.zeros((), device=p.rate.device), None
    return (p.scale if isinstance(p, Pareto) else None), None


def _by_expectations(p: Any, q: Any) -> Tensor:
    form = CROSS[next(kind for kind in type(q).__mro__ if kind in CROSS)]
    return _unfit(p, q, form(p, q) - p.entropy())


def _infinite(p: Any, q: Any) -> Tensor:
    """p has events where q has none."""
    return flambeau.full(p.batch_shape, math.inf, dtype=p.mean.dtype, device=p.mean.device)


FORMED: dict[type, tuple[type, ...]] = {
    Beta: (ContinuousBernoulli, Exponential, Gamma, Normal, Uniform), ContinuousBernoulli: (Exponential, Normal, Uniform),
    Exponential: (Gamma, Gumbel, Normal), Gamma: (Exponential, Gumbel, Normal), Gumbel: (Normal,), Laplace: (Normal,),
    Normal: (Gumbel, Laplace), Pareto: (Exponential, Gamma, Normal),
    Uniform: (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Normal, Pareto),
}  # fmt: skip
APART: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,), ContinuousBernoulli: (Pareto,), Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform), Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform), Pareto: (Beta, ContinuousBernoulli, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform), Poisson: (Bernoulli, Binomial),
}  # fmt: skip
for _table, _form in ((FORMED, _by_expectations), (APART, _infinite)):
    for _kind, _others in _table.items():
        for _other in _others:
            register_kl(_kind, _other)(_form)


@register_kl(Bernoulli, Poisson)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)
