"""Elementwise ops: each row says what an op computes, how its gradient flows, and how a kernel spells it.

A formula takes (g, y, *inputs): the gradient that comes in, the op's result, its inputs. It returns the gradient for one input.
An argument that starts with _ is not kept for backward (only its shape and dtype). Formulas are made of ops, so derivatives of
every order exist.
Where an input was broadcast, autograd sums the gradient back to its shape: formulas need not care.
"""
from __future__ import annotations

import cmath
import math

import numpy as np

from ..backends import network
from ..define import elementwise, op
from ..fast import NUMBERS, chosen
from ..fused import Fused, Native
from ..op import CARDS

INT64 = np.dtype(np.int64)


def of_reals(name: str, x):
    """x itself.  NotImplementedError for complex numbers, which the backend's function may know and PyTorch's does not."""
    if x.dtype.kind == "c":
        raise NotImplementedError(f'"{name}" not implemented for \'Complex{"Float" if x.dtype.itemsize == 8 else "Double"}\'')
    return x


def _fractional(name: str, x):
    if x.dtype.kind in "biu":
        raise NotImplementedError(f'"{name}" not implemented for {x.dtype}: whole numbers have no fraction')
    return x


# ---- arithmetic
add = elementwise("add", lambda g, _z, _x, _y: g, lambda g, _z, _x, _y: g, c="({0} + {1})", promote="same", linear=True,
                  doc="Sum, element by element.")
sub = elementwise("sub", lambda g, _z, _x, _y: g, lambda g, _z, _x, _y: -g, c="({0} - {1})", promote="same", numpy="subtract", linear=True,
                  doc="Difference.")
mul = elementwise("mul", lambda g, _z, _x, y: g * y, lambda g, _z, x, _y: g * x, c="({0} * {1})", promote="same", numpy="multiply",
                  doc="Product.")
div = elementwise(
    "div",
    lambda g, _z, _x, y: g / y,
    lambda g, z, _x, y: -g * z / y,
    c="({0} / {1})",
    numpy="true_divide",
    domain=(0.5, 2.0),
    doc="Quotient; integers give floats.",
)
def _power(xp, x, y):
    """Integers below zero as exponents leave 1, -1 and, of everything else, 0."""
    if getattr(y, "dtype", None) is None or y.dtype.kind != "i" or getattr(x, "dtype", y.dtype).kind not in "iub":
        return xp.power(x, y)
    below = y < 0
    if not below.any():
        return xp.power(x, y)
    units = xp.where(x == 1, 1, xp.where(xp.equal(x, -1), 1 - 2 * (y & 1), 0))
    return xp.where(below, units, xp.power(x, xp.where(below, 0, y)))


pow = elementwise("pow", lambda g, _z, x, y: g * _power_slope(x, y), lambda g, z, x, _y: _exponent_slope(g, z, x),
                  c="pow({0}, {1})", promote="same", body=_power, domain=(0.5, 2.0), doc="x to the power y.")
neg = elementwise("neg", lambda g, _y, _x: -g, c="(-{0})", promote="same", numpy="negative", linear=True, doc="-x.")
reciprocal = elementwise(
    "reciprocal", lambda g, y, _x: -g * y * y, body=lambda xp, x: 1.0 / x, c="(1 / {0})", domain=(0.5, 2.0), doc="1 / x."
)
square = elementwise("square", lambda g, _y, x: g * 2 * x, body=lambda xp, x: x.astype(xp.int64) if x.dtype.kind == "b" else xp.square(x),
                     c="({0} * {0})", promote="same", doc="x².")
abs = elementwise("abs", lambda g, _y, x: g * sgn(x), c="fabs({0})", promote="same", numpy="absolute", holomorphic=False,
                  doc="Absolute value; gradient 0 at 0.")


def _sign(xp, x):
    """NumPy's sign of NaN is NaN, PyTorch's 0."""
    if x.dtype.kind == "b":
        return x | x
    return xp.where(x == x, xp.sign(x), x.dtype.type(0)) if x.dtype.kind in "fV" else xp.sign(x)


