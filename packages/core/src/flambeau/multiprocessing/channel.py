"""A two-way line between processes.  The arrays inside of what is sent lie in memory that both see: nobody copies to receive.

A message is a pickle whose large buffers (protocol 5) stand beside it. Small messages go through the socket whole; of a large
one only a file descriptor does: of anonymous shared memory that has no name, so nothing can be left behind by a crash, and that
lives as long as an array in it.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
import weakref
from typing import Any

import numpy as np

from ..layout import strided
from ..tensor import Tensor, _rebuild, _rebuild_part

HEADER = struct.Struct("<IIQ")  # buffers, bytes in the socket, bytes in shared memory
SMALL = 2048  # up to here a message goes through the socket; 32 such fit its buffer, so that who sends does not wait
ALIGN = 64
MAPPED_AT_MOST = 256  # Python's mmap holds a file descriptor each: beyond this, messages are copied to ordinary memory
SHARES = hasattr(socket, "SCM_RIGHTS")

mapped: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


class Channel:
    """One end of a line; `Channel.pair()` makes both.  Only for processes that trust each other: pickle runs code.

    >>> here, there = Channel.pair()
    >>> there.send({"x": np.arange(3)})
    >>> here.receive()
    {'x': array([0, 1, 2])}
    >>> here.close(), there.close()
    (None, None)
    """

    def __init__(self, end: socket.socket) -> None:
        self.socket = end

    @staticmethod
    def pair() -> tuple[Channel, Channel]:
        a, b = socket.socketpair()
        return Channel(a), Channel(b)

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, message: Any) -> None:
        """Raises what pickle raises, before anything is sent; ConnectionError when the other end is gone."""
        self.send_packed(pack(message))

    def send_packed(self, pieces: list[Any]) -> None:
        sizes = [memoryview(p).nbytes for p in pieces]
        table = struct.pack(f"<{len(pieces)}Q", *sizes)
        size = sum(map(padded, sizes))
        if size <= SMALL or not SHARES:
            body = table + b"".join(p for piece, n in zip(pieces, sizes) for p in (piece, bytes(padded(n) - n)))
            self.socket.sendall(HEADER.pack(len(pieces), len(body), 0) + body)
            return
        with shared_memory(size) as segment:
            offset = 0
            for piece, n in zip(pieces, sizes):
                write(segment.fileno(), piece, offset)
                offset += padded(n)
            head = HEADER.pack(len(pieces), len(table), size) + table
            sent = socket.send_fds(self.socket, [head], [segment.fileno()])
            self.socket.sendall(head[sent:])

    def receive(self, timeout: float | None = None) -> Any:
        """The next message.  TimeoutError when none begins in `timeout` seconds, EOFError when the other end is gone."""
        self.socket.settimeout(timeout)
        fds: list[int] = []
        if SHARES:
            head, fds, _flags, _address = socket.recv_fds(self.socket, HEADER.size, 1)
        else:
            head = self.socket.recv(HEADER.size)
        try:
            self.socket.settimeout(None)
            if not head:
                raise EOFError("the other end of the channel is closed")
            count, inline, size = HEADER.unpack(head + self._exactly(HEADER.size - len(head)))
            body = self._exactly(inline)
            if size and not fds:
                raise OSError("shared memory could not be received: too many open files; raise the limit (ulimit -n)")
            memory = memoryview(attach(fds[0], size) if size else bytearray(body[8 * count :]))
        finally:
            for fd in fds:
                os.close(fd)
        pieces, offset = [], 0
        for length in struct.unpack_from(f"<{count}Q", body):
            pieces.append(memory[offset : offset + length])
            offset += padded(length)
        return pickle.loads(pieces[0], buffers=pieces[1:])  # noqa: S301 - from a process of ours

    def _exactly(self, count: int) -> bytes:
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            more = self.socket.recv_into(view[got:])
            if not more:
                raise EOFError("the other end of the channel was closed in the middle of a message")
            got += more
        return bytes(data)

    def hang_up(self) -> None:
        """End the line for every process that holds a copy of either end, then close this one."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other end was faster
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


class Pickler(pickle.Pickler):
    """NumPy sends its own dtypes out of band; those of ml_dtypes (bfloat16, float8) go as integers of the same width."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is np.ndarray and value.dtype.isbuiltin == 2 and value.flags.c_contiguous:
            return view_as, (value.view(f"u{value.itemsize}"), value.dtype)
        if isinstance(value, Tensor) and value.layout is strided and type(value.array) is np.ndarray:
            if not value.is_leaf:
                raise RuntimeError("Cowardly refusing to send a tensor that is no leaf of its graph: detach() it first.")
            rebuild, arguments, *told = value.__reduce_ex__(5)
            if rebuild is _rebuild_part:  # of a view of much, only what is seen crosses
                return _rebuild, (arguments[0], value.array, value.requires_grad), *told
        return NotImplemented


def view_as(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return array.view(dtype)


def pack(message: Any) -> list[Any]:
    """The pickle, then the buffers that stand beside it."""
    out = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    Pickler(out, protocol=5, buffer_callback=buffers.append).dump(message)
    return [out.getvalue(), *(b.raw() for b in buffers)]


def padded(size: int) -> int:
    return size + -size % ALIGN


def shared_memory(size: int) -> Any:
    """A file without a name, in memory where the system has that (Linux), else in its page cache."""
    if hasattr(os, "memfd_create"):
        segment: Any = os.fdopen(os.memfd_create("flambeau", os.MFD_CLOEXEC), "r+b", buffering=0)
    else:
        segment = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - its caller closes it
    os.ftruncate(segment.fileno(), size)
    return segment


def write(fd: int, data: Any, offset: int) -> None:
    view = memoryview(data).cast("B")  # pwrite fills fresh pages at twice the speed of a copy into a mapping
    while view.nbytes:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def attach(fd: int, size: int) -> mmap.mmap | bytearray:
    """The shared memory behind fd; it goes when the last array in it does."""
    if len(mapped) < MAPPED_AT_MOST:
        memory = mmap.mmap(fd, size)
        mapped.add(memory)
        return memory
    copy, done = bytearray(size), 0
    while done < size:
        more = os.preadv(fd, [memoryview(copy)[done:]], done)
        if not more:
            raise EOFError("shared memory is shorter than its message says")
        done += more
    return copy
