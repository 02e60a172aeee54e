"""Streams, which run side by side on a GPU, and events, which mark places in them."""

from __future__ import annotations

from typing import Any

import flambeau

from .runtime import chosen, gpu


class Stream:
    """A queue of work on a GPU, beside the default one.

    device: the current one by default. priority: the lower the sooner; 0 and -1 are there on every GPU.
    RuntimeError without CuPy.
    """

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        cp = gpu(RuntimeError)
        self._index = chosen(cp, device)
        with cp.cuda.Device(self._index):
            self._stream = cp.cuda.Stream(non_blocking=True, priority=priority)

    @classmethod
    def _around(cls, stream: Any, index: int) -> Stream:
        self = object.__new__(cls)
        self._stream, self._index = stream, index
        return self

    @property
    def device(self) -> flambeau.device:
        """The GPU that it runs on."""
        return flambeau.device("cuda", self._index)

    @property
    def device_index(self) -> int:
        return self._index

    @property
    def cuda_stream(self) -> int:
        """CUDA's handle, for other libraries; 0 for the default stream."""
        return int(self._stream.ptr)

    @property
    def priority(self) -> int:
        return int(self._stream.priority)

    def synchronize(self) -> None:
        """Wait until all of its work is done."""
        self._stream.synchronize()

    def query(self) -> bool:
        """Whether all of its work is done."""
        return bool(self._stream.done)

    def wait_event(self, event: Event) -> None:
        """Let what comes from now on wait for an event."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Let what comes from now on wait for what another stream was given so far."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """Mark this place: gives the event, a new one by default."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        self._context = StreamContext(self)
        self._context.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._context.__exit__(*exc)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self._index, self.cuda_stream) == (other._index, other.cuda_stream)

    def __hash__(self) -> int:
        return hash((self._index, self.cuda_stream))

    def __repr__(self) -> str:
        return f"<flambeau.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class _Handle:
    """A handle as CUDA's stream protocol wants it told."""

    def __init__(self, stream_ptr: int):
        self.stream_ptr = stream_ptr

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.stream_ptr


class ExternalStream(Stream):
    """A stream that another library made, by CUDA's handle of it; it must live as long as this one is in use."""

    def __init__(self, stream_ptr: int, device: Any = None) -> None:
        cp = gpu(RuntimeError)
        self._index = chosen(cp, device)
        with cp.cuda.Device(self._index):
            self._stream = cp.cuda.Stream.from_external(_Handle(stream_ptr))


class Event:
    """A place in a stream, to wait for and to measure time with.

    enable_timing: `elapsed_time` can be asked. blocking: `synchronize` lets the processor rest. RuntimeError without CuPy, and for
    interprocess=True, which is not there.
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        gpu(RuntimeError)
        if interprocess:
            raise RuntimeError("Event(interprocess=True): events cannot be sent to other processes; synchronize before you send tensors")
        self._timing, self._blocking = enable_timing, blocking
        self._event: Any = None  # CUDA makes an event on a device: on that of the stream that it is first recorded in

    def record(self, stream: Stream | None = None) -> None:
        """Mark this place of a stream, the current one by default."""
        stream = current_stream() if stream is None else stream
        cp = gpu()
        with cp.cuda.Device(stream._index):
            if self._event is None:
                self._event = cp.cuda.Event(block=self._blocking, disable_timing=not self._timing)
            self._event.record(stream._stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Let a stream, the current one by default, wait until this place is reached; nothing for an event that was not recorded."""
        stream = current_stream() if stream is None else stream
        if self._event is not None:
            stream._stream.wait_event(self._event)

    def query(self) -> bool:
        """Whether the place was reached; True for an event that was not recorded."""
        return self._event is None or bool(self._event.done)

    def synchronize(self) -> None:
        """Wait until the place is reached."""
        if self._event is not None:
            self._event.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another.  ValueError unless both have enable_timing and were recorded."""
        if not (self._timing and end_event._timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._event is None or end_event._event is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return float(gpu().cuda.get_elapsed_time(self._event, end_event._event))

    def __repr__(self) -> str:
        return "<flambeau.cuda.Event {}>".format("uninitialized" if self._event is None else f"{self._event.ptr:#x}")


class StreamContext:
    """A block in which a stream is the current one of its GPU; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream
        self._before: Any = None

    def __enter__(self) -> None:
        if self.stream is not None:
            cp = gpu()
            self._before = cp.cuda.runtime.getDevice(), cp.cuda.get_current_stream(self.stream._index)
            set_stream(self.stream)

    def __exit__(self, *_exc: Any) -> None:
        if self.stream is not None:
            cp = gpu()
            device, stream = self._before
            with cp.cuda.Device(self.stream._index):
                stream.use()
            cp.cuda.runtime.setDevice(device)


def stream(stream: Stream | None) -> StreamContext:
    """A block in which a stream is the current one of its GPU; None changes nothing.

    >>> with flambeau.cuda.stream(None):
    ...     pass
    """
    return StreamContext(stream)


def set_stream(stream: Stream | None) -> None:
    """Make a stream, and its GPU, the current one; None changes nothing."""
    if stream is not None:
        gpu().cuda.runtime.setDevice(stream._index)
        stream._stream.use()


def current_stream(device: Any = None) -> Stream:
    """The stream that a GPU's work goes to in this thread."""
    cp = gpu()
    index = chosen(cp, device)
    return Stream._around(cp.cuda.get_current_stream(index), index)


def default_stream(device: Any = None) -> Stream:
    """The stream that a GPU's work goes to unless another one is chosen."""
    cp = gpu()
    return Stream._around(cp.cuda.Stream.null, chosen(cp, device))


def synchronize(device: Any = None) -> None:
    """Wait until all work of a GPU is done."""
    cp = gpu()
    cp.cuda.Device(chosen(cp, device)).synchronize()
