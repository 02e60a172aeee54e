"""Fetch one file: resumed where it broke off, checked against its hash, in place all at once or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flambeau.utils.archive import extract
from flambeau.utils.http import Broken, Progress, Remote, check_url, copy

if sys.platform != "win32":
    import fcntl

__all__ = ["download", "extract", "file_matches"]

PAUSE = 0.5  # seconds before the first retry; doubles with each


def download(
    url: str,
    path: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    md5: str | None = None,
    max_bytes: int = 16 << 30,
    resume: bool = True,
    progress: Progress | None = None,
    timeout: float = 30.0,
    retries: int = 3,
) -> Path:
    """Fetch `url` (https, http or file) into `path`, which appears only when complete and right.  -> path

    A file that is already there and has the right hash (any file, when no hash is given) is returned without asking the net.
    What arrives is kept in `path + ".part"`; when a hash is given and `resume` is true, the next call goes on from there,
    after an error, a Ctrl-C or a crash. Processes that fetch the same path wait for each other.
    progress: called as progress(bytes so far, bytes in all or None). timeout: seconds of silence that count as broken.
    retries: how often a broken connection or a busy server is asked again.
    Raises ValueError for a URL or hash that cannot be, FileNotFoundError for a missing file: URL, ConnectionError when the
    server cannot be reached, refuses or breaks off, RuntimeError for a wrong hash or more than max_bytes.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("hello")
    >>> download((folder / "a.txt").as_uri(), folder / "b.txt", md5="5d41402abc4b2a76b9719d911017c592").read_text()
    'hello'
    """
    path = Path(path)
    check_url(url)
    hashes = check_hashes(sha256, md5)
    if path.is_dir():
        raise IsADirectoryError(f"expected the path of a file to write, got the folder {path}; add a file name")
    if path.is_file() and not mismatch(path, hashes):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with exclusive(part) as file:
        if path.is_file() and not mismatch(path, hashes):  # another process was faster
            part.unlink()
            return path
        # without a hash nobody can tell whether an old part belongs to today's file
        resumable = resume and bool(hashes)
        try:
            if not resumable:
                file.truncate(0)
            resumed = file.seek(0, os.SEEK_END) > 0
            fetch(Remote(url, timeout), file, max_bytes, retries, resumable, progress)
            wrong = mismatch(part, hashes)
            if wrong and resumed:  # the old part was of another version: once more, from the beginning
                file.truncate(0)
                fetch(Remote(url, timeout), file, max_bytes, retries, resumable, progress)
                wrong = mismatch(part, hashes)
            if wrong:
                raise RuntimeError(f"{url}: {wrong}; the file there is damaged or of another version: check the URL and the hash")
            os.fsync(file.fileno())
        except BaseException as error:
            # a RuntimeError says that the content is wrong; after any other the next call may go on from here
            if isinstance(error, RuntimeError) or not resumable or part.stat().st_size == 0:
                part.unlink()
            raise
        if sys.platform == "win32":
            file.close()  # an open file cannot be renamed there
        os.replace(part, path)
    return path


def file_matches(path: str | os.PathLike[str], *, sha256: str | None = None, md5: str | None = None) -> bool:
    """Whether the file at `path` has every hash that is given (true when none is).

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.txt")
    >>> _ = path.write_text("hello")
    >>> file_matches(path, md5="5d41402abc4b2a76b9719d911017c592")
    True
    """
    return not mismatch(path, check_hashes(sha256, md5))


def check_hashes(sha256: str | None, md5: str | None) -> dict[str, str]:
    """The hashes that were given, by name, in lower case."""
    hashes = {}
    for name, value, digits in (("sha256", sha256, 64), ("md5", md5, 32)):
        if value is None:
            continue
        if not re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", value):
            raise ValueError(f"expected {name} as {digits} hexadecimal digits, got {value!r}")
        hashes[name] = value.lower()
    return hashes


def mismatch(path: str | os.PathLike[str], hashes: dict[str, str]) -> str | None:
    """What is wrong with the file's hash, in words; None when all is well."""
    for name, expected in hashes.items():
        with open(path, "rb") as file:
            # md5 guards against accidents here (many data sets publish nothing else), so FIPS machines may have it
            got = hashlib.file_digest(file, lambda name=name: hashlib.new(name, usedforsecurity=False)).hexdigest()  # type: ignore[misc]
        if got != expected:
            return f"expected {name} {expected}, got {got} ({os.path.getsize(path)} bytes)"
    return None


@contextlib.contextmanager
def exclusive(part: Path) -> Iterator[BinaryIO]:
    """The part file, open for reading and writing, for this process alone."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    while True:
        with os.fdopen(os.open(part, flags, 0o666), "r+b", buffering=0) as file:
            if sys.platform != "win32":  # there the hash check alone guards against two processes at once
                fcntl.flock(file, fcntl.LOCK_EX)
                if not part.exists() or not os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                    continue  # whoever held the lock has renamed or removed what we waited for
            yield file
            return


def fetch(remote: Remote, file: BinaryIO, max_bytes: int, retries: int, resumable: bool, progress: Progress | None) -> None:
    """Bring `file` to the full content of the URL, from where it ends."""
    parts = urllib.parse.urlsplit(remote.url)
    if parts.scheme == "file":
        file.truncate(0)
        with open(urllib.request.url2pathname(parts.path), "rb") as source:
            copy(source.read, file, 0, os.fstat(source.fileno()).st_size, max_bytes, progress, remote.url)
        return
    for attempt in range(retries + 1):
        # within one call the server's own version mark (ETag) makes it safe to go on, with a hash or without
        if attempt and not resumable and not remote.version:
            file.truncate(0)
        try:
            remote.receive(file, max_bytes, progress)
            return
        except Broken as error:
            if attempt == retries:
                tries = f" after {retries + 1} tries" if retries else ""
                raise ConnectionError(f"could not fetch {remote.url}{tries}: {error}") from error
            time.sleep(min(PAUSE * 2**attempt, 30.0))
