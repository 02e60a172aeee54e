"""Bad parameters, bad values, and what is not there."""

from __future__ import annotations

import math
import warnings

import pytest

import flambeau
from flambeau import distributions as D
from flambeau.distributions import constraints

t = flambeau.tensor


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: D.Normal(0.0, -1.0),
            r"Expected parameter scale \(Tensor of shape \(\)\) of distribution Normal\(loc: 0.0, scale: -1.0\) to satisfy "
            r"the constraint GreaterThan\(lower_bound=0.0\), but found invalid values:\n-1.0",
        ),
        (lambda: D.Normal(t([0.0, math.nan]), 1.0), "parameter loc"),
        (lambda: D.Uniform(2.0, 1.0), "parameter low"),
        (lambda: D.Bernoulli(t([0.5, 1.5])), "parameter probs"),
        (lambda: D.Bernoulli(), "Either `probs` or `logits`"),
        (lambda: D.Bernoulli(0.5, 0.5), "Either `probs` or `logits`"),
        (lambda: D.Categorical(t(1.0)), "at least one-dimensional"),
        (lambda: D.Categorical(t([-1.0, 2.0])), "parameter probs"),
        (lambda: D.Dirichlet(t(1.0)), "at least one-dimensional"),
        (lambda: D.Dirichlet(t([1.0, -1.0])), "parameter concentration"),
        (lambda: D.Geometric(t([0.0, 0.5])), "to be positive"),
        (lambda: D.NegativeBinomial(1.0, t(1.0)), "parameter probs"),
        (lambda: D.MultivariateNormal(t(0.0), flambeau.eye(2)), "loc must be"),
        (lambda: D.MultivariateNormal(t([0.0, 1.0])), "Exactly one of"),
        (lambda: D.MultivariateNormal(t([0.0, 1.0]), -flambeau.eye(2)), "parameter covariance_matrix"),
        (lambda: D.MultivariateNormal(t([0.0, 1.0]), t([[1.0, 0.5], [0.0, 1.0]])), "parameter covariance_matrix"),
        (lambda: D.LowRankMultivariateNormal(t([0.0, 1.0]), flambeau.ones(3, 1), flambeau.ones(2)), "shape 2 x m"),
        (lambda: D.LKJCholesky(1), "greater than or equal to 2"),
        (lambda: D.Wishart(t(0.5), flambeau.eye(2)), "greater than ndim - 1"),
        (lambda: D.Independent(D.Normal(0.0, 1.0), 1), "reinterpreted_batch_ndims"),
        (lambda: D.TransformedDistribution(D.Normal(0.0, 1.0), [3]), "must be a Transform or a list"),
        (lambda: D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform()), "size at least 1"),
        (lambda: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(0.0, 1.0)), "Categorical"),
        (lambda: D.MixtureSameFamily(D.Categorical(flambeau.ones(2)), D.Normal(flambeau.zeros(3), 1.0)), "does not equal"),
        (lambda: D.Normal("0", 1.0), "instances of Number"),
        (lambda: D.ContinuousBernoulli(t(1.5), validate_args=True), "probs has invalid values"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_values():
    d = D.Normal(flambeau.zeros(2), 1.0)
    with pytest.raises(ValueError, match="must be a Tensor"):
        d.log_prob(0.0)
    with pytest.raises(ValueError, match="not broadcastable"):
        d.log_prob(flambeau.zeros(3))
    with pytest.raises(ValueError, match=r"within the support \(Real\(\)\) of the distribution Normal\(loc: flambeau.Size\(\[2\]\), scale"):
        d.log_prob(t([0.0, math.nan]))
    with pytest.raises(ValueError, match="must match event_shape"):
        D.Dirichlet(flambeau.ones(3)).log_prob(flambeau.ones(2))
    for wrong, value in (
        (D.Bernoulli(0.5), 0.5),
        (D.Exponential(1.0), -1.0),
        (D.Uniform(0.0, 1.0), 2.0),
        (D.Poisson(1.0), 1.5),
        (D.Binomial(3, t(0.5)), 4.0),
        (D.Beta(1.0, 1.0), 1.5),
        (D.LogNormal(0.0, 1.0), -1.0),
        (D.Pareto(1.0, 1.0), 0.5),
    ):
        with pytest.raises(ValueError, match="within the support"):
            wrong.log_prob(t(value))
        unchecked = (
            type(wrong)(*[getattr(wrong, n) for n in wrong.arg_constraints if n in wrong.__dict__], validate_args=False)
            if type(wrong) in (D.Exponential, D.Uniform, D.Poisson)
            else None
        )
        if unchecked is not None and not isinstance(wrong, D.Poisson):
            assert math.isfinite(unchecked.log_prob(t(value))) == (not isinstance(wrong, D.Uniform))


def test_checks_can_be_left_out():
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="expected True or False"):
        D.Distribution.set_default_validate_args(3)
    quiet = D.Normal(0.0, -1.0, validate_args=False).expand((2,))
    assert not quiet._validate_args


