"""Intel's GPUs, which Flambeau does not use: `is_available()` is False, and what needs one raises AssertionError, as PyTorch's CPU build.

>>> flambeau.xpu.is_available(), flambeau.xpu.device_count()
(False, 0)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NoReturn

__all__ = ["current_device", "device_count", "empty_cache", "get_arch_list", "get_device_capability", "get_device_name",
           "get_device_properties", "get_rng_state", "get_rng_state_all", "init", "initial_seed", "is_available", "is_bf16_supported",
           "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_reserved", "mem_get_info",
           "memory_allocated", "memory_reserved", "memory_stats", "seed", "seed_all", "set_device", "set_rng_state", "set_rng_state_all",
           "synchronize"]  # fmt: skip


def _missing() -> NoReturn:
    raise AssertionError("Flambeau runs without XPU: it knows no Intel GPUs; ask flambeau.xpu.is_available() first")


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def get_arch_list() -> list[str]:
    """[]."""
    return []


def empty_cache() -> None:
    """Nothing: there is no memory."""


def manual_seed(seed: int) -> None:
    """Nothing: no GPU draws numbers."""


def manual_seed_all(seed: int) -> None:
    """Nothing: no GPU draws numbers."""


def seed() -> None:
    """Nothing: no GPU draws numbers."""


def seed_all() -> None:
    """Nothing: no GPU draws numbers."""


def get_rng_state_all() -> list:
    """[]."""
    return []


def set_rng_state(new_state: Any, device: Any = "xpu") -> None:
    """Nothing: no GPU draws numbers."""


def set_rng_state_all(new_states: Iterable[Any]) -> None:
    """Nothing: no GPU draws numbers."""


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """Empty."""
    return OrderedDict()


def init() -> None:
    """AssertionError: there is none."""
    _missing()


def current_device() -> int:
    """AssertionError: there is none."""
    _missing()


def set_device(device: Any) -> None:
    """AssertionError: there is none."""
    _missing()


def synchronize(device: Any = None) -> None:
    """AssertionError: there is none."""
    _missing()


def initial_seed() -> int:
    """AssertionError: there is none."""
    _missing()


def get_rng_state(device: Any = "xpu") -> Any:
    """AssertionError: there is none."""
    _missing()


def get_device_name(device: Any = None) -> str:
    """AssertionError: there is none."""
    _missing()


def get_device_capability(device: Any = None) -> Any:
    """AssertionError: there is none."""
    _missing()


def get_device_properties(device: Any = None) -> Any:
    """AssertionError: there is none."""
    _missing()


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """AssertionError: there is none."""
    _missing()
