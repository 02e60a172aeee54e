"""Helpers around training: `benchmark` (times), `data` (data sets), `checkpoint` (memory for time),
`pytree` (nested structures), `download` (from the net)."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """`flambeau.utils.data` without an import of its own; loaded then, because processes and sockets are slow to import."""
    if name in ("checkpoint", "data", "dlpack", "download", "pytree", "_pytree", "model_zoo", "benchmark", "tensorboard",
                "flop_counter"):
        return import_module(f"flambeau.utils.{name}")
    raise AttributeError(f"module 'flambeau.utils' has no attribute {name!r}")
