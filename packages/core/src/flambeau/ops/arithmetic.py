"""Arithmetic beside the common ops of `elementwise`: parts of a number, the greater of two where NaN loses, bits shifted, running logs."""
from __future__ import annotations

import math

from ..define import elementwise, op
from ..dtype import BY_NUMPY, COMPLEX, FLOAT, bool_, complex128, float64, word
from ..fast import named
from ..limits import finfo
from ..numpy_names import numpy_names
from ..promote import result_type
from ..return_types import kind
from ..tensor import Tensor, check_dim, tensors_only
from ..write import into
from .border import _in_place
from .complex import conj
from .create import ones_like, tensor
from .elementwise import acosh, asinh, atanh, eq, exp, exp2, ge, isfinite, isnan, logical_or, pow, sgn, trunc, where
from .join import cat
from .scan import cumprod, cumsum
from .view import narrow


def of_tensors(call, numbers: str = ""):
    """An op of two tensors that PyTorch gives no numbers: TypeError for one.  `numbers` names the argument that may be one."""

    def checked(input, other, *, out=None):
        tensors_only(call.__name__, **{name: x for name, x in (("input", input), ("other", other)) if name != numbers})
        return call(input, other, out=out)

    return named(checked, call.card)


# ---- sign and neighbours
copysign = elementwise("copysign", lambda g, z, x, _y: g * sgn(x) * sgn(z), lambda g, _z, _x, _y: g * 0, c="copysign({0}, {1})",
                       domain=(0.5, 2.0), doc="|x| with the sign of y.")
nextafter = elementwise("nextafter", lambda g, _z, x, y: where(eq(x, y), 0.0, g), lambda g, _z, _x, _y: g * 0,
                        c="nextafter({0}, {1})", doc="The float next to x on the way to y.")
copysign, nextafter = of_tensors(copysign, numbers="other"), of_tensors(nextafter)
nextafter.card.widens = False  # a neighbour in float32 is none in half precision
signbit = elementwise("signbit", c="signbit({0})", promote="bool", doc="Whether the sign is negative; also that of -0.0.")
def _infinite(xp, x, name: str):
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name} does not support complex inputs.")
    return xp.isinf(x)


isposinf = elementwise("isposinf", body=lambda xp, x: _infinite(xp, x, "isposinf") & (x > 0), c="(isinf({0}) && {0} > 0)", promote="bool",
                       doc="Whether x is infinite and positive.")
isneginf = elementwise("isneginf", body=lambda xp, x: _infinite(xp, x, "isneginf") & (x < 0), c="(isinf({0}) && {0} < 0)", promote="bool",
                       doc="Whether x is infinite and negative.")
isreal = elementwise("isreal", body=lambda xp, x: xp.isreal(x), c="1", promote="bool", doc="Whether the imaginary part is 0.")
_heaviside = elementwise("heaviside", body=lambda xp, x, y: xp.where(x == 0, y, (x > 0) * xp.ones_like(y)), promote="same",
                         c="({0} == 0 ? {1} : {0} > 0)", doc="0 below 0, 1 above, `values` at 0.")


