"""Events as a table."""

from __future__ import annotations

from math import log10
from typing import Any

UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0}


def duration(us: float) -> str:
    """Microseconds with the unit in which they are a number below 1000."""
    unit = "s" if us >= 1e6 else "ms" if us >= 1e3 else "us"
    return f"{us / UNITS[unit]:.3f}{unit}"


def share(part: float, whole: float) -> str:
    return f"{part * 100.0 / whole:.2f}%" if whole else "NaN"


def size(count: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(count) >= unit:
            return f"{count / unit:.2f} {name}"
    return f"{count} B"


def attribute(name: str) -> str:
    """Whose number a column's name means: "self_cuda_time_total" is self_device_time_total."""
    return name.replace("cuda", "device").replace("xpu", "device").replace("privateuse1", "device")


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) < width - 3 else text[: width - 3] + "..."


def _end(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[len(text) - width + 3 :]


def _widest(texts: list[str], most: int | None) -> int:
    width = max(map(len, texts)) + 4
    return width if most is None else min(width, most)


def table(events: Any, sort_by: str | None, row_limit: int, widths: tuple[int | None, int | None, int | None], header: str | None,
          top_only: bool, time_unit: str | None, use_device: str | None, memory: bool, flops: bool) -> str:  # fmt: skip
    """The events as lines; an empty text for none."""
    if not events:
        return ""
    if time_unit is not None and time_unit not in UNITS:
        raise ValueError(f"expected time_unit as one of {list(UNITS)}, got {time_unit!r}")
    if sort_by is not None:
        by = attribute(sort_by)
        if not isinstance(getattr(events[0], by, None), int | float):
            raise AttributeError(f"expected sort_by as a number of an event, like 'cpu_time_total' or 'count', got {sort_by!r}")
        events = sorted(events, key=lambda e: getattr(e, by), reverse=True)
    whole, whole_device = sum(e.self_cpu_time_total for e in events), sum(e.self_device_time_total for e in events)
    device = (use_device or "device").upper()
    timed, held = whole_device > 0, memory and any(e.device_memory_usage for e in events)
    least = min((e.flops for e in events if e.flops > 0), default=0) if flops else 0
    power = min(int(log10(least) / 3), 5) if least else 0
    stacks = [line for e in events for line in e.stack or ()]
    shapes = any(e.input_shapes for e in events)
    loads = any(e.overload_name for e in events)

    def time(us: float) -> str:
        return duration(us) if time_unit is None else f"{us / UNITS[time_unit]:.3f}{time_unit}"

    name_width = _widest([e.key for e in events], widths[0])
    source_width = _widest(stacks, widths[2]) if stacks else 0
    columns = [("Name", name_width)] + [("Overload Name", name_width)] * loads
    columns += [(title, 12) for title in ("Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg")]
    columns += [(title, 12) for title in (f"Self {device}", f"Self {device} %", f"{device} total", f"{device} time avg")] * timed
    columns += [("CPU Mem", 12), ("Self CPU Mem", 12)] * memory + [(f"{device} Mem", 12), (f"Self {device} Mem", 12)] * held
    columns += [("# of Calls", 12)]
    columns += [("Input Shapes", _widest([str(e.input_shapes) for e in events], widths[1]))] * shapes
    columns += [(f"Total {' KMGTP'[power].strip()}FLOPs", 12)] * bool(least)

    def row(cells: list[str], source: str = "") -> str:
        line = "  ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, columns)) + "  "
        return line + f"{source:<{source_width}}  " if stacks else line

    rule = "".join("-" * width + "  " for _, width in columns) + ("-" * source_width + "  ") * bool(stacks)
    across = "=" * (len(rule) - 2)
    lines = [across, header] if header is not None else []
    lines += [across, "This report only display top-level ops statistics"] if top_only else []
    lines += [rule, row([title for title, _ in columns], "Source Location"), rule]
    shown = [e for e in events if not top_only or e.cpu_parent is None]
    for e in shown[: None if row_limit < 0 else row_limit]:
        cells = [_cut(e.key, widths[0])] + [_cut(e.overload_name, widths[0])] * loads
        cells += [share(e.self_cpu_time_total, whole), time(e.self_cpu_time_total), share(e.cpu_time_total, whole), time(e.cpu_time_total),
                  time(e.cpu_time)]  # fmt: skip
        cells += [time(e.self_device_time_total), share(e.self_device_time_total, whole_device), time(e.device_time_total),
                  time(e.device_time)] * timed  # fmt: skip
        cells += [size(e.cpu_memory_usage), size(e.self_cpu_memory_usage)] * memory
        cells += [size(e.device_memory_usage), size(e.self_device_memory_usage)] * held
        cells += [str(e.count)] + [str(e.input_shapes)[: widths[1]]] * shapes
        cells += [f"{e.flops / 1000**power:.3f}" if e.flops > 0 else "--"] * bool(least)
        first, *rest = e.stack or [""]
        lines.append(row(cells, _end(first, source_width)))
        if stacks:
            lines += [row([""] * len(columns), _end(line, source_width)) for line in rest] + [row([""] * len(columns))]
    lines += [rule, f"Self CPU time total: {time(whole)}"] + [f"Self {device} time total: {time(whole_device)}"] * timed
    return "\n".join([*lines, ""])
