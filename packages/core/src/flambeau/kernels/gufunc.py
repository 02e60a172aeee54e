"""A loaded loop as a NumPy ufunc or gufunc, by the C function that NumPy's own ufuncs are made with."""

from __future__ import annotations

import numpy as np

from .program import Program
from .threads import cell

__all__ = ["make_ufunc", "register"]

FROM_LOOPS, FROM_LOOPS_AND_SIGNATURE = 1, 31  # places in NumPy's table of ufunc functions: part of its ABI, fixed for good
NO_IDENTITY = -1
_alive: list[object] = []  # NumPy keeps pointers to these


def make_ufunc(programs: tuple[Program, ...], loops: list, name: str, doc: str) -> np.ufunc:
    """One ufunc of several loops, which differ in dtypes alone; NumPy takes the first that the inputs can be cast to safely."""
    first = programs[0]
    rows = [[o.dtype for o in (*p.inputs, *p.outputs)] for p in programs]
    return register(loops, rows, len(first.inputs), len(first.outputs), None if first.elementwise else first.signature, name, doc)


def register(loops: list, rows: list[list[np.dtype]], inputs: int, outputs: int, signature: str | None, name: str, doc: str) -> np.ufunc:
    """A ufunc, or with a signature a generalised one, of C loops and the dtypes of each."""
    import ctypes

    table, count = _table(), len(loops)
    functions = (ctypes.c_void_p * count)(*(ctypes.cast(loop, ctypes.c_void_p).value for loop in loops))
    data = (ctypes.c_void_p * count)(*[ctypes.addressof(cell())] * count)
    types = bytes(dtype.num for row in rows for dtype in row)
    buffers = ctypes.create_string_buffer(types), ctypes.create_string_buffer(name.encode()), ctypes.create_string_buffer(doc.encode())
    arguments = [functions, data, buffers[0], count, inputs, outputs, NO_IDENTITY, buffers[1], buffers[2], 0]
    kinds = [ctypes.c_void_p] * 3 + [ctypes.c_int] * 4 + [ctypes.c_char_p] * 2 + [ctypes.c_int]
    if signature is None:
        make = ctypes.PYFUNCTYPE(ctypes.py_object, *kinds)(table[FROM_LOOPS])
    else:
        make = ctypes.PYFUNCTYPE(ctypes.py_object, *kinds, ctypes.c_char_p)(table[FROM_LOOPS_AND_SIGNATURE])
        text = ctypes.create_string_buffer(signature.encode())
        arguments.append(text.value)
        _alive.append(text)
    arguments[7:9] = [ctypes.cast(b, ctypes.c_char_p) for b in buffers[1:]]
    _alive.append((functions, data, buffers, loops))
    return make(*arguments)


def _table():
    import ctypes

    from numpy._core._multiarray_umath import _UFUNC_API

    unwrap = ctypes.pythonapi.PyCapsule_GetPointer
    unwrap.restype, unwrap.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(unwrap(_UFUNC_API, None), ctypes.POINTER(ctypes.c_void_p))
