"""The profiler of a training loop: which steps are recorded, and what becomes of the recordings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from warnings import warn

from flambeau.context import part
from flambeau.profiler.events import EventList
from flambeau.profiler.kinds import ProfilerActivity, usable
from flambeau.profiler.plan import ProfilerAction, always
from flambeau.profiler.recording import check_config
from flambeau.profiler.recording import profile as Recording

NONE, WARMUP, RECORD, SAVE = ProfilerAction


class ExecutionTraceObserver:
    """Not there: NotImplementedError.  PyTorch's writes what a replay of the program needs; `export_chrome_trace` tells what was called."""

    def __init__(self) -> None:
        raise NotImplementedError("ExecutionTraceObserver: execution traces are not there; export_chrome_trace tells what was called")


class _KinetoProfile:
    """Recording by hand: `start()` to `stop()`, without steps.  The arguments are those of `profile`."""

    def __init__(self, *, activities: Iterable[ProfilerActivity] | None = None, record_shapes: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, experimental_config: Any = None,
                 execution_trace_observer: Any = None, acc_events: bool = False,
                 custom_trace_id_callback: Callable[[], str] | None = None) -> None:  # fmt: skip
        if execution_trace_observer is not None:
            raise NotImplementedError("execution_trace_observer: execution traces are not there; export_chrome_trace tells what was called")
        check_config(experimental_config)
        self.activities = usable(activities)
        self.record_shapes, self.profile_memory, self.with_stack = record_shapes, profile_memory, with_stack
        self.with_flops, self.with_modules, self.acc_events = with_flops, with_modules, acc_events
        self.custom_trace_id_callback = custom_trace_id_callback
        self.use_device = "cuda" if ProfilerActivity.CUDA in self.activities else None
        self.profiler: Recording | None = None  # flambeau.autograd.profiler.profile
        self.preset_metadata: dict[str, Any] = {}
        self._rounds = 0
        self._told = False

    # ---- recording
    def start(self) -> None:
        self.prepare_trace()
        self.start_trace()

    def stop(self) -> None:
        self.stop_trace()

    def prepare_trace(self) -> None:
        if self.profiler is None or not self.acc_events:
            kept = {} if self.profiler is None else self.profiler.metadata
            self.profiler = Recording(
                use_device=self.use_device, record_shapes=self.record_shapes, with_flops=self.with_flops,
                profile_memory=self.profile_memory, with_stack=self.with_stack, with_modules=self.with_modules,
                acc_events=self.acc_events)  # fmt: skip
            self.profiler.metadata.update(kept)

    def start_trace(self) -> None:
        assert self.profiler is not None
        if self._rounds and not self.acc_events and not self._told:
            self._told = True
            warn("Profiler clears events at the end of each cycle. Only events from the current cycle will be reported. To keep events "
                 "across cycles, set acc_events=True.", stacklevel=4)
        self._rounds += 1
        self.profiler.begin()
        self.profiler.metadata.update(self.preset_metadata)
        if self.custom_trace_id_callback is not None:
            self.profiler.metadata["trace_id"] = self.custom_trace_id_callback()

    def stop_trace(self) -> None:
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before stopping trace")
        self.profiler.finish()

    # ---- what was recorded
    def _recorded(self, doing: str) -> Recording:
        if self.profiler is None:
            raise AssertionError(f"Profiler must be initialized before {doing}")
        return self.profiler

    def events(self) -> EventList:
        """All calls of the round that was recorded last, of all rounds with acc_events.  RuntimeError while it is being recorded."""
        return self._recorded("accessing events").function_events

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> EventList:  # fmt: skip
        """A row for each name, and for each set of shapes or of the innermost lines of the stack where that is asked for."""
        return self._recorded("getting key averages").key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the calls for chrome://tracing and Perfetto, packed where the name ends with .gz."""
        self._recorded("exporting chrome trace").export_chrome_trace(path)

    def export_stacks(self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total") -> None:
        """Write stacks and their times, as tools that draw flame graphs read them.  AssertionError without with_stack."""
        self._recorded("exporting stacks").export_stacks(path, metric)

    def export_memory_timeline(self, path: str, device: str | None = None) -> None:
        """Not there.  NotImplementedError says where the numbers are."""
        raise NotImplementedError("export_memory_timeline: what memory was for (weights, gradients, temporaries) is not recorded; with "
                                  "profile_memory=True the [memory] marks of export_chrome_trace tell what was taken and freed when")

    # ---- what the trace tells beside
    def add_metadata(self, key: str, value: str) -> None:
        """A text in the trace's file, under `key`.  While recording or after it."""
        self._recorded("adding metadata").metadata[key] = str(value)

    def add_metadata_json(self, key: str, value: str) -> None:
        """A value written in JSON in the trace's file, under `key`.  ValueError for what is no JSON."""
        self._recorded("adding metadata").metadata[key] = json.loads(value)

    def preset_metadata_json(self, key: str, value: str) -> None:
        """As add_metadata_json, before recording begins, for every round."""
        self.preset_metadata[key] = json.loads(value)

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable[ProfilerActivity]) -> None:
        """Not there: use a schedule."""
        raise NotImplementedError("toggle_collection_dynamic is not there: leave parts out with a schedule, or stop() and start()")


