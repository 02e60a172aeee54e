"""How many threads the CPU's kernels and matrix products use."""
from __future__ import annotations


def get_num_threads() -> int:
    """Threads that one operation may use.

    >>> flambeau.get_num_threads() >= 1
    True
    """
    from .kernels.threads import get_num_threads

    return get_num_threads()


def set_num_threads(num: int) -> None:
    """Let operations use `count` threads, in generated kernels and in matrix products.  RuntimeError below one."""
    from .backends.blas import set_blas_threads
    from .kernels.threads import set_num_threads

    if not 1 <= num < 1 << 31:
        raise RuntimeError(f"set_num_threads expects a positive integer of 32 bits, got {num}")
    set_num_threads(num)
    set_blas_threads(num)
