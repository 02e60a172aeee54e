"""The CPU as a device, for programs that are written for any: one device, whose work is done when a call returns."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import Any

__all__ = ["Event", "Stream", "StreamContext", "current_device", "current_stream", "device_count", "is_available", "is_initialized",
           "set_device", "stream", "synchronize"]  # fmt: skip


def is_available() -> bool:
    """True."""
    return True


def is_initialized() -> bool:
    """True."""
    return True


def device_count() -> int:
    """One, however many cores and sockets there are."""
    return 1


def current_device() -> str:
    """'cpu'."""
    return "cpu"


def set_device(device: Any) -> None:
    """Changes nothing: there is one."""


def synchronize(device: Any = None) -> None:
    """Changes nothing: work is done when a call returns."""


class Stream:
    """The order of calls, as a stream."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Nothing to wait for."""

    def wait_event(self, event: Any) -> None:
        """Nothing to wait for."""

    def record_event(self) -> None:
        """Nothing to mark: None, as in PyTorch."""


class Event:
    """A place in the order of calls: reached when it is made."""

    def query(self) -> bool:
        """True."""
        return True

    def record(self, stream: Any = None) -> None:
        """Nothing to mark."""

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait(self, stream: Any = None) -> None:
        """Nothing to wait for."""


_default = Stream()
_current = [_default]


def current_stream(device: Any = None) -> Stream:
    """The stream of the innermost `stream` block.

    >>> with flambeau.cpu.stream(flambeau.cpu.Stream()) as _:
    ...     flambeau.cpu.current_stream() is flambeau.cpu.current_stream()
    True
    """
    return _current[-1]


class StreamContext:
    """A block in which `current_stream` gives a stream; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            _current.append(self.stream)

    def __exit__(self, *_exc: Any) -> None:
        if self.stream is not None:
            _current.pop()


def stream(stream: Stream | None) -> StreamContext:
    """A block in which `current_stream` gives this stream; None changes nothing."""
    return StreamContext(stream)


def __getattr__(name: str):
    if name == "amp":
        return _import_module("flambeau.cpu.amp")
    raise AttributeError(f"module 'flambeau.cpu' has no attribute '{name}'")
