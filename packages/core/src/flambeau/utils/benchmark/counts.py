"""Counts of instructions by function, as Callgrind gives them: to read, to set off against each other, to sum up.

Flambeau counts none itself (`Timer.collect_callgrind` says so); these hold what a script or a file brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from flambeau import printing
from flambeau.utils.benchmark.measurement import TaskSpec


class FunctionCount(NamedTuple):
    """How many instructions a function took."""

    count: int  # type: ignore[assignment]  # hides tuple.count, as PyTorch's does
    function: str


@dataclass(repr=False, eq=False, frozen=True)
class FunctionCounts:
    """Counts, the largest first; `inclusive` says whether those of functions that were called are in them.

    >>> a = FunctionCounts((FunctionCount(30, "f"), FunctionCount(5, "g")), False)
    >>> (a - FunctionCounts((FunctionCount(10, "f"),), False)).filter(lambda name: name == "f").sum()
    20
    """

    _data: tuple[FunctionCount, ...]
    inclusive: bool
    truncate_rows: bool = True
    _linewidth: int | None = None

    def __iter__(self) -> Iterator[FunctionCount]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, item: int | slice) -> FunctionCount | FunctionCounts:
        found = self._data[item]
        return found if isinstance(found, FunctionCount) else FunctionCounts(found, self.inclusive, truncate_rows=False)

    def __add__(self, other: FunctionCounts) -> FunctionCounts:
        return self._with(other, 1)

    def __sub__(self, other: FunctionCounts) -> FunctionCounts:
        return self._with(other, -1)

    def __mul__(self, other: int | float) -> FunctionCounts:
        return self._of(((int(n * other), name) for n, name in self))

    def _with(self, other: FunctionCounts, sign: int) -> FunctionCounts:
        if self.inclusive != other.inclusive:
            raise AssertionError("Cannot merge inclusive and exclusive counts.")
        return self._of((*self, *((sign * n, name) for n, name in other)))

    def _of(self, counts: Iterable[tuple[int, str]]) -> FunctionCounts:
        sums: dict[str, int] = {}
        for n, name in counts:
            sums[name] = sums.get(name, 0) + n
        return FunctionCounts(tuple(sorted((FunctionCount(n, name) for name, n in sums.items() if n), reverse=True)), self.inclusive)

    def transform(self, map_fn: Callable[[str], str]) -> FunctionCounts:
        """With other names of the functions; those that get the same one are added up."""
        return self._of((n, map_fn(name)) for n, name in self)

    def filter(self, filter_fn: Callable[[str], bool]) -> FunctionCounts:
        """Only the functions whose name `filter_fn` wants."""
        return FunctionCounts(tuple(c for c in self if filter_fn(c.function)), self.inclusive)

    def sum(self) -> int:
        return sum(n for n, _ in self)

    def denoise(self) -> FunctionCounts:
        """Without the interpreter's looking up of names, which differs from run to run."""
        return self.filter(lambda name: "dictobject.c:lookdict_unicode" not in name)

    def __repr__(self) -> str:
        digits = max((len(str(n)) + (n < 0) for n, _ in self), default=0)
        room = max((printing.linewidth if self._linewidth is None else self._linewidth) - digits - 4, 40)
        lines = [f"  {n:>{digits}}  {_within(name, room)}" for n, name in self]
        if self.truncate_rows and len(lines) > 18:
            lines = [*lines[:9], "...".rjust(digits + 2), *lines[-9:]]
        return "\n".join([object.__repr__(self), *lines, *([] if self.inclusive else ["", f"Total: {self.sum()}"])])


def _within(name: str, room: int) -> str:
    """A name of at most `room` letters: its middle goes."""
    first = (room - 5) // 2
    return name if len(name) <= room else f"{name[:first]} ... {name[first + 5 - room:]}"


_WHERE_BUILT = ((r"^.+build/\.\./", "build/../"), (r"^.+/build/aten/", "build/aten/"), (r"^.+/Python/", "Python/"),
                (r"^.+/Objects/", "Objects/"), (r"\s\[.+\]$", ""))  # fmt: skip


@dataclass(repr=False, eq=False, frozen=True)
class CallgrindStats:
    """What Callgrind counted of a statement, and of an empty one beside it."""

    task_spec: TaskSpec
    number_per_run: int
    built_with_debug_symbols: bool
    baseline_inclusive_stats: FunctionCounts
    baseline_exclusive_stats: FunctionCounts
    stmt_inclusive_stats: FunctionCounts
    stmt_exclusive_stats: FunctionCounts
    stmt_callgrind_out: str | None

    def stats(self, inclusive: bool = False) -> FunctionCounts:
        """The statement's counts by function."""
        return self.stmt_inclusive_stats if inclusive else self.stmt_exclusive_stats

    def counts(self, *, denoise: bool = False) -> int:
        """The statement's instructions."""
        return (self.stmt_exclusive_stats.denoise() if denoise else self.stmt_exclusive_stats).sum()

    def delta(self, other: CallgrindStats, inclusive: bool = False) -> FunctionCounts:
        """What this took more than another."""
        return self.stats(inclusive) - other.stats(inclusive)

    def as_standardized(self) -> CallgrindStats:
        """With names that do not tell in which folder and library a function was built."""

        def plain(name: str) -> str:
            for pattern, instead in _WHERE_BUILT:
                name = re.sub(pattern, instead, name)
            return name

        counts = (self.baseline_inclusive_stats, self.baseline_exclusive_stats, self.stmt_inclusive_stats, self.stmt_exclusive_stats)
        a, b, c, d = (each.transform(plain) for each in counts)
        return CallgrindStats(self.task_spec, self.number_per_run, self.built_with_debug_symbols, a, b, c, d, None)

    def __repr__(self) -> str:
        base, threads = self.baseline_exclusive_stats, self.task_spec.num_threads
        return (f"{object.__repr__(self)}\n{self.task_spec.summarize()}\n{'':>27}All{'':>10}Noisy symbols removed\n"
                f"    Instructions: {self.counts():>12}{'':>15}{self.counts(denoise=True):>12}\n"
                f"    Baseline:     {base.sum():>12}{'':>15}{base.denoise().sum():>12}\n"
                f"{self.number_per_run} runs per measurement, {threads} thread{'s' * (threads > 1)}")  # fmt: skip
