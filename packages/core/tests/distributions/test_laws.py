"""Laws that hold whatever the numbers are: samples agree with moments, densities with cdfs, divergences and entropies with averages."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import flambeau
from flambeau import distributions as D
from flambeau.distributions import constraints

pytest.importorskip("scipy", reason="gamma functions are SciPy's")

ROWS = [row["is"] for row in json.loads((Path(__file__).parent / "pytorch.json").read_text())["distributions"]]
NAMES = {**vars(D), "t": flambeau.tensor}
HEAVY = ("Cauchy", "HalfCauchy", "StudentT", "Pareto", "InverseGamma", "FisherSnedecor", "GeneralizedPareto", "Wishart", "LogNormal")


def made(expression):
    return eval(expression, NAMES)  # noqa: S307 (the table's own text)


def light(rows, *but):
    return [row for row in rows if not row.startswith((*HEAVY, *but))]


# ---- samples
@pytest.mark.parametrize("expression", light(ROWS, "VonMises", "LKJ", "Logistic", "Relaxed", "Categorical", "TransformedD"))
def test_samples_have_the_moments(expression):
    d = made(expression)
    flambeau.manual_seed(0)
    x = d.sample((4000,)).double()
    error = (d.variance / 4000).sqrt()
    assert bool(((x.mean(0) - d.mean).abs() < 5 * error + 1e-6).all())
    if d.support.event_dim == 0:
        assert bool(((x.var(0) / d.variance - 1).abs() < 0.35).all())


@pytest.mark.parametrize("expression", ROWS)
def test_samples_lie_in_the_support(expression):
    d = made(expression)
    flambeau.manual_seed(0)
    x = d.sample((5, 2))
    assert tuple(x.shape) == (5, 2, *d.batch_shape, *d.event_shape)
    assert bool(d.support.check(x).all())
    assert tuple(d.log_prob(x).shape) == (5, 2, *d.batch_shape) and bool((~d.log_prob(x).isnan()).all())


@pytest.mark.parametrize("expression", ROWS)
def test_expand_changes_shapes_alone(expression):
    d = made(expression)
    e = d.expand((3, *d.batch_shape))
    assert type(e) is type(d) and e.batch_shape == (3, *d.batch_shape) and e.event_shape == d.event_shape
    flambeau.manual_seed(0)
    x = d.sample()
    assert np.allclose(e.log_prob(x).numpy(), np.broadcast_to(d.log_prob(x).numpy(), e.batch_shape), rtol=1e-5, atol=1e-6)
    assert e.sample((2,)).shape == (2, 3, *d.batch_shape, *d.event_shape)
    again = e.expand((2, 3, *d.batch_shape))
    assert again.batch_shape == (2, 3, *d.batch_shape)


# ---- densities
@pytest.mark.parametrize(
    "expression",
    [
        "Normal(0.5, 2.0)",
        "Laplace(0.5, 2.0)",
        "Cauchy(0.5, 2.0)",
        "Uniform(-1.0, 3.0)",
        "Exponential(0.7)",
        "Gumbel(0.5, 2.0)",
        "HalfNormal(2.0)",
        "HalfCauchy(2.0)",
        "Weibull(2.0, 1.5)",
        "Pareto(1.0, 2.5)",
        "Kumaraswamy(2.0, 3.0)",
        "LogNormal(0.1, 0.5)",
        "ContinuousBernoulli(t(0.2))",
        "ContinuousBernoulli(t(0.5))",
        "GeneralizedPareto(t(0.0), 1.0, 0.3)",
        "GeneralizedPareto(t(0.0), 1.0, 0.0)",
        "GeneralizedPareto(t(0.0), 1.0, -0.3)",
        "TransformedDistribution(Normal(t(0.0), 1.0), [AffineTransform(1.0, -2.0), SigmoidTransform()])",
        "MixtureSameFamily(Categorical(t([1.0, 3.0])), Normal(t([0.0, 4.0]), 1.0))",
        "Gamma(t(2.5), 1.5)",
    ],
)
def test_the_cdf_has_the_density_as_its_slope_and_icdf_as_its_inverse(expression):
    double = lambda *a: flambeau.tensor(*a, dtype=flambeau.float64)
    flambeau.set_default_dtype(flambeau.float64)
    try:
        d = eval(expression, {**NAMES, "t": double})  # noqa: S307
        flambeau.manual_seed(1)
        x = d.sample((20,)).requires_grad_()
        p = d.cdf(x)
        if p.requires_grad:
            (slope,) = flambeau.autograd.grad(p.sum(), x)
            assert np.allclose(slope.numpy(), d.log_prob(x.detach()).exp().numpy(), rtol=1e-6, atol=1e-9)
        p = p.detach()
        assert bool(((p >= 0) & (p <= 1)).all())
        try:
            back = d.icdf(p)
        except NotImplementedError:
            return
        assert np.allclose(back.detach().numpy(), x.detach().numpy(), rtol=1e-6, atol=1e-8)
    finally:
        flambeau.set_default_dtype(flambeau.float32)


@pytest.mark.parametrize("expression", [row for row in ROWS if made(row).has_enumerate_support and "t([5.,9.])" not in row])
def test_probabilities_of_all_events_sum_to_one(expression):
    d = made(expression)
    total = d.log_prob(d.enumerate_support()).exp().sum(0)
    assert np.allclose(total.numpy(), 1, atol=1e-5)
    assert d.enumerate_support(False).shape == (len(d.enumerate_support()), *[1] * len(d.batch_shape), *d.event_shape)
    if not isinstance(d, D.Categorical):
        mean = (d.enumerate_support() * d.log_prob(d.enumerate_support()).exp().reshape(-1, *d.batch_shape, *[1] * len(d.event_shape))).sum(
            0
        )
        assert np.allclose(mean.numpy(), d.mean.numpy(), atol=1e-5)


def has_entropy(expression):
    try:
        made(expression).entropy()
    except NotImplementedError:
        return False
    return True


@pytest.mark.parametrize("expression", [row for row in ROWS if has_entropy(row) and not row.startswith(("Cauchy", "HalfC"))])
def test_entropy_is_the_mean_of_minus_log_prob(expression):
    d = made(expression)
    flambeau.manual_seed(0)
    logs = -d.log_prob(d.sample((8000,)))
    error = (logs.var(0) / 8000).sqrt()
    assert bool(((logs.mean(0) - d.entropy()).abs() < 5 * error + 1e-4).all())


def test_entropy_of_an_exponential_family_by_its_normalizer():
    for expression in (
        "Normal(t([0.0, 1.0]), 2.0)",
        "Gamma(t([0.5, 3.0]), 2.0)",
        "Exponential(t(2.0))",
        "Bernoulli(t([0.2, 0.6]))",
        "ContinuousBernoulli(t([0.2, 0.9]))",
    ):
        d = made(expression)
        assert np.allclose(D.ExponentialFamily.entropy(d).detach().numpy(), d.entropy().numpy(), atol=1e-4), expression


# ---- divergences
@pytest.mark.parametrize(
    ("p", "q"),
    [
        ("Beta(2.0, 3.0)", "Normal(0.5, 1.0)"),
        ("Beta(2.0, 3.0)", "Gamma(2.0, 1.0)"),
        ("Beta(2.0, 3.0)", "ContinuousBernoulli(t(0.3))"),
        ("Gamma(2.0, 3.0)", "Gumbel(0.5, 1.0)"),
        ("Gamma(2.0, 3.0)", "Normal(0.5, 1.0)"),
        ("Exponential(2.0)", "Gamma(2.0, 1.0)"),
        ("Exponential(2.0)", "Gumbel(0.1, 1.0)"),
        ("Gumbel(0.5, 1.0)", "Normal(0.5, 2.0)"),
        ("Laplace(0.5, 1.0)", "Normal(0.2, 2.0)"),
        ("Normal(0.5, 0.7)", "Gumbel(0.1, 1.5)"),
        ("Normal(0.5, 0.7)", "Laplace(0.1, 1.5)"),
        ("Pareto(1.0, 5.0)", "Gamma(2.0, 1.0)"),
        ("Uniform(0.2, 0.7)", "Beta(2.0, 3.0)"),
        ("Uniform(1.2, 2.7)", "Pareto(1.0, 3.0)"),
        ("Uniform(0.2, 0.7)", "Gumbel(0.0, 1.0)"),
        ("Wishart(t(5.0), t([[2.0, 0.5], [0.5, 1.0]]))", "Wishart(t(4.0), t([[1.0, 0.0], [0.0, 1.0]]))"),
        (
            "LowRankMultivariateNormal(t([0.0, 1.0]), t([[1.0], [2.0]]), t([1.0, 2.0]))",
            "MultivariateNormal(t([1.0, 1.0]), t([[2.0, 0.5], [0.5, 3.0]]))",
        ),
        (
            "MultivariateNormal(t([1.0, 1.0]), t([[2.0, 0.5], [0.5, 3.0]]))",
            "LowRankMultivariateNormal(t([0.0, 1.0]), t([[1.0], [2.0]]), t([1.0, 2.0]))",
        ),
        ("Bernoulli(t(0.3))", "Poisson(t(0.7))"),
        ("Geometric(t(0.3))", "Geometric(t(0.5))"),
        ("Poisson(t(3.0))", "Poisson(t(4.0))"),
        ("Dirichlet(t([0.7, 2.0, 3.0]))", "Dirichlet(t([1.0, 1.0, 4.0]))"),
    ],
)
def test_divergence_is_the_mean_of_the_difference(p, q):
    p, q = made(p), made(q)
    flambeau.manual_seed(0)
    x = p.sample((8000,))
    gap = p.log_prob(x) - q.log_prob(x)
    error = float((gap.var() / 8000).sqrt())
    assert abs(float(gap.mean() - D.kl_divergence(p, q))) < 5 * error + 1e-4
    assert float(D.kl_divergence(p, q)) > 0 and abs(float(D.kl_divergence(p, p))) < 1e-5


def test_what_leaves_the_support_is_infinitely_far():
    for p, q in (
        ("Uniform(-0.1, 0.5)", "Beta(1.0, 1.0)"),
        ("Uniform(0.5, 3.0)", "Pareto(1.0, 1.0)"),
        ("Normal(0.0, 1.0)", "Exponential(1.0)"),
        ("Beta(1.0, 1.0)", "Uniform(0.1, 1.0)"),
        ("Pareto(1.0, 0.9)", "Exponential(1.0)"),
        ("Uniform(0.0, 2.0)", "Uniform(0.0, 1.0)"),
        ("ContinuousBernoulli(t(0.3))", "Uniform(0.2, 1.0)"),
        ("Pareto(1.0, 2.0)", "Normal(0.0, 1.0)"),
    ):
        assert float(D.kl_divergence(made(p), made(q))) == math.inf, (p, q)
    same = D.kl_divergence(made("ContinuousBernoulli(t(0.3))"), made("Uniform(0.0, 1.0)"))
    assert 0 < float(same) < 1, "the support itself is inside"


def test_ones_own_divergence():
    class Mine(D.Normal):
        pass

    p, q = Mine(0.0, 1.0), D.Normal(0.0, 1.0)
    assert float(D.kl_divergence(p, q)) == 0
    D.register_kl(Mine, D.Normal)(lambda p, q: flambeau.tensor(7.0))
    D.register_kl(D.Normal, Mine)(lambda p, q: flambeau.tensor(8.0))
    assert float(D.kl_divergence(p, q)) == 7
    with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(Mine, Mine\)"):
        D.kl_divergence(p, Mine(0.0, 1.0))
    with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type Cauchy and q type Normal"):
        D.kl_divergence(D.Cauchy(0.0, 1.0), q)
    with pytest.raises(TypeError, match="Distribution subclass"):
        D.register_kl(int, D.Normal)


# ---- gradients through samples
def test_implicit_gradients_are_those_of_the_quantile():
    stats = pytest.importorskip("scipy.stats")
    from flambeau.distributions.implicit import beta_gradient, gamma_gradient

    p = np.array([0.001, 0.1, 0.5, 0.9, 0.999])[:, None]
    a = np.array([0.05, 0.7, 3.0, 50.0, 5000.0])[None]
    x, h = stats.gamma.ppf(p, a), 1e-5 * a
    slope = (stats.gamma.ppf(p, a + h) - stats.gamma.ppf(p, a - h)) / (2 * h)
    fits = x > 1e-200
    found = gamma_gradient(flambeau.from_numpy(x), flambeau.from_numpy(a + 0 * p)).numpy()
    assert np.allclose(found[fits], slope[fits], rtol=1e-5)
    x = stats.gamma.ppf(p, 2e4)
    slope = (stats.gamma.ppf(p, 2e4 + 1) - stats.gamma.ppf(p, 2e4 - 1)) / 2
    assert np.allclose(
        gamma_gradient(flambeau.from_numpy(x), flambeau.full(x.shape, 2e4, dtype=flambeau.float64)).numpy(), slope, rtol=1e-6
    )
    for b in (0.3, 2.0, 80.0):
        a = np.array([0.3, 2.0, 30.0])[None]
        x, h = stats.beta.ppf(p, a, b), 1e-5 * a
        slope = (stats.beta.ppf(p, a + h, b) - stats.beta.ppf(p, a - h, b)) / (2 * h)
        fits = (x > 1e-12) & (x < 1 - 1e-9)
        found = beta_gradient(
            flambeau.from_numpy(x), flambeau.from_numpy(a + 0 * p), flambeau.full(x.shape, b, dtype=flambeau.float64)
        ).numpy()
        assert np.allclose(found[fits], slope[fits], rtol=1e-4)


@pytest.mark.parametrize(
    "expression",
    [
        "Gamma(a, 2.0)",
        "Beta(a, 2.0)",
        "Dirichlet(flambeau.stack([a, a + 1, a * 2], -1))",
        "StudentT(a + 3, a, 2.0)",
        "Gumbel(a, a)",
        "Weibull(a, a)",
        "LogNormal(a, 0.5)",
        "MultivariateNormal(a.expand(2), flambeau.eye(2) * a)",
    ],
)
def test_gradients_of_a_mean_by_samples(expression):
    def mean(a):
        d = eval(expression, {**NAMES, "flambeau": flambeau, "a": a})  # noqa: S307
        return d

    a = flambeau.tensor(1.7, requires_grad=True)
    weight = lambda x: x.sum() if x.ndim == 0 else (x * flambeau.arange(1.0, x.shape[-1] + 1)).sum(-1)
    (expected,) = flambeau.autograd.grad(weight(mean(a).mean), a)
    flambeau.manual_seed(0)
    x = mean(a).rsample((20000,))
    (found,) = flambeau.autograd.grad(weight(x).mean() if x.ndim > 1 else x.mean(), a)
    assert abs(float(found) - float(expected)) < 0.05 * max(1, abs(float(expected)))


# ---- transforms
TRANSFORMS = [
    D.ExpTransform(),
    D.SigmoidTransform(),
    D.SoftplusTransform(),
    D.TanhTransform(),
    D.PowerTransform(flambeau.tensor(1.5)),
    D.AffineTransform(1.0, -2.0),
    D.AffineTransform(flambeau.tensor([1.0, 2.0, 3.0]), flambeau.tensor([3.0, -4.0, 2.0]), event_dim=1),
    D.StickBreakingTransform(),
    D.CorrCholeskyTransform(),
    D.ReshapeTransform((3,), (1, 3)),
    D.ExpTransform().inv,
    D.ComposeTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)]),
    D.IndependentTransform(D.TanhTransform(), 1),
    D.CatTransform([D.ExpTransform(), D.TanhTransform()], -1, [1, 2]),
    D.StackTransform([D.ExpTransform(), D.TanhTransform(), D.ExpTransform()], -1),
    D.CumulativeDistributionTransform(D.Normal(0.0, 1.0)),
    D.SigmoidTransform().inv,
    D.identity_transform,
]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
def test_transforms_have_inverses_and_jacobians(transform):
    x = flambeau.tensor([[0.3, 0.6, 0.2], [0.5, 0.1, 0.7]], dtype=flambeau.float64)
    y = transform(x)
    back = transform.inv(y)
    assert np.allclose(back.numpy(), x.numpy(), atol=1e-6) and tuple(transform.forward_shape(x.shape)) == y.shape
    assert tuple(transform.inverse_shape(y.shape)) == x.shape
    assert transform.inv.inv is transform or transform.inv.inv == transform
    found = transform.log_abs_det_jacobian(x, y)
    dims = 0 if isinstance(transform, D.StackTransform) else transform.domain.event_dim  # it stacks what its parts say
    if transform.codomain is constraints.simplex:  # the last number is what is left
        square = lambda v: transform(v)[..., :-1]
    elif transform.codomain is constraints.corr_cholesky:
        square = lambda v: D.utils.tril_matrix_to_vec(transform(v), -1)
    else:
        square = transform
    for i in range(2):
        if dims == 0:
            jacobian = flambeau.func.jacrev(square)(x[i])
            assert np.allclose(jacobian.diagonal().abs().log().numpy(), found[i].numpy(), atol=1e-6)
        else:
            jacobian = flambeau.func.jacrev(lambda v: square(v).reshape(-1))(x[i]).reshape(3, 3)
            assert np.allclose(flambeau.linalg.slogdet(jacobian).logabsdet.numpy(), found[i].numpy(), atol=1e-6)
    assert np.allclose((-found).numpy(), transform.inv.log_abs_det_jacobian(y, x).numpy())


def test_transforms_that_lose_something():
    x = flambeau.tensor([[0.3, -0.6], [0.5, 0.1]])
    for transform in (D.SoftmaxTransform(), D.AbsTransform()):
        y = transform(x)
        assert not transform.bijective and np.allclose(transform(transform.inv(y)).numpy(), y.numpy(), atol=1e-6)
        with pytest.raises(NotImplementedError):
            transform.log_abs_det_jacobian(x, y)
    for transform in (D.LowerCholeskyTransform(), D.PositiveDefiniteTransform()):
        y = transform(x)
        assert bool(transform.codomain.check(y).all()) and np.allclose(transform(transform.inv(y)).numpy(), y.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.real,
        constraints.positive,
        constraints.nonnegative,
        constraints.unit_interval,
        constraints.interval(-1.0, flambeau.tensor([2.0, 3.0, 4.0])),
        constraints.less_than(3.0),
        constraints.greater_than(1.0),
        constraints.simplex,
        constraints.corr_cholesky,
        constraints.independent(constraints.positive, 1),
        constraints.half_open_interval(0.0, 1.0),
        constraints.cat([constraints.positive, constraints.real], -1, [1, 2]),
        constraints.stack([constraints.positive, constraints.real, constraints.real], -1),
    ],
    ids=repr,
)
def test_all_numbers_go_into_a_region(constraint):
    x = flambeau.tensor([[-3.0, 0.6, 2.0], [0.5, -1.0, 0.7]])
    for registry in (D.biject_to, D.transform_to):
        assert bool(constraint.check(registry(constraint)(x)).all())
    assert D.biject_to(constraint).bijective


def test_a_cache_gives_back_the_very_tensor():
    t = D.TanhTransform(cache_size=1)
    x = flambeau.tensor([30.0])
    assert t.inv(t(x)) is x and not bool(flambeau.isfinite(D.TanhTransform().inv(t(x))).all())
    assert D.AffineTransform(1.0, 2.0).with_cache()._cache_size == 1 and D.ComposeTransform([t]).with_cache(1).parts[0] is t
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        D.ExpTransform(2)


def test_small_concentrations_have_shares_within_bounds():
    flambeau.manual_seed(0)
    a = flambeau.tensor(1e-2, requires_grad=True)
    x = D.Beta(a, a).rsample((500,))
    assert x.min().item() > 0 and x.max().item() < 1
    x.sum().backward()
    assert bool(a.grad.isfinite())


def test_wisharts_degrees_may_be_a_whole_number():
    flambeau.manual_seed(0)
    sample = D.Wishart(flambeau.tensor(3), flambeau.eye(2)).sample((4,))
    assert sample.shape == (4, 2, 2) and sample.dtype is flambeau.float32
