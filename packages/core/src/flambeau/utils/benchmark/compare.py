"""Measurements side by side."""

from __future__ import annotations

from collections.abc import Iterable

from flambeau.utils.benchmark.measurement import Measurement, unit_of


class Compare:
    """A table a label: a row for each sub_label, a column for each description, groups by the number of threads.

    >>> from flambeau.utils.benchmark import TaskSpec
    >>> print(Compare([Measurement(1, [2e-6], TaskSpec("f", label="add", sub_label=s, description=d)) for s in "ab" for d in "xy"]))
    [-------- add ---------]
              |    x |    y
    1 threads: -------------
          a   |  2.0 |  2.0
          b   |  2.0 |  2.0
    <BLANKLINE>
    Times are in microseconds (us).
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = self._warn = False
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        results = list(results)
        wrong = next((r for r in results if not isinstance(r, Measurement)), None)
        if wrong is not None:
            raise ValueError(f"Expected an instance of `Measurement`, got {type(wrong).__name__} instead.")
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show only the digits that the spread of the times lets one believe."""
        self._trim = True

    def highlight_warnings(self) -> None:
        """Mark with (!) the times that spread widely."""
        self._warn = True

    def print(self) -> None:
        print(self)

    def __str__(self) -> str:
        tables: dict[str, list[Measurement]] = {}
        for m in Measurement.merge(self._results):
            tables.setdefault(m.task_spec.label or m.task_spec.stmt, []).append(m)
        return "\n\n".join(self._table(label, results) for label, results in tables.items())

    def _table(self, label: str, results: list[Measurement]) -> str:
        scale, unit = unit_of(min(m.median for m in results))
        columns = list(dict.fromkeys(m.task_spec.description or "" for m in results))
        groups: dict[int, dict[str, dict[str, str]]] = {}
        for m in results:
            name = f"({m.env}) {m.as_row_name}" if m.env else m.as_row_name
            rows = groups.setdefault(m.task_spec.num_threads, {})
            rows.setdefault(name, {})[m.task_spec.description or ""] = self._number(m, scale)
        names = [name for rows in groups.values() for name in rows]
        first = max(10, *(len(name) + 6 for name in names)) if names else 10
        widths = [max(len(c), *(len(row.get(c, "")) for rows in groups.values() for row in rows.values())) for c in columns]
        head = " " * first + "".join(f"|  {c:>{w}} " for c, w in zip(columns, widths))
        lines = [f"[{f' {label} ':-^{len(head) - 2}}]", head.rstrip()]
        for threads in sorted(groups):
            title = f"{threads} threads: "
            lines.append(title + "-" * (len(head) - len(title)))
            for name, row in groups[threads].items():
                cells = "".join(f"|  {row.get(c, ''):>{w}} " for c, w in zip(columns, widths))
                lines.append((f"{'      ' + name:<{first}}" + cells).rstrip())
        words = {"ns": "nanoseconds", "us": "microseconds", "ms": "milliseconds", "s": "seconds"}
        note = "\n(!) spreads widely: the interquartile range is more than a tenth of the median." if self._warn else ""
        return "\n".join(lines) + f"\n\nTimes are in {words[unit]} ({unit}).{note}"

    def _number(self, m: Measurement, scale: float) -> str:
        value = m.median / scale
        if self._trim:
            digits = m.significant_figures
            whole = len(str(int(value)))
            text = f"{round(value, digits - whole):.{max(digits - whole, 0)}f}"
        else:
            text = f"{value:.1f}"
        return text + (" (!)" if self._warn and m.has_warnings else "")
