"""A reader of Python 2 pickles that can build numbers, text, lists, dicts and arrays, and call nothing.

A pickle is a program: `GLOBAL` names any function of any module and `REDUCE` calls it. The machine below runs the
twenty-odd opcodes that NumPy and SciPy wrote under Python 2; in it a global is a name and stays one, and `REDUCE` looks that
name up in a table of four rows. Nothing is imported, nothing found is called, so there is nothing to escape from.
An array takes exactly the bytes that stand in the file; no opcode can ask for more memory than it brought.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_OPCODES = 2_000_000  # the largest file of the family (pubmed's graph) has a tenth of it
MAX_ELEMENTS = 2**27  # of a sparse matrix once its zeros are written out: 1 GiB in float64

# Old and new module paths of the same thing: files written by Python 2 with NumPy 1 and by Python 3 with NumPy 2.
RECONSTRUCT = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
SCALAR = {"numpy.core.multiarray scalar", "numpy._core.multiarray scalar"}
CSR = {"scipy.sparse.csr csr_matrix", "scipy.sparse._csr csr_matrix"}
NAMES = RECONSTRUCT | SCALAR | CSR | {"numpy ndarray", "numpy dtype", "collections defaultdict", "__builtin__ list", "builtins list"}

NUMBERS = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


class UnpicklingError(ValueError):
    """The file is no pickle of the plain kind: damaged, or it asks for something that is not an array, a list or a dict."""


class Name(str):
    """A global of the pickle, never looked up."""


class Dtype:
    """numpy.dtype as pickled: made from a code, then told its byte order."""

    def __init__(self, code: object) -> None:
        if not isinstance(code, str) or code not in NUMBERS:
            raise UnpicklingError(f"expected a dtype of plain numbers, one of {', '.join(sorted(NUMBERS))}, got {shown(code)}")
        self.dtype = np.dtype(code)

    def build(self, state: object) -> None:
        match state:
            case (3 | 4, "<" | ">" | "|" | "=" as order, None, None, None, *_):
                # "=" is the writer's own order, which the files of old did not tell; all of them come from little-endian machines
                self.dtype = self.dtype.newbyteorder("<" if order == "=" else order)
            case _:
                raise UnpicklingError("expected a dtype's state (version, byte order, None, None, None, ...) without fields")


class Array:
    """numpy.ndarray as pickled: made empty, then given shape, dtype and bytes."""

    value: np.ndarray | None = None

    def build(self, state: object) -> None:
        match state:
            case (int(), tuple() as shape, Dtype() as dtype, bool() as fortran, str() as text):
                raw = text.encode("latin1")
            case (int(), tuple(), Dtype(), bool(), _):
                raise UnpicklingError("expected an array's data as one byte string, got a list: arrays of objects are not read")
            case _:
                raise UnpicklingError("expected an array's state (version, shape, dtype, order, bytes)")
        if len(shape) > 2 or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise UnpicklingError("expected an array of at most two dimensions with sizes from 0 to 2**31 - 1")
        if (needed := math.prod(shape) * dtype.dtype.itemsize) != len(raw):
            raise UnpicklingError(f"an array of shape {shape} and dtype {dtype.dtype} needs {needed} bytes, the file holds {len(raw)}")
        self.value = np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if fortran else "C")


class Csr:
    """scipy.sparse.csr_matrix as pickled: its attributes, of which three arrays and the shape matter.

    `value` is the matrix with its zeros: the tables of words that come so are small.
    """

    value: np.ndarray | None = None

    def build(self, state: object) -> None:
        match state:
            case {
                "_shape": (int() as rows, int() as columns),
                "indptr": Array(value=np.ndarray(ndim=1) as starts),
                "indices": Array(value=np.ndarray(ndim=1) as indices),
                "data": Array(value=np.ndarray(ndim=1) as data),
            }:
                self.value = dense(rows, columns, starts, indices, data)
            case _:
                raise UnpicklingError("expected a sparse matrix's attributes: _shape and the arrays indptr, indices, data")


def dense(rows: int, columns: int, starts: np.ndarray, indices: np.ndarray, data: np.ndarray) -> np.ndarray:
    """The matrix whose row r has `data[k]` in column `indices[k]` for k in `starts[r]:starts[r + 1]`.  -> (rows, columns)

    Raises UnpicklingError where that is no matrix, or one of more than MAX_ELEMENTS.
    """
    if rows < 0 or columns < 0 or rows * columns > MAX_ELEMENTS:
        raise UnpicklingError(f"expected a sparse matrix of at most {MAX_ELEMENTS} elements, got {rows} x {columns}")
    if starts.dtype.kind not in "iu" or indices.dtype.kind not in "iu":
        raise UnpicklingError(f"expected indptr and indices of whole numbers, got {starts.dtype} and {indices.dtype}")
    starts, indices = starts.astype(np.int64), indices.astype(np.int64)
    counts = np.diff(starts)
    if len(starts) != rows + 1 or starts[0] != 0 or starts[-1] != len(indices) or len(indices) != len(data) or (counts < 0).any():
        raise UnpicklingError(f"expected indptr to rise from 0 to {len(data)}, the number of values, in {rows} steps")
    if len(indices) and not (indices.min() >= 0 and indices.max() < columns):
        raise UnpicklingError(f"expected columns from 0 to {columns - 1}, got {indices.min()} to {indices.max()}")
    matrix = np.zeros((rows, columns), data.dtype.newbyteorder("="))
    np.add.at(matrix, (np.repeat(np.arange(rows), counts), indices), data)  # SciPy too adds up what stands twice
    return matrix


def loads(data: bytes) -> Any:
    """The object that `data` pickles: an array, or dicts and lists of numbers and text.

    A sparse matrix comes back as the full array.

    Raises UnpicklingError, a ValueError, for anything else: a name or an opcode outside the closed set, a truncated file,
    an array whose bytes do not fill its shape. Byte strings come back as text, one character a byte (latin1).

    >>> import pickle
    >>> loads(pickle.dumps({1: [2, 3]}, protocol=2))
    {1: [2, 3]}
    """
    try:
        value = Machine().run(data)
    except UnpicklingError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise UnpicklingError(f"damaged or truncated pickle: {error!s:.200}") from error
    return value.value if isinstance(value, Array | Csr) else value


class Machine:
    """The stack machine of the pickle format, with no opcode that could reach out of it."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        for count, (opcode, argument, at) in enumerate(pickletools.genops(data)):
            position = at or 0  # which is None for streams that cannot tell
            if count == MAX_OPCODES:
                raise UnpicklingError(f"a pickle of more than {MAX_OPCODES} opcodes is no data set of this kind")
            if opcode.name == "STOP":
                if len(self.stack) != 1 or position + 1 != len(data):
                    raise UnpicklingError(f"the pickle ends at byte {position + 1} of {len(data)} with {len(self.stack)} values, not one")
                return self.stack[0]
            if (step := STEPS.get(opcode.name)) is None:
                raise UnpicklingError(f"refused the pickle opcode {opcode.name} at byte {position}: plain data of protocol 2 has none")
            step(self, argument)
        raise AssertionError("genops ends with STOP or an error")

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items, self.stack[start:] = self.stack[start:], []
        return items

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) < count + (self.marks[-1] if self.marks else 0):
            raise UnpicklingError("an opcode takes more values than the stack holds")
        items, self.stack[len(self.stack) - count :] = self.stack[len(self.stack) - count :], []
        return items

    def mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def push(self, value: object) -> None:
        self.stack.append(value)

    def put(self, slot: int) -> None:
        self.memo[slot] = self.stack[-1]

    def get(self, slot: int) -> None:
        self.stack.append(self.memo[slot])

    def name(self, argument: str) -> None:
        if argument not in NAMES:
            name = argument.replace(" ", ".")[:80]
            raise UnpicklingError(f"refused the name {name!r}: only NumPy arrays, SciPy CSR matrices, lists and dicts are read")
        self.stack.append(Name(argument))

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise UnpicklingError(f"expected a list to append to, got {type(target).__name__}")
        target.extend(items)

    def store(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise UnpicklingError(f"expected a dict to fill, got {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (int, str):  # the hash of a deep tuple would recurse
                raise UnpicklingError(f"expected keys of a dict to be int or str, got {type(key).__name__}")
            target[key] = value

    def build(self, _: object) -> None:
        target, state = self.pop(2)
        if not isinstance(target, Dtype | Array | Csr):
            raise UnpicklingError(f"expected an array, a dtype or a sparse matrix to build, got {type(target).__name__}")
        target.build(state)
        self.stack.append(target)

    def call(self, _: object) -> None:
        """REDUCE and NEWOBJ: the closed table of what may be made."""
        function, arguments = self.pop(2)
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise UnpicklingError(f"refused to call {shown(function)}: a pickle of plain data calls nothing but its constructors")
        match str(function), arguments:
            case name, (Name("numpy ndarray"), (0,), "b") if name in RECONSTRUCT:
                self.stack.append(Array())
            case "numpy dtype", (code, 0 | False, 1 | True):
                self.stack.append(Dtype(code))
            case name, (Dtype() as dtype, str() as raw) if name in SCALAR and len(raw) == dtype.dtype.itemsize:
                self.stack.append(np.frombuffer(raw.encode("latin1"), dtype.dtype)[0].item())
            case name, () if name in CSR:
                self.stack.append(Csr())
            case "collections defaultdict", (Name("__builtin__ list" | "builtins list"),):
                self.stack.append({})  # what is missing stays missing: the default was for the writer
            case name, _:
                raise UnpicklingError(f"refused to call {name.replace(' ', '.')} with these arguments")


def shown(value: object) -> str:
    return repr(str(value)[:80]) if isinstance(value, str) else type(value).__name__


STEPS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": lambda m, version: None if version == 2 else reject_protocol(version),
    "MARK": Machine.mark,
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE"), Machine.push),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), Machine.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), Machine.get),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "TUPLE1": lambda m, _: m.push(tuple(m.pop(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.pop(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.pop(3))),
    "TUPLE": lambda m, _: m.push(tuple(m.since_mark())),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "APPEND": lambda m, _: m.extend(m.pop(1)),
    "APPENDS": lambda m, _: m.extend(m.since_mark()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "SETITEM": lambda m, _: m.store(m.pop(2)),
    "SETITEMS": lambda m, _: m.store(m.since_mark()),
    "GLOBAL": Machine.name,
    "REDUCE": Machine.call,
    "NEWOBJ": Machine.call,
    "BUILD": Machine.build,
}


def reject_protocol(version: int) -> None:
    raise UnpicklingError(f"expected a pickle of protocol 2, as Python 2 wrote the data sets, got protocol {version}")
