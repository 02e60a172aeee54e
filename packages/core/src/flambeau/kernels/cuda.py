"""Programs as CUDA C: a grid-stride loop for elementwise programs, one block a row for the others.

Launch with any number of blocks, and for row programs with a multiple of 32 threads a block (at most 1024). Arguments, in order: the number
of rows (absent when elementwise), n, then for each input and output its pointer and its stride over rows, in elements (elementwise: its
stride, 0 or 1), and last the scratch, 8 bytes × kept rows × n a block, or null. Rows are contiguous along n.
"""

from __future__ import annotations

from functools import cache

from .emit import MEMORY, TYPES, Emitter, code
from .program import Instruction, Op, Program

__all__ = ["cuda_source"]

COMBINE = {
    "sum": "a + b", "prod": "a * b", "any": "a | b", "all": "a & b",
    "max": "a > b || a != a ? a : b", "min": "a < b || a != a ? a : b",
}  # fmt: skip

FRAME = """\
#ifdef __CUDACC_RTC__ /* NVRTC has no headers */
typedef int int32_t;
typedef long long int64_t;
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define INT64_MIN (-9223372036854775807LL - 1)
#else
#include <math.h>
#include <stdint.h>
#endif
"""

FUNCTIONS = """\
__device__ inline TYPE fl_abs#(TYPE a) { return fabs#(a); }
__device__ inline TYPE fl_sign#(TYPE a) { return a > 0 ? 1 : a < 0 ? -1 : a; }
__device__ inline int fl_isinf#(TYPE a) { return fabs#(a) == INFINITY; }
__device__ inline int fl_isfinite#(TYPE a) { return fabs#(a) < INFINITY; }
"""


@cache
def prelude() -> str:
    """Scalar functions under the names that programs use; CUDA's own are as accurate as those of the C prelude."""
    lines = [FRAME]
    for kind, suffix in (("float", "f"), ("double", "")):
        lines.append(FUNCTIONS.replace("TYPE", kind).replace("#", suffix))
        for name in ("exp", "expm1", "log", "log1p", "tanh", "erf"):
            lines.append(f"__device__ inline {kind} fl_{name}{suffix}({kind} a) {{ return {name}{suffix}(a); }}")
    for kind, suffix in (("float", "f"), ("double", ""), ("int32_t", "i"), ("int64_t", "l")):
        for name in ("max", "min"):
            lines.append(f"__device__ inline {kind} fl_{name}{suffix}({kind} a, {kind} b) {{ return {COMBINE[name]}; }}")
    for name, expression in COMBINE.items():
        lines.append(_over_block(name, expression))
    return "\n".join(lines)


def _over_block(name: str, expression: str) -> str:
    """A reduction over the threads of a block, in a fixed order: every thread gets the same result, and so does every run."""
    return f"""template <class T> __device__ T block_{name}(T value, T neutral) {{
    __shared__ T parts[32];
    for (int d = 16; d; d >>= 1) {{ T a = value, b = __shfl_xor_sync(0xffffffffu, value, d); value = {expression}; }}
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = threadIdx.x % 32 < (blockDim.x + 31) / 32 ? parts[threadIdx.x % 32] : neutral;
    for (int d = 16; d; d >>= 1) {{ T a = value, b = __shfl_xor_sync(0xffffffffu, value, d); value = {expression}; }}
    return value;
}}"""


def cuda_source(program: Program, name: str | None = None) -> str:
    """A CUDA C kernel of this program, `extern "C"` under its name.  Raises NotImplementedError for sums over rows."""
    if any(i.op is Op.FOLD for i in program.code):
        raise NotImplementedError(f"{program.name} sums over its rows: on a GPU that is a kernel of its own, which is not there yet")
    return prelude() + "\n\n" + _kernel(program, name or program.name)


class _Block(Emitter):
    def loop(self, reductions: list[Instruction]) -> None:
        if self.program.elementwise:
            self.line("for (int64_t j = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; j < n; j += gridDim.x * (int64_t)blockDim.x) {")
        else:
            self.line("for (int64_t j = threadIdx.x; j < n; j += blockDim.x) {")
        self.depth += 1

    def combine(self, i: Instruction, value: str) -> None:
        r = f"r{i.register}"
        combined = COMBINE[i.aux].replace("a", "\0").replace("b", value).replace("\0", r)
        self.line(f"{r} = {combined};")

    def end(self, reductions: list[Instruction]) -> None:
        self.depth -= 1
        self.line("}")
        for i in reductions:
            start = next(x for x in self.program.code if x.op is Op.INIT and x.register == i.register)
            self.line(f"r{i.register} = block_{i.aux}<{TYPES[code(i.dtype)]}>(r{i.register}, {self.neutral(start)});")

    def place(self, operand: int) -> str:
        return f"j * in{operand}_step" if self.program.elementwise and self.program.inputs[operand].along else super().place(operand)

    def store(self, i: Instruction, value: str) -> None:
        if self.inside:
            super().store(i, value)
        else:
            self.line(f"if (threadIdx.x == 0) out{i.aux}[0] = {value};")


def _kernel(program: Program, name: str) -> str:
    names = [f"in{k}" for k in range(len(program.inputs))] + [f"out{k}" for k in range(len(program.outputs))]
    kinds = [f"const {MEMORY[code(o.dtype)]}" for o in program.inputs] + [MEMORY[code(o.dtype)] for o in program.outputs]
    extents = ["int64_t n"] if program.elementwise else ["int64_t rows", "int64_t n"]
    row = "" if program.elementwise else "_rows"
    arguments = [f"{kind} *{n}{row}, int64_t {n}_step" for kind, n in zip(kinds, names, strict=True)]
    body = _Block(program)
    if program.elementwise:
        inner = body.statements()
        lines = []
    else:
        body.depth = 2
        inner = body.statements()
        lines = ["    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {"]
        lines += [f"        {kind} *{n} = {n}_rows + row * {n}_step;" for kind, n in zip(kinds, names, strict=True)]
        for k, dtype in enumerate(program.scratch):
            kind = TYPES[code(dtype)]
            lines.append(f"        {kind} *kept{k} = ({kind} *)(scratch + 8 * n * ({len(program.scratch)} * (int64_t)blockIdx.x + {k}));")
    lines += [inner, *([] if program.elementwise else ["    }"])]
    head = f'extern "C" __global__ void {name}({", ".join([*extents, *arguments, "char *scratch"])}) {{'
    return "\n".join([f"/* {program} */", head, *lines, "}", ""])
