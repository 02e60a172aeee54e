"""Special functions, elementwise: those that tensors have as methods, and the close kin that their gradients need.

`xp.special(name)` is the backend's function of that name: the error function's family is Flambeau's own on the CPU, every other is
SciPy's, imported when first called. Where SciPy is missing such an op raises ModuleNotFoundError, and the laws skip it.
"""
from __future__ import annotations

import math

from ..define import elementwise, op
from ..tensor import Tensor
from ..write import into
from .arithmetic import of_tensors
from .border import _in_place
from .elementwise import cos, eq, exp, ge, gt, le, log, logical_and, logical_or, lt, of_reals, sgn, sin, where

ROOT_2, ROOT_PI = math.sqrt(2.0), math.sqrt(math.pi)


def by_backend(name: str, *vjp, library: str | None = None, c: str = "", inputs: int = 1, domain=(0.5, 3.0), doc: str):
    """An elementwise op that the backend has as `special(library)`."""
    word = library or name

    def of_one(xp, x):
        return xp.special(word)(of_reals(name, x))

    body = of_one if inputs == 1 else (lambda xp, x, y: xp.special(word)(x, y))
    return elementwise(name, *vjp, body=body, c=c, domain=domain, doc=doc)


# ---- the error function's family
erfc = by_backend("erfc", lambda g, _y, x: g * exp(-(x * x)) * (-2 / ROOT_PI), c="erfc({0})", domain=(-3.0, 3.0), doc="1 - erf(x).")
erfcx = by_backend("erfcx", lambda g, y, x: g * (2 * x * y - 2 / ROOT_PI), domain=(-1.0, 3.0),
                   doc="exp(x²) · erfc(x), finite where erfc(x) is too small for a float.")
erfinv = by_backend("erfinv", lambda g, y, _x: g * exp(y * y) * (ROOT_PI / 2), domain=(-0.8, 0.8), doc="The y whose erf(y) is x.")
ndtr = by_backend("ndtr", lambda g, _y, x: g * exp(-0.5 * x * x) * (1 / (ROOT_2 * ROOT_PI)), domain=(-3.0, 3.0),
                  c="(0.5 * erfc(-{0} * 0.7071067811865476))", doc="The chance that a standard normal number is at most x.")
log_ndtr = by_backend("log_ndtr", lambda g, _y, x: g * (ROOT_2 / ROOT_PI) / erfcx(x * (-1 / ROOT_2)), domain=(-3.0, 3.0),
                      doc="log(ndtr(x)), exact far below 0 too.")
ndtri = by_backend("ndtri", lambda g, y, _x: g * exp(0.5 * y * y) * (ROOT_2 * ROOT_PI), domain=(0.1, 0.9), doc="The y whose ndtr(y) is x.")

# ---- the gamma function's family
lgamma = elementwise("lgamma", lambda g, _y, x: g * digamma(x), c="lgamma({0})", domain=(0.5, 3.0), doc="log |Γ(x)|.",
                     body=lambda xp, x: xp.special("gammaln")(xp.where(of_reals("lgamma", x) == -math.inf, xp.abs(x), x)))
digamma = by_backend("digamma", lambda g, _y, x: g * polygamma_of(x, n=1), library="psi", doc="The derivative of lgamma.")


@op("elementwise", promote="float", inputs=1, samples=lambda make: [((make((3, 4), 0.5, 3.0),), {"n": n}) for n in (0, 1, 3)], c="",
    vjp=lambda g, _y, x, n=0: g * polygamma_of(x, n=n + 1))
def polygamma_(xp, x, n=0):
    """The n-th derivative of digamma.  (*) -> (*)"""
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {n}")
    if n == 0:
        return xp.special("psi")(x)
    factor = x.dtype.type((-1.0) ** (n + 1) * math.gamma(n + 1.0))
    y = xp.special("zeta")(xp.asarray(n + 1.0, dtype=x.dtype), x) * factor
    if n > 1:
        return xp.where(x == math.inf, x.dtype.type(math.nan), y)  # PyTorch's series has no end there
    # left of 0 by reflection, whose sine is not quite 0 at whole numbers: large there, not infinite
    sine = xp.sin(x * x.dtype.type(math.pi))
    mirrored = x.dtype.type(math.pi) ** 2 / (sine * sine) - xp.special("zeta")(xp.asarray(2.0, dtype=x.dtype), 1 - x)
    return xp.where(x < 0, mirrored, y)


polygamma_of = polygamma_


def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The n-th derivative of digamma at each element.  (*) -> (*)  RuntimeError for negative n.

    >>> flambeau.polygamma(1, flambeau.tensor([1.0]))
    tensor([1.6449])
    """
    return polygamma_of(input, n=n, out=out)


def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the gamma function of p-by-p matrices, of each element.  (*) -> (*)

    log Γ_p(x) = p (p - 1)/4 · log π + Σ lgamma(x - i/2), i = 0 … p - 1.  RuntimeError unless p ≥ 1.

    >>> flambeau.mvlgamma(flambeau.tensor([2.0]), 2)
    tensor([0.4516])
    """
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, got {p}")
    total = lgamma(input)
    for i in range(1, p):
        total = total + lgamma(input - i / 2)
    result = total + p * (p - 1) / 4 * math.log(math.pi)
    return result if out is None else into(out, result, "mvlgamma")