def _direction(xp, x):
    """What is infinite has none in PyTorch: NaN, where NumPy takes the infinite part's."""
    y = _sign(xp, x)
    return xp.where(xp.isinf(x), x.dtype.type(complex(math.nan, math.nan)), y) if x.dtype.kind == "c" else y


sign = elementwise("sign", lambda g, y, x: _turned(g, y, x), body=lambda xp, x: _sign(xp, x),
                   c="sign({0})", promote="same", holomorphic=False, doc="-1, 0 or 1.")
sgn = elementwise("sgn", lambda g, y, x: _turned(g, y, x), body=lambda xp, x: _direction(xp, x),
                  c="sign({0})", promote="same", holomorphic=False,
                  doc="-1, 0 or 1; of complex numbers their direction, x / |x|.")
def _by_whole(word: str):
    """NumPy gives 0 for a whole number divided by zero, and a warning; PyTorch raises on the CPU, and goes on on a GPU."""

    def body(xp, input, other):
        x, y = input, other
        whole = (type(x) is np.ndarray or type(y) is np.ndarray) and getattr(x, "dtype", INT64).kind in "iu"
        if whole and ((y.dtype.kind in "iu" and not y.all()) if isinstance(y, np.ndarray) else type(y) is int and not y):
            raise RuntimeError("ZeroDivisionError")
        return getattr(xp, word)(x, y)

    return body


fmod = elementwise("fmod", lambda g, _z, _x, _y: g, lambda g, _z, x, y: -g * trunc(x / y), c="fmod({0}, {1})", promote="same",
                   body=_by_whole("fmod"), domain=(0.6, 0.9), doc="Remainder with the sign of x.")
remainder = elementwise("remainder", lambda g, _z, _x, _y: g, lambda g, _z, x, y: -g * floor(x / y), c="({0} - {1} * floor({0} / {1}))",
                        promote="same", body=_by_whole("remainder"), domain=(0.6, 0.9), doc="Remainder with the sign of y.")
floor_divide = elementwise("floor_divide", c="floor({0} / {1})", promote="same", body=_by_whole("floor_divide"), domain=(0.5, 2.0),
                           doc="Quotient, rounded down.")


def _turned(g, y, x):
    """The part of g across x, over |x|: moving along x does not change its direction.  0 for reals."""
    if not x.is_complex():
        return g * 0
    return where(eq(x, 0), 0.0, (g - (g * y.conj()).real * y) / abs(x))


def _exponent_slope(g, z, x):
    """g · d(x**y)/dy = g · x**y log(x), and 0 where x is 0 and y is not negative (there z is 0 or 1; below, infinite)."""
    if isinstance(x, int | float | complex):
        return g * z * (cmath.log(x) if isinstance(x, complex) else math.log(x) if x > 0 else math.nan) if x else g * 0
    return g * where(logical_and(eq(x, 0), isfinite(z)), 0.0, z * log(x))


def _power_slope(x, y):
    """d(x**y)/dx = y x**(y-1), and 0 where y is 0 (also at x = 0)."""
    if isinstance(y, int | float):
        return y * x ** (y - 1) if y else x * 0
    return where(eq(y, 0), 0.0, y * x ** (y - 1))


# ---- the greater and the smaller: on a tie each input gets half of the gradient
maximum = elementwise(
    "maximum",
    lambda g, _z, x, y: _win(g, x, y),
    lambda g, _z, x, y: _win(g, y, x),
    c="maximum({0}, {1})",
    promote="same",
    doc="The greater; NaN where either is.",
)
minimum = elementwise(
    "minimum",
    lambda g, _z, x, y: _win(g, y, x),
    lambda g, _z, x, y: _win(g, x, y),
    c="minimum({0}, {1})",
    promote="same",
    doc="The smaller; NaN where either is.",
)


