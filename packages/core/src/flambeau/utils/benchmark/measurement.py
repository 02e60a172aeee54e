"""What a timer measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from textwrap import indent
from typing import Any

import numpy as np

import flambeau

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
WIDE, VERY_WIDE = 0.1, 0.25  # spread between the quartiles, of the median, that is worth a warning
SURE = 25e-9  # seconds: no time is known better than this


@dataclass(frozen=True)
class TaskSpec:
    """What was measured, and the words under which `Compare` files it."""

    stmt: str
    setup: str = "pass"
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, else the statement, with the sub_label."""
        if self.label is None and "\n" in self.stmt:
            return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n{indent(self.stmt, '  ')}"
        name = self.stmt if self.label is None else self.label
        return f"{name}: {self.sub_label}" if self.sub_label else name

    def setup_str(self) -> str:
        """The setup as `summarize` shows it; an empty text for none."""
        if self.setup in ("", "pass"):
            return ""
        return f"setup:\n{indent(self.setup, '  ')}" if "\n" in self.setup else f"setup: {self.setup}"

    def summarize(self) -> str:
        """Title, description and setup, a line or more each."""
        parts = [part for part in (self.title, self.description, self.setup_str()) if part]
        return "\n".join(part + "\n" * ("\n" in part) for part in parts)


_FORWARDED = {f.name for f in fields(TaskSpec)}


@dataclass(repr=False)
class Measurement:
    """Times of one task.

    number_per_run  how often the statement ran in each of `raw_times`, which are in seconds

    >>> m = Measurement(2, [4.0, 2.0, 6.0], TaskSpec("f()"))
    >>> m.median, m.mean, m.iqr
    (2.0, 2.0, 1.0)
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    def __post_init__(self) -> None:
        if self.number_per_run < 1 or not self.raw_times:
            raise ValueError(f"expected at least one run of at least one call, got {len(self.raw_times)} of {self.number_per_run}")

    @property
    def times(self) -> list[float]:
        """Seconds of one call, a number for each run."""
        return [t / self.number_per_run for t in self.raw_times]

    def _quantile(self, part: float) -> float:
        return float(np.quantile(self.times, part))

    @property
    def median(self) -> float:
        return self._quantile(0.5)

    @property
    def mean(self) -> float:
        return float(np.mean(self.times))

    @property
    def iqr(self) -> float:
        """Between the first and the third quartile."""
        return self._quantile(0.75) - self._quantile(0.25)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median the spread of the times lets one believe, 1 to 4.

        From the middle half of the times: 1.645 standard errors (an interval of 90 %), and 25 ns at least, are what is in doubt.
        """
        n = len(self.raw_times)
        middle = sorted(self.times)[n // 4 : math.ceil(3 * n / 4)]
        doubt = max(1.645 * float(np.std(middle)) / math.sqrt(len(middle)), SURE)
        return max(1, min(4, math.floor(math.log10(self.median / doubt)))) if self.median > 0 else 1

    @property
    def has_warnings(self) -> bool:
        """Whether the times spread widely."""
        return not self.meets_confidence(WIDE)

    def meets_confidence(self, threshold: float = WIDE) -> bool:
        """Whether the spread is below `threshold` of the median."""
        return self.iqr < threshold * self.median or self.iqr == 0

    @property
    def title(self) -> str:
        return self.task_spec.title

    @property
    def env(self) -> str:
        return "Unspecified env" if self.task_spec.env is None else self.task_spec.env

    @property
    def as_row_name(self) -> str:
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    def __getattr__(self, name: str) -> Any:
        if name in _FORWARDED:
            return getattr(self.task_spec, name)
        raise AttributeError(f"'Measurement' object has no attribute {name!r}")

    def __repr__(self) -> str:
        n, spec = len(self.raw_times), self.task_spec
        unit, scale = select_unit(self.median)
        lines = [object.__repr__(self), spec.summarize(), f"  {'Median: ' if n > 1 else ''}{self.median / scale:.2f} {unit}"]
        if n >= 4:
            low, high = self._quantile(0.25) / scale, self._quantile(0.75) / scale
            lines.append(f"  IQR:    {high - low:.2f} {unit} ({low:.2f} to {high:.2f})")
        per = f"{self.number_per_run} runs {'per measurement,' if n > 1 else ','}"
        lines.append(f"  {n} measurement{'s' * (n > 1)}, {per} {spec.num_threads} thread{'s' * (spec.num_threads > 1)}")
        if self.has_warnings:
            strong = not self.meets_confidence(VERY_WIDE)
            lines += [f"  WARNING: Interquartile range is {self.iqr / self.median * 100:.1f}% of the median measurement.",
                      f"           {'Something else disturbed it strongly.' if strong else 'Something else may have disturbed it.'}"]
        return "\n".join(lines)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same task as one each, of single calls.  Metadata goes."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for m in measurements:
            groups.setdefault(m.task_spec, []).append(m)
        return [Measurement(1, [t for m in group for t in m.times], spec) for spec, group in groups.items()]


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which a time, in seconds, is a number from 1 to 1000, and the seconds in it.

    >>> select_unit(2e-5)
    ('us', 1e-06)
    """
    return next(((name, scale) for name, scale in reversed(UNITS.items()) if t >= scale), ("ns", 1e-9))


def unit_to_english(u: str) -> str:
    """The unit's whole name: nanosecond, microsecond, millisecond, second."""
    return {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}[u]


def trim_sigfig(x: float, n: int) -> float:
    """x rounded to n significant figures.

    >>> trim_sigfig(1234.5, 2), trim_sigfig(0.01234, 3)
    (1200.0, 0.0123)
    """
    return float(f"{x:.{int(n) - 1}e}")


def ordered_unique(elements: Iterable[Any]) -> list[Any]:
    """Each element once, in the order in which they come."""
    return list(dict.fromkeys(elements))


@contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """Compute with n threads inside."""
    before = flambeau.get_num_threads()
    try:
        flambeau.set_num_threads(n)
        yield
    finally:
        flambeau.set_num_threads(before)
