"""Memory of the GPUs. CuPy's pool keeps what was freed for later, so "allocated" is what arrays hold, "reserved" what the pool holds.

The pool counts no peaks. They are counted from the first call of a function here that names a peak (`reset_peak_memory_stats`,
`max_memory_allocated`, `max_memory_reserved`) on, in the thread that made it: CuPy tells of allocations by thread. Call
`reset_peak_memory_stats` before what you want to measure, as PyTorch programs do; without that the first answer comes with a warning.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from typing import Any

from flambeau.backends.base import OutOfMemoryError

from .runtime import chosen, gpu, is_available

__all__ = [
    "OutOfMemoryError", "empty_cache", "ipc_collect", "max_memory_allocated", "max_memory_cached", "max_memory_reserved", "mem_get_info",
    "memory_allocated", "memory_cached", "memory_reserved", "memory_stats", "memory_summary", "reset_max_memory_allocated",
    "reset_max_memory_cached", "reset_peak_memory_stats", "set_per_process_memory_fraction",
]  # fmt: skip

_hook: Any = None


def _pool(cp: Any, index: int, ask: str) -> int:
    """What CuPy's pool of a GPU says: 'used_bytes' or 'total_bytes'."""
    with cp.cuda.Device(index):
        return int(getattr(cp.get_default_memory_pool(), ask)())


def _begin(cp: Any) -> Any:
    """The counter of peaks, which sees each allocation of this thread from now on."""
    global _hook
    if _hook is not None:
        return _hook

    class Peaks(cp.cuda.MemoryHook):
        name = "flambeau peaks"

        def __init__(self) -> None:
            self.now: dict[int, int] = {}
            self.allocated: dict[int, int] = {}
            self.reserved: dict[int, int] = {}

        def start(self, index: int) -> None:
            """Peaks of a GPU are what is there now."""
            self.now[index] = self.allocated[index] = _pool(cp, index, "used_bytes")
            self.reserved[index] = _pool(cp, index, "total_bytes")

        def malloc_postprocess(self, device_id: int, mem_size: int, mem_ptr: int, **_: Any) -> None:
            if mem_ptr and device_id in self.now:
                # the pool's own count of what is used walks over all blocks: too slow for each allocation
                self.now[device_id] = now = self.now[device_id] + mem_size
                self.allocated[device_id] = max(self.allocated[device_id], now)
                self.reserved[device_id] = max(self.reserved[device_id], cp.get_default_memory_pool().total_bytes())

        def free_postprocess(self, device_id: int, mem_size: int, **_: Any) -> None:
            if device_id in self.now:
                self.now[device_id] -= mem_size

    _hook = Peaks()
    _hook.__enter__()
    return _hook


def _peak(device: Any, which: str, ask: str) -> int:
    if not is_available():
        return 0
    cp = gpu()
    index = chosen(cp, device)
    hook = _begin(cp)
    if index not in hook.now:
        warnings.warn(f"peaks of GPU {index} are counted from now on: call flambeau.cuda.reset_peak_memory_stats() before what you want "
                      "to measure", stacklevel=3)  # fmt: skip
        hook.start(index)
    return max(getattr(hook, which)[index], _pool(cp, index, ask))


def memory_allocated(device: Any = None) -> int:
    """Bytes that arrays hold on a GPU, in blocks of 512; 0 without one.

    >>> flambeau.cuda.memory_allocated() >= 0
    True
    """
    if not is_available():
        return 0
    cp = gpu()
    return _pool(cp, chosen(cp, device), "used_bytes")


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that arrays held on a GPU since `reset_peak_memory_stats`; 0 without a GPU.

    Counted for the thread that asked first. A first call without a reset warns, and counts from there.
    """
    return _peak(device, "allocated", "used_bytes")


def memory_reserved(device: Any = None) -> int:
    """Bytes that the pool holds on a GPU, for arrays and for later; 0 without one."""
    if not is_available():
        return 0
    cp = gpu()
    return _pool(cp, chosen(cp, device), "total_bytes")


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that the pool held on a GPU since `reset_peak_memory_stats`; 0 without a GPU."""
    return _peak(device, "reserved", "total_bytes")


def reset_peak_memory_stats(device: Any = None) -> None:
    """Count peaks from here.  AttributeError without CuPy, as in PyTorch's CPU build."""
    cp = gpu(AttributeError)
    _begin(cp).start(chosen(cp, device))


def memory_cached(device: Any = None) -> int:
    """The old name of `memory_reserved`."""
    warnings.warn("`flambeau.cuda.memory_cached` has been renamed to `flambeau.cuda.memory_reserved`", FutureWarning, stacklevel=2)
    return memory_reserved(device)


def max_memory_cached(device: Any = None) -> int:
    """The old name of `max_memory_reserved`."""
    warnings.warn("`flambeau.cuda.max_memory_cached` has been renamed to `flambeau.cuda.max_memory_reserved`", FutureWarning, stacklevel=2)
    return max_memory_reserved(device)


def _reset_all(name: str, device: Any) -> None:
    text = f"flambeau.cuda.{name} now calls flambeau.cuda.reset_peak_memory_stats, which resets all peaks."
    warnings.warn(text, FutureWarning, stacklevel=3)
    reset_peak_memory_stats(device)


def reset_max_memory_allocated(device: Any = None) -> None:
    """The old name of `reset_peak_memory_stats`."""
    _reset_all("reset_max_memory_allocated", device)


def reset_max_memory_cached(device: Any = None) -> None:
    """The old name of `reset_peak_memory_stats`."""
    _reset_all("reset_max_memory_cached", device)


def empty_cache() -> None:
    """Give back to the driver what the current GPU's pool keeps for later; nothing without a GPU."""
    if is_available():
        gpu().get_default_memory_pool().free_all_blocks()


def ipc_collect() -> None:
    """Free what other processes no longer use: they never get a GPU's memory from Flambeau, so there is nothing to do.

    AssertionError without CuPy.
    """
    gpu()


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free bytes and all bytes of a GPU, as the driver counts them."""
    cp = gpu()
    with cp.cuda.Device(chosen(cp, device)):
        free, total = cp.cuda.runtime.memGetInfo()
    return int(free), int(total)


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """What is counted: `allocated_bytes.all` and `reserved_bytes.all`, each `.current` and, once peaks are counted, `.peak`.

    Empty without a GPU.
    """
    found: OrderedDict[str, int] = OrderedDict()
    if not is_available():
        return found
    cp = gpu()
    index = chosen(cp, device)
    for name, which, ask in (("allocated_bytes", "allocated", "used_bytes"), ("reserved_bytes", "reserved", "total_bytes")):
        found[f"{name}.all.current"] = _pool(cp, index, ask)
        if _hook is not None and index in _hook.now:
            found[f"{name}.all.peak"] = _peak(index, which, ask)
    return found


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """`memory_stats` as lines to print.  KeyError without CuPy, as in PyTorch's CPU build."""
    cp = gpu(KeyError)
    index = chosen(cp, device)
    lines = [f"memory of GPU {index}, in MiB", *(f"{name:30}{value / 2**20:12.1f}" for name, value in memory_stats(index).items())]
    return "\n".join(lines)


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Let the pool take no more than this part of a GPU's memory: what asks for more gets OutOfMemoryError.

    TypeError for what is no float, ValueError out of [0, 1].
    """
    cp = gpu()
    if not isinstance(fraction, float):
        raise TypeError(f"Invalid type for fraction argument, must be `float`, got {type(fraction).__name__}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    with cp.cuda.Device(chosen(cp, device)):
        cp.get_default_memory_pool().set_limit(fraction=fraction)
