"""A profile as a file for chrome://tracing, Perfetto and TensorBoard."""

from __future__ import annotations

import gzip
import json
import os
import socket
from collections.abc import Iterable
from typing import Any


def write_trace(path: str | os.PathLike[str], events: Iterable[Any], metadata: dict[str, Any], memory: Iterable[Any],
                began: float = 0.0) -> None:  # fmt: skip
    """Write events (times from `began`, in microseconds) in Chrome's trace format, packed where the name ends with .gz.

    memory: (ns, bytes, held then, on a GPU, address) of what was taken and freed.
    """
    process = os.getpid()
    marks = [_mark(e, process, began) for e in events]
    forward = {(e.sequence_nr, e.thread): e for e in events if e.scope == 0 and e.sequence_nr >= 0 and e.fwd_thread is None}
    arrows = [arrow for e in events if e.scope == 1 for arrow in _arrow(forward.get((e.sequence_nr, e.fwd_thread)), e, process, began)]
    bytes_ = [{"ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": process, "tid": process, "ts": ns / 1e3,
               "args": {"Bytes": count, "Total Allocated": held, "Addr": address, "Device Type": int(gpu), "Device Id": 0 if gpu else -1}}
              for ns, count, held, gpu, address in memory]  # fmt: skip
    name = {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "ts": began, "args": {"name": "python"}}
    whole = {"schemaVersion": 1, "deviceProperties": [], **metadata, "host_name": socket.gethostname(), "displayTimeUnit": "ms",
             "traceEvents": [name, *marks, *arrows, *bytes_], "traceName": os.fspath(path)}  # fmt: skip
    opened: Any = gzip.open if os.fspath(path).endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8") as file:
        json.dump(whole, file)


def _mark(e: Any, process: int, began: float) -> dict[str, Any]:
    kind = "user_annotation" if e.is_user_annotation else "python_function" if e.is_python_function else "cpu_op"
    args: dict[str, Any] = {"External id": e.id}
    if e.sequence_nr >= 0:
        args |= {"Sequence number": e.sequence_nr, "Fwd thread id": e.fwd_thread or 0}
    if e.input_shapes:
        args |= {"Input Dims": e.input_shapes, "Input Strides": e.input_strides, "Input type": e.input_types,
                 "Concrete Inputs": ["" if value is None else str(value) for value in e.concrete_inputs]}  # fmt: skip
    if e.stack:
        args["Call stack"] = ";".join(e.stack)
    if e.flops:
        args["flops"] = e.flops
    if e.use_device and e.device_time_total:
        args["Device time (us)"] = e.device_time_total
    return {"ph": "X", "cat": kind, "name": e.trace_name, "pid": process, "tid": e.thread, "ts": began + e.time_range.start,
            "dur": e.cpu_time_total, "args": args}  # fmt: skip


def _arrow(source: Any, target: Any, process: int, began: float) -> list[dict[str, Any]]:
    """From a forward call to its gradient."""
    if source is None:
        return []
    both = {"cat": "fwdbwd", "name": "fwdbwd", "id": target.id, "pid": process}
    return [{"ph": "s", "tid": source.thread, "ts": began + source.time_range.start, **both},
            {"ph": "f", "bp": "e", "tid": target.thread, "ts": began + target.time_range.start, **both}]  # fmt: skip
