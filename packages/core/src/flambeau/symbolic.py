"""The classes of PyTorch's symbolic numbers, for programs that ask `isinstance(n, SymInt)`: sizes here are numbers of Python always."""
from __future__ import annotations

from typing import Any

__all__ = ["SymBool", "SymFloat", "SymInt"]


class _Symbolic:
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"there are no symbolic numbers outside of a compiler: nothing is a {cls.__name__} here")


class SymInt(_Symbolic):
    """An int that a compiler does not know yet.  Nothing is one here.

    >>> isinstance(flambeau.ones(2).shape[0], flambeau.SymInt)
    False
    """


class SymFloat(_Symbolic):
    """A float that a compiler does not know yet.  Nothing is one here."""


class SymBool(_Symbolic):
    """A bool that a compiler does not know yet.  Nothing is one here."""
