"""Ranges for Intel's VTune, under PyTorch's names.  Its library is not bound here: `is_available()` is False, and the others say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["is_available", "mark", "range", "range_pop", "range_push"]


def is_available() -> bool:
    """False."""
    return False


def _missing(*_args: Any) -> NoReturn:
    raise RuntimeError("ITT functions are not there: Flambeau does not bind Intel's ittnotify; flambeau.profiler.profile records on every "
                       "processor, and flambeau.cuda.nvtx marks ranges for NVIDIA's tools")


def range_push(msg: str) -> int:
    """RuntimeError."""
    _missing(msg)


def range_pop() -> int:
    """RuntimeError."""
    _missing()


def mark(msg: str) -> None:
    """RuntimeError."""
    _missing(msg)


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """RuntimeError."""
    _missing(msg)
    yield