class profile(_KinetoProfile):
    """Record every op of the block, forward and backward, of every thread: names, times, and what is asked for beside.

    activities: CPU, CUDA; what the machine has unless given. CUDA adds how long a GPU worked on each call.
    schedule: which steps (counted by `step()`) to record; on_trace_ready(profile) is called after each round of it, or at the end.
    record_shapes: of the inputs. profile_memory: bytes taken and freed. with_stack: the lines that called. with_flops: how much is
    computed, for products of matrices, convolutions, add and mul. with_modules: calls of modules too.
    acc_events: keep the events of all rounds.
    While it is on, calls take the slow road and backward runs op by op: compare times with each other, not with those without it.

    >>> with profile(record_shapes=True) as p:
    ...     _ = flambeau.ones(2, 3) @ flambeau.ones(3, 4)
    >>> p.key_averages(group_by_input_shape=True)[0].input_shapes
    [[2, 3], [3, 4]]
    """

    def __init__(self, *, activities: Iterable[ProfilerActivity] | None = None, schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[..., Any] | None = None, record_shapes: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, experimental_config: Any = None,
                 execution_trace_observer: Any = None, acc_events: bool = False, use_cuda: bool | None = None,
                 custom_trace_id_callback: Callable[[], str] | None = None) -> None:  # fmt: skip
        if use_cuda is not None:
            warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning, stacklevel=2)
            wanted = set(usable(activities))
            activities = wanted | {ProfilerActivity.CUDA} if use_cuda else wanted - {ProfilerActivity.CUDA}
        super().__init__(activities=activities, record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack,
                         with_flops=with_flops, with_modules=with_modules, experimental_config=experimental_config,
                         execution_trace_observer=execution_trace_observer, acc_events=acc_events,
                         custom_trace_id_callback=custom_trace_id_callback)  # fmt: skip
        self.schedule = schedule or always
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._step_part: part | None = None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.stop()

    def start(self) -> None:
        self._transit(NONE, self.current_action)
        self._name_step()

    def stop(self) -> None:
        self._end_step()
        self._transit(self.current_action, None)

    def step(self) -> None:
        """The next step of the schedule begins."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._transit(before, self.current_action)
        self._name_step()

    def set_custom_trace_id_callback(self, callback: Callable[[], str]) -> None:
        self.custom_trace_id_callback = callback

    def get_trace_id(self) -> str | None:
        return None if self.profiler is None else self.profiler.metadata.get("trace_id")

    def _name_step(self) -> None:
        if self.record_steps and self._recording():
            self._step_part = part(f"ProfilerStep#{self.step_num}").__enter__()

    def _end_step(self) -> None:
        if self._step_part is not None:
            self._step_part.__exit__()
            self._step_part = None

    def _recording(self) -> bool:
        return self.profiler is not None and self.profiler._recorder is not None

    def _transit(self, before: ProfilerAction, now: ProfilerAction | None) -> None:
        """From one step's action to the next one's; None at the end."""
        recorded = before in (RECORD, SAVE)
        goes_on = before is RECORD and now in (RECORD, SAVE)
        if recorded and now in (NONE, WARMUP) and before is RECORD:
            warn(f"Incorrect schedule: RECORD followed by {now.name}", stacklevel=4)
        if before is WARMUP and now is NONE:
            warn("Incorrect schedule: WARMUP followed by NONE", stacklevel=4)
        if self._recording() and not goes_on:
            self.stop_trace()
            if (before is SAVE or now is None) and self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if now in (RECORD, SAVE) and not self._recording():
            self.prepare_trace()
            self.start_trace()
