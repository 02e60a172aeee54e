"""Bounded reading of text files, plain or gzipped."""

from __future__ import annotations

import gzip
import zlib
from os import PathLike, fspath
from os.path import getsize
from pathlib import Path

MAX_BYTES = 1 << 30


def read_bytes(path: str | PathLike[str], max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a file, unpacked if its name ends in .gz.

    Raises FileNotFoundError, or ValueError when the content has more than `max_bytes` bytes or is no whole gzip stream.
    """
    packed = fspath(path).endswith(".gz")
    try:
        with (gzip.open if packed else open)(path, "rb") as file:
            data = file.read(max_bytes + 1)
        if packed and not data and not getsize(path):
            raise EOFError("it is empty")  # which gzip takes for a stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: expected a whole gzip file, but it is cut or corrupt ({error}); get the file again") from error
    if len(data) > max_bytes:
        raise ValueError(f"{path}: expected at most {max_bytes:,} bytes of text, the file has more")
    return data


def read_text(path: str | PathLike[str], max_bytes: int = MAX_BYTES) -> str:
    """`read_bytes`, decoded from UTF-8. Raises ValueError when the bytes are not UTF-8."""
    try:
        return read_bytes(path, max_bytes).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, byte {error.start:,} is not ({error.reason})") from error


def find(folder: str | PathLike[str], name: str) -> Path | None:
    """`folder/name` or `folder/name.gz`, whichever is there."""
    return next((path for path in (Path(folder, name), Path(folder, name + ".gz")) if path.is_file()), None)
