"""Has a sound file all the bytes that its header promises? libsndfile itself reads a cut WAV or OGG as a shorter one."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

_STREAMED = 0x7FFF0000  # programs that write to a pipe put a huge size in the header, for want of the true one
_OGG_TAIL = 1 << 17  # more than the longest page, 65,307 bytes, so the last page begins within it
_LAST_PAGE = 0x04


def check_complete(stream: BinaryIO, begin: int, name: str) -> None:
    """Raise RuntimeError when the WAV or OGG file that starts at `begin` was cut short. FLAC shows it on reading."""
    end = stream.seek(0, os.SEEK_END)
    stream.seek(begin)
    magic = stream.read(4)
    if magic in (b"RIFF", b"RF64"):
        _check_wav(stream, begin, end, name)
    elif magic == b"OggS":
        _check_ogg(stream, begin, end, name)


def _check_wav(stream: BinaryIO, begin: int, end: int, name: str) -> None:
    size_64 = None
    at = begin + 12  # after "RIFF", its size, "WAVE"
    while at + 8 <= end:
        stream.seek(at)
        tag, size = struct.unpack("<4sI", stream.read(8))
        if tag == b"ds64" and at + 24 <= end:  # RF64 keeps 64-bit sizes here: of the file, then of the data
            size_64 = struct.unpack("<8xQ", stream.read(16))[0]
        if tag == b"data":
            size = size_64 if size == 0xFFFFFFFF and size_64 is not None else size if size < _STREAMED else 0
            if at + 8 + size > end:
                raise RuntimeError(f"{name} was cut short: its header promises {size} bytes of samples, {end - at - 8} are there")
            return
        at += 8 + size + size % 2
    raise RuntimeError(f"{name} has no samples: its WAV data chunk is missing or was cut off")


def _check_ogg(stream: BinaryIO, begin: int, end: int, name: str) -> None:
    stream.seek(max(begin, end - _OGG_TAIL))
    tail = stream.read(_OGG_TAIL)
    at = tail.rfind(b"OggS")
    # a page: "OggS", version, flags, 20 bytes of positions and sums, the number of segments, their lengths, the segments
    complete = at >= 0 and len(tail) >= at + 27 and len(tail) >= at + 27 + tail[at + 26]
    complete = complete and len(tail) >= at + 27 + tail[at + 26] + sum(tail[at + 27 : at + 27 + tail[at + 26]])
    if not complete or not tail[at + 5] & _LAST_PAGE:
        raise RuntimeError(f"{name} was cut short: its OGG stream has no last page")
