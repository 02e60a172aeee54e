"""An elementwise kernel called once for many sets of arrays: what a step over a network's parameters is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np

from .program import Program
from .threads import cell

__all__ = ["many_calls", "many_source"]


@cache
def layout_holds() -> bool:
    """Whether NumPy's arrays look in memory as `many.h` says: a check, for no other Python than CPython promises it."""
    import ctypes

    a = np.zeros((2, 3), np.float32)
    head, word = object.__basicsize__, ctypes.sizeof(ctypes.c_void_p)
    if word != 8 or a.__class__.__basicsize__ < head + 7 * word:
        return False
    read = lambda kind, place: kind.from_address(id(a) + place).value
    pointers = [read(ctypes.c_void_p, head + at) for at in (-word, 0, 2 * word, 3 * word, 5 * word)]
    if [pointers[0], pointers[1], pointers[4]] != [id(np.ndarray), a.ctypes.data, id(a.dtype)] or read(ctypes.c_int, head + word) != 2:
        return False
    shapes = [list((ctypes.c_ssize_t * 2).from_address(p)) if p else [] for p in pointers[2:4]]
    return shapes == [[2, 3], [12, 4]] and read(ctypes.c_int, head + 6 * word) & 0x0501 == 0x0501


def many_source(programs: Sequence[Program]) -> str:
    """C that follows the programs' own: `many0`, `many1` …"""
    lines = [f"#define HEAD {object.__basicsize__}", Path(__file__).with_name("many.h").read_text()]
    for position in range(len(programs)):
        lines += [
            f"intp many{position}(const void *objects, intp count, int arrays, const int *over, const void *type, const void *descr,",
            "           const double *numbers, int threads, char *passed_over) {",
            f"    return run_many(&program{position}, objects, count, arrays, over, type, descr, numbers, threads, passed_over);",
            "}",
        ]
    return "\n".join(lines)


def many_calls(library, programs: Sequence[Program], over: Sequence[int]) -> dict[np.dtype, Callable]:
    """For each dtype `call(columns, numbers)`: columns[k] lists the k-th input's arrays, one of each set; gives the places of the sets
    that it passed over, because they are not plain contiguous arrays of that dtype and of one shape. over: which input each output is.
    """
    import ctypes

    if not layout_holds():
        return {}
    places = (ctypes.c_int * len(over))(*over)
    threads, kind = cell(), id(np.ndarray)
    calls = {}
    for position, program in enumerate(programs):
        function = getattr(library, f"many{position}")
        function.restype = ctypes.c_ssize_t
        function.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                             ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]  # fmt: skip
        dtype = program.inputs[0].dtype
        calls[dtype] = _call(function, places, threads, kind, dtype)
    return calls


def _call(function, places, threads, kind: int, dtype: np.dtype) -> Callable[[Sequence[Sequence], tuple[float, ...]], list[int]]:
    def call(columns: Sequence[Sequence], numbers: tuple[float, ...]) -> list[int]:
        count = len(columns[0])
        objects = np.fromiter(chain.from_iterable(columns), object, count * len(columns))  # an array of the arrays' addresses
        passed_over = np.empty(count, np.bool_)
        values = np.array(numbers, np.float64)
        bad = function(objects.ctypes.data, count, len(columns), places, kind, id(dtype), values.tobytes(), threads.value,
                       passed_over.ctypes.data)  # fmt: skip
        return np.flatnonzero(passed_over).tolist() if bad else []

    return call
