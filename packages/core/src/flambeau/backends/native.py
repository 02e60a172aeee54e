"""The C functions of `native.c`, built on first use; None where there is no compiler, and the callers' NumPy runs."""

from __future__ import annotations

from functools import cache

import numpy as np

from .. import front

__all__ = ["Geometry", "address", "counts", "flat_loop", "function", "geometry", "loop", "threads"]

Ints = tuple[int, ...]
SMALL = 1 << 15  # elements below which threads cost more than they save


@cache
def _library():
    from pathlib import Path

    from ..kernels.build import build  # with its subprocess and hashlib it would be a tenth of `import flambeau`

    return build(Path(__file__).with_name("native.c").read_text())


def function(name: str, *arrays: np.ndarray, axes: int):
    """`name` for the arrays' common dtype; None when C has none for it, or for so many spatial axes."""
    kind = {"<f4": "f4", "<f8": "f8"}.get(arrays[0].dtype.str)
    if kind is None or axes > 3 or any(a.dtype != arrays[0].dtype for a in arrays) or _library() is None:
        return None
    return getattr(_library(), f"{name}_{kind}")


@cache
def loop(name: str, types: str, signature: str):
    """`name` as a generalised ufunc over whole arrays in order, for float32 and float64; None where there is no compiler.

    types: T the floating dtype, q int64, as in "Tq->Tq". A core dimension that only results have is taken from `out`.
    """
    library = _library()
    if library is None:
        return None
    from ..kernels.gufunc import register

    loops = [getattr(library, f"{name}_loop_{kind}") for kind in ("f4", "f8")]
    inputs = types.index("-")
    rows = [[np.dtype(t) for t in types.replace("->", "").replace("T", kind)] for kind in "fd"]
    return register(loops, rows, inputs, len(rows[0]) - inputs, signature, name, "")


@cache
def flat_loop(name: str, types: str, lengths: str, rows: bool = False):
    """`name` as a function of arrays, inputs and then outputs to write into, which sees each as one line in order; None without a compiler.

    types: as for `loop`. lengths: a letter an array for its length, "." for one element. rows: each array's last axis is its line, and
    the function runs once a row; "1" is then one element a row.
    An output is an array to write into, and the function gives True; or the shape of one to make, and it gives them. False where dtypes or
    lengths do not fit: nothing was done.
    """
    library = _library()
    if library is None:
        return None
    inputs, kinds, letters = types.index("-"), types.replace("->", ""), sorted(set(lengths) - set(".1"), key=lengths.index)
    if front.module is None:
        cores = [f"({c})" if c in letters else "()" for c in lengths]
        made = loop(name, types, f"{','.join(cores[:inputs])}->{','.join(cores[inputs:])}")
        return _checked(made, kinds, lengths, inputs, rows)
    import ctypes

    from ..kernels.threads import cell

    loops = [ctypes.cast(getattr(library, f"{name}_loop_{kind}"), ctypes.c_void_p).value for kind in ("f4", "f8")]
    places = tuple(letters.index(c) if c in letters else {".": -1, "1": -2}[c] for c in lengths)
    return front.module.flat(*loops, ctypes.addressof(cell()), kinds, places, inputs, rows)


def _checked(made: np.ufunc, kinds: str, lengths: str, inputs: int, rows: bool):
    def run(*given):
        floating = given[0].dtype
        wanted = {"T": floating, "q": np.dtype(np.int64)}
        fresh = type(given[-1]) is tuple
        arrays = [np.ascontiguousarray(a) if i < inputs and a.ndim else a for i, a in enumerate(given)]
        if fresh:
            arrays[inputs:] = [np.empty(shape, wanted[kind]) for shape, kind in zip(given[inputs:], kinds[inputs:], strict=True)]
        found: dict[str, int] = {}
        for a, kind, c in zip(arrays, kinds, lengths, strict=True):
            length = 1 if c in ".1" else a.shape[-1] if rows and a.ndim else a.size
            if a.dtype != wanted[kind] or floating.char not in "fd" or found.setdefault(c, length) != length:
                return False
        lead = arrays[0].shape[:-1] if rows else (-1,)
        made(*[a.reshape(lead) if c == "1" or not rows and c != "." else a for a, c in zip(arrays, lengths, strict=True)])
        outputs = tuple(arrays[inputs:])
        return (outputs if len(outputs) > 1 else outputs[0]) if fresh else True

    return run


def geometry(n: int, c: int, size: Ints, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints, strides: Ints) -> list[int]:
    """The numbers of the struct that the functions read, with leading axes of one up to three. `strides`: (image, channel, *spatial)."""
    lead = 3 - len(size)
    rows = [(1,) * lead + tuple(row) for row in (size, kernel, out, stride)] + [(0,) * lead + tuple(padding), (1,) * lead + tuple(dilation)]
    image, channel, *steps = strides
    return [n, c, *(v for row in rows for v in row), image, channel, *(0,) * lead, *steps]


_row_types: dict = {}


def Geometry(n: int, c: int, size: Ints, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints, strides: Ints):
    """`geometry` as a pointer to the struct."""
    import ctypes

    values = geometry(n, c, size, kernel, out, stride, padding, dilation, strides)
    n = len(values)
    if n not in _row_types:  # ctypes keeps array types weakly, and each is a cycle: one that dies is left to the collector
        _row_types[n] = ctypes.c_int64 * n
    return ctypes.byref(_row_types[n](*values))


def address(a: np.ndarray):
    import ctypes

    return ctypes.c_void_p(a.ctypes.data)


def counts(*numbers: int):
    import ctypes

    return map(ctypes.c_int64, numbers)


def threads(elements: int) -> int:
    if elements <= SMALL:
        return 1
    from ..kernels.threads import cell

    return cell().value
