"""Ops that join tensors, and those that copy them."""
from __future__ import annotations

import numpy as np
from numpy import ndarray

from .. import context, front
from ..context import grad
from ..define import op
from ..dtype import COMPLEX
from ..numpy_names import numpy_names
from ..op import CARDS
from ..overriding import elsewhere, overriding
from ..promote import result_type
from ..record import record
from ..tensor import Parameter, Tensor, check_dim, plain
from ..write import check_apart
from .view import ALL, narrow, select


def _two(make):
    yield ([make((2, 3), -1.0, 1.0), make((1, 3), -1.0, 1.0), make((0, 3), -1.0, 1.0)],), {"dim": 0, "lengths": [2, 1, 0]}
    yield ([make((2, 3), -1.0, 1.0), make((2, 1), -1.0, 1.0)],), {"dim": 1, "lengths": [3, 1]}


def _cat_back(g, lengths, dim):
    grads, start = [], 0
    for length in lengths:
        grads.append(narrow(g, dim, start, length))
        start += length
    return grads


@op("index", variadic=True, linear=True, vjp=lambda g, _y, _xs, dim=0, lengths=None: _cat_back(g, lengths, dim), samples=_two)
def concat(xp, tensors, dim=0, lengths=None):
    """Tensors one after the other along `dim`.  n × (*, k, *) -> (*, Σk, *)"""
    dtype = tensors[0].dtype
    return xp.concatenate([t if t.dtype == dtype else t.astype(dtype) for t in tensors], axis=dim)


def _arrays_of_one_kind(tensors):
    """The NumPy arrays of plain tensors that have one floating dtype and one rank; None for all others."""
    if context.unusual:
        return None
    arrays: list = []
    for x in tensors:
        kind = type(x)
        if kind is not Tensor and kind is not Parameter:
            return None
        a = x.array
        if type(a) is not ndarray:
            return None
        if arrays and (a.dtype is not arrays[0].dtype or a.ndim != arrays[0].ndim):
            return None
        arrays.append(a)
    return arrays or None


if front.module is not None:
    _arrays_of_one_kind = front.module.arrays_of


def cat(tensors, dim: int = 0, *, out=None, axis: int | None = None):
    """Tensors one after the other along `dim`.  n × (*, k, *) -> (*, Σk, *)

    RuntimeError where they differ in another axis.

    >>> flambeau.cat([flambeau.zeros(2), flambeau.ones(1)])
    tensor([0., 0., 1.])
    """
    if isinstance(tensors, Tensor):
        raise TypeError("cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    tensors = list(tensors)
    dim = dim if axis is None else axis
    if out is not None:
        check_apart(out, tensors)
    joined = None if out is not None or dim or front.module is None else front.module.joined(tensors, False)
    arrays = _arrays_of_one_kind(tensors) if out is None else None
    if arrays is not None and arrays[0].ndim:
        try:
            made = plain(np.concatenate(arrays, dim) if joined is None else joined)
        except ValueError:
            pass  # told in PyTorch's words below
        else:
            if grad.enabled:
                parents = tuple([x.node for x in tensors])
                if parents.count(None) < len(parents):
                    dim = dim if dim >= 0 else dim + made.array.ndim
                    attrs = {"dim": dim, "lengths": [a.shape[dim] for a in arrays]}
                    made.node = record(CARDS["concat"], made, tensors, attrs, parents)
            return made
    if not tensors:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            if overriding(tensors):
                return elsewhere(cat, (tensors,), {"dim": dim})
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    kept = [x for x in tensors if tuple(x.shape) != (0,)] or tensors[:1]
    first = kept[0]
    if tuple(first.shape) == (0,) and out is None:  # all are: PyTorch asks no such tensor for its axes
        return first.clone()
    dim = check_dim(dim, first.ndim)
    if first.ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    for x in kept[1:]:
        if x.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {x.ndim}")
        for d in range(x.ndim):
            if d != dim and x.shape[d] != first.shape[d]:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {first.shape[d]} but got size {x.shape[d]} "
                    f"for tensor number {[id(t) for t in tensors].index(id(x))} in the list."
                )
    dtype = result_type(*(x.dtype for x in tensors))
    return concat([x if x.dtype is dtype else x.to(dtype) for x in kept], dim=dim, lengths=[x.shape[dim] for x in kept], out=out)


