"""Where a data set's file lies: under the root, plain or gzipped, or fetched there once."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from flambeau.utils.download import download as fetch

from .._files import find


@dataclass(frozen=True)
class Source:
    """A file's public address and its SHA-256, where known. The path under the root has the address's ending (.gz or none)."""

    url: str
    sha256: str | None = None


def obtain(root: str | PathLike[str], name: str, source: Source, download: bool) -> Path:
    """The path of `root`/`name` or `root`/`name`.gz; fetched from `source` if neither is there and `download` says so.

    Raises FileNotFoundError when it is not there and may not, or cannot, be fetched.
    """
    found = find(root, name)
    if found:
        return found
    expected = f"expected the file {Path(root, name)} (or with .gz)"
    if not download:
        raise FileNotFoundError(f"{expected}, there is none; put it there, or give download=True to fetch {source.url}")
    if source.sha256 is None:
        raise FileNotFoundError(f"{expected}; it is not downloaded, as no hash to check it is known: put it there from {source.url}")
    return fetch(source.url, Path(root, name + (".gz" if source.url.endswith(".gz") else "")), sha256=source.sha256)


def check_split(split: str, splits: Container[str]) -> None:
    """Raises ValueError when `split` is not one of `splits`."""
    if split not in splits:
        raise ValueError(f"expected split to be one of {', '.join(map(repr, splits))}, got {split!r}")  # type: ignore[call-overload]
