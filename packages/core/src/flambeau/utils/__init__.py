"""Helpers around training: `benchmark` (times), `data` (data sets), `checkpoint` (memory for time),
`pytree` (nested structures), `download` (from the net)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = frozenset("""_pytree backend_registration benchmark checkpoint collect_env cpp_extension data deterministic dlpack download
    flop_counter hooks model_zoo module_tracker pytree serialization tensorboard throughput_benchmark weak""".split())
_NAMES = {"swap_tensors": "swapping", "ThroughputBenchmark": "throughput_benchmark",
          **dict.fromkeys(("rename_privateuse1_backend", "generate_methods_for_privateuse1_backend"), "backend_registration")}  # fmt: skip


def set_module(obj: Any, mod: str) -> None:
    """Say that a class or function is of the module `mod`, where users find it.  TypeError where that is no string."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def __getattr__(name: str) -> Any:
    """`flambeau.utils.data` without an import of its own; loaded then, because processes and sockets are slow to import."""
    if name in _MODULES:
        return import_module(f"flambeau.utils.{name}")
    if name in _NAMES:
        return getattr(import_module(f"flambeau.utils.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'flambeau.utils' has no attribute {name!r}")