@op("index", variadic=True, linear=True, vjp=lambda g, _y, _xs, dim=0: [select(g, dim, i) for i in range(g.shape[dim])],
    samples=lambda make: [([make((2, 3), -1.0, 1.0), make((2, 3), -1.0, 1.0)], {"dim": 1})])
def pile(xp, tensors, dim=0):
    """Tensors of one shape along a new axis.  n × (*) -> (n, *)"""
    put_in = (slice(None),) * dim + (None,) if dim else None
    return xp.concatenate([t[put_in] for t in tensors], axis=dim)


@numpy_names
def stack(tensors, dim: int = 0, *, out=None):
    """Tensors of one shape along a new axis.  n × (*) -> (n, *)

    RuntimeError where shapes differ.
    """
    if isinstance(tensors, Tensor):
        raise TypeError("stack(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    joined = None if out is not None or dim != 0 or front.module is None else front.module.joined(tensors, True)
    arrays = _arrays_of_one_kind(tensors) if joined is None and out is None and type(dim) is int else None
    if joined is not None:
        made = plain(joined)
        if grad.enabled:
            parents = tuple([x.node for x in tensors])
            if parents.count(None) < len(parents):
                made.node = record(CARDS["pile"], made, tensors, {"dim": 0}, parents)
        return made
    if arrays is not None:
        n, shape = arrays[0].ndim + 1, arrays[0].shape
        if -n <= dim < n and [a.shape for a in arrays].count(shape) == len(arrays):
            dim = dim if dim >= 0 else dim + n
            array = np.empty((*shape[:dim], len(arrays), *shape[dim:]), arrays[0].dtype)
            if dim:
                lead: tuple = (ALL,) * dim
                for i, part in enumerate(arrays):
                    array[(*lead, i)] = part
            else:
                for i, part in enumerate(arrays):
                    array[i] = part
            made = plain(array)
            if grad.enabled:
                parents = tuple([x.node for x in tensors])
                if parents.count(None) < len(parents):
                    made.node = record(CARDS["pile"], made, tensors, {"dim": dim}, parents)
            return made
    if not all(isinstance(x, Tensor) for x in tensors):
        return elsewhere(stack, (tensors,), {"dim": dim})
    first = tensors[0]
    shape, dtype = first.shape, first.dtype
    for i, x in enumerate(tensors):
        if x.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(x.shape)} at entry {i}"
            )
        if x.dtype is not dtype:
            dtype = None
    if dtype is None:
        dtype = result_type(*(x.dtype for x in tensors))
        tensors = [x.to(dtype) for x in tensors]
    return pile(tensors, dim=check_dim(dim, first.ndim + 1), out=out)


@op("elementwise", inputs=1, linear=True, vjp=lambda g, _y, _x, order="K": g, c="{0}",
    samples=lambda make: [((make((2, 3), -1.0, 1.0),), {})])
def clone(xp, x, order="K"):
    """A copy with memory of its own, the axes lying as x's do ("C": as they come).  (*) -> (*)"""
    return x.copy("C" if 0 in x.strides else order)  # NumPy would put an expanded axis last


@op("elementwise", inputs=1, linear=True, c="(({dtype}){0})",
    vjp=lambda g, _y, _x, dtype=None: (g if _x.dtype.category == COMPLEX else g.real).to(_x.dtype),
    samples=lambda make: [((make((2, 3), -1.0, 1.0),), {"dtype": make.other})])
def cast(xp, x, dtype):
    """The values in another dtype.  (*) -> (*)"""
    return x.astype(dtype.numpy)

