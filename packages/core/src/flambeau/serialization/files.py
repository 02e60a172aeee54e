"""Files to write that appear complete or not at all, and files to read by path or as objects."""

from __future__ import annotations

import io
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

BLOCK = 1 << 22  # bytes that are checked, written and begun with at a time
File = str | os.PathLike[str] | IO[bytes]


def is_path(f: Any) -> bool:
    return isinstance(f, str | os.PathLike)


class Hurried(io.FileIO):
    """A file that goes to the disk while it is written, where the system can be told so: `fsync` at its end has little left to wait for."""

    told = 0  # up to where the system has been told

    def write(self, data: Any) -> int:
        n = super().write(data)
        at = self.tell()
        if at - self.told >= BLOCK and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.fileno(), self.told, at - self.told, os.POSIX_FADV_DONTNEED)
            self.told = at
        return n


@contextmanager
def writing(f: File) -> Iterator[IO[bytes]]:
    """A file object to write to: `f` itself, or for a path one beside it that takes its name at the end: a crash leaves the old file.

    AttributeError for what is neither a path nor has `write`.
    """
    if not is_path(f):
        if not hasattr(f, "write"):
            raise AttributeError(f"expected 'f' to be string, path, or a file-like object with a 'write' attribute, got {type(f).__name__}")
        yield f  # type: ignore[misc]
        if hasattr(f, "flush"):  # who opened it may read it by its name at once
            f.flush()
        return
    path = os.path.realpath(f)  # type: ignore[arg-type]  # a link stays a link
    if os.path.isdir(path):
        raise IsADirectoryError(f"expected the path of a file to write, got the folder {path}; add a file name")
    folder = os.path.dirname(path)
    part = os.path.join(folder, f".{secrets.token_hex(8)}.part")
    try:
        file = io.BufferedWriter(Hurried(part, "xb"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"the folder {folder} does not exist; create it first (os.makedirs)") from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name is to survive a power cut, too
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def reading(f: Any) -> Iterator[tuple[IO[bytes], str]]:
    """(a file object that can seek, what to call it in errors), closed afterwards if it was opened here.

    AttributeError for what is neither a path nor has `read`.
    """
    if is_path(f):
        with open(f, "rb") as file:
            yield file, os.fspath(f)
        return
    if not hasattr(f, "read"):
        raise AttributeError(f"expected 'f' to be string, path, or a file-like object with a 'read' attribute, got {type(f).__name__}")
    try:
        f.seek(f.tell())
        seeks = True
    except (AttributeError, OSError, ValueError):
        seeks = False
    yield (f if seeks else io.BytesIO(f.read())), "the given file object"


def mapped(file: IO[bytes], shared: bool = False) -> memoryview:
    """The whole of an open file as memory: read when it is used, and writes into it stay in this process, unless it is shared."""
    if os.fstat(file.fileno()).st_size == 0:  # nothing cannot be mapped
        return memoryview(bytearray())
    if shared:
        with open(file.name, "r+b") as again:
            return memoryview(mmap.mmap(again.fileno(), 0, access=mmap.ACCESS_WRITE))
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
