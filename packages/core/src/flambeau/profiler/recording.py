"""One recording, from the block's beginning to its end: what `flambeau.autograd.profiler.profile` is, and `flambeau.profiler` runs."""

from __future__ import annotations

import os
from typing import Any
from warnings import warn

from flambeau import cuda
from flambeau.profiler.events import EventList, FunctionEvent, FunctionEventAvg
from flambeau.profiler.recorder import BACKWARD, USER, Call, Recorder, finished
from flambeau.profiler.trace import write_trace


class profile:
    """Record every op of the block: the profiler without a schedule.  `flambeau.profiler.profile` is the one to prefer.

    enabled: False records nothing. use_device: "cuda" also times what a GPU does. The other arguments are those of
    `flambeau.profiler.profile`. RuntimeError where it is entered twice.

    >>> with flambeau.autograd.profiler.profile() as p:
    ...     _ = flambeau.ones(3).exp()
    >>> [e.name for e in p.function_events]
    ['aten::exp']
    """

    def __init__(self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None, record_shapes: bool = False,
                 with_flops: bool = False, profile_memory: bool = False, with_stack: bool = False, with_modules: bool = False,
                 use_kineto: bool = False, use_cpu: bool = True, experimental_config: Any = None,
                 acc_events: bool = False) -> None:  # fmt: skip
        self.enabled = enabled
        if use_cuda:
            warn("The attribute `use_cuda` will be deprecated soon, please use ``use_device = 'cuda'`` instead.", FutureWarning,
                 stacklevel=2)
            use_device = "cuda"
        if use_device not in (None, "cuda", "cpu"):
            warn(f"The {use_device} is not a valid device option.", stacklevel=2)
        if use_device == "cuda" and not cuda.is_available():
            warn("CUDA is not available, disabling CUDA profiling", stacklevel=2)
            use_device = None
        self.use_device = use_device if use_device == "cuda" else None
        check_config(experimental_config)
        self.record_shapes, self.with_flops, self.profile_memory = record_shapes or with_flops, with_flops, profile_memory
        self.with_stack, self.with_modules, self.acc_events = with_stack, with_modules, acc_events
        self.entered = False
        self.metadata: dict[str, Any] = {}
        self._recorder: Recorder | None = None
        self._rounds: list[Recorder] = []  # finished; several only with acc_events
        self._events: EventList | None = None

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self.entered = True
        self.begin()
        return self

    def __exit__(self, *_error: Any) -> None:
        if self.enabled and self._recorder is not None:
            self.finish()

    def begin(self) -> None:
        recorder = Recorder(self.record_shapes, self.profile_memory, self.with_stack, self.with_flops, self.with_modules,
                            self.use_device is not None)  # fmt: skip
        recorder.start()
        self._recorder = recorder

    def finish(self) -> None:
        assert self._recorder is not None
        self._recorder.stop()
        self._rounds = [*self._rounds, self._recorder] if self.acc_events else [self._recorder]
        self._recorder = self._events = None

    @property
    def function_events(self) -> EventList:
        """All calls, in order of their start.  RuntimeError before the block is left."""
        if not self._rounds or self._recorder is not None:
            raise RuntimeError("Profiler didn't finish running: leave its block, or call stop(), before you look at events")
        if self._events is None:
            self._events = EventList(use_device=self.use_device, profile_memory=self.profile_memory, with_flops=self.with_flops)
            for recorder in self._rounds:
                self._events += built(recorder.calls, self._rounds[0].began, self.use_device, len(self._events))
        return self._events

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all calls, each without those inside of it."""
        return self.function_events.self_cpu_time_total

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> EventList:  # fmt: skip
        return self.function_events.key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self) -> FunctionEventAvg:
        return self.function_events.total_average()

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int | None = 75,
              max_name_column_width: int | None = 55, max_shapes_column_width: int | None = 80, header: str | None = None,
              top_level_events_only: bool = False) -> str:  # fmt: skip
        return self.function_events.table(sort_by, row_limit, max_src_column_width, max_name_column_width, max_shapes_column_width, header,
                                          top_level_events_only)  # fmt: skip

    def export_stacks(self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total") -> None:
        if not self.with_stack:
            raise AssertionError("export_stacks() requires with_stack=True")
        self.function_events.export_stacks(path, metric)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the calls for chrome://tracing and Perfetto, packed where the name ends with .gz."""
        names = ("record_shapes", "profile_memory", "with_stack", "with_flops", "with_modules")
        options = {name: 1 for name in names if getattr(self, name)}
        memory = [entry for recorder in self._rounds if recorder.ledger is not None for entry in recorder.ledger.log]
        write_trace(path, self.function_events, {**options, **self.metadata}, memory, self._rounds[0].began / 1e3)

    def __repr__(self) -> str:
        return "<unfinished flambeau.autograd.profile>" if not self._rounds else repr(self.function_events)

    def __str__(self) -> str:
        return repr(self) if not self._rounds else self.function_events.table()


