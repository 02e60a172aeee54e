"""From the graph of a body to a program: which loops there are, what each computes, and what one keeps for the next.

A reduction's value is known after the loop that feeds it, so a node's stage is the number of reductions on the longest path to it,
and stage s is loop s. An element that a later loop needs again is computed again when that is cheap, and kept in a row's scratch when not:
softmax keeps exp(x - max), layer_norm recomputes x - mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .loops import COLUMN, CORE, KEPT, ROW, SCALAR, Symbol, cast, trace
from .program import Instruction, NotLowerable, Op, Operand, Program, price
from .scalars import SCALARS

__all__ = ["lower", "parse_signature"]

OPS = {
    "const": Op.CONST, "extent": Op.EXTENT, "index": Op.INDEX, "input": Op.LOAD, "scalar": Op.SCALAR, "select": Op.SELECT, "cast": Op.CAST,
}  # fmt: skip
WORTH_KEEPING = 8  # price from which an element is kept rather than computed again; a store and a load cost about that


def parse_signature(signature: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Core dimensions of each input and output, as in Operand.

    >>> parse_signature("(n),(1),()->(n)")
    (('n', '1', ''), ('n',))
    """
    sides = signature.replace(" ", "").split("->")
    parsed = tuple(tuple(re.findall(r"\(([^()]*)\)", side)) for side in sides)
    written = [",".join(f"({core})" for core in cores) for cores in parsed]
    if len(sides) != 2 or written != sides or not all(parsed):
        raise ValueError(f"expected a gufunc signature such as (n),()->(n), got {signature!r}")
    if extra := {core for cores in parsed for core in cores} - {"n", "1", "", "m,n", "m,1", "m"}:
        raise NotLowerable(f"core dimensions {', '.join(sorted(extra))} in {signature}: loops have one core axis, n, and rows m")
    return parsed  # type: ignore[return-value]


def lower(
    name: str, body: Callable, signature: str, dtypes: tuple[np.dtype, ...], attrs: dict, outputs: tuple[np.dtype, ...] = (),
    numbers: int = 0,
) -> Program:  # fmt: skip
    """The program of a body for these input dtypes. Results are cast to the `outputs` dtypes where given; the last `numbers` inputs of an
    elementwise body are read once.  Raises NotLowerable.
    """
    cores, out_cores = parse_signature(signature)
    if len(dtypes) != len(cores):
        raise ValueError(f"expected {len(cores)} input dtypes for the signature {signature}, got {len(dtypes)}")
    elementwise = not any((*cores, *out_cores))
    if elementwise:
        cores, out_cores = ("n",) * (len(cores) - numbers) + ("",) * numbers, ("n",) * len(out_cores)
    elif numbers:
        raise ValueError(f"numbers={numbers} is for elementwise signatures, got {signature}: write () for one value a row")
    results = trace(body, tuple(zip(dtypes, cores, strict=True)), attrs)
    if len(results) != len(out_cores):
        raise NotLowerable(f"the body returns {len(results)} arrays, the signature {signature} names {len(out_cores)}")
    results = tuple(cast(r, r.dtype if r.weak is None else np.dtype(r.weak)) for r in results)
    results = tuple(cast(r, d) for r, d in zip(results, outputs, strict=True)) if outputs else results
    grid = "m" in signature
    row, along = (ROW, SCALAR), (CORE, KEPT, SCALAR)
    allowed = {"n": (COLUMN,) if grid else along, "m,n": along, "1": (KEPT,), "m,1": (KEPT,), "m": row, "": () if grid else row}
    for result, core in zip(results, out_cores, strict=True):
        if result.form not in allowed[core]:
            what = "a reduction" if elementwise else f"a result of form {result.form} for the output ({core})"
            raise NotLowerable(f"{what} under the signature {signature}")
    code, scratch = _Lowering(results, out_cores).run()
    if elementwise and any(i.op in (Op.INIT, Op.EXTENT, Op.INDEX) for i in code):
        raise NotLowerable(f"a reduction, an index or an extent under the signature {signature}")
    inputs = tuple(Operand(d, c) for d, c in zip(dtypes, cores, strict=True))
    produced = tuple(Operand(r.dtype, c) for r, c in zip(results, out_cores, strict=True))
    return Program(name, inputs, produced, tuple(code), scratch, elementwise, price(code))


