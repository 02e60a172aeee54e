"""The loop namespace: an op's body, run once on symbolic arrays, leaves the graph of what it computes for one element and one row.

An array here has any number of leading axes, of which nothing is known, and one core axis `n`, its last. Its form says what is left of
it: CORE lies along n; KEPT is a row's value with the axis kept, (…, 1); ROW is one without it, (…); SCALAR is an input of no core axis.
COLUMN is a sum over the rows, axis -2, which a program can return and nothing more.
Python numbers are weak, dtypes follow NumPy. What cannot be one loop raises NotLowerable, which says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .program import REDUCTIONS, NotLowerable
from .scalars import DTYPES, SCALARS, resolve

__all__ = ["Symbol", "namespace", "trace"]

CORE, KEPT, ROW, SCALAR, COLUMN = "core", "kept", "row", "scalar", "column"

class Symbol:
    """A node of the graph: an operation, its operands, the dtype and form of its result. `weak` is int or float for Python numbers."""

    __slots__ = ("args", "aux", "dtype", "form", "op", "weak")
    __array_ufunc__ = None  # NumPy scalars leave arithmetic with symbols to the symbols

    def __init__(self, op: str, args: tuple[Symbol, ...], dtype: np.dtype, form: str, aux: object = None, weak: type | None = None):
        self.op, self.args, self.dtype, self.form, self.aux, self.weak = op, args, dtype, form, aux, weak

    @property
    def shape(self) -> _Shape:
        return _Shape(self)

    def astype(self, dtype, copy: bool = True) -> Symbol:
        return cast(self, np.dtype(dtype))

    def __getitem__(self, key) -> Symbol:
        if key == (Ellipsis, None):
            return namespace.expand_dims(self, axis=-1)
        if key == (Ellipsis, 0) and self.form == KEPT:
            return namespace.squeeze(self, axis=-1)
        raise NotLowerable(f"indexing with {key!r}: loops know [..., None] alone")

    def __pow__(self, other) -> Symbol:
        return namespace.pow(self, other)

    def __neg__(self) -> Symbol:
        return scalar("negative", self)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return scalar("absolute", self)

    def __invert__(self) -> Symbol:
        if self.dtype.kind != "b":
            raise NotLowerable(f"~ on {self.dtype}: loops know it on bool alone")
        return scalar("logical_not", self)

    def __hash__(self) -> int:
        return id(self)

    def _refuse(self, *_):
        raise NotLowerable("the body asks for a value or a shape while it is traced: loops hold no branches, and no concrete numbers")

    __bool__ = __int__ = __float__ = __index__ = __iter__ = __len__ = __array__ = __matmul__ = __rmatmul__ = __setitem__ = _refuse

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotLowerable(f"symbolic arrays have no attribute {name!r}")


def _operators() -> None:
    for dunder, name in {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide"}.items():
        setattr(Symbol, f"__{dunder}__", lambda a, b, name=name: scalar(name, a, b))
        setattr(Symbol, f"__r{dunder}__", lambda a, b, name=name: scalar(name, b, a))
    compare = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
    for dunder, name in compare.items():
        setattr(Symbol, f"__{dunder}__", lambda a, b, name=name: scalar(name, a, b))
    for dunder, name in {"and": "logical_and", "or": "logical_or", "xor": "logical_xor"}.items():
        setattr(Symbol, f"__{dunder}__", lambda a, b, name=name: _logic(name, a, b))
        setattr(Symbol, f"__r{dunder}__", lambda a, b, name=name: _logic(name, a, b))
    Symbol.__rpow__ = lambda a, b: namespace.pow(b, a)  # type: ignore[attr-defined]


def _logic(name: str, a, b) -> Symbol:
    a, b = symbol(a), symbol(b)
    if a.dtype.kind != "b" or b.dtype.kind != "b":
        raise NotLowerable(f"bitwise operators on {a.dtype} and {b.dtype}: loops know them on bool alone")
    return scalar(name, a, b)


class _Shape:
    """Of a symbolic array's shape only the last extent is known, as a symbol."""

    def __init__(self, of: Symbol):
        self.of = of

    def __getitem__(self, key):
        if key == -1 and self.of.form == KEPT:
            return 1
        if key == -1 and self.of.form == CORE:
            return Symbol("extent", (), np.dtype(np.int64), SCALAR, weak=int)
        raise NotLowerable(f"shape[{key!r}]: of a symbolic array loops know shape[-1] alone")

    def __iter__(self):
        raise NotLowerable("a symbolic array's shape has no fixed length")

    __len__ = __iter__


