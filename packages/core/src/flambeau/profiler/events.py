"""What a profiler recorded: calls with their times, and sums of them."""

from __future__ import annotations

import json
import os
from typing import Any


class FunctionEvent:
    """One call, or as a row of `key_averages` the sum of `count` calls.  Times in microseconds, memory in bytes.

    cpu_memory_usage  what the call allocated for its results, with the calls inside of it; what is freed is not counted
    """

    def __init__(self, name: str, thread: int, start: float, shapes: list[Any], stack: list[str], parent: FunctionEvent | None) -> None:
        self.key = self.name = name
        self.thread, self.start, self.end = thread, start, start
        self.input_shapes, self.stack, self.cpu_parent = shapes, stack, parent
        self.cpu_children: list[FunctionEvent] = []
        self.count = 1
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0

    @property
    def cpu_time(self) -> float:
        """The mean time of a call."""
        return self.cpu_time_total / self.count

    def close(self, end: float) -> None:
        self.end = end
        self.cpu_time_total = end - self.start
        self.self_cpu_time_total = self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)
        self.cpu_memory_usage = self.self_cpu_memory_usage + sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        return f"<FunctionEvent name={self.name} count={self.count} cpu_time={self.cpu_time:.3f}us input_shapes={self.input_shapes}>"


class EventList(list[FunctionEvent]):
    """Events in order of their start, or rows of sums."""

    @property
    def self_cpu_time_total(self) -> float:
        return sum(e.self_cpu_time_total for e in self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """A row for each name, and for each set of shapes or of the innermost lines of the stack where that is asked for."""
        rows: dict[Any, FunctionEvent] = {}
        for e in self:
            shapes = e.input_shapes if group_by_input_shape else []
            stack = e.stack[:group_by_stack_n]
            key = (e.name, str(shapes), tuple(stack))
            row = rows.get(key)
            if row is None:
                row = rows[key] = FunctionEvent(e.name, e.thread, e.start, shapes, stack, None)
                row.count = 0
            row.count += 1
            above = e.cpu_parent
            while above is not None and above.name != e.name:
                above = above.cpu_parent
            if above is None:  # a call inside of one of the same name is in its time already
                row.cpu_time_total += e.cpu_time_total
                row.cpu_memory_usage += e.cpu_memory_usage
            row.self_cpu_time_total += e.self_cpu_time_total
            row.self_cpu_memory_usage += e.self_cpu_memory_usage
        return EventList(rows.values())

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_name_column_width: int = 55) -> str:
        """The rows as text, the largest `sort_by` (a name of a number of `FunctionEvent`) first."""
        rows = list(self)
        if sort_by is not None:
            if rows and not isinstance(getattr(rows[0], sort_by, None), int | float):
                raise AttributeError(f"expected sort_by as a number of an event, like 'cpu_time_total' or 'count', got {sort_by!r}")
            rows.sort(key=lambda e: getattr(e, sort_by), reverse=True)
        whole = self.self_cpu_time_total or 1.0
        shaped, stacked, memory = any(e.input_shapes for e in rows), any(e.stack for e in rows), any(e.cpu_memory_usage for e in rows)
        head = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
        head += (["CPU Mem", "Self CPU Mem"] if memory else []) + ["# of Calls"]
        head += (["Input Shapes"] if shaped else []) + (["Source Location"] if stacked else [])
        lines = []
        for e in rows[: None if row_limit < 0 else row_limit]:
            name = e.name if len(e.name) <= max_name_column_width else e.name[: max_name_column_width - 3] + "..."
            line = [name, f"{e.self_cpu_time_total / whole:.2%}", duration(e.self_cpu_time_total), f"{e.cpu_time_total / whole:.2%}",
                    duration(e.cpu_time_total), duration(e.cpu_time)]  # fmt: skip
            line += ([size(e.cpu_memory_usage), size(e.self_cpu_memory_usage)] if memory else []) + [str(e.count)]
            line += ([str(e.input_shapes)] if shaped else []) + ([e.stack[0] if e.stack else ""] if stacked else [])
            lines.append(line)
        widths = [max(12, *(len(line[i]) for line in [head, *lines])) for i in range(len(head))]
        rule = "  ".join("-" * w for w in widths)
        text = ["  ".join(f"{cell:>{w}}" for cell, w in zip(line, widths)) for line in [head, *lines]]
        return "\n".join([rule, text[0], rule, *text[1:], rule, f"Self CPU time total: {duration(self.self_cpu_time_total)}", ""])

    def total_average(self) -> FunctionEvent:
        """The sum of all."""
        total = FunctionEvent("Total", 0, 0.0, [], [], None)
        total.count = sum(e.count for e in self)
        total.cpu_time_total = total.self_cpu_time_total = self.self_cpu_time_total
        total.cpu_memory_usage = total.self_cpu_memory_usage = sum(e.self_cpu_memory_usage for e in self)
        return total

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the calls for chrome://tracing and Perfetto."""
        calls = [{"ph": "X", "cat": "cpu_op" if "::" in e.name else "user_annotation", "name": e.name, "pid": os.getpid(), "tid": e.thread,
                  "ts": e.start, "dur": e.cpu_time_total,
                  "args": {"Input Dims": e.input_shapes, "Call stack": ";".join(e.stack), "Bytes": e.self_cpu_memory_usage}}
                 for e in self]  # fmt: skip
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": calls}, file)


def duration(us: float) -> str:
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def size(count: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(count) >= unit:
            return f"{count / unit:.2f} {name}"
    return f"{count} B"
