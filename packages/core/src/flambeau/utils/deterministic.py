"""PyTorch's switch for what `empty` gives where algorithms are to be deterministic."""

from __future__ import annotations

import sys
from types import ModuleType

from .. import context


class _Switch(ModuleType):
    @property
    def fill_uninitialized_memory(self) -> bool:
        """Whether, while `use_deterministic_algorithms(True)` holds, new memory is filled with NaN, or the greatest integer."""
        return context.deterministic["fill"]

    @fill_uninitialized_memory.setter
    def fill_uninitialized_memory(self, mode: bool) -> None:
        if type(mode) is not bool:
            raise TypeError(f"fill_uninitialized_memory: expected a bool, got {type(mode).__name__}")
        context.deterministic["fill"] = mode


sys.modules[__name__].__class__ = _Switch
