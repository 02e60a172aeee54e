"""Memory that several processes see: made once, handed on by a file descriptor or by a name, gone with the last array in it."""
from __future__ import annotations

import mmap
import os
import secrets
import struct
import weakref
from typing import Any

import numpy as np

DESCRIPTOR, NAMED = "file_descriptor", "file_system"
HEAD = 64  # of a named segment: how many processes and messages hold it
COUNT = struct.Struct("<q")
PREFIX = "/flambeau_"

here: weakref.WeakValueDictionary[tuple[int, int], Segment] = weakref.WeakValueDictionary()  # a segment is mapped once a process


class Segment(mmap.mmap):
    """A mapping of shared memory.  NumPy's arrays in it keep it alive.

    fd      a descriptor of it, None for a named one
    name    None for one without a name
    begin   where the first byte that is ours lies
    """

    fd: int | None
    name: str | None
    begin: int
    key: tuple[int, int]

    @property
    def room(self) -> int:
        return len(self) - self.begin


def strategies() -> set[str]:
    """How memory can be shared here."""
    if os.name != "posix":
        raise RuntimeError("tensors are shared between processes on POSIX systems only; here send them by value (pickle)")
    return {DESCRIPTOR, NAMED} if hasattr(os, "memfd_create") else {NAMED}


def make(size: int, strategy: str) -> Segment:
    """New shared memory of `size` bytes, all zero.  RuntimeError where the system has none left."""
    try:
        if strategy == DESCRIPTOR:
            import fcntl

            fd = os.memfd_create("flambeau", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            try:
                os.ftruncate(fd, max(size, 1))
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)  # no process can take the memory away under another's arrays
                return mapped(fd, None)
            except BaseException:
                os.close(fd)
                raise
        name = f"{PREFIX}{os.getpid()}_{secrets.token_hex(8)}"
        fd = shm().shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600)
        try:
            tracker().register(name, "shared_memory")  # whoever outlives a crash of ours takes it away
            os.posix_fallocate(fd, 0, size + HEAD)  # a full disk is an error now, not a fault at the first write
            os.pwrite(fd, COUNT.pack(1), 0)
            return mapped(fd, name)
        except BaseException:
            remove(name)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise RuntimeError(f"unable to get {size} bytes of shared memory by the strategy {strategy!r}: {error.strerror}. {advice(error)}"
                           ) from error


def advice(error: OSError) -> str:
    import errno

    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "Raise the limit of open files (ulimit -n), or flambeau.multiprocessing.set_sharing_strategy('file_system')"
    return "Share less, or make /dev/shm larger (in a container: --shm-size)"


def mapped(fd: int, name: str | None) -> Segment:
    """The segment behind an open descriptor, which it takes over where it has no name."""
    found = os.fstat(fd)
    segment = Segment(fd, found.st_size)
    segment.key, segment.name = (found.st_dev, found.st_ino), name
    segment.fd, segment.begin = (fd, 0) if name is None else (None, HEAD)
    if name is None:
        weakref.finalize(segment, os.close, fd)
    else:
        weakref.finalize(segment, drop, name, os.getpid())
    here[segment.key] = segment
    return segment


def by_descriptor(fd: int) -> Segment:
    """The segment that another process sent a descriptor of; the one that is here already where it is the same."""
    found = os.fstat(fd)
    segment = here.get((found.st_dev, found.st_ino))
    if segment is not None:
        if fd != segment.fd:  # a spawned process inherits one descriptor for all tensors in a segment
            os.close(fd)
        return segment
    return mapped(fd, None)


def by_name(name: str) -> Segment:
    """The segment of this name, for which the sender has counted one holder more."""
    if not name.startswith(PREFIX) or "/" in name[1:]:
        raise ValueError(f"expected the name of a segment of ours ({PREFIX}…), got {name!r:.100}")
    try:
        fd = shm().shm_open(name, os.O_RDWR, mode=0)
    except FileNotFoundError:
        raise RuntimeError(f"the shared memory {name} is gone: the processes that held it have ended") from None
    try:
        found = os.fstat(fd)
        segment = here.get((found.st_dev, found.st_ino))
        if segment is not None:
            count(name, -1)
            return segment
        return mapped(fd, name)
    finally:
        os.close(fd)


def count(name: str, more: int) -> int:
    """Count holders of a named segment up or down, under the file's lock."""
    import fcntl

    fd = shm().shm_open(name, os.O_RDWR, mode=0)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        now = COUNT.unpack(os.pread(fd, COUNT.size, 0))[0] + more
        os.pwrite(fd, COUNT.pack(now), 0)
        return now
    finally:
        os.close(fd)


def drop(name: str, owner: int) -> None:
    """One holder less; the last one takes the name away.  A forked child's copy of the mapping was never counted."""
    if os.getpid() != owner:
        return
    try:
        left = count(name, -1)
    except FileNotFoundError:
        return  # the resource tracker was faster
    if left <= 0:
        remove(name)


def remove(name: str) -> None:
    try:
        shm().shm_unlink(name)
    except FileNotFoundError:
        return  # another was faster, and has told the tracker
    tracker().unregister(name, "shared_memory")


def shm() -> Any:
    import _posixshmem  # type: ignore[import-not-found]

    return _posixshmem


def tracker() -> Any:
    from multiprocessing import resource_tracker

    return resource_tracker


def bottom(array: Any) -> Any:
    """What owns the memory that an array is a view of."""
    while (base := getattr(array, "base", None)) is not None:  # an array, or what stands between two where NumPy made new strides
        array = base
    return array


def segment_of(array: Any) -> Segment | None:
    """The shared memory that an array lies in; None for ordinary memory."""
    owner = bottom(array)
    if isinstance(owner, memoryview):
        owner = owner.obj
    return owner if isinstance(owner, Segment) else None


def moved(arrays: list[np.ndarray], strategy: str) -> list[np.ndarray]:
    """The same arrays in new shared memory, those that shared memory sharing it still."""
    spans: dict[int, list[Any]] = {}  # owner of memory -> [owner, first address, end]
    for a in arrays:
        low, high = np.lib.array_utils.byte_bounds(a)
        if not a.size:
            high = low
        span = spans.setdefault(id(bottom(a)), [bottom(a), low, high])
        span[1:] = [min(span[1], low), max(span[2], high)]
    starts, size = {}, 0
    for key, (_owner, low, high) in spans.items():
        lead = low % 64  # so that what was aligned stays aligned
        starts[key] = size + lead
        size += lead + high - low + -(lead + high - low) % 64
    segment = make(size, strategy)
    target = np.frombuffer(segment, np.uint8)
    import ctypes

    for key, (_owner, low, high) in spans.items():
        if high > low:
            at = segment.begin + starts[key]
            target[at : at + high - low] = np.frombuffer((ctypes.c_ubyte * (high - low)).from_address(low), np.uint8)
    out = []
    for a in arrays:
        key = id(bottom(a))
        at = segment.begin + starts[key] + ((a.ctypes.data - spans[key][1]) if a.size else 0)
        out.append(np.ndarray(a.shape, a.dtype, segment, at, a.strides))
    return out
