"""Marks and ranges that NVIDIA's Nsight tools show. Without CuPy nobody could show them, and they do nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .runtime import gpu, is_available

__all__ = ["mark", "range", "range_pop", "range_push"]


class _Depth(threading.local):
    now = 0


_depth = _Depth()


def range_push(msg: str) -> int:
    """Begin a range inside of those that are open; gives their number.

    >>> flambeau.cuda.nvtx.range_push("forward"), flambeau.cuda.nvtx.range_pop()
    (0, 0)
    """
    if is_available():
        gpu().cuda.nvtx.RangePush(msg)
    _depth.now += 1
    return _depth.now - 1


def range_pop() -> int:
    """End the innermost range; gives the number of those that stay open, -1 where none was."""
    if _depth.now == 0:
        return -1
    if is_available():
        gpu().cuda.nvtx.RangePop()
    _depth.now -= 1
    return _depth.now


def mark(msg: str) -> None:
    """A mark at this moment."""
    if is_available():
        gpu().cuda.nvtx.Mark(msg)


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A block, or a function, as a range; `msg` is formatted with the other arguments."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
