"""Modules under the paths that programs written for PyTorch import from, where the house keeps those names elsewhere."""
from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class Alias(ModuleType):
    """A module whose names are those of others, looked up when they are asked for.

    >>> from flambeau.nn.modules.batchnorm import BatchNorm1d
    >>> BatchNorm1d is flambeau.nn.BatchNorm1d
    True
    """

    def __init__(self, name: str, found: dict[str, tuple[str, str]]):
        super().__init__(name, f"PyTorch's path for names of {', '.join(sorted({module for module, _ in found.values()}))}.")
        self.__all__ = [word for word in found if not word.startswith("_")]
        self._found = found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._found:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, word = self._found[name]
        value = getattr(import_module(module), word)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._found})


def alias(package: str, table: dict[str, str]) -> None:
    """Let `package.name` be importable for each name of the table: words of "module: word word=its name there; module: …".

    Modules are told as `flambeau.…` without that beginning.
    """
    for name, told in table.items():
        found: dict[str, tuple[str, str]] = {}
        for part in told.split(";"):
            module, _, words = part.strip().partition(":")
            for word in words.split():
                own, _, there = word.partition("=")
                found[own] = (f"flambeau.{module}", there or own)
        path = f"{package}.{name}"
        sys.modules.setdefault(path, Alias(path, found))
        parent = sys.modules.get(package)
        if parent is not None and not hasattr(parent, name):
            setattr(parent, name, sys.modules[path])