mvlgamma_ = _in_place(mvlgamma)
igamma = by_backend("igamma", None, lambda g, _z, a, x: g * _gamma_density(a, x), library="gammainc", inputs=2,
                    doc="Regularised lower incomplete gamma function; gradients for x alone.")
igammac = by_backend("igammac", None, lambda g, _z, a, x: -g * _gamma_density(a, x), library="gammaincc", inputs=2,
                     doc="Regularised upper incomplete gamma function; gradients for x alone.")

igamma, igammac = of_tensors(igamma), of_tensors(igammac)


def _gamma_density(a, x):
    return exp((a - 1) * log(x) - x - lgamma(a))


zeta = by_backend("zeta", None, lambda g, _z, x, q: -g * x * zeta(x + 1, q), inputs=2, domain=(1.5, 4.0),
                  doc="Hurwitz's zeta function Σ (k + q)⁻ˣ, k = 0, 1 …; gradients for q alone.")

# ---- Bessel functions of imaginary argument
i0 = by_backend("i0", lambda g, _y, x: g * i1(x), c="cyl_bessel_i0({0})", doc="Modified Bessel function of order 0.")
i1 = by_backend("i1", lambda g, y, x: g * (i0(x) - _over(y, x)), c="cyl_bessel_i1({0})", doc="Modified Bessel function of order 1.")
i0e = by_backend("i0e", lambda g, y, x: g * (i1e(x) - sgn(x) * y), domain=(0.5, 3.0), doc="exp(-|x|) · i0(x).")
i1e = by_backend("i1e", lambda g, y, x: g * (i0e(x) - _over(y, x) - sgn(x) * y), domain=(0.5, 3.0), doc="exp(-|x|) · i1(x).")


def _over(y, x):
    """y / x, and its limit 1/2 at 0."""
    zero = eq(x, 0)
    return where(zero, 0.5, y / where(zero, 1.0, x))


# ---- logarithms that know their limits
def _logit_samples(make):
    for eps in (None, 0.2):
        yield (make((3, 4), 0.05, 0.95),), {"eps": eps}


@op("elementwise", promote="float", inputs=1, samples=_logit_samples, c="",
    vjp=lambda g, _y, x, eps=None: _logit_back(g, x, eps))
def logit(xp, input, eps=None):
    """log(x / (1 - x)), with x first brought between eps and 1 - eps where eps is given.  (*) -> (*)"""
    x = input if eps is None else xp.minimum(xp.maximum(input, eps), 1.0 - eps)
    return xp.log(x / (1.0 - x))


def _logit_back(g, x, eps):
    slope = g / (x * (1 - x))
    if eps is None:
        return where(logical_or(lt(x, 0), gt(x, 1)), math.nan, slope)
    return where(logical_and(ge(x, eps), le(x, 1 - eps)), slope, 0.0)


sinc = elementwise("sinc", lambda g, y, x: g * _sinc_slope(y, x), body=lambda xp, x: _sinc(xp, x * math.pi),
                   c="({0} == 0 ? 1 : sin({0} * M_PI) / ({0} * M_PI))", doc="sin(πx) / (πx), and 1 at 0.")


def _sinc(xp, t):
    return xp.where(t == 0, 1.0, xp.sin(t) / xp.where(t == 0, 1.0, t))


def _sinc_slope(_y, x):
    t = x * math.pi
    zero = eq(x, 0)
    return where(zero, 0.0, (t * cos(t) - sin(t)) / where(zero, 1.0, t * x))


entr = elementwise("entr", lambda g, _y, x: g * (-1 - log(x)), c="({0} == 0 ? 0 : {0} < 0 ? -INFINITY : -{0} * log({0}))",
                   body=lambda xp, x: xp.where(x == 0, 0.0, xp.where(x < 0, -math.inf, x * -xp.log(x))), domain=(0.1, 2.0),
                   doc="-x log(x); 0 at 0, -inf below.")
xlogy = elementwise("xlogy", lambda g, _z, x, y: where(logical_and(eq(x, 0), le(y, 0)), 0.0, xlogy(g, y)), lambda g, _z, x, y: g * x / y,
                    c="({0} == 0 && !isnan({1}) ? 0 : {0} * log({1}))", domain=(0.5, 3.0), doc="x · log(y), and 0 where x is 0.",
                    body=lambda xp, x, y: xp.where((of_reals("xlogy", x) == 0) & (y == y), 0.0, x * xp.log(y)))
xlog1py = elementwise("xlog1py", lambda g, _z, x, y: where(logical_and(eq(x, 0), le(y, -1)), 0.0, xlog1py(g, y)),
                      lambda g, _z, x, y: g * x / (y + 1), c="({0} == 0 && !isnan({1}) ? 0 : {0} * log1p({1}))", domain=(0.5, 3.0),
                      doc="x · log(1 + y), and 0 where x is 0.",
                      body=lambda xp, x, y: xp.where((of_reals("xlog1py", x) == 0) & (y == y), 0.0, x * xp.log1p(y)))
