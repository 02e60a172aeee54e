"""Dtypes in the standard's terms: which there are, how they promote, what a number becomes."""
from __future__ import annotations

from functools import reduce
from types import SimpleNamespace
from typing import Any

import numpy as np

import flambeau as _f
from flambeau import dtype

from ..dtype import BY_NUMPY

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
REAL, COMPLEX = ("float32", "float64"), ("complex64", "complex128")
KINDS: dict[str, tuple[str, ...]] = {
    "bool": ("bool",), "signed integer": SIGNED, "unsigned integer": UNSIGNED, "integral": SIGNED + UNSIGNED,
    "real floating": REAL, "complex floating": COMPLEX, "numeric": SIGNED + UNSIGNED + REAL + COMPLEX,
}
HALF_TYPES = ("float16", "bfloat16")


def isdtype(dtype: _f.dtype, kind: Any) -> bool:
    """Whether a dtype is of a kind: a dtype, one of the standard's words ("integral", "real floating" …), or a tuple of these.

    >>> from flambeau import array_api
    >>> array_api.isdtype(flambeau.int8, ("bool", "integral"))
    True
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in KINDS:
            raise ValueError(f"expected a kind among {', '.join(map(repr, KINDS))}, got {kind!r}")
        return dtype.name in KINDS[kind] or kind in ("real floating", "numeric") and dtype.name in HALF_TYPES
    return dtype is kind


def promoted(a: dtype, b: dtype) -> dtype:
    """The dtype of two arrays' sum; TypeError where the standard has none (uint64 with int64)."""
    if a is b:
        return a
    if {a.category, b.category} <= {2, 3} or {a.category, b.category} == {1} or 0 in (a.category, b.category):
        if {a.category, b.category} == {1} and a.is_signed != b.is_signed:
            found = np.promote_types(a.numpy, b.numpy)
            if found.kind == "f":
                raise TypeError(f"the standard promotes no {a.name} with {b.name}: convert one of them")
            return BY_NUMPY[found]
        if {a.category, b.category} == {1}:
            return max(a, b, key=lambda d: d.itemsize)
        return _f.promote_types(a, b)
    return a if a.category > b.category else b


def with_number(number: bool | int | float | complex, other: dtype) -> dtype:
    """The dtype that a Python number takes beside an array of `other`."""
    if isinstance(number, bool) or other.category == 3:
        return other
    if isinstance(number, complex):
        return other.to_complex() if other.category == 2 else _f.complex64 if _f.get_default_dtype() is _f.float32 else _f.complex128
    if isinstance(number, float):
        return other if other.category >= 2 else _f.get_default_dtype()
    return other if other.category else _f.int64


def result_type(*arrays_and_dtypes: Any) -> dtype:
    """The dtype that arithmetic of these arrays, dtypes and numbers gives; arrays without axes count as the others do."""
    if not arrays_and_dtypes:
        raise ValueError("expected an array or a dtype at least, got nothing")
    numbers = [x for x in arrays_and_dtypes if isinstance(x, bool | int | float | complex)]
    kinds = [x if isinstance(x, dtype) else x.dtype for x in arrays_and_dtypes if not isinstance(x, bool | int | float | complex)]
    if not kinds:
        raise ValueError("expected an array or a dtype among the arguments, got numbers alone")
    return reduce(lambda kind, number: with_number(number, kind), numbers, reduce(promoted, kinds))


def can_cast(from_: Any, to: dtype, /) -> bool:
    """Whether promotion turns `from_`, a dtype or an array, into `to`."""
    kind = from_ if isinstance(from_, dtype) else from_.dtype
    try:
        return promoted(kind, to) is to and (kind.category == to.category or {kind.category, to.category} <= {2, 3})
    except (TypeError, RuntimeError):
        return False


def together(*xs: Any) -> list:
    """Arrays and numbers as arrays of one dtype."""
    kind = result_type(*xs)
    where = next(x.device for x in xs if isinstance(x, _f.Tensor))
    return [x.to(kind) if isinstance(x, _f.Tensor) else _f.tensor(x, dtype=kind, device=where) for x in xs]


def finfo(type: Any, /) -> SimpleNamespace:
    """Limits of a floating dtype, or of an array's: bits, eps, max, min, smallest_normal, dtype."""
    kind = type.dtype if isinstance(type, _f.Tensor) else type
    told = _f.finfo(kind)
    return SimpleNamespace(bits=told.bits, eps=float(told.eps), max=float(told.max), min=float(told.min),
                           smallest_normal=float(told.smallest_normal), dtype=_f.empty(0, dtype=kind).real.dtype)


def iinfo(type: Any, /) -> SimpleNamespace:
    """Limits of an integer dtype, or of an array's: bits, max, min, dtype."""
    kind = type.dtype if isinstance(type, _f.Tensor) else type
    told = _f.iinfo(kind)
    return SimpleNamespace(bits=told.bits, max=int(told.max), min=int(told.min), dtype=kind)
