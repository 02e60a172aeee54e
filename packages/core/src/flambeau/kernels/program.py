"""The closed instruction set of a loop program, and its printed form.

A program computes one row: core axis `n`, inputs and outputs that lie along it or hold one value a row. Its driver repeats it over rows.
Registers are numbered, written once, and typed; an accumulator is a register that `INIT` makes and `COMBINE` updates.

| instruction | meaning |
| --- | --- |
| CONST aux            | register := a number |
| EXTENT               | register := n |
| LOOP / END           | for j in range(n); loops do not nest |
| INDEX                | register := j |
| LOAD aux             | register := input aux, at j when it lies along n |
| STORE aux a          | output aux := a, at j when it lies along n |
| FOLD aux a           | output aux at j := itself + a, over all rows, from zero |
| KEEP aux a           | row scratch aux, at j := a |
| READ aux             | register := row scratch aux, at j |
| SCALAR aux a b …     | register := the scalar operation named aux |
| SELECT a b c         | register := b where a, else c |
| CAST a               | register := a in the register's dtype |
| INIT aux             | accumulator := what changes nothing under aux (sum, prod, max, min, any, all) |
| COMBINE aux acc a    | accumulator := accumulator aux a |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from .scalars import SCALARS

__all__ = ["Instruction", "NotLowerable", "Op", "Operand", "Program"]


class NotLowerable(NotImplementedError):
    """The body does something that loops cannot hold; the message says what. The caller runs it on NumPy instead."""


Op = Enum("Op", "CONST EXTENT LOOP END INDEX LOAD STORE FOLD KEEP READ SCALAR SELECT CAST INIT COMBINE")
REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")


@dataclass(frozen=True)
class Instruction:
    op: Op
    register: int = -1
    dtype: Any = None
    args: tuple[int, ...] = ()
    aux: Any = None

    def __str__(self) -> str:
        target = f"%{self.register}: {self.dtype} = " if self.register >= 0 and self.op is not Op.COMBINE else ""
        return " ".join([target + self.op.name.lower(), *([str(self.aux)] if self.aux is not None else []), *(f"%{a}" for a in self.args)])


@dataclass(frozen=True)
class Operand:
    """An input or output. `core` is what stands for it in the signature:

    "n" along the core axis · "1" one value a row, axis kept · "" one value a row; and in programs whose rows are a core axis too,
    "m,n" · "m,1" · "m" alike, "n" along the core axis and shared by the rows (of an output: summed over them) · "" one value for all.
    """

    dtype: np.dtype
    core: str

    @property
    def along(self) -> bool:
        return self.core.endswith("n")


@dataclass(frozen=True)
class Program:
    name: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    code: tuple[Instruction, ...]
    scratch: tuple[np.dtype, ...] = ()
    elementwise: bool = False  # the core axis is the array itself, flattened: no rows, no reductions
    price: int = field(default=1)  # of one element, in the units of `scalars`

    @property
    def grid(self) -> bool:
        """Whether the rows are a core axis, m, of their own."""
        return any(o.core.startswith("m") for o in (*self.inputs, *self.outputs))

    @property
    def signature(self) -> str:
        """The gufunc signature, as NumPy writes it."""
        return "->".join(",".join("()" if self.elementwise else f"({o.core})" for o in side) for side in (self.inputs, self.outputs))

    def __str__(self) -> str:
        lines, depth = [f"{self.name}: {self.signature}  {self._dtypes()}"], 1
        for instruction in self.code:
            depth -= instruction.op is Op.END
            lines.append("    " * depth + str(instruction))
            depth += instruction.op is Op.LOOP
        return "\n".join(lines)

    def _dtypes(self) -> str:
        return " -> ".join(", ".join(str(o.dtype) for o in side) for side in (self.inputs, self.outputs))


def price(code: list[Instruction]) -> int:
    """What one element costs: the instructions inside loops."""
    total = inside = 0
    for i in code:
        inside += (i.op is Op.LOOP) - (i.op is Op.END)
        total += (SCALARS[str(i.aux)].price if i.op is Op.SCALAR else 1) if inside else 0
    return total
