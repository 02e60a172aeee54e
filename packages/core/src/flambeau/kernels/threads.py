"""How many threads kernels use: one number in memory that every generated loop reads."""

from __future__ import annotations

import os
from functools import cache

__all__ = ["cell", "get_num_threads", "set_num_threads"]


@cache
def cell():
    """The number, as a `ctypes.c_int` whose address the loops hold."""
    import ctypes

    made = ctypes.c_int(_default())
    # a forked child has none of the parent's worker threads, and OpenMP would wait for them
    os.register_at_fork(after_in_child=lambda: setattr(made, "value", 1))
    return made


def _default() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """Threads that generated kernels may use.

    >>> get_num_threads() >= 1
    True
    """
    return cell().value


def set_num_threads(count: int) -> None:
    """Sets it, for kernels that run from now on.  Raises ValueError below one."""
    if count < 1:
        raise ValueError(f"expected a positive number of threads, got {count}")
    cell().value = count