class _Lowering:
    def __init__(self, results: tuple[Symbol, ...], cores: tuple[str, ...]):
        self.unique: dict[tuple, Symbol] = {}
        self.canonical: dict[int, Symbol] = {}
        self.order: dict[Symbol, int] = {}  # topological position
        self.stage: dict[Symbol, int] = {}
        self.results = [self._canonical(r) for r in results]
        self.cores = cores
        self.code: list[Instruction] = []
        self.rows: dict[Symbol, int] = {}  # registers outside loops
        self.kept: dict[Symbol, int] = {}  # scratch rows
        self.first: dict[Symbol, int] = {}  # the loop that computes a core node first
        self.count = 0

    def _canonical(self, node: Symbol) -> Symbol:
        """One node for equal computations; forms that only rename another node drop out."""
        if id(node) in self.canonical:
            return self.canonical[id(node)]
        args = tuple(self._canonical(a) for a in node.args)
        result: Symbol | None
        if node.op == "reform":
            result = args[0]
        else:
            aux = (type(node.aux), repr(node.aux))
            key = (node.op, node.dtype, node.form == CORE, aux, *map(id, args))
            result = self.unique.get(key)
            if result is None:
                result = self.unique[key] = Symbol(node.op, args, node.dtype, node.form, node.aux)
                self.order[result] = len(self.order)
                self.stage[result] = max([self.stage[a] for a in args], default=0) + (node.op == "reduce")
        self.canonical[id(node)] = result
        self._alive = getattr(self, "_alive", [])
        self._alive.append(node)  # ids stay unique while the graph is read
        return result

    def run(self) -> tuple[list[Instruction], tuple[np.dtype, ...]]:
        loops = self._plan()
        for number, (stores, reductions, reads) in enumerate(loops):
            if stores or reductions:
                self._loop(number, stores, reductions, reads)
        for position, (result, core) in enumerate(zip(self.results, self.cores, strict=True)):
            if not core.endswith("n"):
                self.code.append(Instruction(Op.STORE, args=(self._row(result),), aux=position))
        return self.code, tuple(node.dtype for node in self.kept)

    def _stored(self, position: int) -> Symbol:
        """What the loops compute for an output: itself, or what is summed over the rows."""
        result = self.results[position]
        return result.args[0] if result.form == COLUMN else result

    def _plan(self):
        """For each loop: outputs that it stores, reductions that it feeds, and the nodes that it reads from scratch."""
        reductions = [n for n in self.order if n.op == "reduce"]
        plan = []
        for number in range(1 + max([self.stage[r] for r in self.results], default=0)):
            results = enumerate(zip(self.results, self.cores, strict=True))
            stores = [i for i, (r, core) in results if core.endswith("n") and self.stage[r] == number]
            feeding = [n for n in reductions if self.stage[n] == number + 1]
            reads: set[Symbol] = set()
            seen: set[Symbol] = set()
            for root in [self._stored(i) for i in stores] + [n.args[0] for n in feeding]:
                self._demand(root, number, reads, seen)
            plan.append((stores, feeding, reads))
        return plan

    def _demand(self, node: Symbol, number: int, reads: set[Symbol], seen: set[Symbol]) -> None:
        if node.form != CORE or node in seen:
            return
        seen.add(node)
        if self.first.setdefault(node, number) < number and self._price(node) >= WORTH_KEEPING:
            self.kept.setdefault(node, len(self.kept))
            reads.add(node)
            return
        for a in node.args:
            self._demand(a, number, reads, seen)

    def _price(self, node: Symbol) -> int:
        if node.form != CORE or node.op in ("input", "index") or node in self.kept:
            return 1
        own = SCALARS[str(node.aux)].price if node.op == "scalar" else 1
        return own + sum(self._price(a) for a in node.args if a.form == CORE and a.op != "input")

    def _loop(self, number: int, stores: list[int], reductions: list[Symbol], reads: set[Symbol]) -> None:
        needed: set[Symbol] = set()
        outside: set[Symbol] = set()
        waiting = [self._stored(i) for i in stores] + [n.args[0] for n in reductions]
        while waiting:
            node = waiting.pop()
            if node.form != CORE:
                outside.add(node)
            elif node not in needed:
                needed.add(node)
                waiting += () if node in reads else node.args
        for node in sorted(outside, key=self.order.__getitem__):
            self._row(node)
        for node in reductions:
            self.rows[node] = self._new(Op.INIT, node.dtype, aux=node.aux)
        self.code.append(Instruction(Op.LOOP))
        inside: dict[Symbol, int] = {}
        for node in sorted(needed, key=self.order.__getitem__):
            if node in reads:
                inside[node] = self._new(Op.READ, node.dtype, aux=self.kept[node])
                continue
            inside[node] = self._emit(node, lambda a: inside[a] if a.form == CORE else self.rows[a])
            if node in self.kept and self.first[node] == number:
                self.code.append(Instruction(Op.KEEP, args=(inside[node],), aux=self.kept[node]))
        value = lambda node: inside[node] if node.form == CORE else self.rows[node]
        for i in stores:
            op = Op.FOLD if self.results[i].form == COLUMN else Op.STORE
            self.code.append(Instruction(op, args=(value(self._stored(i)),), aux=i))
        for node in reductions:
            acc = self.rows[node]
            self.code.append(Instruction(Op.COMBINE, acc, node.dtype, (acc, value(node.args[0])), node.aux))
        self.code.append(Instruction(Op.END))

    def _row(self, node: Symbol) -> int:
        if node not in self.rows:
            if node.op == "reduce":
                raise AssertionError("a reduction was asked for before its loop")
            for a in node.args:
                self._row(a)
            self.rows[node] = self._emit(node, self.rows.__getitem__)
        return self.rows[node]

    def _emit(self, node: Symbol, register: Callable[[Symbol], int]) -> int:
        return self._new(OPS[node.op], node.dtype, tuple(register(a) for a in node.args), node.aux)

    def _new(self, op: Op, dtype: np.dtype, args: tuple[int, ...] = (), aux: object = None) -> int:
        self.code.append(Instruction(op, self.count, dtype, args, aux))
        self.count += 1
        return self.count - 1
