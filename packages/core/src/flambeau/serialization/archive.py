"""PyTorch's zip file: `data.pkl` beside one uncompressed record for each storage, on 64-byte borders, so that it can be mapped."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from .files import BLOCK, mapped
from .options import SHARED, load, save, skipping
from .pickler import dump
from .storage import HOST

ALIGN = 64
LOCAL = struct.Struct("<4s5H3L2H")  # a record's own header in the file
PICKLE_AT_MOST = 1 << 31


def write_archive(value: Any, file: IO[bytes], root: str, protocol: int, marked: bool = True) -> None:
    content, stored = dump(value, protocol)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        add(archive, f"{root}/data.pkl", content)
        add(archive, f"{root}/.format_version", b"1")
        add(archive, f"{root}/.storage_alignment", str(ALIGN).encode())
        if marked:
            add(archive, f"{root}/byteorder", sys.byteorder.encode())
        for each in stored:
            add(archive, f"{root}/data/{each.key}", bytes(each.root.size) if skipping.now else on_host(each.root))
        add(archive, f"{root}/version", b"3\n")


def on_host(root: Any) -> memoryview:
    """The bytes of a flat array, of whatever device."""
    return (root if type(root) is HOST else root.get()).data


def add(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    record = zipfile.ZipInfo(name)  # of the year 1980: the same values give the same file
    record.file_size = size = len(content)
    large = size * 1.05 > zipfile.ZIP64_LIMIT
    begin = archive.start_dir + LOCAL.size + len(name.encode()) + (20 if large else 0)
    padding = -(begin + 4) % ALIGN
    record.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    with archive.open(record, "w", force_zip64=large) as out:
        for i in range(0, size, BLOCK):
            out.write(content[i : i + BLOCK])


class Archive:
    """A zip file to read records of.  RuntimeError, with what is wrong, for one that is damaged.

    mmap: give records as mapped memory, unread, so that damage to their bytes is not seen.
    """

    def __init__(self, file: IO[bytes], source: str, mmap: bool) -> None:
        self.file, self.source = file, source
        self.map = mapped(file, load.mmap_flags == SHARED) if mmap else None
        try:
            with zipfile.ZipFile(file) as archive:
                found = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError, UnicodeError, EOFError) as error:
            raise self.damaged(f"failed finding its central directory ({error}); is it cut short?") from error
        self.records = {record.filename: record for record in found}
        if len(self.records) != len(found):
            raise self.damaged("a record's name occurs twice")
        file.seek(0, 2)
        if sum(record.file_size for record in found) > file.tell():
            raise self.damaged("its records are larger than the file")
        roots = [name.removesuffix("data.pkl") for name in self.records if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(roots) != 1:
            names = list(self.records)[:5]
            raise self.damaged(f"expected one record ARCHIVE/data.pkl, found {len(roots)} among {names}; another kind of zip?")
        self.root = roots[0]

    def damaged(self, what: str) -> RuntimeError:
        return RuntimeError(f"failed reading the zip archive {self.source}: {what}")

    def __contains__(self, name: str) -> bool:
        return self.root + name in self.records

    def read(self, name: str, size: int | None = None) -> np.ndarray:
        """A record as bytes; `size` is what it should have."""
        record = self.records.get(self.root + name)
        if record is None:
            raise self.damaged(f"the record {self.root + name!r:.100} is missing")
        if record.compress_type != zipfile.ZIP_STORED or record.flag_bits & 1 or record.compress_size != record.file_size:
            raise self.damaged(f"the record {record.filename!r:.100} is compressed or encrypted, as no checkpoint is; zip it anew with -0")
        if size is not None and record.file_size != size:
            raise self.damaged(f"expected {size} bytes in the record {record.filename!r:.100}, got {record.file_size}")
        size = record.file_size
        if skipping.now and name.startswith("data/"):
            return np.zeros(size, np.uint8)
        self.file.seek(0, 2)
        end = self.file.tell()
        if record.header_offset < 0:
            raise self.damaged(f"the record {record.filename!r:.100} begins before the file")
        self.file.seek(record.header_offset)
        header = self.file.read(LOCAL.size)
        if len(header) < LOCAL.size or header[:4] != b"PK\3\4":
            raise self.damaged(f"the record {record.filename!r:.100} is not where the directory says")
        *_, name_size, extra_size = LOCAL.unpack(header)
        if self.file.read(name_size) != record.orig_filename.encode("utf-8" if record.flag_bits & 0x800 else "cp437"):
            raise self.damaged(f"the record {record.filename!r:.100} has another name in its own header")
        begin = record.header_offset + LOCAL.size + name_size + extra_size
        if begin + size > end:
            raise self.damaged(f"the record {record.filename!r:.100} is cut short")
        if self.map is not None:
            block = np.frombuffer(self.map, np.uint8, size, begin)
            return block if begin % 16 == 0 else block.copy()  # another program's file: kernels want aligned elements
        out = np.empty(size, np.uint8)
        self.file.seek(begin)
        if read_into(self.file, out) != size:
            raise self.damaged(f"the record {record.filename!r:.100} is cut short")
        if save.compute_crc32 and zlib.crc32(out.data) != record.CRC:
            raise self.damaged(f"the checksum (CRC-32) of {record.filename!r:.100} is wrong: its bytes were changed")
        return out

    def pickle(self) -> memoryview:
        if self.records[self.root + "data.pkl"].file_size > PICKLE_AT_MOST:
            raise self.damaged(f"data.pkl has more than {PICKLE_AT_MOST} bytes")
        return self.read("data.pkl").data


def rest(file: IO[bytes]) -> memoryview:
    """The bytes of the file from here to its end, where it is left."""
    begin = file.tell()
    out = np.empty(file.seek(0, 2) - begin, np.uint8)
    file.seek(begin)
    return out[: read_into(file, out)].data


def read_into(file: IO[bytes], out: np.ndarray) -> int:
    """Fill `out` from the file; how many bytes came."""
    left = out.data
    total = 0
    while total < len(out):
        if hasattr(file, "readinto"):
            n = file.readinto(left[total:])
        else:
            piece = file.read(len(out) - total)
            n = len(piece)
            left[total : total + n] = piece
        if not n:
            break
        total += n
    return total
