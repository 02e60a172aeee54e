"""The standard's elementwise functions: Flambeau's, with 0-d arrays promoted as any others."""
from __future__ import annotations

from typing import Any

import flambeau as _f
from flambeau import Tensor

from .kinds import together


def _one(name: str, call: Any = None):
    function = call or getattr(_f, name)

    def apply(x: Tensor, /) -> Tensor:
        return function(x)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"`{name}` of each element.  (*) -> (*)"
    return apply


def _two(name: str, call: Any = None):
    function = call or getattr(_f, name)

    def apply(x1: Any, x2: Any, /) -> Tensor:
        if not isinstance(x1, Tensor) or not isinstance(x2, Tensor) or x1.dtype is not x2.dtype:
            x1, x2 = together(x1, x2)
        return function(x1, x2)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"`{name}` of each two elements; one operand may be a number.  (*), (*) -> (*), broadcast"
    return apply


abs, acos, acosh, asin, asinh, atan, atanh = map(_one, "abs acos acosh asin asinh atan atanh".split())
cos, cosh, exp, expm1 = map(_one, "cos cosh exp expm1".split())
ceil, floor, trunc, round, conj, isfinite, isinf, isnan = map(_one, "ceil floor trunc round conj isfinite isinf isnan".split())
log, log1p, log2, log10, logical_not, negative, positive = map(_one, "log log1p log2 log10 logical_not negative positive".split())
reciprocal, signbit, sin, sinh, square, sqrt, tan, tanh = map(_one, "reciprocal signbit sin sinh square sqrt tan tanh".split())
sign = _one("sign", lambda x: _f.sgn(x))
real, imag = _one("real"), _one("imag")
bitwise_invert = _one("bitwise_invert", lambda x: ~x)
add, subtract, multiply, divide, floor_divide, remainder = map(_two, "add subtract multiply divide floor_divide remainder".split())
atan2, copysign, hypot, logaddexp, maximum, minimum, nextafter = map(
    _two, "atan2 copysign hypot logaddexp maximum minimum nextafter".split())
bitwise_and, bitwise_or, bitwise_xor = map(_two, "bitwise_and bitwise_or bitwise_xor".split())
bitwise_left_shift, bitwise_right_shift = map(_two, "bitwise_left_shift bitwise_right_shift".split())
logical_and, logical_or, logical_xor, pow = map(_two, "logical_and logical_or logical_xor pow".split())
equal, not_equal = _two("equal", _f.eq), _two("not_equal", _f.ne)
greater, greater_equal, less, less_equal = map(_two, "greater greater_equal less less_equal".split())


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """x held between `min` and `max`, numbers or arrays; the dtype stays.  (*) -> (*), broadcast"""
    low, high = (v.to(x.dtype) if isinstance(v, Tensor) else None if v is None else _f.tensor(v, dtype=x.dtype, device=x.device)
                 for v in (min, max))
    return x.clone() if low is None and high is None else _f.clamp(x, low, high)


def where(condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
    """x1 where the condition holds, x2 elsewhere.  (*), (*), (*) -> (*), broadcast"""
    return _f.where(condition, *together(x1, x2))


__all__ = [name for name in dir() if not name.startswith("_") and name not in
           ("annotations", "Any", "Tensor", "together")]
