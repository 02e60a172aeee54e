"""Programs as C: one function a row, vectorised by the compiler, and a gufunc's inner loop around it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .emit import MEMORY, TYPES, Emitter, code
from .program import Instruction, Program

__all__ = ["c_source", "loop_name"]

BLOCK = 2048  # elements whose single-precision sum is taken before it joins a double: long rows stay accurate
OPENMP = {"sum": "+", "prod": "*", "max": "max", "min": "min", "any": "|", "all": "&"}


@cache
def prelude() -> str:
    return Path(__file__).with_name("prelude.h").read_text()


def loop_name(position: int) -> str:
    return f"loop{position}"


def c_source(programs: tuple[Program, ...]) -> str:
    """One C file with a ufunc inner loop for each program, named `loop0`, `loop1` …"""
    return "\n".join([prelude(), *(_program(p, i) for i, p in enumerate(programs))])


class _Row(Emitter):
    """max and min carry a flag for NaN, so that the comparison itself stays one instruction; sums of float go in blocks."""

    def blocked(self, i: Instruction) -> bool:
        return i.aux == "sum" and code(i.dtype) == "f4"

    def loop(self, reductions: list[Instruction]) -> None:
        blocked = [i for i in reductions if self.blocked(i)]
        for i in reductions:
            if i in blocked:
                self.line(f"double r{i.register}_total = 0;")
            elif i.aux in ("max", "min") and i.dtype.kind == "f":
                self.line(f"int r{i.register}_nan = 0;")
        if blocked:
            self.line(f"for (intp base = 0; base < n; base += {BLOCK}) {{")
            self.depth += 1
            self.line(f"const intp stop = n - base < {BLOCK} ? n : base + {BLOCK};")
            for i in blocked:
                self.line(f"r{i.register} = 0;")
        clauses = [f"reduction({OPENMP[i.aux]}:r{i.register})" for i in reductions]
        clauses += [f"reduction(|:r{i.register}_nan)" for i in reductions if i.aux in ("max", "min") and i.dtype.kind == "f"]
        self.line(" ".join(["#pragma omp simd", *clauses]))
        self.line("for (intp j = base; j < stop; j++) {" if blocked else "for (intp j = 0; j < n; j++) {")
        self.depth += 1

    def fold(self, i: Instruction, value: str) -> None:
        self.line(f"out{i.aux}[j] += {value};")

    def combine(self, i: Instruction, value: str) -> None:
        r = f"r{i.register}"
        match i.aux:
            case "sum": self.line(f"{r} += {value};")
            case "prod": self.line(f"{r} *= {value};")
            case "any": self.line(f"{r} |= {value};")
            case "all": self.line(f"{r} &= {value};")
            case _:
                self.line(f"{r} = {value} {'>' if i.aux == 'max' else '<'} {r} ? {value} : {r};")
                if i.dtype.kind == "f":
                    self.line(f"{r}_nan |= {value} != {value};")

    def end(self, reductions: list[Instruction]) -> None:
        self.depth -= 1
        self.line("}")
        blocked = [i for i in reductions if self.blocked(i)]
        if blocked:
            for i in blocked:
                self.line(f"r{i.register}_total += r{i.register};")
            self.depth -= 1
            self.line("}")
        for i in reductions:
            if i in blocked:
                self.line(f"r{i.register} = (float)r{i.register}_total;")
            elif i.aux in ("max", "min") and i.dtype.kind == "f":
                self.line(f"if (r{i.register}_nan) r{i.register} = NAN;")


def _program(program: Program, position: int) -> str:
    operands = [*program.inputs, *program.outputs]
    lines = ["", f"/* {program} */", f"static void row{position}(intp n, char **operands, char *scratch) {{"]
    for k, o in enumerate(operands):
        kind = MEMORY[code(o.dtype)]
        if k < len(program.inputs):
            lines.append(f"    const {kind} *in{k} = (const {kind} *)operands[{k}]; (void)in{k};")
        else:
            lines.append(f"    {kind} *out{k - len(program.inputs)} = ({kind} *)operands[{k}];")
    for k, dtype in enumerate(program.scratch):
        kind = TYPES[code(dtype)]
        lines.append(f"    {kind} *kept{k} = ({kind} *)(scratch + {8 * k} * n);")
    lines += ["    (void)n; (void)scratch;", _Row(program).statements(), "}"]
    lines += _layout(program, position)
    driver = "run_elements" if program.elementwise else "run_rows"
    lines.append(f"void {loop_name(position)}(char **args, const intp *dims, const intp *steps, void *threads) {{")
    lines += [f"    {driver}(&program{position}, args, dims, steps, (const int *)threads);", "}", ""]
    return "\n".join(lines)


def _layout(program: Program, position: int) -> list[str]:
    """Where the driver finds extents in `dims` and strides in `steps`: rows first, then each core dimension as the signature brings it."""
    operands = [*program.inputs, *program.outputs]
    names = list(dict.fromkeys(name for o in operands for name in o.core.split(",") if name)) if not program.elementwise else []
    row_step, core_step, following = [], [], len(operands)
    for k, o in enumerate(operands):
        places = {name: following + i for i, name in enumerate(filter(None, o.core.split(",")))}
        following += len(places)
        row_step.append(places.get("m", -1) if program.grid else k)
        core_step.append(places.get("n", -1))
    tables = {
        "itemsize": [o.dtype.itemsize for o in operands],
        "along": [int(o.along) for o in operands],
        "folded": [int(program.grid and k >= len(program.inputs) and o.core == "n") for k, o in enumerate(operands)],
        "row_step": row_step,
        "core_step": core_step,
    }
    lines = [f"static const int {name}{position}[] = {{{', '.join(map(str, table))}}};" for name, table in tables.items()]
    extents = [names.index(name) + 1 if name in names else -1 for name in ("m", "n")]
    fields = [f"row{position}", len(program.inputs), len(operands), program.price, 8 * len(program.scratch), int(program.grid), *extents]
    values = ", ".join([*map(str, fields), *(f"{name}{position}" for name in tables)])
    return [*lines, f"static const program program{position} = {{{values}}};"]