def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """0 where input is negative, 1 where positive, `values` where it is 0.  (*), (*) -> (*), broadcast

    RuntimeError where the dtypes differ or are complex.

    >>> flambeau.heaviside(flambeau.tensor([-2.0, 0.0, 3.0]), flambeau.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    tensors_only("heaviside", input=input, values=values)
    if input.dtype.category == COMPLEX or values.dtype.category == COMPLEX:
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError(f"heaviside is not yet implemented for tensors with different dtypes: {input.dtype.name}, {values.dtype.name}")
    return _heaviside(input, values, out=out)


# ---- the greater and the smaller, where NaN loses
fmax = elementwise("fmax", lambda g, _z, x, y: where(_first(ge, x, y), g, 0.0), lambda g, _z, x, y: where(_first(ge, x, y), 0.0, g),
                   c="fmax({0}, {1})", promote="same", doc="The greater; NaN only where both are.")
fmin = elementwise("fmin", lambda g, _z, x, y: where(_first(_le, x, y), g, 0.0), lambda g, _z, x, y: where(_first(_le, x, y), 0.0, g),
                   c="fmin({0}, {1})", promote="same", doc="The smaller; NaN only where both are.")
fmax, fmin = of_tensors(fmax), of_tensors(fmin)


def _le(x, y):
    return ge(y, x)


def _first(wins, x, y):
    """Where the first of the two is taken, and with it the gradient."""
    return logical_or(wins(x, y), isnan(y)) if isinstance(y, Tensor) else wins(x, y)


# ---- powers, and the parts of a float
logaddexp2 = elementwise("logaddexp2", lambda g, z, x, _y: g * exp2(x - z), lambda g, z, _x, y: g * exp2(y - z), c="logaddexp2({0}, {1})",
                         doc="log₂(2ˣ + 2ʸ).")


def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input · 2 to the power other.  (*), (*) -> (*), broadcast

    >>> flambeau.ldexp(flambeau.tensor([1.5]), flambeau.tensor([3]))
    tensor([12.])
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"ldexp(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    exact = isinstance(other, Tensor) and other.dtype.category < FLOAT <= input.dtype.category  # a power of two rounds nothing
    if not exact:
        return _given(input * pow(2.0, other), out)
    product = input * pow(2.0, other.double() if input.dtype in (float64, complex128) else other)
    return _given(product.to(input.dtype), out)


def _given(result, out):
    return result if out is None else into(out, result, "out")


frexp_mantissa = elementwise("frexp_mantissa", lambda g, _y, x: g * exp2(-frexp_exponent(x)), body=lambda xp, x: xp.frexp(x)[0], c="",
                             doc="The fraction f of x = f · 2ⁿ, at least a half and less than one.")


@op("elementwise", c="", samples=lambda make: [((make((3, 4), -9.0, 9.0),), {}), ((make((), 0.0, 1.0),), {})])
def frexp_exponent(xp, x):
    """The power n of x = f · 2ⁿ, as int32.  (*) -> (*)"""
    return xp.frexp(x)[1]


def frexp(input: Tensor):
    """mantissa and exponent: input = mantissa · 2 ** exponent, mantissas at least a half and less than one.  (*) -> (*), (*)

    RuntimeError unless the input holds real floats.

    >>> flambeau.frexp(flambeau.tensor([12.0]))
    flambeau.return_types.frexp(
    mantissa=tensor([0.7500]),
    exponent=tensor([4], dtype=flambeau.int32))
    """
    if input.dtype.category != FLOAT:
        raise RuntimeError(f"frexp() only supports floating-point dtypes, got {input.dtype.name}")
    return kind("frexp")(frexp_mantissa(input), frexp_exponent(input))


def float_power(input, exponent, *, out: Tensor | None = None) -> Tensor:
    """input to the power exponent, in float64 or complex128.  (*), (*) -> (*), broadcast

    >>> flambeau.float_power(flambeau.tensor([2, 3]), 2)
    tensor([4., 9.], dtype=flambeau.float64)
    """
    if not isinstance(input, Tensor) and not isinstance(exponent, Tensor):
        raise TypeError(f"float_power(): one argument must be a Tensor, got {type(input).__name__} and {type(exponent).__name__}")
    target = _wide(input, exponent)
    if out is not None and out.dtype is not target:
        raise RuntimeError(f"the output given to float_power has dtype {word(out.dtype)} but the operation's result requires dtype "
                           f"{word(target)}")
    base, power = (v.to(target) if isinstance(v, Tensor) else tensor(v, dtype=target) for v in (input, exponent))
    return pow(base, power, out=out)


def _wide(*operands):
    return float64.to_complex() if result_type(*operands).category == COMPLEX else float64


def float_power_(input: Tensor, exponent) -> Tensor:
    """`float_power`, written into the tensor itself, which must be float64 (complex128 for complex numbers)."""
    target = _wide(input, exponent)
    if input.dtype is not target:
        raise RuntimeError(f"the base given to float_power_ has dtype {word(input.dtype)} but the operation's result requires dtype "
                           f"{word(target)}")
    return input.pow_(exponent)


deg2rad = elementwise("deg2rad", lambda g, _y, _x: g * (math.pi / 180), body=lambda xp, x: x * (math.pi / 180), linear=True,
                      c="({0} * (M_PI / 180))", doc="Degrees as radians.")
rad2deg = elementwise("rad2deg", lambda g, _y, _x: g * (180 / math.pi), body=lambda xp, x: x * (180 / math.pi), linear=True,
                      c="({0} * (180 / M_PI))", doc="Radians as degrees.")

# ---- whole numbers
gcd = elementwise("gcd", c="gcd({0}, {1})", promote="same", domain="int", doc="Greatest common divisor; 0 of 0 and 0.")
lcm = elementwise("lcm", c="lcm({0}, {1})", promote="same", domain="int", doc="Least common multiple; 0 where either is 0.")
gcd, lcm = of_tensors(gcd), of_tensors(lcm)
bitwise_left_shift = elementwise("bitwise_left_shift", c="({0} << {1})", promote="same", domain="int", numpy="left_shift",
                                 doc="x · 2ʸ, bits that leave being lost.")
bitwise_right_shift = elementwise("bitwise_right_shift", c="({0} >> {1})", promote="same", domain="int", numpy="right_shift",
                                  doc="x / 2ʸ, rounded down.")


# ---- repaired and replaced
def _nan_samples(make):
    yield (make((3, 4), -1.0, 1.0),), {"nan": 1.0, "posinf": 2.0, "neginf": -3.0}
    yield (make((2, 3), -1.0, 1.0),), {}


@op("elementwise", promote="same", inputs=1, samples=_nan_samples, c="",
    vjp=lambda g, _y, x, nan=None, posinf=None, neginf=None: where(isfinite(x), g, 0.0))
def nan_to_num(xp, input, nan=None, posinf=None, neginf=None):
    """x with `nan` for NaN (0 by default) and for infinities `posinf` and `neginf`, by default the dtype's limits.  (*) -> (*)"""
    x = input
    if x.dtype.kind in "biu":
        return x.copy()
    if x.dtype.kind == "c":
        parts = [nan_to_num.card.body(xp, part, nan, posinf, neginf) for part in (x.real, x.imag)]
        return (parts[0] + 1j * parts[1]).astype(x.dtype)
    limits = finfo(BY_NUMPY[x.dtype])
    finite = xp.where(x > limits.max, limits.max if posinf is None else posinf, x)
    finite = xp.where(x < limits.min, limits.min if neginf is None else neginf, finite)
    return xp.where(xp.isnan(x), nan or 0.0, finite).astype(x.dtype)


