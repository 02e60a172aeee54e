"""Recording: a mode that every call passes while a profiler is on, and nothing at all while none is."""

from __future__ import annotations

import enum
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np

from flambeau import Tensor, context
from flambeau.dispatch import run_watched
from flambeau.profiler.events import EventList, FunctionEvent


class ProfilerActivity(enum.Enum):
    """What can be recorded: the host's calls.  A GPU's kernels are not timed apart from the calls that launch them."""

    CPU = 0


class ProfilerAction(enum.Enum):
    """What a schedule says of a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    return {ProfilerActivity.CPU}


class _Thread(threading.local):
    open: FunctionEvent | None = None
    passing = False


class _Recorder:
    """The mode: `instead` does each call itself, between two looks at the clock."""

    def __init__(self, shapes: bool, memory: bool, stack: bool) -> None:
        self.shapes, self.memory, self.stack = shapes, memory, stack
        self.events: list[FunctionEvent] = []
        self.thread = _Thread()

    def begin(self, name: str, inputs: Iterable[Any] = ()) -> FunctionEvent:
        shapes = [list(x.shape) if isinstance(x, Tensor) else [] for x in inputs] if self.shapes else []
        above = self.thread.open
        event = FunctionEvent(name, threading.get_ident(), 0.0, shapes, _stack() if self.stack else [], above)
        if above is not None:
            above.cpu_children.append(event)
        self.events.append(event)
        self.thread.open = event
        event.start = time.perf_counter_ns() / 1e3
        return event

    def end(self, event: FunctionEvent) -> None:
        event.close(time.perf_counter_ns() / 1e3)
        self.thread.open = event.cpu_parent

    def instead(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> Any:
        if self.thread.passing:
            self.thread.passing = False
            return None
        event = self.begin(f"aten::{card.name}", inputs)
        try:
            self.thread.passing = True
            result = run_watched(card, inputs, attrs)
            if self.memory:
                inner = sum(c.cpu_memory_usage for c in event.cpu_children)
                event.self_cpu_memory_usage = max(_allocated(result) - inner, 0)
            return result
        finally:
            self.thread.passing = False
            self.end(event)

    def before(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return inputs, attrs

    def around_node(self, node: Any, pull: Callable[[], Any]) -> Callable[[], Any]:
        def pulled() -> Any:
            event = self.begin(f"autograd::engine::evaluate_function: {node.name()}")
            try:
                return pull()
            finally:
                self.end(event)

        return pulled


def _allocated(result: Any) -> int:
    found = result if isinstance(result, tuple | list) else (result,)
    arrays = [x.array for x in found if isinstance(x, Tensor) and x.process is None]
    return sum(a.nbytes for a in arrays if not isinstance(a, np.ndarray) or a.base is None)


def _stack() -> list[str]:
    from traceback import extract_stack

    own = os.sep + "flambeau" + os.sep
    return [f"{f.filename}({f.lineno}): {f.name}" for f in reversed(extract_stack()) if own not in f.filename]


class record_function:
    """A name for a part of a program in the profile: a block or a decorator.  Costs next to nothing while no profiler is on.

    >>> with profile() as p, record_function("doubling"):
    ...     _ = flambeau.ones(2) * 2
    >>> [e.name for e in p.events() if "::" not in e.name]
    ['doubling']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.open = name, []  # type: ignore[var-annotated]

    def __enter__(self) -> record_function:
        if context.modes:
            self.open.extend((mode, mode.begin(self.name)) for mode in context.modes if isinstance(mode, _Recorder))
        return self

    def __exit__(self, *_error: Any) -> None:
        while self.open:
            mode, event = self.open.pop()
            mode.end(event)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return call


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0) -> Callable[[int], ProfilerAction]:
    """Which steps to record: after skip_first, again and again (or `repeat` times) wait, warm up, record `active` steps.

    >>> plan = schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(i).name for i in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise ValueError("expected wait, warmup, repeat and skip_first of at least 0 and active of at least 1, "
                         f"got {wait}, {warmup}, {repeat}, {skip_first} and {active}")
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        if step < 0 or (repeat and step >= repeat * length):
            return ProfilerAction.NONE
        place = step % length
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if place == length - 1 else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None) -> Callable[[profile], None]:
    """For `on_trace_ready`: each trace into a file of its own in the folder, where TensorBoard looks for it."""

    def handler(p: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        name = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        p.export_chrome_trace(os.path.join(dir_name, f"{name}.{time.time_ns()}.pt.trace.json"))

    return handler


class profile:
    """Record every op of the block, forward and backward, of every thread: names, times, and what is asked for beside.

    schedule: which steps (counted by `step()`) to record; on_trace_ready(profile) is called after each round of it, or at the end.
    record_shapes: of the inputs. profile_memory: bytes that results take. with_stack: the lines that called.
    While it is on, calls take the slow road and backward runs op by op: compare times with each other, not with those without it.

    >>> with profile(record_shapes=True) as p:
    ...     _ = flambeau.ones(2, 3) @ flambeau.ones(3, 4)
    >>> p.key_averages(group_by_input_shape=True)[-1].input_shapes
    [[2, 3], [3, 4]]
    """

    def __init__(self, *, activities: Iterable[ProfilerActivity] | None = None, schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[[profile], Any] | None = None, record_shapes: bool = False, profile_memory: bool = False,
                 with_stack: bool = False) -> None:  # fmt: skip
        unknown = [a for a in activities or () if a not in supported_activities()]
        if unknown:
            raise ValueError(f"expected activities out of {supported_activities()}, got {unknown[0]!r}")
        self.schedule, self.on_trace_ready = schedule, on_trace_ready
        self.options = record_shapes, profile_memory, with_stack
        self.step_num = 0
        self._recorder: _Recorder | None = None
        self._events: EventList | None = None

    def _action(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)

    def _record(self, wanted: bool) -> None:
        if wanted and self._recorder is None:
            self._recorder = _Recorder(*self.options)
            context.push_mode(self._recorder)
        elif not wanted and self._recorder is not None:
            context.pop_mode(self._recorder)
            done = [e for e in self._recorder.events if e.end > e.start]
            self._events, self._recorder = EventList(sorted(done, key=lambda e: e.start)), None
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def start(self) -> None:
        self._record(self._action().value >= ProfilerAction.RECORD.value)

    def stop(self) -> None:
        self._record(False)

    def step(self) -> None:
        """The next step of the schedule begins."""
        before = self._action()
        self.step_num += 1
        now = self._action()
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._record(False)
        self._record(now.value >= ProfilerAction.RECORD.value)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.stop()

    def events(self) -> EventList:
        """All calls of the round that was recorded last.  RuntimeError before there is one."""
        if self._events is None:
            raise RuntimeError("Profiler didn't finish running: leave its block, or call stop(), before you look at events")
        return self._events

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        self.events().export_chrome_trace(path)
