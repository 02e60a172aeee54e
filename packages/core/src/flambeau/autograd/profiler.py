"""The profiler without a schedule, and ranges for other vendors' tools.  `flambeau.profiler` is the one to prefer."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from .. import context
from ..cuda import nvtx
from ..cuda.runtime import gpu
from ..dispatch import run_watched
from ..profiler.events import EventList, FunctionEvent
from ..profiler.kinds import DeviceType, ProfilerActivity, kineto_available
from ..profiler.names import event_name
from ..profiler.recorder import Recorder, record_function
from ..profiler.recording import profile
from ..tensor import Tensor

__all__ = ["DeviceType", "EventList", "FunctionEvent", "ProfilerActivity", "emit_itt", "emit_nvtx", "kineto_available", "load_nvprof",
           "parse_nvprof_trace", "profile", "record_function"]  # fmt: skip


def __getattr__(name: str) -> bool:
    """`_is_profiler_enabled`: whether a profiler is on now."""
    if name == "_is_profiler_enabled":
        return any(isinstance(mode, Recorder) for mode in context.modes)
    raise AttributeError(f"module 'flambeau.autograd.profiler' has no attribute {name!r}")


class emit_nvtx:
    """Every op of the block, forward and backward, as a range that NVIDIA's Nsight tools show: `aten::add`.

    enabled: False does nothing. record_shapes: with the inputs' shapes in the name. AssertionError without CuPy, RuntimeError without a
    GPU or where it is entered twice.
    """

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled, self.record_shapes, self.entered = enabled, record_shapes, False

    def __enter__(self) -> emit_nvtx | None:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("NVTX annotation context manager is not reentrant")
        gpu().cuda.runtime.deviceSynchronize()
        self.entered = True
        context.push_mode(self)
        return self

    def __exit__(self, *_error: Any) -> None:
        if self.enabled:
            context.pop_mode(self)
            gpu().cuda.runtime.deviceSynchronize()

    # ---- what the modes' contract asks for
    def instead(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> Any:
        name = event_name(card, inputs, attrs)
        if self.record_shapes:
            name += f", sizes = {[list(x.shape) if isinstance(x, Tensor) else [] for x in inputs]}"
        nvtx.range_push(name)
        try:
            return run_watched(card, inputs, attrs, self)
        finally:
            nvtx.range_pop()

    def around_node(self, node: Any, pull: Callable[[], Any]) -> Callable[[], Any]:
        def pulled() -> Any:
            nvtx.range_push(f"{node.name()}, seq = {node.seq}")
            try:
                return pull()
            finally:
                nvtx.range_pop()

        return pulled

    def part(self, name: str) -> None:
        nvtx.range_push(name)

    def end(self, _part: None) -> None:
        nvtx.range_pop()


class emit_itt:
    """Not there: RuntimeError on entering, unless enabled=False.  Intel's ittnotify is not bound."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled

    def __enter__(self) -> emit_itt | None:
        if self.enabled:
            raise RuntimeError("emit_itt: Flambeau does not bind Intel's ittnotify; flambeau.profiler.profile records on every processor")
        return None

    def __exit__(self, *_error: Any) -> None:
        return None


def load_nvprof(path: str) -> NoReturn:
    """Not there: RuntimeError.  nvprof's files come from GPUs before Volta; NVIDIA's Nsight Systems took its place."""
    raise RuntimeError(f"load_nvprof: {path!r} is not read. nvprof knows no GPU that Flambeau runs on; record with "
                       "flambeau.profiler.profile, or with Nsight Systems under emit_nvtx")


def parse_nvprof_trace(path: str) -> NoReturn:
    """Not there: RuntimeError, as load_nvprof."""
    load_nvprof(path)
