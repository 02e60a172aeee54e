"""Programs as C: one function a row, vectorised by the compiler, and a gufunc's inner loop around it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .emit import MEMORY, TYPES, Emitter, code
from .program import Instruction, Program

__all__ = ["c_source", "loop_name"]

BLOCK = 2048  # elements whose single-precision sum is taken before it joins a double: long rows stay accurate
KINDS = {"": "PER_ROW", "1": "KEPT", "n": "CORE"}
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
    lines.append(f"static const int itemsize{position}[] = {{{', '.join(str(o.dtype.itemsize) for o in operands)}}};")
    lines.append(f"static const int kind{position}[] = {{{', '.join(KINDS[o.core] for o in operands)}}};")
    lines.append(
        f"static const program program{position} = {{row{position}, {len(program.inputs)}, {len(operands)}, {program.price}, "
        f"{8 * len(program.scratch)}, itemsize{position}, kind{position}}};"
    )
    lines.append(f"void {loop_name(position)}(char **args, const intp *dims, const intp *steps, void *threads) {{")
    driver = "run_elements" if program.elementwise else "run_rows"
    lines += [f"    {driver}(&program{position}, args, dims, steps, (const int *)threads);", "}", ""]
    return "\n".join(lines)