def symbol(value) -> Symbol:
    """A number as a constant; symbols pass."""
    if isinstance(value, Symbol):
        return value
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        if value.dtype not in DTYPES:
            raise NotLowerable(f"a constant of dtype {value.dtype}: loops know {', '.join(map(str, DTYPES))}")
        return Symbol("const", (), value.dtype, SCALAR, value.item())
    if isinstance(value, bool):
        return Symbol("const", (), np.dtype(bool), SCALAR, value)
    if isinstance(value, (int, float)):
        return Symbol("const", (), np.dtype(np.int64 if isinstance(value, int) else np.float64), SCALAR, value, type(value))
    raise NotLowerable(f"a constant of type {type(value).__name__}: loops know numbers alone")


def cast(a: Symbol, dtype: np.dtype) -> Symbol:
    if dtype not in DTYPES:
        raise NotLowerable(f"dtype {dtype}: loops know {', '.join(map(str, DTYPES))}")
    if a.op == "const":
        return Symbol("const", (), dtype, SCALAR, dtype.type(a.aux).item())
    if a.form == COLUMN and a.dtype != dtype:
        raise NotLowerable(f"a sum over axis -2 of {a.dtype} cast to {dtype}: cast what is summed")
    return a if a.dtype == dtype and a.weak is None else Symbol("cast", (a,), dtype, a.form)


def broadcast(*operands: Symbol) -> str:
    forms = {a.form for a in operands}
    if COLUMN in forms:
        raise NotLowerable("a sum over axis -2 is used again: it is known only after the last row")
    if ROW in forms and forms & {CORE, KEPT}:
        raise NotLowerable("a reduction without keepdims meets an array that still has its last axis: reduce with keepdims=True")
    return next((form for form in (CORE, KEPT, ROW) if form in forms), SCALAR)


def scalar(name: str, *values) -> Symbol:
    """The scalar operation of this name on symbols and numbers."""
    operands = [symbol(v) for v in values]
    if all(a.weak for a in operands) and len(operands) == 2:
        weak = float if name == "divide" or float in [a.weak for a in operands] else int
        dtypes = resolve(name, *[np.dtype(weak)] * 2)
    else:
        weak = None
        dtypes = resolve(name, *(a.weak or a.dtype for a in operands))
    if dtypes is None:
        raise NotLowerable(f"{name} of {', '.join(str(a.dtype) for a in operands)}")
    form = broadcast(*operands)
    operands = [cast(a, d) for a, d in zip(operands, dtypes, strict=False)]
    weak = weak if dtypes[-1].kind != "b" else None
    return Symbol("scalar", tuple(operands), dtypes[-1], form, name, weak)


def select(condition, a, b) -> Symbol:
    condition, a, b = symbol(condition), symbol(a), symbol(b)
    dtype = np.result_type(*(x.weak(0) if x.weak else x.dtype for x in (a, b)))
    if a.weak and b.weak:
        dtype = np.dtype(float if float in (a.weak, b.weak) else int)
    operands = (cast(condition, np.dtype(bool)), cast(a, dtype), cast(b, dtype))
    return Symbol("select", operands, dtype, broadcast(*operands))


def reduce(name: str, a, axis, keepdims: bool) -> Symbol:
    a = symbol(a)
    if axis in (-2, (-2,)) and name == "sum" and a.form == CORE and a.dtype.kind == "f" and not keepdims:
        return Symbol("fold", (a,), a.dtype, COLUMN)
    if axis not in (-1, (-1,), [-1]):
        raise NotLowerable(f"{name} over axis={axis!r}: loops reduce the last axis alone, axis=-1 (the caller moves it there)")
    if name in ("any", "all"):
        a = cast(a, np.dtype(bool))
    elif a.dtype.kind in "bi" and name in ("sum", "prod"):
        a = cast(a, np.dtype(np.int64))
    elif a.dtype.kind == "b":
        raise NotLowerable(f"{name} of bool: say any or all")
    if a.form == CORE:
        return Symbol("reduce", (a,), a.dtype, KEPT if keepdims else ROW, name)
    if a.form != KEPT:
        raise NotLowerable(f"{name} over the last axis of an array that has no core axis")
    return a if keepdims else namespace.squeeze(a, axis=-1)


