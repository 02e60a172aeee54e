"""Tensor methods of old: a Python function an element, memory that is exchanged, tensors made like another."""
from __future__ import annotations

from math import prod

import numpy as np

from ..context import grad as mode
from ..tensor import Size, Tensor, version_cell
from ..write import in_graph, unlock
from .border import fill_
from .create import empty, tensor
from .index import setitem
from .memory import as_strided
from .storage import _Storage
from .view import diagonal, expand, narrow


def _each(name: str, x: Tensor, others, function):
    if mode.enabled and in_graph(x):
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    if x.process is not None or type(x.array) is not np.ndarray:
        raise TypeError(f"{name}() is only implemented on CPU tensors")
    for place, other in others:
        if not isinstance(other, Tensor) or other.dtype is not x.dtype:
            found = other.dtype if isinstance(other, Tensor) else type(other).__name__
            raise TypeError(f"{name}: expected a tensor of {x.dtype} for '{place}' (got {found})")
        if other.requires_grad and mode.enabled:
            raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    rows = [x.array, *(expand(other.detach(), x.shape).array for _, other in others)]
    unlock(x)
    for at in np.ndindex(x.array.shape):
        value = function(*(row[at].item() for row in rows))
        if not isinstance(value, int | float | complex):
            raise TypeError(f"{name}: expected a number from the function, got {type(value).__name__}")
        x.array[at] = value
    version_cell(x)[0] += 1
    return x


def apply_(x: Tensor, callable) -> Tensor:
    """Each element replaced by what a Python function makes of it.  On the CPU alone, and slow: for sketches.

    >>> flambeau.tensor([1.0, 2.0]).apply_(lambda v: v * v + 1)
    tensor([2., 5.])
    """
    return _each("apply_", x, (), callable)


def map_(x: Tensor, tensor: Tensor, callable) -> Tensor:
    """Each element replaced by callable(element, element of `tensor`), which is broadcast."""
    return _each("map_", x, (("other", tensor),), callable)


def map2_(x: Tensor, y: Tensor, z: Tensor, callable) -> Tensor:
    """Each element replaced by callable(element, element of y, element of z)."""
    return _each("map2_", x, (("x", y), ("y", z)), callable)


def fill_diagonal_(x: Tensor, fill_value, wrap: bool = False) -> Tensor:
    """The diagonal filled, of more axes where all indices are equal; `wrap`: of a tall matrix again after each square and a row.

    >>> flambeau.zeros(2, 3).fill_diagonal_(5)
    tensor([[5., 0., 0.],
            [0., 5., 0.]])
    """
    if x.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if x.ndim > 2:
        if len(set(x.shape)) > 1:
            raise RuntimeError("all dimensions of input must be of equal length")
        places = tensor(list(range(x.shape[0])), device=x.device)
        setitem(x, (places,) * x.ndim, fill_value)
        return x
    rows, columns = x.shape
    for start in range(0, rows if wrap and columns else 1, columns + 1):
        fill_(diagonal(narrow(x, 0, start, min(columns, rows - start))), fill_value)
    return x


def set_(x: Tensor, source=None, storage_offset: int = 0, size=None, stride=None) -> Tensor:
    """Let x be another tensor's memory from now on, all of it or elements of it in another order; without a source, no memory.

    RuntimeError where the dtypes differ.
    """
    if source is None:
        source = empty(0, dtype=x.dtype, device=x.device)
    elif not isinstance(source, Tensor):  # a storage: all of its elements, in order
        flat = source._tensor
        source._alone = False
        if flat.dtype is not x.dtype and flat.dtype.name == "uint8":
            flat = flat[:len(flat) // x.itemsize * x.itemsize].view(x.dtype)
        source = flat
    if source.dtype is not x.dtype:
        raise RuntimeError(f"Could not set tensor of type {source.dtype.name} to a tensor of type {x.dtype.name}")
    if size is not None:
        size = (size,) if isinstance(size, int) else tuple(size)
        stride = tuple(prod(size[i + 1:]) for i in range(len(size))) if stride is None else tuple(stride)
        source = as_strided(source.detach(), size, stride, storage_offset)
    x.array, x.cell = source.array, version_cell(source)
    return x


def new(x: Tensor, *args, size=None) -> Tensor:
    """A tensor of x's dtype and device: of sizes, uninitialised, or with data.  The old form of `new_empty` and `new_tensor`."""
    if size is not None:
        return empty(size, dtype=x.dtype, device=x.device)
    if not args:
        return empty(0, dtype=x.dtype, device=x.device)
    if len(args) == 1 and isinstance(args[0], Tensor):
        return args[0].detach()
    if len(args) == 1 and isinstance(args[0], _Storage):
        return empty(0, dtype=x.dtype, device=x.device).set_(args[0])
    if len(args) == 1 and not isinstance(args[0], int | Size):
        return tensor(args[0], dtype=x.dtype, device=x.device)
    return empty(args[0] if isinstance(args[0], Size) else args, dtype=x.dtype, device=x.device)


def module_load(x: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What `load_state_dict` swaps with x: `other` itself when it is to be assigned, else x with the values of `other`; both detached."""
    return other.detach() if assign else x.copy_(other).detach()
