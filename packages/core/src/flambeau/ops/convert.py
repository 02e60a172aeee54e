"""A tensor in another dtype, on another device, in another order of memory, or with its bytes read otherwise."""
from __future__ import annotations

from ..device import device
from ..dispatch import run, run_one
from ..dtype import as_dtype, dtype
from ..layout import contiguous_format, order_of, preserve_format
from ..op import CARDS
from ..tensor import Tensor, plain, version_cell

_Device, _DType = device, dtype  # the parameters `device` and `dtype` below hide the classes


def to(input: Tensor, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None) -> Tensor:
    """x in another dtype or on another device; x itself where nothing changes.  `to(dtype)`, `to(device, dtype)`, `to(other)`"""
    if len(args) == 1 and type(args[0]) is _DType and dtype is device is memory_format is None and not copy:
        dtype = args[0]
        return input if input.dtype is dtype else run_one(CARDS["cast"], input, {"dtype": dtype})
    for a in args:
        if isinstance(a, _DType):
            dtype = a
        elif isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, _Device | str | int) and not isinstance(a, bool):
            device = a
        elif isinstance(a, bool):
            copy = a
        elif isinstance(a, type):
            dtype = a
        elif a is not None:
            raise TypeError(
                f"to() received an invalid combination of arguments: {type(a).__name__} is neither a dtype, a device nor a tensor"
            )
    out = input if device is None else input._to_device(device)
    if dtype is not None:
        dtype = as_dtype(dtype)
    if dtype is not None and dtype is not out.dtype:
        out = run(CARDS["cast"], (out,), {"dtype": dtype})
    if memory_format is not None and memory_format is not preserve_format:
        if not isinstance(memory_format, type(preserve_format)):
            raise TypeError(f"to(): argument 'memory_format' must be flambeau.memory_format, not {type(memory_format).__name__}")
        if out is not input or copy:
            return out.contiguous(memory_format=memory_format) if out is not input else in_order(input, memory_format)
        return input.contiguous(memory_format=memory_format)
    return out.clone() if copy and out is input else out


def _to_device(x: Tensor, where) -> Tensor:
    if where is None:
        return x
    where = device(where)
    if where.type == x.device.type and where.index in (None, x.device.index):
        if where.type != "cuda" or where.index is not None:
            return x
        from ..backends import cupy

        if cupy.current() == x.device.index:
            return x
    return run(CARDS["transfer"], (x,), {"device": where})


def contiguous(x: Tensor, memory_format=contiguous_format) -> Tensor:
    """x itself where its memory is in order, else a copy that is."""
    if memory_format is contiguous_format:
        return x if x.array.flags.c_contiguous else run_one(CARDS["clone"], x, {"order": "C"})
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return x if x.is_contiguous(memory_format=memory_format) else in_order(x, memory_format)


def in_order(x: Tensor, form) -> Tensor:
    """A copy whose axes lie in memory as the format says."""
    order = order_of(form, x.ndim)
    return run_one(CARDS["clone"], x.permute(order), {"order": "C"}).permute(tuple(order.index(i) for i in range(x.ndim)))


def view_dtype(x: Tensor, wanted: dtype) -> Tensor:
    """The same bytes read as another dtype, as a view without a history."""
    wanted = as_dtype(wanted)
    ratio = wanted.itemsize // x.itemsize
    if wanted.itemsize != x.itemsize:
        if not x.ndim:
            raise RuntimeError(f"self.dim() cannot be 0 to view {x.dtype.name} as {wanted.name} (different element sizes)")
        if x.stride(-1) != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 to view {x.dtype.name} as {wanted.name} (different element sizes), "
                               f"but got {x.stride(-1)}")
    if ratio > 1:
        said = f"must be divisible by {ratio} to view {x.dtype.name} as {wanted.name} (different element sizes), but got"
        if x.shape[-1] % ratio:
            raise RuntimeError(f"self.size(-1) {said} {x.shape[-1]}")
        if x.storage_offset() % ratio:
            raise RuntimeError(f"self.storage_offset() {said} {x.storage_offset()}")
        for axis, step in enumerate(x.stride()[:-1]):
            if step % ratio:
                raise RuntimeError(f"self.stride({axis}) {said} {step}")
    made = plain(x.array.view(wanted.numpy))
    made.base, made.cell = x if x.base is None else x.base, version_cell(x)
    return made

