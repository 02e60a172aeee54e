"""Measurements side by side."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from math import ceil, log10

from flambeau.utils.benchmark.measurement import Measurement, ordered_unique, select_unit, trim_sigfig, unit_to_english

BEST, GOOD, BAD, VERY_BAD = "\033[92m\033[1m", "\033[34m\033[1m", "\033[2m\033[91m", "\033[31m\033[1m"
PLAIN = "\033[0m"
Row = tuple[int, str, str]  # threads, env, name


class Colorize(enum.Enum):
    """Among whom the best time is looked for."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


class Compare:
    """A table a label: a row for each sub_label, a column for each description, groups by the number of threads.

    >>> from flambeau.utils.benchmark import TaskSpec
    >>> print(Compare([Measurement(1, [2e-6], TaskSpec("f", label="add", sub_label=s, description=d)) for s in "ab" for d in "xy"]))
    [-------- add --------]
             |   x   |   y
    1 threads: ------------
          a  |  2.0  |  2.0
          b  |  2.0  |  2.0
    <BLANKLINE>
    Times are in microseconds (us).
    <BLANKLINE>
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = self._warn = False
        self._colors = Colorize.NONE
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements.  ValueError for anything else."""
        results = list(results)
        wrong = next((r for r in results if not isinstance(r, Measurement)), None)
        if wrong is not None:
            raise ValueError(f"Expected an instance of `Measurement`, but got {type(wrong)} instead.")
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show only the digits that the spread of the times lets one believe."""
        self._trim = True

    def highlight_warnings(self) -> None:
        """Show the spread of the times that spread widely."""
        self._warn = True

    def colorize(self, rowwise: bool = False) -> None:
        """The best time of each column, or of each row, in green, what is twice and five times slower in red."""
        self._colors = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def print(self) -> None:
        print(self)

    def __str__(self) -> str:
        tables: dict[str | None, list[Measurement]] = {}
        for m in Measurement.merge(self._results):
            tables.setdefault(m.task_spec.label, []).append(m)
        return "\n".join(self._table(label or "", results) for label, results in tables.items())

    def _table(self, label: str, results: Sequence[Measurement]) -> str:
        unit, scale = select_unit(min(m.median for m in results))
        rows = sorted(ordered_unique(_row(m) for m in results), key=lambda row: row[:2])
        columns = ordered_unique(m.task_spec.description for m in results)
        at = {(_row(m), m.task_spec.description): m for m in results}
        names = _names(rows)
        cells = [[name, *(at.get((row, column)) for column in columns)] for row, name in zip(rows, names)]
        texts = [self._column([line[i + 1] for line in cells], scale) for i in range(len(columns))]
        widths = [max(map(len, names))] + [max(len(column or ""), *map(len, text)) for column, text in zip(columns, texts)]
        lines = ["  |  ".join(title.center(width) for title, width in zip(["", *(column or "" for column in columns)], widths))]
        whole, threads = len(lines[0]), None
        for number, row in enumerate(rows):
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(whole, "-"))
            shown = [text[number].center(width) for text, width in zip(texts, widths[1:])]
            if self._colors is not Colorize.NONE:
                shown = [self._colored(text, (row, column), at, rows, columns) for text, column in zip(shown, columns)]
            lines.append("  |  ".join([names[number].ljust(widths[0]), *shown]))
        note = "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.\n"
        lines = [f"[{f' {label} '.center(whole - 2, '-')}]", *lines, "", f"Times are in {unit_to_english(unit)}s ({unit}).", ""]
        return "\n".join(lines) + note * (self._warn and any(m.has_warnings for m in results))

    def _column(self, results: Sequence[Measurement | str | None], scale: float) -> list[str]:
        """The times of a column, with the same number of digits behind the point."""
        found = [m for m in results if isinstance(m, Measurement)]
        digits = {id(m): ceil(log10(m.median / scale)) for m in found}
        behind = min(max(m.significant_figures - digits[id(m)], 0) for m in found) if self._trim else 1
        width = max(digits.values()) + behind + (behind > 0)
        warned = 7 * (self._warn and any(m.has_warnings for m in found))
        texts = []
        for m in results:
            if isinstance(m, Measurement):
                value = m.median / scale
                value = trim_sigfig(value, m.significant_figures) if self._trim else value
                spread = f" (! {m.iqr / m.median * 100:.0f}%)" if warned and m.has_warnings else ""
                texts.append(f"{value:>{width}.{behind}f}{spread:>{warned}}")
            else:
                texts.append(" " * (max(width, len(f"{1:.{behind}f}")) + warned))
        return texts

    def _colored(self, text: str, place: tuple[Row, str | None], at: dict[tuple[Row, str | None], Measurement], rows: list[Row],
                 columns: list[str | None]) -> str:  # fmt: skip
        m = at.get(place)
        if m is None:
            return text
        row, column = place
        rivals = [(row, c) for c in columns] if self._colors is Colorize.ROWWISE else [(r, column) for r in rows if r[0] == row[0]]
        best, value = min(at[rival].median for rival in rivals if rival in at), m.median
        if value <= best * 1.01 or value <= best + 100e-9:
            return BEST + text + PLAIN * 2
        if value <= best * 1.1:
            return GOOD + text + PLAIN * 2
        if value >= best * 5:
            return VERY_BAD + text + PLAIN * 2
        return BAD + text + PLAIN * 2 if value >= best * 2 else text


def _row(m: Measurement) -> Row:
    return m.num_threads, m.env, m.as_row_name


def _names(rows: Sequence[Row]) -> list[str]:
    """What stands before each row: its env, where there are several, once for those that follow each other, and its name."""
    envs = {row[1] for row in rows}
    width = (max(map(len, envs)) if len(envs) > 1 else 0) + 4
    names, last = [], None
    for threads, env, name in rows:
        shown = f"({env})" if len(envs) > 1 and (threads, env) != last else ""
        names.append(f"  {shown:<{width}}{name}")
        last = threads, env
    return names
