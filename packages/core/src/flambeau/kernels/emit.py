"""From a program to source text: the part that C and CUDA C share. `c.py` and `cuda.py` say only what differs."""

from __future__ import annotations

import math

import numpy as np

from .interpret import start
from .program import Instruction, Op, Program
from .scalars import SCALARS

__all__ = ["Emitter"]

TYPES = {"?": "int", "i4": "int32_t", "i8": "int64_t", "f4": "float", "f8": "double"}  # of registers: a bool is a mask as wide as an int
MEMORY = TYPES | {"?": "unsigned char"}
SUFFIX = {"?": "b", "i4": "i", "i8": "l", "f4": "f", "f8": ""}


def code(dtype: np.dtype) -> str:
    """NumPy's short name of a dtype, without byte order.

    >>> code(np.dtype(np.float32))
    'f4'
    """
    return "?" if dtype.kind == "b" else dtype.str[1:]


def literal(value, dtype: np.dtype) -> str:
    """A number as C writes it, exactly."""
    if dtype.kind == "b":
        return str(int(value))
    if dtype.kind == "i":
        return f"((int64_t){int(value)}LL)" if int(value) > -(2**63) else "INT64_MIN"
    value = float(value)
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    text = float.hex(value) + SUFFIX[code(dtype)]
    return f"({text})" if value < 0 or text[0] == "-" else text


class Emitter:
    """Writes a program's instructions as statements; a subclass writes loops, reductions and the frame around them."""

    def __init__(self, program: Program):
        self.program = program
        self.lines: list[str] = []
        self.depth = 1
        self.inside = False

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def statements(self) -> str:
        for at, instruction in enumerate(self.program.code):
            self.statement(instruction, at)
        return "\n".join(self.lines)

    def combined(self, at: int) -> list[Instruction]:
        """The reductions of the loop that begins at this instruction."""
        rest = self.program.code[at:]
        end = next(k for k, i in enumerate(rest) if i.op is Op.END)
        return [i for i in rest[:end] if i.op is Op.COMBINE]

    def define(self, i: Instruction, expression: str) -> None:
        self.line(f"const {TYPES[code(i.dtype)]} r{i.register} = {expression};")

    def statement(self, i: Instruction, at: int) -> None:
        a = [f"r{x}" for x in i.args]
        match i.op:
            case Op.CONST:
                self.define(i, literal(i.aux, i.dtype))
            case Op.EXTENT:
                self.define(i, "n")
            case Op.INDEX:
                self.define(i, "j")
            case Op.LOAD:
                self.define(i, f"in{i.aux}[{self.place(i.aux)}]" + (" != 0" if i.dtype.kind == "b" else ""))
            case Op.STORE:
                self.store(i, a[0])
            case Op.FOLD:
                self.fold(i, a[0])
            case Op.KEEP:
                self.line(f"kept{i.aux}[j] = {a[0]};")
            case Op.READ:
                self.define(i, f"kept{i.aux}[j]")
            case Op.SCALAR:
                operand = next(x for x in self.program.code if x.register == i.args[0])
                spelling = SCALARS[i.aux].c.replace("@", SUFFIX[code(operand.dtype)])
                self.define(i, spelling.format(*a))
            case Op.SELECT:
                self.define(i, f"{a[0]} ? {a[1]} : {a[2]}")
            case Op.CAST:
                self.define(i, f"{a[0]} != 0" if i.dtype.kind == "b" else f"({TYPES[code(i.dtype)]}){a[0]}")
            case Op.INIT:
                self.line(f"{TYPES[code(i.dtype)]} r{i.register} = {self.neutral(i)};")
            case Op.LOOP:
                self.inside = True
                self.loop(self.combined(at))
            case Op.COMBINE:
                self.combine(i, a[1])
            case Op.END:
                begin = max(k for k in range(at) if self.program.code[k].op is Op.LOOP)
                self.end(self.combined(begin))
                self.inside = False

    def neutral(self, i: Instruction) -> str:
        return literal(start(str(i.aux), i.dtype), i.dtype)

    def place(self, operand: int) -> str:
        return "j" if self.program.inputs[operand].along else "0"

    def store(self, i: Instruction, value: str) -> None:
        self.line(f"out{i.aux}[{'j' if self.program.outputs[i.aux].along else '0'}] = {value};")

    def fold(self, i: Instruction, value: str) -> None:
        raise NotImplementedError

    def loop(self, reductions: list[Instruction]) -> None:
        raise NotImplementedError

    def combine(self, i: Instruction, value: str) -> None:
        raise NotImplementedError

    def end(self, reductions: list[Instruction]) -> None:
        raise NotImplementedError
