"""Probability distributions: samples, densities, moments, entropies, divergences; and the transforms that they are made with."""

from flambeau.aliases import alias
from flambeau.distributions import constraints, kl, transforms, utils
from flambeau.distributions.constraint_registry import biject_to, transform_to
from flambeau.distributions.continuous_bernoulli import ContinuousBernoulli
from flambeau.distributions.discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Multinomial,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from flambeau.distributions.distribution import Distribution, ExponentialFamily
from flambeau.distributions.gamma import Beta, Chi2, Dirichlet, Exponential, FisherSnedecor, Gamma
from flambeau.distributions.kl import kl_divergence, register_kl
from flambeau.distributions.location import Cauchy, GeneralizedPareto, Laplace, Normal, StudentT, Uniform, VonMises
from flambeau.distributions.multivariate import LKJCholesky, LowRankMultivariateNormal, MultivariateNormal, Wishart
from flambeau.distributions.relaxed import ExpRelaxedCategorical, LogitRelaxedBernoulli, RelaxedBernoulli, RelaxedOneHotCategorical
from flambeau.distributions.transformed import (
    Gumbel,
    HalfCauchy,
    HalfNormal,
    Independent,
    InverseGamma,
    Kumaraswamy,
    LogisticNormal,
    LogNormal,
    MixtureSameFamily,
    Pareto,
    TransformedDistribution,
    Weibull,
)
from flambeau.distributions.transforms import *  # noqa: F403

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli", "Dirichlet", "Distribution",
    "ExpRelaxedCategorical", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma", "GeneralizedPareto", "Geometric", "Gumbel",
    "HalfCauchy", "HalfNormal", "Independent", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace", "LogNormal", "LogisticNormal",
    "LogitRelaxedBernoulli", "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial", "MultivariateNormal", "NegativeBinomial",
    "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical",
    "StudentT", "TransformedDistribution", "Uniform", "VonMises", "Weibull", "Wishart", "biject_to", "constraints", "kl", "kl_divergence",
    "register_kl", "transform_to", "transforms", "utils", *transforms.__all__,
]  # fmt: skip

# PyTorch's paths, a file each: its name, and whom it holds
_PATHS = """
    bernoulli Bernoulli | beta Beta | binomial Binomial | categorical Categorical | cauchy Cauchy | chi2 Chi2 | dirichlet Dirichlet |
    exp_family ExponentialFamily | exponential Exponential | fishersnedecor FisherSnedecor | generalized_pareto GeneralizedPareto |
    geometric Geometric | gumbel Gumbel | half_cauchy HalfCauchy | half_normal HalfNormal | independent Independent | inverse_gamma
    InverseGamma | kumaraswamy Kumaraswamy | laplace Laplace | lkj_cholesky LKJCholesky | log_normal LogNormal | logistic_normal
    LogisticNormal | lowrank_multivariate_normal LowRankMultivariateNormal | mixture_same_family MixtureSameFamily | multinomial
    Multinomial | multivariate_normal MultivariateNormal | negative_binomial NegativeBinomial | normal Normal | one_hot_categorical
    OneHotCategorical OneHotCategoricalStraightThrough | pareto Pareto | poisson Poisson | relaxed_bernoulli LogitRelaxedBernoulli
    RelaxedBernoulli | relaxed_categorical ExpRelaxedCategorical RelaxedOneHotCategorical | studentT StudentT |
    transformed_distribution TransformedDistribution | uniform Uniform | von_mises VonMises | weibull Weibull | wishart Wishart"""
alias(__name__, {path.split()[0]: "distributions: " + " ".join(path.split()[1:]) for path in _PATHS.split("|")})