def check_config(config: Any) -> None:
    """TypeError for what is no `_ExperimentalConfig`."""
    if config is not None and not isinstance(config, _ExperimentalConfig):
        raise TypeError(f"expected experimental_config as a flambeau.profiler._ExperimentalConfig, got {type(config).__name__}")


class _ExperimentalConfig:
    """PyTorch's options of its tracer.  `verbose` is taken: stacks are whole anyway; RuntimeError for those that need CUPTI or Kineto."""

    def __init__(self, profiler_metrics: Any = (), profiler_measure_per_kernel: bool = False, verbose: bool = False,
                 **others: Any) -> None:  # fmt: skip
        asked = [name for name, value in {"profiler_metrics": profiler_metrics, "profiler_measure_per_kernel": profiler_measure_per_kernel,
                                          **others}.items() if value]  # fmt: skip
        if asked:
            raise RuntimeError(f"_ExperimentalConfig: {', '.join(asked)}: these are options of PyTorch's tracer Kineto, which is not here")
        self.verbose = verbose


def built(calls: list[Call], began: int, use_device: str | None, first_id: int = 0) -> list[FunctionEvent]:
    """Events of calls, in order of their start: who is inside of whom, what the whole took, which gradient belongs to which call."""
    done = finished(calls)
    events: dict[Call, FunctionEvent] = {}
    for number, c in enumerate(done, first_id):
        step = c.name.startswith("ProfilerStep#")
        events[c] = FunctionEvent(
            number, "ProfilerStep*" if step else c.name, c.thread, (c.start - began) / 1e3, (c.end - began) / 1e3,
            fwd_thread=c.forward_thread or None, input_shapes=c.shapes, stack=c.stack, scope=c.scope, use_device=use_device,
            cpu_memory_usage=c.memory, device_memory_usage=c.device_memory, sequence_nr=c.seq, flops=c.flops, trace_name=c.name,
            is_user_annotation=c.scope == USER, is_python_function=c.is_module, concrete_inputs=c.concrete, input_strides=c.strides,
            input_types=c.kinds)  # fmt: skip
    for c, event in events.items():
        if c.above is not None:
            parent = events[c.above]
            event.set_cpu_parent(parent)
            parent.append_cpu_child(event)
        if c.flops and c.above is not None and c.above.name == c.name:  # autocast around the profiler: the call once more, on cast inputs
            events[c.above].flops = 0
    whole: dict[Call, float] = {}
    for c in reversed(done):  # those inside come before what they are in
        event = events[c]
        event.cpu_memory_usage += sum(child.cpu_memory_usage for child in event.cpu_children)
        event.device_memory_usage += sum(child.device_memory_usage for child in event.cpu_children)
        if c.ticks is not None:
            inside, time = whole.get(c, 0.0), c.ticks.microseconds()
            event.append_kernel(c.name, c.ticks.device.id, max(time - inside, 0.0))
            whole[c] = time
        if c.above is not None and c in whole:
            whole[c.above] = whole.get(c.above, 0.0) + whole[c]
    _borrow_stacks(events)
    return list(events.values())


def _borrow_stacks(events: dict[Call, FunctionEvent]) -> None:
    """What runs in backward has the stack of the forward call whose gradient it is."""
    forward = {(c.seq, c.thread): c.stack for c in events if c.scope != BACKWARD and c.seq >= 0 and not c.forward_thread and c.stack}
    for c, event in events.items():
        above: Call | None = c
        while above is not None and not above.forward_thread:
            above = above.above
        if above is not None and forward:
            event.stack = forward.get((above.seq, above.forward_thread)) or []
