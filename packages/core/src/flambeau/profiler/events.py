"""What a profiler recorded: calls with their times, and sums of them.  Times in microseconds, memory in bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NamedTuple
from warnings import warn

from flambeau.profiler.kinds import DeviceType
from flambeau.profiler.table import duration, table


class Interval:
    """From start to end."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        return self.end - self.start


class Kernel(NamedTuple):
    """What a GPU did for a call: on which device, and for how long."""

    name: str
    device: int
    duration: float


def _text(name: str) -> Any:
    return property(lambda self: duration(getattr(self, name)), doc=f"`{name}` with its unit.")


def _older(name: str, now: str) -> Any:
    def get(self: Any) -> Any:
        warn(f"`{name}` is deprecated. Use `{now}` instead.", FutureWarning, stacklevel=2)
        return getattr(self, now)

    return property(get, doc=f"`{now}` under its older name.")


class FormattedTimesMixin:
    """The means of `count` calls, and times as text."""

    count: int
    cpu_time_total: Any
    device_time_total: Any

    @property
    def cpu_time(self) -> float:
        """The mean time of a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self) -> float:
        """The mean time that a GPU worked on a call."""
        return self.device_time_total / self.count if self.count else 0.0

    cuda_time = _older("cuda_time", "device_time")
    cpu_time_str, device_time_str = _text("cpu_time"), _text("device_time")
    cpu_time_total_str, device_time_total_str = _text("cpu_time_total"), _text("device_time_total")
    self_cpu_time_total_str, self_device_time_total_str = _text("self_cpu_time_total"), _text("self_device_time_total")


class FunctionEvent(FormattedTimesMixin):
    """One call.

    cpu_memory_usage  what the call allocated less what it freed, with the calls inside of it; self_cpu_memory_usage without them
    device_time_total  how long a GPU worked on it; kernels: what of that was the call's own
    sequence_nr  of the graph's node that the call made; of a call in backward, the node whose gradient it computes
    scope  0 a call, 1 a gradient, 7 a part that the program named
    """

    def __init__(self, id: int, name: str, thread: int, start_us: float, end_us: float, overload_name: str | None = None,
                 fwd_thread: int | None = None, input_shapes: list[Any] | None = None, stack: list[str] | None = None, scope: int = 0,
                 use_device: str | None = None, cpu_memory_usage: int = 0, device_memory_usage: int = 0, is_async: bool = False,
                 is_remote: bool = False, sequence_nr: int = -1, node_id: int = -1, device_type: DeviceType = DeviceType.CPU,
                 device_index: int = 0, device_resource_id: int | None = None, is_legacy: bool = False, flops: int | None = None,
                 trace_name: str | None = None, concrete_inputs: list[Any] | None = None, kwinputs: dict[str, Any] | None = None,
                 is_user_annotation: bool = False, is_python_function: bool = False, input_strides: list[Any] | None = None,
                 input_types: list[str] | None = None) -> None:  # fmt: skip
        self.id, self.name, self.trace_name, self.overload_name = id, name, trace_name or name, overload_name or ""
        self.node_id, self.thread, self.fwd_thread, self.device_resource_id = node_id, thread, fwd_thread, device_resource_id
        self.time_range = Interval(start_us, end_us)
        self.input_shapes, self.concrete_inputs, self.kwinputs = input_shapes or [], concrete_inputs or [], kwinputs or {}
        self.input_strides, self.input_types = input_strides or [], input_types or []
        self.stack, self.scope, self.use_device, self.sequence_nr, self.flops = stack or [], scope, use_device, sequence_nr, flops or 0
        self.cpu_memory_usage, self.device_memory_usage = cpu_memory_usage, device_memory_usage
        self.is_async, self.is_remote, self.is_legacy = is_async, is_remote, is_legacy
        self.device_type, self.device_index = device_type, device_index
        self.is_user_annotation, self.is_python_function = is_user_annotation, is_python_function
        self.count = 1
        self.kernels: list[Kernel] = []
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None

    def append_kernel(self, name: str, device: int, duration: float) -> None:
        self.kernels.append(Kernel(name, device, duration))

    def append_cpu_child(self, child: FunctionEvent) -> None:
        self.cpu_children.append(child)

    def set_cpu_parent(self, parent: FunctionEvent) -> None:
        self.cpu_parent = parent

    @property
    def key(self) -> str:
        return self.name

    def _own(self, name: str) -> Any:
        return getattr(self, name) - sum(getattr(child, name) for child in self.cpu_children)

    @property
    def cpu_time_total(self) -> float:
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:
        """The time of the call without that of the calls inside of it."""
        return self._own("cpu_time_total")

    @property
    def device_time_total(self) -> float:
        if not self.use_device:
            return 0.0
        return sum(kernel.duration for kernel in self.kernels) + sum(child.device_time_total for child in self.cpu_children)

    @property
    def self_device_time_total(self) -> float:
        return sum(kernel.duration for kernel in self.kernels) if self.use_device else 0.0

    @property
    def self_cpu_memory_usage(self) -> int:
        return self._own("cpu_memory_usage")

    @property
    def self_device_memory_usage(self) -> int:
        return self._own("device_memory_usage")

    cuda_time_total = _older("cuda_time_total", "device_time_total")
    self_cuda_time_total = _older("self_cuda_time_total", "self_device_time_total")
    self_cuda_memory_usage = _older("self_cuda_memory_usage", "self_device_memory_usage")

    def __repr__(self) -> str:
        device = f" device_time={self.device_time_str} device_memory_usage={self.device_memory_usage}" if self.use_device else ""
        return (f"<FunctionEvent id={self.id} name={self.name} thread={self.thread} cpu_time={self.cpu_time_str} "
                f"start_us={self.time_range.start:.3f} end_us={self.time_range.end:.3f} "
                f"cpu_children={[child.id for child in self.cpu_children]} input_shapes={self.input_shapes} "
                f"cpu_memory_usage={self.cpu_memory_usage}{device} seq_nr={self.sequence_nr}>")  # fmt: skip


_SUMS = ("cpu_time_total", "device_time_total", "self_cpu_time_total", "self_device_time_total", "cpu_memory_usage", "device_memory_usage",
         "self_cpu_memory_usage", "self_device_memory_usage", "count", "flops")  # fmt: skip
_SAME = ("key", "node_id", "is_async", "is_remote", "cpu_parent", "cpu_children", "overload_name", "input_shapes", "stack", "scope",
         "device_type", "is_legacy", "use_device", "is_user_annotation")  # fmt: skip


class FunctionEventAvg(FormattedTimesMixin):
    """The sum of `count` calls of one name, a row of `key_averages`.  `total` times count a call inside of one of the same name twice."""

    def __init__(self) -> None:
        self.key: Any = None
        self.use_device: str | None = None
        self.input_shapes: Any = None
        self.stack: Any = None
        self.device_type = DeviceType.CPU
        self.node_id, self.is_async, self.is_remote, self.is_legacy, self.scope = 0, False, False, False, 0
        self.overload_name, self.is_user_annotation = "", False
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_time_total = self.device_time_total = self.self_cpu_time_total = self.self_device_time_total = 0.0
        self.cpu_memory_usage = self.device_memory_usage = self.self_cpu_memory_usage = self.self_device_memory_usage = 0
        self.count = self.flops = 0

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Add a call, or a sum of calls, of the same name."""
        if not isinstance(other, FunctionEvent | FunctionEventAvg):
            raise AssertionError(f"expected a FunctionEvent or FunctionEventAvg, got {type(other).__name__}")
        if self.key is None:
            for name in _SAME:
                setattr(self, name, getattr(other, name))
        if other.key != self.key:
            raise AssertionError(f"expected an event of {self.key}, got one of {other.key}")
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add
    cuda_time_total = _older("cuda_time_total", "device_time_total")
    self_cuda_time_total = _older("self_cuda_time_total", "self_device_time_total")
    self_cuda_memory_usage = _older("self_cuda_memory_usage", "self_device_memory_usage")

    def __repr__(self) -> str:
        device = f" self_device_time={self.self_device_time_total_str} device_time={self.device_time_str}" if self.use_device else ""
        return (f"<FunctionEventAvg key={self.key} count={self.count} self_cpu_time={self.self_cpu_time_total_str} "
                f"cpu_time={self.cpu_time_str}{device} input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>")


