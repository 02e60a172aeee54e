"""Keys of x[key]: every form that PyTorch takes, as one basic key (ints, slices, None) and tensors of places."""
from __future__ import annotations

import warnings

import numpy as np

from ..tensor import Tensor

MASKS = ("bool", "uint8")  # the latter is PyTorch's mask of old
NO_AXES = "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"


def split_key(x: Tensor, key):
    """A key as a basic part (ints, slices, None; None if it does nothing) and an advanced one ((tensors, spec), or None)."""
    if isinstance(key, list) and _holds_keys(key):
        warnings.warn("a list that holds sequences, tensors or slices is read as a tuple of keys: write x[tuple(key)], which stays so",
                      stacklevel=4)
        key = tuple(key)
    if type(key) is int and not x.ndim:
        raise IndexError(NO_AXES)
    parts = list(key) if isinstance(key, tuple) else [key]
    parts = [_plain_key(p) for p in parts]
    if not any(p is Ellipsis for p in parts):
        parts.append(Ellipsis)
    used = sum(_axes(p) for p in parts)
    if used > x.ndim:
        if not x.ndim and isinstance(key, slice):
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    at = next(i for i, p in enumerate(parts) if p is Ellipsis)
    again = [i for i, p in enumerate(parts) if p is Ellipsis and i > at]
    if again:  # a later one stands for as many axes as the first: past the end, where nothing may follow it
        if used < x.ndim and again[0] + len(again) < len(parts):
            raise IndexError("Dimension out of range: an index can only have a single ellipsis ('...') with keys behind it")
        parts = [p for i, p in enumerate(parts) if i not in again]
    parts[at:at + 1] = [slice(None)] * (x.ndim - used)
    basic: list = []
    spec: list = []
    tensors: list = []
    dim = 0
    for p in parts:
        if isinstance(p, bool):
            basic.append(None)
            spec.append(True)
            tensors.append(_range_of(x, int(p)))
        elif isinstance(p, Tensor):
            if p.dtype.name in MASKS:
                if tuple(p.shape) != tuple(x.shape[dim:dim + p.ndim]):
                    raise IndexError(f"The shape of the mask {list(p.shape)} at index 0 does not match the shape of the indexed tensor "
                                     f"{list(x.shape)} at index {dim}")
                for places in p.nonzero(as_tuple=True):
                    basic.append(slice(None))
                    spec.append(True)
                    tensors.append(places if places.device == x.device else places.to(x.device))
                dim += p.ndim
                continue
            basic.append(slice(None))
            spec.append(True)
            tensors.append(p if p.device == x.device else p.to(x.device))
            dim += 1
        else:
            basic.append(p)
            if type(p) is not int:
                spec.append(slice(None))
            dim += p is not None
    trivial = all(type(p) is slice and p == slice(None) for p in basic)
    return (None if trivial and tensors else (*basic, ...)), ((tensors, tuple(spec)) if tensors else None)


def _axes(p) -> int:
    """How many axes of the tensor one part of a key speaks of."""
    if p is None or p is Ellipsis or isinstance(p, bool):
        return 0
    return p.ndim if isinstance(p, Tensor) and p.dtype.name in MASKS else 1


def _holds_keys(key: list) -> bool:
    return len(key) < 32 and any(p is None or p is Ellipsis or isinstance(p, Tensor | np.ndarray | list | tuple | slice) for p in key)


def _range_of(x, n):
    from .create import arange
    return arange(n, device=x.device)


def _plain_key(p):
    if p is None or p is Ellipsis or type(p) in (int, bool):
        return p
    if isinstance(p, slice):
        p = slice(_bound(p.start), _bound(p.stop), _bound(p.step))
        if p.step is not None and p.step <= 0:
            raise ValueError("step must be greater than zero")
        return p
    if isinstance(p, Tensor):
        if p.dtype.category > 1:
            raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {p.dtype}")
        if p.dtype.name == "uint8":
            warnings.warn("indexing with dtype flambeau.uint8 is now deprecated, please use a dtype flambeau.bool instead.", stacklevel=5)
        if p.ndim or p.process is not None or not p.visible():
            return p
        return (bool if p.dtype.name in MASKS else int)(p.item())
    if isinstance(p, np.ndarray | list | tuple | range):
        from .create import as_tensor
        values = np.asarray(p)
        return _plain_key(as_tensor(values.astype(np.int64) if values.size == 0 and values.dtype != np.bool_ else values))
    if hasattr(p, "__index__"):
        return p.__index__()
    raise (TypeError if isinstance(p, str) else IndexError)(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or byte tensors are valid indices (got {type(p).__name__})"
    )


def _bound(n):
    if n is None or type(n) is int:
        return n
    if not hasattr(n, "__index__"):
        raise TypeError("slice indices must be integers or None or have an __index__ method")
    return n.__index__()
