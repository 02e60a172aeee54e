"""Storages: the flat memory behind tensors, which several of them may share.  A checkpoint keeps storages, and tensors as views of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import flambeau
from flambeau import Tensor
from flambeau.backends import meta
from flambeau.fields import new
from flambeau.ops.storage import TypedStorage, UntypedStorage, typed, untyped
from flambeau.types import Storage

HOST = np.ndarray


def view_of(storage: Storage, dtype: flambeau.dtype, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """A tensor in the storage's memory: offset and stride in elements.  ValueError when it reaches out of it."""
    for what, numbers in (("size", size), ("stride", stride)):
        if any(type(n) is not int or not 0 <= n < 1 << 63 for n in numbers):
            raise ValueError(f"expected a tensor's {what} as natural numbers, got {numbers!r:.100}")
    if len(size) != len(stride) or len(size) > 64 or type(offset) is not int or offset < 0:
        raise ValueError(f"expected size, stride and offset of one tensor, got {size!r:.100}, {stride!r:.100} and {offset!r:.40}")
    count = 1
    for n in size:
        count *= n
    last = offset + sum((n - 1) * s for n, s in zip(size, stride)) if count else offset - 1
    if count >= 1 << 62 or (last + 1) * dtype.itemsize > storage.nbytes():
        what = f"a tensor of size {size}, stride {stride} and offset {offset} in {dtype}"
        raise ValueError(f"{what} does not fit its storage of {storage.nbytes()} bytes")
    data = untyped(storage)._tensor
    array = data.array
    strides = tuple(s * dtype.itemsize for s in stride)
    if data.is_meta:
        return plain(meta.hollow(size, dtype.numpy, strides))
    begin = offset * dtype.itemsize if count else 0
    if type(array) is HOST:
        return plain(np.ndarray(size, dtype.numpy, array, begin, strides))
    return plain(type(array)(size, dtype.numpy, array.data + begin, strides) if count else type(array)(size, dtype.numpy))


def of_bytes(block: Any) -> UntypedStorage:
    """The storage of a flat array of bytes."""
    return untyped(typed(plain(block)))


def elements(storage: UntypedStorage, dtype: flambeau.dtype | None) -> TypedStorage:
    """A storage as what a file says that it has, bytes where that is None: what `load` gives for a storage, as PyTorch does."""
    return TypedStorage(wrap_storage=storage, dtype=dtype or flambeau.uint8)


def plain(array: Any) -> Tensor:
    return new(Tensor, array)


def root_of(tensor: Tensor, lengths: dict[int, int]) -> tuple[Any, int, tuple[int, ...]]:
    """(the memory behind a tensor as one flat array of bytes, where the tensor begins in it, its strides in bytes).

    Two tensors that share memory have the same root. What has no order of its own in memory (a NumPy array of fields) is copied.
    lengths: of a GPU's memory by address, how far tensors reach into it: its allocation is larger, and the rest is nobody's.
    """
    array = tensor.array
    if not array.size:  # NumPy says strides of 0; PyTorch those of a tensor in its own order
        strides, step = [], array.itemsize
        for extent in reversed(array.shape):
            strides.append(step)
            step *= max(extent, 1)
        return type(array)(0, np.uint8), 0, tuple(reversed(strides))
    if type(array) is not HOST:
        memory = array.data.mem
        begin = array.data.ptr - memory.ptr
        end = begin + array.itemsize + sum((n - 1) * s for n, s in zip(array.shape, array.strides))
        lengths[memory.ptr] = max(lengths.get(memory.ptr, 0), end)
        return type(array)(lengths[memory.ptr], np.uint8, type(array.data)(memory, 0)), begin, array.strides
    root = array
    while isinstance(root.base, HOST):
        root = root.base
    axes = sorted(range(root.ndim), key=lambda i: -root.strides[i])
    dense = root.transpose(axes)
    begin = (address(array) - address(root)) if root is not array else 0
    whole = all(s >= 0 and s % array.itemsize == 0 for s in array.strides) and begin % array.itemsize == 0
    if not whole or not dense.flags.c_contiguous:
        array = array.copy()
        return array.reshape(-1).view(np.uint8), 0, array.strides
    return dense.reshape(-1).view(np.uint8), begin, array.strides


def address(array: Any) -> int:
    return array.ctypes.data if type(array) is HOST else array.data.ptr