class EventList(list[Any]):
    """Calls in order of their start, or rows of sums."""

    def __init__(self, events: Iterable[Any] = (), *, use_device: str | None = None, profile_memory: bool = False,
                 with_flops: bool = False) -> None:  # fmt: skip
        super().__init__(events)
        self._use_device, self._profile_memory, self._with_flops = use_device, profile_memory, with_flops

    def _like(self, events: Iterable[Any]) -> EventList:
        return EventList(events, use_device=self._use_device, profile_memory=self._profile_memory, with_flops=self._with_flops)

    @property
    def self_cpu_time_total(self) -> float:
        return sum(e.self_cpu_time_total for e in self)

    def key_averages(self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> EventList:  # fmt: skip
        """A row for each name, and for each set of shapes or of the innermost lines of the stack where that is asked for."""
        rows: dict[Any, FunctionEventAvg] = {}
        for e in self:
            key: tuple[Any, ...] = (e.key, e.is_user_annotation)
            if group_by_overload_name:
                key += (e.overload_name,)
            if group_by_input_shapes:
                key += (str(e.input_shapes),)
            if group_by_stack_n > 0:
                key += tuple(e.stack[:group_by_stack_n])
            row = rows.get(key)
            if row is None:
                row = rows[key] = FunctionEventAvg()
            row.add(e)
        for row in rows.values():
            row.stack = row.stack[:group_by_stack_n]
            if not group_by_input_shapes:
                row.input_shapes = ""
            if not group_by_overload_name:
                row.overload_name = ""
        return self._like(rows.values())

    def total_average(self) -> FunctionEventAvg:
        """The sum of all."""
        total = FunctionEventAvg()
        for e in self:
            total.key = None
            total.add(e)
        total.key = "Total"
        return total

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int | None = 75,
              max_name_column_width: int | None = 55, max_shapes_column_width: int | None = 80, header: str | None = None,
              top_level_events_only: bool = False, time_unit: str | None = None) -> str:  # fmt: skip
        """The rows as text, the largest `sort_by` first: a name of a number of theirs, "cuda" in it meaning the GPU.

        row_limit: how many, -1 for all. top_level_events_only: leave out calls inside of others. time_unit: for all times, "s", "ms", "us".
        AttributeError for a sort_by that they do not have.
        """
        widths = max_name_column_width, max_shapes_column_width, max_src_column_width
        return table(self, sort_by, row_limit, widths, header, top_level_events_only, time_unit, self._use_device, self._profile_memory,
                     self._with_flops)  # fmt: skip

    def __str__(self) -> str:
        return self.table()

    def supported_export_stacks_metrics(self) -> list[str]:
        return ["self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total", "self_privateuse1_time_total"]

    def export_stacks(self, path: str | os.PathLike[str], metric: str) -> None:
        """Write a line for each call with a stack: `outermost;…;innermost microseconds`, as tools that draw flame graphs read it.

        ValueError for a metric that is none of `supported_export_stacks_metrics()`.
        """
        if metric not in self.supported_export_stacks_metrics():
            raise ValueError(f"metric should be one of: {self.supported_export_stacks_metrics()}, got {metric!r}")
        name = "self_cpu_time_total" if "cpu" in metric else "self_device_time_total"
        blank = str.maketrans(" ;\t\n", "____")
        with open(path, "w", encoding="utf-8") as file:
            for e in self:
                time = int(getattr(e, name))
                if e.stack and time > 0:
                    file.write(";".join(line.translate(blank) for line in reversed(e.stack)) + f" {time}\n")

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the calls for chrome://tracing and Perfetto."""
        from flambeau.profiler.trace import write_trace

        write_trace(path, self, {}, ())
