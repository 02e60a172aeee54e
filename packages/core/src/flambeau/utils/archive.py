"""Unpack zip, tar and compressed files: plain files and folders, inside the given folder, of bounded size."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import re
import secrets
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any

CHUNK = 1 << 20
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
SUFFIXES = (".gz", ".bz2", ".xz")


def extract(
    archive: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    max_bytes: int = 64 << 30,
    max_files: int = 2_000_000,
) -> list[Path]:
    """Unpack a zip, a tar (plain, gz, bz2, xz) or one compressed file into `folder`.  -> the files written

    The kind is told from the content. Files appear whole or not at all; those of the same name are replaced.
    Permissions and owners in the archive are ignored.
    Raises FileNotFoundError for a missing archive, ValueError for a member that leaves the folder or is a link or device,
    RuntimeError for a damaged archive or one beyond max_bytes or max_files when unpacked.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with gzip.open(folder / "a.txt.gz", "wb") as file:
    ...     _ = file.write(b"hello")
    >>> extract(folder / "a.txt.gz", folder / "out")[0].read_text()
    'hello'
    """
    archive, folder = Path(archive), Path(folder)
    with open(archive, "rb") as raw:
        head = raw.read(8)
    folder.mkdir(parents=True, exist_ok=True)
    budget = Budget(archive, max_bytes, max_files)
    try:
        with contextlib.closing(members(archive, head, budget)) as found:
            return [write(source, safe(folder, name, archive), budget) for name, source in found]
    except (EOFError, zlib.error, struct.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise RuntimeError(f"{archive} is damaged or cut short: {error}; fetch it again") from error
    except OSError as error:
        if error.errno is not None:  # the system's; gzip and bz2 report bad data as OSError without a number
            raise
        raise RuntimeError(f"{archive} is damaged or cut short: {error}; fetch it again") from error
    except NotImplementedError as error:  # zipfile: a compression or feature that it lacks
        raise RuntimeError(f"{archive} cannot be read: {error}") from error


class Budget:
    """How much may still be unpacked."""

    def __init__(self, archive: Path, max_bytes: int, max_files: int) -> None:
        self.archive, self.max_bytes, self.max_files = archive, max_bytes, max_files
        self.bytes = self.files = 0

    def add_file(self) -> None:
        self.files += 1
        if self.files > self.max_files:
            raise RuntimeError(f"{self.archive} holds more than {self.max_files} files; raise max_files if that is right")

    def add_bytes(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self.max_bytes:
            raise RuntimeError(f"{self.archive} unpacks to more than {self.max_bytes} bytes; raise max_bytes if that is right")


def members(archive: Path, head: bytes, budget: Budget) -> Generator[tuple[str, IO[bytes]], None, None]:
    """(name, content) of each plain file, in the archive's order."""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from zip_members(archive, budget)
        return
    opener = next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), open)
    with opener(archive, "rb") as content:
        block = content.read(512)
        content.seek(0)
        if block[257:262] == b"ustar" or ".tar" in archive.name or archive.suffix in (".tgz", ".tbz2", ".txz"):
            yield from tar_members(content, archive, budget)
        elif opener is open:
            raise RuntimeError(f"expected a zip, tar, gz, bz2 or xz file, got {archive}, which begins with {head!r}")
        else:
            budget.add_file()
            yield archive.stem if archive.suffix in SUFFIXES else archive.name + ".unpacked", content


def zip_members(archive: Path, budget: Budget) -> Generator[tuple[str, IO[bytes]], None, None]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            budget.add_file()
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.filename.endswith("/"):
                continue
            if kind not in (0, stat.S_IFREG):
                raise ValueError(f"{archive}: {info.filename!r} is a link or a device; only files and folders are unpacked")
            if info.flag_bits & 1:
                raise RuntimeError(f"{archive}: {info.filename!r} is encrypted; unpack it by hand")
            with opened.open(info) as source:
                yield info.filename, source


def tar_members(content: IO[bytes], archive: Path, budget: Budget) -> Generator[tuple[str, IO[bytes]], None, None]:
    reader = SmallReads(content, archive)
    with tarfile.open(fileobj=reader, mode="r:") as opened:  # type: ignore[call-overload]
        while (info := opened.next()) is not None:
            opened.members.clear()  # the list of members would grow without bound
            budget.add_file()
            if info.isdir():
                continue
            source = opened.extractfile(info) if info.isreg() else None
            if source is None:
                raise ValueError(f"{archive}: {info.name!r} is a link or a device; only files and folders are unpacked")
            with source:
                yield info.name, source
        # tarfile stops without a word at a header that is cut short or garbled; a whole archive ends with zeros
        reader.seek(opened.offset)
        if reader.read(512) != bytes(512):
            raise tarfile.ReadError("the end of the archive is missing")
        while padding := reader.read(CHUNK):  # to the end, where gzip and xz have their checksums
            budget.add_bytes(len(padding))


class SmallReads:
    """A file that gives at most 16 MiB a read: a header that claims a name of gigabytes cannot fill the memory."""

    def __init__(self, file: IO[bytes], archive: Path) -> None:
        self.file, self.archive = file, archive
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= 16 << 20:
            raise RuntimeError(f"{self.archive} is damaged: a header of {size} bytes")
        return self.file.read(size)


def safe(folder: Path, name: str, archive: Path) -> Path:
    """Where the member `name` goes, inside `folder`, links that stand there included."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or re.match("[A-Za-z]:", name):
        raise ValueError(f"{archive}: the member {name!r} would be written outside of {folder}")
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()) or target.resolve() == folder.resolve():
        raise ValueError(f"{archive}: the member {name!r} would be written outside of {folder}")
    return target


def write(source: IO[bytes], target: Path, budget: Budget) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".unpacking-{secrets.token_hex(8)}")
    try:
        with open(part, "xb") as file:
            while data := source.read(CHUNK):
                budget.add_bytes(len(data))
                file.write(data)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target
