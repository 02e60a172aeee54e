"""Recording: a mode that every call passes while a profiler is on, and nothing at all while none is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from functools import wraps
from os.path import dirname
from time import perf_counter_ns
from typing import Any

import flambeau
from flambeau import Tensor, context
from flambeau.context import grad
from flambeau.dispatch import run_seen, run_watched
from flambeau.profiler.flops import flops_of
from flambeau.profiler.ledger import Ledger
from flambeau.profiler.names import PLAIN, event_name

FORWARD, BACKWARD, USER = 0, 1, 7  # PyTorch's numbers of scopes
_OWN = dirname(flambeau.__file__)


class Call:
    """What is noted of a call while it runs; `FunctionEvent` says what it means."""

    # most calls leave these as they are, and pay nothing for them
    end = flops = memory = device_memory = forward_thread = 0
    scope, seq = FORWARD, -1
    shapes: list[Any] | None = None
    strides: list[Any] | None = None
    concrete: list[Any] | None = None
    kinds: list[str] | None = None
    stack: list[str] | None = None
    ticks: Any = None
    is_module = False

    def __init__(self, name: str, thread: int, above: Call | None) -> None:
        self.name, self.thread, self.above = name, thread, above
        self.start = perf_counter_ns()


def has_strides(x: Tensor) -> bool:
    return x.process is None and x.layout is flambeau.strided


class _Here(threading.local):
    """What holds in a thread."""

    open: Call | None = None
    backward = 0

    def __init__(self) -> None:
        self.thread = threading.get_native_id()


class Recorder:
    """The mode: `instead` does each call itself, between two looks at the clock."""

    def __init__(self, shapes: bool = False, memory: bool = False, stack: bool = False, flops: bool = False, modules: bool = False,
                 device: bool = False) -> None:  # fmt: skip
        self.shapes, self.stack, self.flops = shapes, stack, flops
        self.calls: list[Call] = []
        self.here = _Here()
        self.ledger = Ledger(self._book) if memory else None
        self.wants_modules = modules
        self.modules: Any = None
        self.times_device = device
        self.plain = not (shapes or stack or flops or memory or device)

    # ---- on and off
    def start(self) -> None:
        """RuntimeError while another profiler is on."""
        if any(isinstance(mode, Recorder) for mode in context.modes):
            raise RuntimeError("Profiler is already enabled: leave its block, or stop it, before another begins")
        if self.wants_modules:
            from flambeau.profiler.modules import Modules

            self.modules = Modules(self)
        grad.writing = None
        self.began = perf_counter_ns()
        context.push_mode(self)

    def stop(self) -> None:
        context.pop_mode(self)
        if self.modules is not None:
            self.modules.close()
        if self.ledger is not None:
            self.ledger.close()
        self.ended = perf_counter_ns()

    # ---- what the modes' contract asks for
    def instead(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> Any:
        here = self.here
        name = PLAIN.get(card)
        if name is None or grad.writing is card:
            name = event_name(card, inputs, attrs, here.backward > 0, _writes(card))
        above = here.open
        here.open = call = Call(name, here.thread, above)
        try:
            if not self.plain:
                self._before(call, inputs)
                call.start = perf_counter_ns()
            if len(context.modes) == 1 and not grad.inference:
                result = run_seen(card, inputs, attrs)
            else:
                result = run_watched(card, inputs, attrs, self)
            call.end = perf_counter_ns()
            if not self.plain:
                self._after(call, card, inputs, attrs, result)
            if type(result) is Tensor and result.node is not None:
                call.seq = result.node.seq
            return result
        finally:
            if not call.end:
                call.end = perf_counter_ns()
            here.open = above
            self.calls.append(call)

    def made(self, x: Tensor) -> None:
        """A tensor came into being by no call."""
        if self.ledger is not None:
            self.ledger.results((), x)

    def before(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return inputs, attrs

    def around_node(self, node: Any, pull: Callable[[], Any]) -> Callable[[], Any]:
        def pulled() -> Any:
            outer = self.begin(f"autograd::engine::evaluate_function: {node.name()}")
            inner = self.begin(node.name(), scope=BACKWARD)
            outer.seq = inner.seq = node.seq
            outer.forward_thread = inner.forward_thread = self.here.thread
            self.here.backward += 1
            try:
                return pull()
            finally:
                self.here.backward -= 1
                self.end(inner)
                self.end(outer)

        return pulled

    # ---- named parts
    def begin(self, name: str, scope: int = FORWARD) -> Call:
        here = self.here
        call = Call(name, here.thread, here.open)
        call.scope = scope
        if self.stack:
            call.stack = _stack()
        here.open = call
        return call

    def end(self, call: Call) -> None:
        call.end = perf_counter_ns()
        self.here.open = call.above
        self.calls.append(call)

    def part(self, name: str) -> Call:
        return self.begin(name, USER)

    # ---- what costs more, and is asked for
    def _before(self, call: Call, inputs: Any) -> None:
        if self.shapes:
            call.shapes = [list(x.shape) if isinstance(x, Tensor) else [] for x in inputs]
            call.strides = [list(x.stride()) if isinstance(x, Tensor) and has_strides(x) else [] for x in inputs]
            call.concrete = [None if isinstance(x, Tensor) else x for x in inputs]
            call.kinds = [x.dtype.name if isinstance(x, Tensor) else "" if x is None else "Scalar" for x in inputs]
        if self.stack:
            call.stack = _stack()
        if self.times_device:
            on_device = next((x for x in inputs if isinstance(x, Tensor) and x.process is None and x.is_cuda), None)
            if on_device is not None:
                from flambeau.profiler.ticks import Ticks

                call.ticks = Ticks(on_device.array.device)

    def _after(self, call: Call, card: Any, inputs: Any, attrs: dict[str, Any], result: Any) -> None:
        if call.ticks is not None:
            call.ticks.end()
        if self.flops and not call.name.endswith("_"):  # PyTorch counts add and mul, not add_ and mul_
            call.flops = flops_of(card, inputs, attrs, result)
        if self.ledger is not None:
            self.ledger.results(inputs, result)

    def _book(self, count: int, device: bool) -> None:
        call = self.here.open
        if call is None:
            call = Call("[memory]", self.here.thread, None)
            call.end = call.start
            self.calls.append(call)
        if device:
            call.device_memory += count
        else:
            call.memory += count


def _writes(card: Any) -> bool:
    """Whether the call that comes is the op of `card_()`: `write.run_inplace` leaves word, once."""
    if grad.writing is card:
        grad.writing = None
        return True
    return False


def _stack() -> list[str]:
    """The lines that called, the innermost first, those of Flambeau itself left out."""
    frame: Any = sys._getframe(1)
    lines = []
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_OWN):
            lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return lines


class record_function:
    """A name for a part of a program in the profile: a block or a decorator.  Costs next to nothing while no profiler is on.

    >>> from flambeau.profiler import profile
    >>> with profile() as p, record_function("doubling"):
    ...     _ = flambeau.ones(2) * 2
    >>> [e.name for e in p.events() if "::" not in e.name]
    ['doubling']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self.parts: list[context.part] = []

    def __enter__(self) -> record_function:
        self.parts.append(context.part(self.name).__enter__())
        return self

    def __exit__(self, *_error: Any) -> None:
        self.parts.pop().__exit__()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return call


def finished(calls: Iterable[Call]) -> list[Call]:
    """The calls in order of their start, each below the innermost that came to an end."""
    done = sorted((c for c in calls if c.end), key=lambda c: (c.start, -c.end))
    for call in done:
        while call.above is not None and not call.above.end:
            call.above = call.above.above
    return done
