"""What a timer measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

UNITS = ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"))
WIDE, VERY_WIDE = 0.1, 0.25  # spread between the quartiles, of the median, that is worth a warning


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
        name = self.label or self.stmt
        return f"{name}: {self.sub_label}" if self.sub_label else name


@dataclass
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
    metadata: dict[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.number_per_run < 1 or not self.raw_times:
            raise ValueError(f"expected at least one run of at least one call, got {len(self.raw_times)} of {self.number_per_run}")

    @property
    def times(self) -> list[float]:
        """Seconds of one call, a number for each run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        return float(np.median(self.times))

    @property
    def mean(self) -> float:
        return float(np.mean(self.times))

    @property
    def iqr(self) -> float:
        """Between the first and the third quartile."""
        low, high = np.quantile(self.times, [0.25, 0.75])
        return float(high - low)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median the spread of the times lets one believe, 1 to 5.

        Twice the standard error of the mean that the quartiles suggest (iqr/1.35/√n) is the digit that is in doubt.
        """
        doubt = 2 * self.iqr / 1.35 / math.sqrt(len(self.raw_times))
        if not doubt or not self.median:
            return 5
        return max(1, min(5, 1 + math.floor(math.log10(self.median)) - math.floor(math.log10(doubt))))

    @property
    def has_warnings(self) -> bool:
        return len(self.raw_times) > 1 and self.iqr > WIDE * self.median

    def meets_confidence(self, threshold: float = WIDE) -> bool:
        """Whether the spread is below `threshold` of the median."""
        return len(self.raw_times) > 1 and self.iqr < threshold * self.median

    @property
    def title(self) -> str:
        return self.task_spec.title

    @property
    def env(self) -> str:
        return self.task_spec.env or ""

    @property
    def as_row_name(self) -> str:
        return self.task_spec.sub_label or self.task_spec.stmt

    def __getattr__(self, name: str) -> Any:
        if name in ("stmt", "setup", "label", "sub_label", "description", "num_threads"):
            return getattr(self.task_spec, name)
        raise AttributeError(f"'Measurement' object has no attribute {name!r}")

    def __repr__(self) -> str:
        scale, unit = unit_of(self.median)
        lines = [f"{type(self).__module__.rpartition('.')[0]}.Measurement of {self.title}"]
        if self.task_spec.setup != "pass":
            lines.append(f"setup: {self.task_spec.setup}")
        if len(self.raw_times) == 1:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        else:
            low, high = (float(q) / scale for q in np.quantile(self.times, [0.25, 0.75]))
            lines += [f"  Median: {self.median / scale:.2f} {unit}", f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})"]
        threads = f"{self.task_spec.num_threads} thread{'s' if self.task_spec.num_threads > 1 else ''}"
        count = f"{len(self.raw_times)} measurement{'s' if len(self.raw_times) > 1 else ''}"
        lines.append(f"  {count}, {self.number_per_run} runs per measurement, {threads}")
        if self.has_warnings:
            hint = "something else disturbed it strongly" if self.iqr > VERY_WIDE * self.median else "something else may have disturbed it"
            lines.append(f"  WARNING: the interquartile range is {self.iqr / self.median:.1%} of the median: {hint}")
        return "\n".join(lines)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same task as one each."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for m in measurements:
            groups.setdefault(m.task_spec, []).append(m)
        return [Measurement(1, [t for m in group for t in m.times], spec) for spec, group in groups.items()]


def unit_of(seconds: float) -> tuple[float, str]:
    """(seconds in it, name) of the unit in which a time is a number from 1 to 1000."""
    return next(((scale, name) for scale, name in reversed(UNITS) if seconds >= scale), UNITS[0])
