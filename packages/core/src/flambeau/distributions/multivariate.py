"""Distributions of vectors with covariances, and of matrices."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from numbers import Number
from typing import Any

import flambeau
from flambeau import Size, Tensor, linalg

from . import constraints
from .distribution import Distribution, ExponentialFamily
from .gamma import Beta, Chi2
from .location import standard_normal
from .utils import broadcast_all, lazy_property

__all__ = ["LKJCholesky", "LowRankMultivariateNormal", "MultivariateNormal", "Wishart"]

LOG_TWO_PI = math.log(2 * math.pi)


def times(matrix: Tensor, vector: Tensor) -> Tensor:
    """(*, m, n), (*, n) -> (*, m)"""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def solved(lower: Tensor, right: Tensor) -> Tensor:
    """L⁻¹ B of a lower triangle.  (*, n, n), (*, n, m) -> (*, n, m)"""
    return linalg.solve_triangular(lower, right, upper=False)


def distance(lower: Tensor, x: Tensor) -> Tensor:
    """xᵀ (L Lᵀ)⁻¹ x: the squared Mahalanobis distance.  (*, n, n), (*, n) -> (*)"""
    return solved(lower, x.unsqueeze(-1)).square().sum((-2, -1))


def log_diagonal(lower: Tensor) -> Tensor:
    """log det L of a triangle.  (*, n, n) -> (*)"""
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def of_precision(precision: Tensor) -> Tensor:
    """The L with L Lᵀ the inverse.  (*, n, n) -> (*, n, n)"""
    turned = linalg.cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT  # precision = Uᵀ' U', so its inverse's factor is triangular
    return solved(turned, flambeau.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device))


def one_matrix(covariance_matrix: Any, precision_matrix: Any, scale_tril: Any, error: type[Exception]) -> tuple[str, Tensor]:
    """The name and value of the one that is given."""
    given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) != 1:
        raise error("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    ((name, value),) = given.items()
    if value.ndim < 2:
        raise ValueError(f"{name} matrix must be at least two-dimensional, with optional leading batch dimensions")
    return name, value


class WithMatrix(Distribution):
    """A distribution with a covariance matrix, given as such, by its inverse or by its Cholesky factor; the others are computed."""

    _unbroadcasted_scale_tril: Tensor  # as it was given: its batch may be smaller

    def _set_factor(self, name: str, value: Tensor) -> None:
        how = {"scale_tril": lambda m: m, "covariance_matrix": linalg.cholesky, "precision_matrix": of_precision}
        self._unbroadcasted_scale_tril = how[name](value)

    def _expanded(self, new: Any, batch_shape: Size) -> None:
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(*self._batch_shape, *matrix.shape[-2:])

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return self._whole(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._whole(flambeau.cholesky_inverse(self._unbroadcasted_scale_tril))


class MultivariateNormal(WithMatrix):
    """The normal distribution of vectors with mean loc and a covariance matrix.  loc (*, n), matrix (*, n, n)

    >>> MultivariateNormal(flambeau.zeros(2), flambeau.eye(2)).log_prob(flambeau.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints: Any = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                            "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}  # fmt: skip
    support: Any = constraints.real_vector
    has_rsample = True
    _params = {"loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:  # fmt: skip
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril, ValueError)
        batch = flambeau.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand(*batch, -1, -1)
        self.loc = loc.expand(*batch, -1)
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)
        self._set_factor(name, matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.square().sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        return self.loc + times(self._unbroadcasted_scale_tril, standard_normal(self._extended_shape(sample_shape), self.loc))

    def log_prob(self, value: Tensor) -> Tensor:
        lower = self._unbroadcasted_scale_tril
        return -0.5 * (self._event_shape[0] * LOG_TWO_PI + distance(lower, self._checked(value) - self.loc)) - log_diagonal(lower)

    def entropy(self) -> Tensor:
        return (0.5 * self._event_shape[0] * (1 + LOG_TWO_PI) + log_diagonal(self._unbroadcasted_scale_tril)).expand(self._batch_shape)


class LowRankMultivariateNormal(Distribution):
    """The normal distribution of vectors with covariance W Wᵀ + diag(D).  loc (*, n), cov_factor W (*, n, m), cov_diag D (*, n)

    By Woodbury's identity and the determinant's lemma nothing larger than m x m is factorised.
    """

    arg_constraints: Any = {"loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
                            "cov_diag": constraints.independent(constraints.positive, 1)}  # fmt: skip
    support: Any = constraints.real_vector
    has_rsample = True
    _params = {"loc": 1, "cov_factor": 2, "cov_diag": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2, "variance": 1}

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        (n,) = event = loc.shape[-1:]
        if cov_factor.ndim < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2] != n:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {n} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = flambeau.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            shapes = f"loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            raise ValueError(f"Incompatible batch shapes: {shapes}") from error
        self.loc, self.cov_diag = loc.expand(*batch, n), cov_diag.expand(*batch, n)
        self.cov_factor = cov_factor.expand(*batch, n, cov_factor.shape[-1])
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        small = self._weighted() @ cov_factor
        self._capacitance_tril = linalg.cholesky(small + flambeau.eye(small.shape[-1], dtype=small.dtype, device=small.device))
        super().__init__(batch, event, validate_args=validate_args)

    def _expanded(self, new: Any, batch_shape: Size) -> None:
        for name in ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril"):
            new.__dict__[name] = self.__dict__[name]

    def _weighted(self) -> Tensor:
        """Wᵀ D⁻¹.  -> (*, m, n)"""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def _log_det(self) -> Tensor:
        return 2 * log_diagonal(self._capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _distance(self, x: Tensor) -> Tensor:
        """xᵀ (W Wᵀ + D)⁻¹ x"""
        return (x.square() / self._unbroadcasted_cov_diag).sum(-1) - distance(self._capacitance_tril, times(self._weighted(), x))

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(*self._batch_shape, *matrix.shape[-2:])

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        sums = self._unbroadcasted_cov_factor.square().sum(-1) + self._unbroadcasted_cov_diag
        return sums.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        w = self._unbroadcasted_cov_factor
        return self._whole(w @ w.mT + self._unbroadcasted_cov_diag.diag_embed())

    @lazy_property
    def scale_tril(self) -> Tensor:
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        w = self._unbroadcasted_cov_factor / root
        return self._whole(root * linalg.cholesky(w @ w.mT + flambeau.eye(w.shape[-2], dtype=w.dtype, device=w.device)))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        a = solved(self._capacitance_tril, self._weighted())
        return self._whole(self._unbroadcasted_cov_diag.reciprocal().diag_embed() - a.mT @ a)

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        few = standard_normal((*shape[:-1], self.cov_factor.shape[-1]), self.loc)
        each = standard_normal(shape, self.loc)
        return self.loc + times(self._unbroadcasted_cov_factor, few) + self._unbroadcasted_cov_diag.sqrt() * each

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * (self._event_shape[0] * LOG_TWO_PI + self._log_det() + self._distance(self._checked(value) - self.loc))

    def entropy(self) -> Tensor:
        return (0.5 * (self._event_shape[0] * (1 + LOG_TWO_PI) + self._log_det())).expand(self._batch_shape)


class Wishart(WithMatrix, ExponentialFamily):
    """Matrices Σ x xᵀ of df normal vectors with a covariance matrix; df a real number above n - 1.  -> (*, n, n)

    Samples by Bartlett's decomposition; a singular one is drawn anew, up to ten times.
    """

    support: Any = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _params = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _parts = {"_dist_chi2": 1}

    def __init__(self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:  # fmt: skip
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril, AssertionError)
        df_ = flambeau.tensor(df, dtype=matrix.dtype, device=matrix.device) if isinstance(df, Number) else df
        batch = flambeau.broadcast_shapes(matrix.shape[:-2], df_.shape)
        self.df = df_.expand(batch)
        n = matrix.shape[-1]
        if bool((self.df <= n - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        if bool((self.df < n).any()):
            warnings.warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.", stacklevel=2)
        self.__dict__[name] = matrix.expand(*batch, -1, -1)
        super().__init__(batch, matrix.shape[-2:], validate_args=validate_args)
        self._set_factor(name, matrix)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - flambeau.arange(n, dtype=matrix.dtype, device=matrix.device))

    @property
    def arg_constraints(self) -> dict[str, Any]:
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1)}  # fmt: skip

    def _times(self, factor: Tensor) -> Tensor:
        return factor.view(*self._batch_shape, 1, 1) * self.covariance_matrix

    @property
    def mean(self) -> Tensor:
        return self._times(self.df)

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        return self._times(flambeau.where(factor <= 0, math.nan, factor))

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        d = v.diagonal(dim1=-2, dim2=-1)
        return self.df.view(*self._batch_shape, 1, 1) * (v.square() + d.unsqueeze(-1) * d.unsqueeze(-2))

    def _bartlett(self, sample_shape: Iterable[int]) -> Tensor:
        sample_shape, n = tuple(sample_shape), self._event_shape[-1]
        like = self._unbroadcasted_scale_tril  # df may be a whole number
        eps = flambeau.finfo(like.dtype).eps
        diagonal = self._dist_chi2.rsample(sample_shape).sqrt().clamp(min=eps).diag_embed()
        below = standard_normal((*sample_shape, *self._batch_shape, n * (n - 1) // 2), like)
        rows, columns = flambeau.tril_indices(n, n, -1, device=below.device)
        flat = below.new_zeros((*below.shape[:-1], n * n)).scatter(-1, (rows * n + columns).expand(below.shape), below)
        lower = self._unbroadcasted_scale_tril @ (diagonal + flat.reshape(diagonal.shape))
        return lower @ lower.mT

    def rsample(self, sample_shape: Iterable[int] = (), max_try_correction: int = 10) -> Tensor:
        sample_shape = Size(sample_shape)
        self._bartlett(sample_shape)  # PyTorch takes the first draw for singular and draws again: so the same seed gives the same numbers
        sample = self._bartlett((sample_shape.numel(),)).reshape(self._extended_shape(sample_shape))
        singular = ~self.support.check(sample.detach())
        if bool(singular.any()):
            warnings.warn("Singular sample detected.", stacklevel=2)
        for _ in range(max_try_correction):
            if not bool(singular.any()):
                break
            again = self._bartlett(sample_shape)
            sample = flambeau.where(singular.unsqueeze(-1).unsqueeze(-1), again, sample)
            singular = singular & ~self.support.check(again.detach())
        return sample

    def _half_log_det(self) -> Tensor:
        n = self._event_shape[-1]
        return n * math.log(2) / 2 + log_diagonal(self._unbroadcasted_scale_tril)

    def log_prob(self, value: Tensor) -> Tensor:
        value, nu, n = self._checked(value), self.df, self._event_shape[-1]
        ratio = flambeau.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        log_det = linalg.slogdet(value).logabsdet
        return -nu * self._half_log_det() - flambeau.mvlgamma(nu / 2, n) + (nu - n - 1) / 2 * log_det - ratio / 2

    def entropy(self) -> Tensor:
        nu, n = self.df, self._event_shape[-1]
        digamma = (nu.unsqueeze(-1) / 2 - flambeau.arange(n, dtype=nu.dtype, device=nu.device) / 2).digamma().sum(-1)
        return (n + 1) * self._half_log_det() + flambeau.mvlgamma(nu / 2, n) - (nu - n - 1) / 2 * digamma + nu * n / 2

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        n = self._event_shape[-1]
        half = y + (n + 1) / 2
        return half * (-linalg.slogdet(-2 * x).logabsdet + math.log(2) * n) + flambeau.mvlgamma(half, n)


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices: density proportional to det(L Lᵀ) ** (concentration - 1) of the matrix.  -> (*, dim, dim)

    Sampled by the onion method (Lewandowski, Kurowicka, Joe 2009): row by row, a direction and a length.
    """

    arg_constraints: Any = {"concentration": constraints.positive}
    support: Any = constraints.corr_cholesky
    _params = {"concentration": 0}
    _parts = {"_beta": 1}

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        c = self.concentration
        row = flambeau.arange(dim, dtype=c.dtype, device=c.device).sub(1).clamp(min=0)  # 0, 0, 1, 2 …
        self._beta = Beta(row + 0.5, (c + 0.5 * (dim - 2)).unsqueeze(-1) - 0.5 * row)
        super().__init__(c.shape, (dim, dim), validate_args)

    def _expanded(self, new: Any, batch_shape: Size) -> None:
        new.dim = self.dim

    def sample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        sample_shape = tuple(sample_shape)
        with flambeau.no_grad():
            length = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = standard_normal(self._extended_shape(sample_shape), length).tril(-1)
            size = normal.square().sum(-1, keepdim=True).sqrt()
            below = length.sqrt() * flambeau.where(size == 0, 0.0, normal / size)
            left = (1 - below.square().sum(-1)).clamp(min=flambeau.finfo(below.dtype).tiny)
            return below + left.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        diagonal = self._checked(value).diagonal(dim1=-2, dim2=-1)[..., 1:]
        c, n = self.concentration, self.dim - 1
        power = 2 * (c - 1).unsqueeze(-1) + self.dim - flambeau.arange(2, self.dim + 1, dtype=c.dtype, device=c.device)
        alpha = c + 0.5 * n
        norm = 0.5 * n * math.log(math.pi) + flambeau.mvlgamma(alpha - 0.5, n) - alpha.lgamma() * n
        return (power * diagonal.log()).sum(-1) - norm
