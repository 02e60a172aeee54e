"""Apple's GPUs, which Flambeau does not use: `is_available()` is False, and what needs one raises RuntimeError.

>>> flambeau.mps.is_available(), flambeau.mps.device_count()
(False, 0)
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "get_rng_state", "is_available",
           "manual_seed", "recommended_max_memory", "seed", "set_per_process_memory_fraction", "set_rng_state", "synchronize"]  # fmt: skip


def _missing(what: str) -> NoReturn:
    raise RuntimeError(f"Cannot execute {what}() without MPS backend: Flambeau has none; ask flambeau.mps.is_available() first")


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: no GPU draws numbers."""


def seed() -> None:
    """RuntimeError: there is no generator."""
    _missing("seed")


def get_rng_state() -> Any:
    """RuntimeError: there is no generator."""
    _missing("get_rng_state")


def set_rng_state(new_state: Any) -> None:
    """RuntimeError: there is no generator."""
    _missing("set_rng_state")


def synchronize() -> None:
    """RuntimeError: there is no GPU to wait for."""
    _missing("synchronize")


def empty_cache() -> None:
    """RuntimeError: there is no memory."""
    _missing("empty_cache")


def set_per_process_memory_fraction(fraction: float) -> None:
    """RuntimeError: there is no memory."""
    _missing("set_per_process_memory_fraction")


def current_allocated_memory() -> int:
    """RuntimeError: there is no memory."""
    _missing("current_allocated_memory")


def driver_allocated_memory() -> int:
    """RuntimeError: there is no memory."""
    _missing("driver_allocated_memory")


def recommended_max_memory() -> int:
    """RuntimeError: there is no memory."""
    _missing("recommended_max_memory")
