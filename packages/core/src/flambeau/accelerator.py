"""The GPU, if there is one, under names that say nothing of its kind: here always CUDA's."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from importlib import import_module
from types import ModuleType
from typing import Any

import flambeau
from flambeau import cuda
from flambeau.cuda.runtime import chosen, gpu, is_built

__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count", "device_index",
           "empty_cache", "get_device_module", "get_memory_info", "is_available", "max_memory_allocated", "max_memory_reserved",
           "memory_allocated", "memory_reserved", "memory_stats", "reset_peak_memory_stats", "set_device_idx", "set_device_index",
           "set_stream", "synchronize"]  # fmt: skip

_MODULES = ("cpu", "cuda", "mps", "xpu")


def is_available() -> bool:
    """Whether there is a GPU that tensors can be on.

    >>> device = flambeau.accelerator.current_accelerator() if flambeau.accelerator.is_available() else "cpu"
    """
    return cuda.is_available()


def device_count() -> int:
    """How many there are."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> flambeau.device | None:
    """device("cuda") where CuPy is installed, and with check_available only if there is a GPU; else None."""
    return flambeau.device("cuda") if (cuda.is_available() if check_available else is_built()) else None


def _needed() -> Any:
    if not is_built():
        raise RuntimeError("Cannot access accelerator device when none is available: Flambeau's is CUDA, by CuPy")
    return gpu(RuntimeError)


def current_device_index() -> int:
    """The number of the current GPU.  RuntimeError without one."""
    return int(_needed().cuda.runtime.getDevice())


def set_device_index(device: Any, /) -> None:
    """Make a GPU the current one; a negative number changes nothing.  RuntimeError without one."""
    index = cuda.runtime.index_of(device)
    if index is not None and index >= 0:
        _needed()
        cuda.set_device(index)


def current_device_idx() -> int:
    """The old name of `current_device_index`."""
    warnings.warn("Use `current_device_index` instead.", FutureWarning, stacklevel=2)
    return current_device_index()


def set_device_idx(device: Any, /) -> None:
    """The old name of `set_device_index`."""
    warnings.warn("Use `set_device_index` instead.", FutureWarning, stacklevel=2)
    set_device_index(device)


class device_index:
    """A block in which a GPU is the current one; None changes nothing.  RuntimeError when it is entered without one."""

    def __init__(self, device: int | None, /) -> None:
        self.idx = device
        self._block: Any = None

    def __enter__(self) -> None:
        if self.idx is not None:
            _needed()
            self._block = cuda.device(self.idx)
            self._block.__enter__()

    def __exit__(self, *exc: Any) -> None:
        if self._block is not None:
            self._block.__exit__(*exc)


def synchronize(device: Any = None, /) -> None:
    """Wait until all work of a GPU is done.  RuntimeError without one, as from everything below."""
    _needed()
    cuda.synchronize(device)


def current_stream(device: Any = None, /) -> cuda.Stream:
    """The stream that a GPU's work goes to in this thread."""
    _needed()
    return cuda.current_stream(device)


def set_stream(stream: cuda.Stream) -> None:
    """Make a stream, and its GPU, the current one."""
    if not isinstance(stream, cuda.Stream):
        raise TypeError(f"set_stream(): expected a flambeau.cuda.Stream, got {type(stream).__name__}")
    cuda.set_stream(stream)


def empty_cache() -> None:
    """Give back to the driver what the pool keeps for later."""
    _needed()
    cuda.empty_cache()


def memory_allocated(device: Any = None, /) -> int:
    """`cuda.memory_allocated`."""
    _needed()
    return cuda.memory_allocated(device)


def max_memory_allocated(device: Any = None, /) -> int:
    """`cuda.max_memory_allocated`."""
    _needed()
    return cuda.max_memory_allocated(device)


def memory_reserved(device: Any = None, /) -> int:
    """`cuda.memory_reserved`."""
    _needed()
    return cuda.memory_reserved(device)


def max_memory_reserved(device: Any = None, /) -> int:
    """`cuda.max_memory_reserved`."""
    _needed()
    return cuda.max_memory_reserved(device)


def memory_stats(device: Any = None, /) -> OrderedDict[str, int]:
    """`cuda.memory_stats`."""
    _needed()
    return cuda.memory_stats(device)


def reset_peak_memory_stats(device: Any = None, /) -> None:
    """`cuda.reset_peak_memory_stats`."""
    _needed()
    cuda.reset_peak_memory_stats(device)


def get_memory_info(device: Any = None, /) -> tuple[int, int]:
    """Free bytes and all bytes of a GPU: `cuda.mem_get_info`."""
    return cuda.mem_get_info(chosen(_needed(), device))


def get_device_module(device: Any = None) -> ModuleType:
    """The module of a device's functions: `flambeau.cuda` for "cuda", `flambeau.cpu` for "cpu"; by default the accelerator's, or the CPU's.

    RuntimeError for a device without one, and for what is neither a name nor a `flambeau.device`.

    >>> flambeau.get_device_module("cpu").synchronize()
    """
    if device is None:
        found = current_accelerator()
        name = "cpu" if found is None else found.type
    elif isinstance(device, flambeau.device):
        name = device.type
    elif isinstance(device, str):
        name = device.partition(":")[0]
        if name not in _MODULES:
            name = flambeau.device(device).type
    else:
        raise RuntimeError(f"Invalid value of device '{device}', expect flambeau.device, str, or None")
    if name not in _MODULES:
        raise RuntimeError(f"Device '{name}' does not have a corresponding module registered as 'flambeau.{name}'.")
    return import_module(f"flambeau.{name}")