def _win(g, x, y):
    """g where x > y, half of it where they are equal."""
    greater, same = (gt(x, y), eq(x, y)) if not isinstance(x, NUMBERS) else (lt(y, x), eq(y, x))
    return where(greater, g, where(same, g * 0.5, 0.0))


# ---- exponentials and logarithms
def _log1p(xp, x):
    """NumPy's loses what is small beside 1 of complex numbers: |1 + z|² - 1 = Re z · (2 + Re z) + Im z²."""
    if x.dtype.kind != "c":
        return xp.log1p(x)
    near = xp.log1p(x.real * (2 + x.real) + x.imag * x.imag) * 0.5 + 1j * xp.arctan2(x.imag, 1 + x.real)
    return xp.where(xp.abs(x) < 0.5, near.astype(x.dtype), xp.log1p(x))


exp = elementwise("exp", lambda g, y, _x: g * y, c="exp({0})", doc="e to the power x.")
exp2 = elementwise("exp2", lambda g, y, _x: g * y * math.log(2), c="exp2({0})", doc="2 to the power x.")
expm1 = elementwise("expm1", lambda g, y, _x: g * (y + 1), c="expm1({0})", doc="exp(x) - 1, exact for small x.")
log = elementwise("log", lambda g, _y, x: g / x, c="log({0})", domain=(0.5, 3.0), doc="Natural logarithm.")
log2 = elementwise("log2", lambda g, _y, x: g / (x * math.log(2)), c="log2({0})", domain=(0.5, 3.0), doc="Logarithm to base 2.")
log10 = elementwise("log10", lambda g, _y, x: g / (x * math.log(10)), c="log10({0})", domain=(0.5, 3.0), doc="Logarithm to base 10.")
log1p = elementwise("log1p", lambda g, _y, x: g / (x + 1), c="log1p({0})", body=lambda xp, x: _log1p(xp, x),
                    domain=(-0.5, 3.0), doc="log(1 + x), exact for small x.")
def _logaddexp(xp, x, y):
    if x.dtype.kind != "c" and y.dtype.kind != "c":
        return xp.logaddexp(x, y)
    first = x.real >= y.real
    top, low = xp.where(first, x, y), xp.where(first, y, x)
    return xp.where(xp.isfinite(top.real), top + xp.log(1 + xp.exp(low - top)), xp.where(top.real > 0, top, xp.log(xp.exp(x) + xp.exp(y))))


logaddexp = elementwise("logaddexp", lambda g, z, x, _y: g * exp(x - z), lambda g, z, _x, y: g * exp(y - z), body=_logaddexp,
                        c="logaddexp({0}, {1})", doc="log(exp(x) + exp(y)).")

# ---- roots
sqrt = elementwise("sqrt", lambda g, y, _x: g / (2 * y), c="sqrt({0})", domain=(0.5, 3.0), doc="Square root.")
rsqrt = elementwise(
    "rsqrt",
    lambda g, y, _x: g * -0.5 * y * y * y,
    body=lambda xp, x: 1.0 / xp.sqrt(x),
    c="(1 / sqrt({0}))",
    fused=Fused("()->()"),
    domain=(0.5, 3.0),
    doc="1 / √x.",
)
hypot = elementwise("hypot", lambda g, z, x, _y: g * x / z, lambda g, z, _x, y: g * y / z, c="hypot({0}, {1})", domain=(0.5, 2.0),
                    doc="√(x² + y²) without overflow.")

# ---- angles
sin = elementwise("sin", lambda g, _y, x: g * cos(x), c="sin({0})", doc="Sine; x in radians.")
cos = elementwise("cos", lambda g, _y, x: -g * sin(x), c="cos({0})", doc="Cosine; x in radians.")
tan = elementwise("tan", lambda g, y, _x: g * (1 + y * y), c="tan({0})", domain=(-1.0, 1.0), doc="Tangent; x in radians.")
asin = elementwise("asin", lambda g, _y, x: g / sqrt(1 - x * x), c="asin({0})", numpy="arcsin", domain=(-0.8, 0.8), doc="Inverse sine.")
acos = elementwise("acos", lambda g, _y, x: -g / sqrt(1 - x * x), c="acos({0})", numpy="arccos", domain=(-0.8, 0.8), doc="Inverse cosine.")
atan = elementwise("atan", lambda g, _y, x: g / (1 + x * x), c="atan({0})", numpy="arctan", doc="Inverse tangent.")
atan2 = elementwise("atan2", lambda g, _z, x, y: g * y / (x * x + y * y), lambda g, _z, x, y: -g * x / (x * x + y * y), c="atan2({0}, {1})",
                    numpy="arctan2", domain=(0.5, 2.0), doc="Angle of the point (y, x), in radians.")
