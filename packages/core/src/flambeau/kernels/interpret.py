"""What a loop program means: the instruction set, run one number at a time.

Slow and plain on purpose. The generated kernels are held against it, and it against the bodies on NumPy.
"""

from __future__ import annotations

import numpy as np

from .program import Op, Program
from .scalars import SCALARS

__all__ = ["interpret"]

START = {"sum": 0, "prod": 1, "max": -np.inf, "min": np.inf, "any": False, "all": True}
COMBINE = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum, "any": np.logical_or, "all": np.logical_and}


def start(reduction: str, dtype: np.dtype):
    """The number that leaves every other unchanged under a reduction."""
    if dtype.kind == "i" and reduction in ("max", "min"):
        info = np.iinfo(dtype)
        return dtype.type(info.min if reduction == "max" else info.max)
    return dtype.type(START[reduction])


def interpret(program: Program, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Runs a program on arrays as NumPy would run its gufunc: leading axes broadcast, the core axis is the last.

    Raises ValueError when the arrays do not fit the program's inputs.
    """
    if len(arrays) != len(program.inputs):
        raise ValueError(f"expected {len(program.inputs)} arrays for {program.signature}, got {len(arrays)}")
    arrays = tuple(np.asarray(a) for a in arrays)
    for a, o in zip(arrays, program.inputs, strict=True):
        if a.dtype != o.dtype or (not program.elementwise and a.ndim < bool(o.core)):
            raise ValueError(f"expected {o.dtype} with core dimension ({o.core}), got {a.dtype} of shape {a.shape}")
    if program.grid:
        return _grid(program, arrays)
    if program.elementwise:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        rows = [np.broadcast_to(a, shape).reshape(1, -1) if o.along else a.reshape(1) for a, o in zip(arrays, program.inputs, strict=True)]
        lead: tuple[int, ...] = ()
        n = int(np.prod(shape))
    else:
        lead = np.broadcast_shapes(*(a.shape[: a.ndim - bool(o.core)] for a, o in zip(arrays, program.inputs, strict=True)))
        rows = [
            np.broadcast_to(a, (*lead, *a.shape[-1:]) if o.core else lead).reshape(int(np.prod(lead)), *a.shape[-1:] if o.core else ())
            for a, o in zip(arrays, program.inputs, strict=True)
        ]
        n = next(a.shape[-1] for a, o in zip(arrays, program.inputs, strict=True) if o.core == "n")
        shape = lead
    count = len(rows[0])
    extents = {"n": (n,), "1": (1,), "": ()}
    outputs = [np.empty((count, *extents[o.core]), o.dtype) for o in program.outputs]
    with np.errstate(all="ignore"):
        for r in range(count):
            _row(program, [a[r] for a in rows], [y[r : r + 1] for y in outputs], n)
    if program.elementwise:
        return tuple(y.reshape(shape) for y in outputs)
    return tuple(y.reshape(*lead, *y.shape[1:]) for y in outputs)


def _grid(program: Program, arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """One grid of m rows, without leading axes."""
    extents: dict[str, int] = {"1": 1}
    for a, o in zip(arrays, program.inputs, strict=True):
        names = o.core.split(",") if o.core else []
        if a.ndim != len(names) or any(extents.setdefault(name, e) != e for name, e in zip(names, a.shape, strict=True)):
            raise ValueError(f"expected an array ({o.core}) for {program.signature}, got shape {a.shape}")
    outputs = [np.zeros([extents[name] for name in o.core.split(",") if name], o.dtype) for o in program.outputs]
    with np.errstate(all="ignore"):
        for r in range(extents["m"]):
            inputs = [a[r] if o.core.startswith("m") else a for a, o in zip(arrays, program.inputs, strict=True)]
            targets = [y[r : r + 1] if o.core.startswith("m") else y[None] for y, o in zip(outputs, program.outputs, strict=True)]
            _row(program, inputs, targets, extents["n"])
    return tuple(outputs)


def _row(program: Program, inputs: list[np.ndarray], outputs: list[np.ndarray], n: int) -> None:
    registers: dict[int, np.generic] = {}
    scratch = [np.empty(n, d) for d in program.scratch]
    at, j, loop = 0, -1, -1  # the program counter, the loop's index (-1 outside), where the loop begins
    while at < len(program.code):
        i = program.code[at]
        a = [registers[x] for x in i.args]
        match i.op:
            case Op.CONST:
                registers[i.register] = i.dtype.type(i.aux)
            case Op.EXTENT:
                registers[i.register] = i.dtype.type(n)
            case Op.INDEX:
                registers[i.register] = i.dtype.type(j)
            case Op.LOAD:
                source = inputs[i.aux]
                registers[i.register] = source[j] if program.inputs[i.aux].along else source.reshape(())[()]
            case Op.STORE:
                target = outputs[i.aux]
                target[(0, j) if program.outputs[i.aux].along else ...] = a[0]
            case Op.FOLD:
                outputs[i.aux][0, j] += a[0]
            case Op.KEEP:
                scratch[i.aux][j] = a[0]
            case Op.READ:
                registers[i.register] = scratch[i.aux][j]
            case Op.SCALAR:
                registers[i.register] = i.dtype.type(SCALARS[i.aux].function(*a))
            case Op.SELECT:
                registers[i.register] = a[1] if a[0] else a[2]
            case Op.CAST:
                registers[i.register] = a[0].astype(i.dtype)
            case Op.INIT:
                registers[i.register] = start(i.aux, i.dtype)
            case Op.COMBINE:
                registers[i.register] = i.dtype.type(COMBINE[i.aux](a[0], a[1]))
            case Op.LOOP:
                loop, j = at, 0
                if n == 0:
                    at = next(k for k in range(at, len(program.code)) if program.code[k].op is Op.END)
            case Op.END:
                j += 1
                if j < n:
                    at = loop
        at += 1