nan_to_num.card.widens = False  # the limits are the dtype's own


def fill(input: Tensor, value) -> Tensor:
    """A tensor of the input's shape and dtype that holds `value`, a number or a tensor without axes.  (*) -> (*)

    >>> flambeau.fill(flambeau.zeros(2), 3.0)
    tensor([3., 3.])
    """
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"fill only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    value = value.to(input.dtype) if isinstance(value, Tensor) else tensor(value, dtype=input.dtype, device=input.device)
    return where(ones_like(input, dtype=bool_), value, input)


# ---- what is itself
def positive(input: Tensor) -> Tensor:
    """+input: the tensor itself.  RuntimeError for booleans."""
    if input.dtype is bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself: signs are always worked out here."""
    return input


def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex conjugate, in memory of its own; of real numbers, themselves.  (*) -> (*)"""
    return _given(conj(input), out)


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not 0.  RuntimeError for more elements, or none.

    >>> flambeau.is_nonzero(flambeau.tensor([0.0]))
    False
    """
    return bool(input)


def scalar_tensor(s, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A number as a tensor without axes, of the default dtype unless one is given.

    >>> flambeau.scalar_tensor(3)
    tensor(3.)
    """
    from ..context import get_default_dtype
    return tensor(s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


# ---- running logarithms of sums
def _scan_samples(make):
    for shape, dim in (((3, 4), 1), ((2, 3, 2), 0), ((), 0)):
        yield (make(shape, -2.0, 2.0),), {"dim": dim}


@op("scan", inputs=1, samples=_scan_samples, promote="float", vjp=lambda g, y, x, dim: _logcumsumexp_back(g, y, x, dim))
def logcumsumexp_(xp, x, dim):
    """log of the running sum of exp(x) along `dim`, for numbers of any size.  (*, n, *) -> (*, n, *)

    Each round adds to every place the sum that ends as many places before it as the place has summed: log₂(n) rounds.
    """
    if x.ndim == 0:
        return x.copy()
    x, step = xp.moveaxis(x, dim, 0), 1
    if x.dtype.kind == "c":
        rows = list(x)
        for k in range(1, len(rows)):  # one by one: a sum of two logarithms keeps the turns of the angle, so the order matters
            rows[k] = _complex_logaddexp(xp, rows[k - 1], rows[k])
        return xp.moveaxis(xp.stack(rows) if rows else x, 0, dim)
    while step < x.shape[0]:
        x = xp.concatenate([x[:step], xp.logaddexp(x[step:], x[:-step])])
        step *= 2
    return xp.moveaxis(x, 0, dim)


def _complex_logaddexp(xp, a, b):
    first = a.real >= b.real
    high, low = xp.where(first, a, b), xp.where(first, b, a)
    return xp.where(xp.isinf(high) & (high == low), high, high + xp.log1p(xp.exp(low - high)))


def _logcumsumexp_back(g, y, x, dim):
    """exp(x_i - y_i) h_i with h_i = Σ_{j≥i} g_j exp(y_i - y_j) = g_i + w_i h_{i+1}: no weight w is above 1, so nothing overflows.

    As forward, each round doubles the stretch that a place has summed.
    """
    n, step = y.shape[dim] if y.ndim else 1, 1
    w = exp(_difference(narrow(y, dim, 0, n - 1), narrow(y, dim, 1, n - 1))) if n > 1 else y
    while step < n:
        rest = n - step
        g = cat([narrow(g, dim, 0, rest) + w * narrow(g, dim, step, rest), narrow(g, dim, rest, step)], dim)
        step *= 2
        if step < n:
            w = narrow(w, dim, 0, n - step) * narrow(w, dim, step // 2, n - step)
    return g * exp(_difference(x, y))


def _difference(x, y):
    """x - y, and 0 for equal infinities."""
    return where(eq(x, y), 0.0, x - y)


@numpy_names
def logcumsumexp(input: Tensor, dim: int, *, out: Tensor | None = None) -> Tensor:
    """log of the running sum of exp(input) along `dim`.  (*, n, *) -> (*, n, *)

    >>> flambeau.logcumsumexp(flambeau.zeros(3), 0)
    tensor([0.0000, 0.6931, 1.0986])
    """
    return logcumsumexp_(input, dim=check_dim(dim, input.ndim), out=out)


heaviside_, ldexp_, conj_physical_, cumsum_, cumprod_ = (_in_place(f) for f in (heaviside, ldexp, conj_physical, cumsum, cumprod))
fix, arcsinh, arccosh, arctanh = trunc, asinh, acosh, atanh  # other names of the same ops
