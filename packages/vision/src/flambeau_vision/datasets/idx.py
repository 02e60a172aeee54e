"""IDX, the format of MNIST: two zero bytes, the type, the number of axes, their sizes, then the numbers, all big-endian."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import BinaryIO, cast

import numpy as np

import flambeau
from flambeau import Tensor

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 8


def read_idx(path: str | os.PathLike[str], max_bytes: int = 1 << 30) -> Tensor:
    """The tensor in an IDX file, plain or gzip (told apart by content).  -> (sizes in the file)

    Raises ValueError when the file is no IDX file, is cut short, is longer than its header says, or would fill more than
    `max_bytes` of memory. No memory is taken on the header's word: only what the file really holds is read.
    Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "small-idx2-ubyte")
    >>> _ = path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
    >>> read_idx(path).tolist()
    [[7, 8, 9]]
    """
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            return parse(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if zipped else file, os.fspath(path), max_bytes)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path}: damaged or cut short gzip file ({error}); fetch it again") from error


def parse(file: BinaryIO, name: str, max_bytes: int) -> Tensor:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= MAX_AXES:
        raise ValueError(f"{name}: expected an IDX file (bytes 0, 0, type, 1 to {MAX_AXES} axes), got {magic.hex(' ') or 'nothing'}")
    dtype, axes = np.dtype(TYPES[magic[2]]), magic[3]
    header = file.read(4 * axes)
    if len(header) < 4 * axes:
        raise ValueError(f"{name}: cut short: expected {axes} sizes of 4 bytes, got {len(header)} bytes")
    shape = struct.unpack(f">{axes}I", header)
    expected = math.prod(shape) * dtype.itemsize
    if expected > max_bytes:
        raise ValueError(f"{name}: shape {shape} takes {expected} bytes, more than max_bytes={max_bytes}; raise it if that is right")
    content = b"".join(iter_blocks(file, expected + 1))
    if len(content) != expected:
        got = f"only {len(content)}" if len(content) < expected else "more"
        raise ValueError(f"{name}: expected {expected} bytes of numbers for shape {shape}, got {got}; fetch it again")
    return flambeau.from_numpy(np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("=")))


def iter_blocks(file: BinaryIO, size: int, block: int = 1 << 20):
    """At most `size` bytes of the file, block by block."""
    while size > 0 and (piece := file.read(min(size, block))):
        yield piece
        size -= len(piece)
