"""The order of bytes in files that do not say it: those that PyTorch wrote before 2.1."""

from __future__ import annotations

import sys
from enum import Enum


class LoadEndianness(Enum):
    """The order that a file without a mark is taken to have."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


_default: LoadEndianness | None = None


def get_default_load_endianness() -> LoadEndianness | None:
    """What `set_default_load_endianness` chose; None, which means LITTLE, unless it did."""
    return _default


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Choose the order of bytes of files that do not say it.  TypeError for anything but a LoadEndianness or None."""
    global _default
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness: expected LoadEndianness or None, got "
                        f"{type(endianness).__name__}")  # fmt: skip
    _default = endianness


def unmarked() -> str:
    """"little" or "big": the order of a file without a mark."""
    return {LoadEndianness.NATIVE: sys.byteorder, LoadEndianness.BIG: "big"}.get(_default or LoadEndianness.LITTLE, "little")