def test_a_distribution_of_ones_own():
    class Bare(D.Distribution):
        pass

    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        bare = Bare()
    with pytest.warns(UserWarning, match="does not define `support`"):
        bare._validate_sample(flambeau.zeros(()))
    for what in (bare.sample, bare.rsample, bare.entropy, bare.enumerate_support, bare.perplexity, lambda: bare.expand((2,))):
        with pytest.raises(NotImplementedError):
            what()
    for name in ("mean", "mode", "variance", "support", "arg_constraints"):
        with pytest.raises(NotImplementedError):
            getattr(bare, name)
    for what in (bare.log_prob, bare.cdf, bare.icdf):
        with pytest.raises(NotImplementedError):
            what(t(0.0))

    class Shifted(D.Normal):
        def __init__(self, loc):
            super().__init__(loc + 1, 1.0)

    with pytest.raises(
        NotImplementedError, match=r"Shifted of \w+ that defines a custom __init__ method must also define a custom .expand"
    ):
        Shifted(t(0.0)).expand((2,))
    with pytest.warns(FutureWarning, match="sample_n"):
        assert D.Normal(0.0, 1.0).sample_n(3).shape == (3,)


def test_constraints():
    assert repr(constraints.interval(0.0, 2.0)) == "Interval(lower_bound=0.0, upper_bound=2.0)"
    assert repr(constraints.real_vector) == "IndependentConstraint(Real(), 1)" and constraints.real_vector.event_dim == 1
    assert constraints.is_dependent(D.Uniform.support) and D.Uniform.support.event_dim == 0
    with pytest.raises(NotImplementedError, match="cannot be determined statically"):
        _ = D.Independent.support.event_dim
    with pytest.raises(ValueError, match="dependent constraint"):
        constraints.dependent.check(t(0.0))
    assert constraints.dependent(event_dim=2).event_dim == 2
    with pytest.raises(ValueError, match=r"Expected value.dim\(\) >= 1"):
        constraints.real_vector.check(t(0.0))
    with pytest.raises(NotImplementedError, match="Cannot transform _Boolean constraints"):
        D.transform_to(constraints.boolean)
    with pytest.raises(TypeError, match="Constraint subclass or instance"):
        D.transform_to.register(int, lambda c: None)
    with pytest.raises(AssertionError):
        constraints.cat([constraints.real], lengths=[1, 2])


def test_numbers_of_trials_that_differ():
    d = D.Binomial(t([2.0, 3.0]), t(0.5))
    for what in (d.entropy, d.enumerate_support):
        with pytest.raises(NotImplementedError, match="Inhomogeneous total count"):
            what()
    with pytest.raises(NotImplementedError, match="inhomogeneous"):
        D.Multinomial(t([1, 2]), flambeau.ones(2))
    with pytest.raises(NotImplementedError, match="cartesian product"):
        D.Independent(D.Bernoulli(flambeau.full((2,), 0.5)), 1).enumerate_support()


def test_vectors_of_triangles():
    m = flambeau.arange(9.0).reshape(3, 3)
    for diag, expected in ((0, [0, 3, 4, 6, 7, 8]), (-1, [3, 6, 7]), (1, [0, 1, 3, 4, 5, 6, 7, 8])):
        vec = D.utils.tril_matrix_to_vec(m, diag)
        assert vec.tolist() == expected
        if diag <= 0:
            assert bool((D.utils.vec_to_tril_matrix(vec, diag) == m.tril(diag)).all())
    with pytest.raises(ValueError, match="lower triangular part"):
        D.utils.vec_to_tril_matrix(flambeau.ones(4))
    with pytest.raises(ValueError, match="provided is outside"):
        D.utils.tril_matrix_to_vec(m, 3)


def test_no_warnings_by_the_way():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        D.Wishart(t(4.0), flambeau.eye(2)).sample((3,))
        assert D.StudentT(t([0.5, 1.5, 3.0])).variance.shape == (3,)