sinh = elementwise("sinh", lambda g, _y, x: g * cosh(x), c="sinh({0})", doc="Hyperbolic sine.")
cosh = elementwise("cosh", lambda g, _y, x: g * sinh(x), c="cosh({0})", doc="Hyperbolic cosine.")
tanh = elementwise("tanh", lambda g, y, _x: g * (1 - y * y), c="tanh({0})", doc="Hyperbolic tangent.")
asinh = elementwise("asinh", lambda g, _y, x: g / sqrt(x * x + 1), c="asinh({0})", numpy="arcsinh", doc="Inverse hyperbolic sine.")
acosh = elementwise("acosh", lambda g, _y, x: g / sqrt(x * x - 1), c="acosh({0})", numpy="arccosh", domain=(1.5, 3.0),
                    doc="Inverse hyperbolic cosine.")
atanh = elementwise("atanh", lambda g, _y, x: g / (1 - x * x), c="atanh({0})", numpy="arctanh", domain=(-0.8, 0.8),
                    doc="Inverse hyperbolic tangent.")

# ---- squashing
sigmoid = elementwise("sigmoid", lambda g, y, _x: g * y * (1 - y), body=lambda xp, x: 1.0 / (1.0 + xp.exp(-x)),
                      promote="float", c="(1 / (1 + exp(-{0})))", fused=Fused("()->()"),
                      doc="1 / (1 + exp(-x)).")
relu = elementwise("relu", lambda g, y, _x: relu_back(g, y), body=lambda xp, x: xp.maximum(x, 0), c="maximum({0}, 0)", promote="same",
                   doc="x where positive, 0 elsewhere.")
relu_back = elementwise(
    "relu_back",
    lambda g, _z, _g, y: relu_back(g, y),
    lambda g, _z, _g, _y: g * 0,
    body=lambda xp, g, y: g * (y > 0),
    c="({1} > 0 ? {0} : 0)",
    promote="same",
    domain=(0.5, 2.0),
    doc="g where y is positive, 0 elsewhere: relu's gradient.",
)
erf = elementwise("erf", lambda g, _y, x: g * exp(-(x * x)) * (2 / math.sqrt(math.pi)), c="erf({0})",
                  body=lambda xp, x: xp.erf(of_reals("erf", x)), doc="Error function.")

# ---- rounding: flat almost everywhere, so no gradient passes
_flat = (lambda g, _y, _x: g * 0)
floor = elementwise("floor", _flat, c="floor({0})", promote="same", doc="Rounded down.")
ceil = elementwise("ceil", _flat, c="ceil({0})", promote="same", doc="Rounded up.")
trunc = elementwise("trunc", _flat, c="trunc({0})", promote="same", doc="Rounded towards zero.")
round = elementwise(
    "round",
    _flat,
    body=lambda xp, x: x if x.dtype.kind in "biu" else xp.rint(x),
    c="rint({0})",
    promote="same",
    doc="Rounded to the nearest integer, halves to the even one.",
)
frac = elementwise(
    "frac",
    lambda g, _y, _x: g,
    body=lambda xp, x: _fractional("frac", x) - xp.trunc(x),
    c="({0} - trunc({0}))",
    promote="same",
    domain=(0.1, 0.9),
    doc="What `trunc` cuts off.",
)

