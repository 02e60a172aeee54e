"""Memory that is no tensor's yet: a buffer's elements, a file's."""
from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from .. import context
from ..dtype import COMPLEX
from ..dtype import dtype as dtype_type
from ..tensor import Tensor
from .create import empty, from_numpy

ORDERS = ("big", "little", "native")


def of_buffer(buffer: Any, byte_order: str | None, count: int, offset: int, kind: dtype_type | None) -> Tensor:
    """A copy of a buffer's elements from the byte `offset` on, count of them or all; those of several bytes in `byte_order`.  -> (count)"""
    size = memoryview(buffer).nbytes
    if kind is None:
        raise RuntimeError("argument 'dtype' cannot be None: say what the buffer's elements are, dtype=flambeau.uint8 for bytes")
    if kind.itemsize > 1 and byte_order is None:
        raise RuntimeError("function missing required argument 'byte_order' (pos 2): 'big', 'little' or 'native'")
    if byte_order is not None and byte_order not in ORDERS:
        raise ValueError(f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')")
    if not 0 <= offset <= size:
        raise ValueError(f"offset must be non-negative and no greater than buffer length ({size}) , but got {offset}")
    room = size - offset
    if count < 0:
        if room % kind.itemsize:
            raise ValueError(f"buffer size ({room}) must be a multiple of element size ({kind.itemsize})")
        count = room // kind.itemsize
    elif count * kind.itemsize > room:
        have = room // kind.itemsize
        raise ValueError(f"buffer has only {have} elements after offset {offset}, but specified a size of {count}")
    part = kind.itemsize // 2 if kind.category == COMPLEX else kind.itemsize
    raw = np.frombuffer(buffer, np.uint8, count * kind.itemsize, offset).copy()
    if byte_order not in (None, "native", sys.byteorder) and part > 1:
        raw = raw.view(f"u{part}").byteswap().view(np.uint8)
    return from_numpy(raw).view(kind)


def from_file(filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: dtype_type | None = None, layout=None, device=None,
              pin_memory: bool | None = None) -> Tensor:
    """A tensor whose memory is a file: written to where `shared`, a private copy on write otherwise.  -> (size)

    RuntimeError where the file is too short (a shared one is made longer, as PyTorch makes it).
    """
    kind = context.get_default_dtype() if dtype is None else dtype
    need = int(size or 0) * kind.itemsize
    if shared:
        with open(filename, "ab") as file:
            if os.path.getsize(filename) < need:
                file.truncate(need)
    elif os.path.getsize(filename) < need:
        raise RuntimeError(f"unable to mmap {need} bytes from file <{filename}>: it has {os.path.getsize(filename)}")
    if not need:
        return empty(0, dtype=kind)
    array = np.memmap(filename, dtype=np.uint8, mode="r+" if shared else "c", shape=(need,))
    return from_numpy(np.asarray(array)).view(kind)
