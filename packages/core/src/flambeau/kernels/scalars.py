"""The scalar operations that a loop can hold: for each its NumPy function, its price and how C spells it.

Dtype rules are NumPy's own, asked of the ufunc. `{0}` is an operand; `@` stands for nothing in double precision and for `f` in single.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["SCALARS", "Scalar", "resolve"]

CHEAP, DIVISION, FUNCTION, LIBRARY = 1, 4, 16, 40  # rough cycles of a vector lane group: what recomputing an element costs


@dataclass(frozen=True)
class Scalar:
    """One scalar operation. `rule` is the ufunc whose dtypes it follows, `function` what the interpreter calls."""

    name: str
    c: str
    price: int
    rule: np.ufunc
    function: Callable


def _erf(x):
    from math import erf

    return x.dtype.type(erf(x))


SCALARS: dict[str, Scalar] = {}


def _row(name: str, c: str, price: int = CHEAP, rule: np.ufunc | None = None, function: Callable | None = None) -> None:
    rule = rule or getattr(np, name)
    SCALARS[name] = Scalar(name, c, price, rule, function or rule)


for _name, _c in [("add", "+"), ("subtract", "-"), ("multiply", "*"), ("less", "<"), ("less_equal", "<="), ("greater", ">"),
                  ("greater_equal", ">="), ("equal", "=="), ("not_equal", "!="), ("logical_and", "&&"), ("logical_or", "||")]:
    _row(_name, f"({{0}} {_c} {{1}})")  # fmt: skip
_row("logical_not", "(!{0})")
_row("logical_xor", "(!{0} != !{1})")
_row("negative", "(-{0})")
_row("absolute", "fl_abs@({0})")
_row("sign", "fl_sign@({0})")
_row("maximum", "fl_max@({0}, {1})")
_row("minimum", "fl_min@({0}, {1})")
_row("floor", "floor@({0})")
_row("ceil", "ceil@({0})")
_row("trunc", "trunc@({0})")
_row("rint", "rint@({0})")
_row("isnan", "({0} != {0})")
_row("isinf", "fl_isinf@({0})")
_row("isfinite", "fl_isfinite@({0})")
_row("divide", "({0} / {1})", DIVISION)
_row("sqrt", "sqrt@({0})", DIVISION)
_row("exp", "fl_exp@({0})", FUNCTION)
_row("expm1", "fl_expm1@({0})", FUNCTION)
_row("log", "fl_log@({0})", FUNCTION)
_row("log1p", "fl_log1p@({0})", FUNCTION)
_row("tanh", "fl_tanh@({0})", FUNCTION)
_row("erf", "fl_erf@({0})", FUNCTION, np.exp, _erf)
for _name in ("sin", "cos", "tan", "sinh", "cosh", "log2", "log10", "exp2", "cbrt"):
    _row(_name, f"{_name}@({{0}})", LIBRARY)
for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
    _row(f"arc{_name}", f"a{_name}@({{0}})", LIBRARY)
_row("arctan2", "atan2@({0}, {1})", LIBRARY)
_row("power", "pow@({0}, {1})", LIBRARY)
_row("fmod", "fmod@({0}, {1})", LIBRARY)
_row("hypot", "hypot@({0}, {1})", LIBRARY)

ONLY_FLOAT = {"floor", "ceil", "trunc", "rint", "isinf", "isfinite", "isnan", "power", "fmod", "sign", "absolute"}
DTYPES = tuple(map(np.dtype, ("?", "i4", "i8", "f4", "f8")))


def resolve(name: str, *operands) -> tuple[np.dtype, ...] | None:
    """Dtypes that the operands are cast to and that of the result; None where the loops have no such operation.

    An operand is a dtype, or a Python type for a number that adapts to the others.

    >>> resolve("divide", np.dtype("f4"), int)
    (dtype('float32'), dtype('float32'), dtype('float32'))
    """
    try:
        dtypes = SCALARS[name].rule.resolve_dtypes((*operands, *(None,) * SCALARS[name].rule.nout))
    except TypeError:
        return None
    integers = all(d.kind != "f" for d in dtypes[:-1])
    if any(d not in DTYPES for d in dtypes) or (integers and name in ONLY_FLOAT):
        return None
    if all(d.kind == "b" for d in dtypes[:-1]) and name in ("add", "multiply", "maximum", "minimum"):
        return None  # NumPy reads these as logic on booleans; bodies say logical_or and logical_and
    return dtypes