# ---- comparisons and logic
eq = elementwise("eq", c="({0} == {1})", promote="bool", numpy="equal", doc="x == y.")
ne = elementwise("ne", c="({0} != {1})", promote="bool", numpy="not_equal", doc="x != y.")
lt = elementwise("lt", c="({0} < {1})", promote="bool", numpy="less", doc="x < y.")
le = elementwise("le", c="({0} <= {1})", promote="bool", numpy="less_equal", doc="x <= y.")
gt = elementwise("gt", c="({0} > {1})", promote="bool", numpy="greater", doc="x > y.")
ge = elementwise("ge", c="({0} >= {1})", promote="bool", numpy="greater_equal", doc="x >= y.")
isnan = elementwise("isnan", c="isnan({0})", promote="bool", doc="Whether x is not a number.")
isinf = elementwise("isinf", c="isinf({0})", promote="bool", doc="Whether x is infinite.")
isfinite = elementwise("isfinite", c="isfinite({0})", promote="bool", doc="Whether x is neither infinite nor NaN.")
logical_not = elementwise("logical_not", c="(!{0})", promote="bool", doc="Not x; any number but 0 is true.")
logical_and = elementwise("logical_and", c="({0} && {1})", promote="bool", doc="x and y.")
logical_or = elementwise("logical_or", c="({0} || {1})", promote="bool", doc="x or y.")
logical_xor = elementwise("logical_xor", c="(!{0} != !{1})", promote="bool", doc="Exactly one of x and y.")
bitwise_and = elementwise("bitwise_and", c="({0} & {1})", promote="same", domain="int", doc="Bits set in both.")
bitwise_or = elementwise("bitwise_or", c="({0} | {1})", promote="same", domain="int", doc="Bits set in either.")
bitwise_xor = elementwise("bitwise_xor", c="({0} ^ {1})", promote="same", domain="int", doc="Bits set in one.")
bitwise_not = elementwise("bitwise_not", c="(~{0})", promote="same", domain="int", numpy="invert", doc="Each bit turned.")


# ---- choice
def _where_samples(make):
    for shape in ((3, 4), (), (0, 2)):
        yield (make(shape, -1.0, 1.0) > 0, make(shape, -2.0, 2.0), make(shape, -2.0, 2.0)), {}


@op("elementwise", promote="rest", c="({0} ? {1} : {2})", samples=_where_samples,
    vjp=(None, lambda g, _y, c, _a, _b: where(c, g, 0.0), lambda g, _y, c, _a, _b: where(c, 0.0, g)))
def where_(xp, condition, x, y):
    """x where the condition holds, y elsewhere.  (*), (*), (*) -> (*), broadcast"""
    return xp.where(condition, x, y)


where = chosen(CARDS["where"])


def _clamp_samples(make):
    for low, high in ((-0.5, 0.7), (None, 0.3), (-0.2, None)):
        yield (make((3, 4), -2.0, 2.0),), {"min": low, "max": high}


@op("elementwise", promote="same", c="clamp({0}, {min}, {max})", samples=_clamp_samples, fused=Native(network.clamp),
    vjp=lambda g, _y, x, min=None, max=None: g * _inside(x, min, max))
def clamp(xp, x, min=None, max=None):
    """x, but no smaller than `min` and no greater than `max`.  (*) -> (*)"""
    if min is not None:
        x = xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


def _inside(x, low, high):
    if low is None:
        return le(x, high)
    return ge(x, low) if high is None else logical_and(ge(x, low), le(x, high))


@op(
    "elementwise",
    promote="same",
    c="({0} + {2} * ({1} - {0}))",
    samples=lambda make: [(tuple(make((2, 3), -1.0, 1.0) for _ in range(3)), {})],
    vjp=(lambda g, _y, _a, _b, w: g * (1 - w), lambda g, _y, _a, _b, w: g * w, lambda g, _y, a, b, _w: g * (b - a)),
)
def lerp(xp, input, end, weight):
    """input + weight · (end - input).  (*), (*), (*) -> (*), broadcast"""
    return input + weight * (end - input)
