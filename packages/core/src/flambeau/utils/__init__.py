"""Helpers around training: `utils.data` (data sets), `utils.download` (files from the net), `utils.pytree` (nested structures)."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """`flambeau.utils.data` without an import of its own; loaded then, because processes and sockets are slow to import."""
    if name in ("data", "download", "pytree", "_pytree"):
        return import_module(f"flambeau.utils.{name}")
    raise AttributeError(f"module 'flambeau.utils' has no attribute {name!r}")
