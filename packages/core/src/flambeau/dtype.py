"""Data types: PyTorch's names over NumPy's dtypes, and PyTorch's rules of promotion."""
from __future__ import annotations

import ml_dtypes
import numpy as np

BOOL, INT, FLOAT, COMPLEX = range(4)


class dtype:
    """The type of a tensor's elements.

    >>> flambeau.float32.itemsize, flambeau.float32.is_floating_point
    (4, True)
    """

    __slots__ = ("name", "numpy", "category", "itemsize", "__weakref__")

    def __init__(self, name: str, numpy: np.dtype, category: int):
        self.name, self.numpy, self.category, self.itemsize = name, numpy, category, numpy.itemsize

    @property
    def abbr(self) -> str:
        """The name in short: `f32`, `i64`, `bf16`, `b8`.

        >>> flambeau.float32.abbr, flambeau.bfloat16.abbr
        ('f32', 'bf16')
        """
        if self.name == "bool":
            return "b8"
        word = self.name.rstrip("0123456789") if "float8" not in self.name else "float8"
        return {"float": "f", "bfloat": "bf", "int": "i", "uint": "u", "complex": "c", "float8": "f8"}[word] \
            + self.name.removeprefix("float8_" if word == "float8" else word)

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.category >= FLOAT or self.numpy.kind == "i"

    def to_real(self) -> dtype:
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> dtype:
        if self.category not in (FLOAT, COMPLEX) or self.itemsize == 1:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.name}: only floats have complex numbers of them")
        return complex128 if self in (float64, complex128) else complex64

    def __repr__(self) -> str:
        return f"flambeau.{self.name}"

    def __reduce__(self):
        return (_named, (self.name,))


def _named(name: str) -> dtype:
    return BY_NAME[name]


bool_ = dtype("bool", np.dtype(np.bool_), BOOL)
uint8 = dtype("uint8", np.dtype(np.uint8), INT)
int8 = dtype("int8", np.dtype(np.int8), INT)
int16 = dtype("int16", np.dtype(np.int16), INT)
int32 = dtype("int32", np.dtype(np.int32), INT)
int64 = dtype("int64", np.dtype(np.int64), INT)
uint16 = dtype("uint16", np.dtype(np.uint16), INT)
uint32 = dtype("uint32", np.dtype(np.uint32), INT)
uint64 = dtype("uint64", np.dtype(np.uint64), INT)
float16 = dtype("float16", np.dtype(np.float16), FLOAT)
bfloat16 = dtype("bfloat16", np.dtype(ml_dtypes.bfloat16), FLOAT)
float32 = dtype("float32", np.dtype(np.float32), FLOAT)
float64 = dtype("float64", np.dtype(np.float64), FLOAT)
float8_e4m3fn = dtype("float8_e4m3fn", np.dtype(ml_dtypes.float8_e4m3fn), FLOAT)
float8_e5m2 = dtype("float8_e5m2", np.dtype(ml_dtypes.float8_e5m2), FLOAT)
complex64 = dtype("complex64", np.dtype(np.complex64), COMPLEX)
complex128 = dtype("complex128", np.dtype(np.complex128), COMPLEX)

ALL = (bool_, uint8, int8, int16, int32, int64, uint16, uint32, uint64, float16, bfloat16, float32, float64,
       float8_e4m3fn, float8_e5m2, complex64, complex128)
BY_NUMPY = {d.numpy: d for d in ALL}
BY_NAME = {d.name: d for d in ALL}
_BITS = {int8: 8, int16: 16, int32: 32, int64: 64}


def from_numpy(numpy: np.dtype) -> dtype:
    """The dtype that stores like a NumPy dtype; TypeError when there is none (strings, objects, big-endian)."""
    try:
        return BY_NUMPY[numpy]
    except KeyError:
        raise TypeError(
            f"can't convert np.ndarray of type {numpy}; the supported types are: {', '.join(BY_NAME)}"
        ) from None


PYTHON = {bool: bool_, int: int64, float: float64, complex: complex128}


def as_dtype(given) -> dtype:
    """A dtype, which may be given as the Python type of its elements: int is int64, float float64."""
    if isinstance(given, dtype):
        return given
    found = PYTHON.get(given) if isinstance(given, type) else None
    if found is None:
        raise TypeError(f"argument 'dtype' must be a flambeau.dtype, or one of bool, int, float and complex, not {given!r}")
    return found


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both, as PyTorch defines it: the higher category wins, then the wider.

    >>> flambeau.promote_types(flambeau.uint8, flambeau.int8)
    flambeau.int16
    """
    if type1 is type2:
        return type1
    type1, type2 = as_dtype(type1), as_dtype(type2)
    if type1.category == FLOAT and type1.itemsize == 1 or type2.category == FLOAT and type2.itemsize == 1:
        raise RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote {type1.name} and {type2.name}")
    if type1.category != type2.category:
        high, low = (type1, type2) if type1.category > type2.category else (type2, type1)
        if high.category != FLOAT and {type1.name, type2.name} & _LONE:
            raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {type1.name} "
                               f"and {type2.name}")
        return complex128 if high is complex64 and low is float64 else high
    if type1.category == INT:
        return _promote_ints(type1, type2)
    if type1.category == FLOAT:
        return float32 if type1.itemsize == type2.itemsize else max(type1, type2, key=lambda d: d.itemsize)
    return complex128


_LONE = frozenset({"uint16", "uint32", "uint64"})  # meet floats alone


def _promote_ints(a: dtype, b: dtype) -> dtype:
    if {a.name, b.name} & _LONE:
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a.name} and {b.name}")
    if a.is_signed == b.is_signed:
        return max(a, b, key=lambda d: d.itemsize)
    signed = a if a.is_signed else b
    return int16 if signed is int8 else signed


def can_cast(from_: dtype | type, to: dtype | type) -> bool:
    """Whether a result of `from_` may be written into a tensor of `to`: the category may not fall.

    >>> flambeau.can_cast(flambeau.float32, flambeau.int64)
    False
    """
    return as_dtype(from_).category <= as_dtype(to).category


# PyTorch's names of dtypes in messages: those of C++, and the words that it derives names of ops and storages from
WORDS = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long", "float16": "Half",
         "float32": "Float", "float64": "Double", "complex64": "ComplexFloat", "complex128": "ComplexDouble", "bfloat16": "BFloat16",
         "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64"}  # fmt: skip
C = {"uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int", "float16": "c10::Half",
     "float32": "float", "float64": "double", "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
     "bfloat16": "c10::BFloat16"}  # fmt: skip


def word(kind: dtype) -> str:
    """What PyTorch's messages call a dtype: Float, ComplexDouble, Long.

    >>> word(flambeau.float32)
    'Float'
    """
    return WORDS.get(kind.name, kind.name)


def spelled(kind: dtype) -> str:
    """How C++ spells a dtype, which some of PyTorch's messages do: float, c10::complex<double>, long int."""
    return C.get(kind.name, kind.name)