class Namespace:
    """Array API and NumPy names over symbols. A name that is missing here raises NotLowerable."""

    pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
    bool = np.bool_
    int32, int64, float32, float64 = np.int32, np.int64, np.float32, np.float64

    def __getattr__(self, name: str):
        name = ALIASES.get(name, name)
        if name in SCALARS:
            return lambda *values: scalar(name, *values)
        if name in REDUCTIONS:
            return lambda a, axis=None, keepdims=False: reduce(name, a, axis, keepdims)
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotLowerable(f"loops have no function {name!r}")

    def where(self, condition, a, b):
        return select(condition, a, b)

    def astype(self, a, dtype, copy=True):
        return cast(symbol(a), np.dtype(dtype))

    def asarray(self, a, dtype=None):
        return symbol(a) if dtype is None else cast(symbol(a), np.dtype(dtype))

    def pow(self, a, b):
        if not isinstance(b, Symbol):
            if b == 2: return scalar("multiply", a, a)
            if b == 0.5: return scalar("sqrt", a)
            if b == -1 and symbol(a).dtype.kind == "f": return scalar("divide", 1.0, a)
            if b == 3: return scalar("multiply", scalar("multiply", a, a), a)
        return scalar("power", a, b)

    def square(self, a):
        return scalar("multiply", a, a)

    def reciprocal(self, a):
        return scalar("divide", 1.0, a)

    def clip(self, a, minimum=None, maximum=None):
        a = a if minimum is None else scalar("maximum", a, minimum)
        return a if maximum is None else scalar("minimum", a, maximum)

    def mean(self, a, axis=None, keepdims=False):
        a = symbol(a)
        a = a if a.dtype.kind == "f" else cast(a, np.dtype(np.float64))
        return reduce("sum", a, axis, keepdims) / a.shape[-1]

    def var(self, a, axis=None, correction=0, keepdims=False):
        centred = a - self.mean(a, axis=axis, keepdims=True)
        return reduce("sum", centred * centred, axis, keepdims) / (symbol(a).shape[-1] - correction)

    def zeros_like(self, a, dtype=None):
        return self.full_like(a, 0, dtype)

    def ones_like(self, a, dtype=None):
        return self.full_like(a, 1, dtype)

    def full_like(self, a, value, dtype=None):
        value = cast(symbol(value), np.dtype(dtype or a.dtype))
        return Symbol("reform", (value,), value.dtype, a.form)

    def arange(self, extent, dtype=np.int64):
        if not (isinstance(extent, Symbol) and extent.op == "extent"):
            raise NotLowerable("arange of anything but an array's shape[-1]")
        return cast(Symbol("index", (), np.dtype(np.int64), CORE), np.dtype(dtype))

    def expand_dims(self, a, axis):
        if axis != -1 or a.form not in (ROW, SCALAR):
            raise NotLowerable("expand_dims: loops add a last axis to a row's value alone")
        return Symbol("reform", (a,), a.dtype, KEPT)

    def squeeze(self, a, axis):
        if axis not in (-1, (-1,)) or a.form != KEPT:
            raise NotLowerable("squeeze: loops take the last axis off a kept reduction alone")
        return Symbol("reform", (a,), a.dtype, ROW)


ALIASES = {"abs": "absolute", "acos": "arccos", "asin": "arcsin", "atan": "arctan", "acosh": "arccosh", "asinh": "arcsinh",
           "atanh": "arctanh", "atan2": "arctan2", "round": "rint", "amax": "max", "supremum": "max", "amin": "min"}  # fmt: skip
namespace = Namespace()
_operators()


def trace(body: Callable, operands: tuple[tuple[np.dtype, str], ...], attrs: dict) -> tuple[Symbol, ...]:
    """Runs the body on symbolic inputs of the given (dtype, core) and returns what it returned, as a tuple.

    core is as in Operand. Raises NotLowerable.
    """
    form = {"n": CORE, "1": KEPT, "": SCALAR, "m,n": CORE, "m,1": KEPT, "m": SCALAR}
    inputs = []
    for position, (dtype, core) in enumerate(operands):
        if dtype not in DTYPES:
            raise NotLowerable(f"an input of dtype {dtype}: loops know {', '.join(map(str, DTYPES))}")
        inputs.append(Symbol("input", (), dtype, form[core], position))
    result = body(namespace, *inputs, **attrs)
    results = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(symbol(r) for r in results)
