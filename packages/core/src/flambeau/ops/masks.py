"""What a mask or a triangle chooses: filling, selecting, and the places that are not zero."""
from __future__ import annotations

import numpy as np

from ..backends import network
from ..define import op
from ..dispatch import run
from ..dtype import COMPLEX, INT, word
from ..fused import Native
from ..op import CARDS
from ..tensor import Tensor
from ..write import into
from .create import fitting
from .elementwise import where
from .index import BOOL, getitem
from .view import broadcast_tensors, ready, reshape


def masked_fill(input, mask, value):
    """`value` where the mask is true, input elsewhere.  (*), (*) -> (*), broadcast"""
    array = ready(input)
    if array is not None and array.dtype.kind == "f" and (type(value) is float or type(value) is int) and type(mask) is Tensor:
        chosen = mask.array
        if type(chosen) is np.ndarray and chosen.dtype is BOOL and chosen.shape == array.shape:
            return where(mask, float(value), input)
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {word(mask.dtype)}")
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
        if value.dtype.category > input.dtype.category and value.dtype.category == COMPLEX:
            raise RuntimeError(f"value cannot be converted to type {input.dtype.name} without overflow")
        value = value.to(input.dtype)
    elif isinstance(value, complex) and input.dtype.category != COMPLEX and value.imag:
        raise RuntimeError(f"value cannot be converted to type {input.dtype.name} without overflow")
    elif isinstance(value, float | int) and input.dtype.category == INT:
        value = fitting(int(value), input.dtype)
    elif isinstance(value, float | int) and input.dtype.category < INT:
        value = bool(value)
    return where(mask, value if isinstance(value, Tensor) else type(value)(value), input).to(input.dtype)


def masked_select(input, mask, *, out=None):
    """The elements where the mask is true, as a vector.  (*), (*) -> (k)"""
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {word(mask.dtype)}")
    input, mask = broadcast_tensors(input, mask)
    chosen = getitem(input, mask) if input.ndim else getitem(reshape(input, 1), reshape(mask, 1))
    return chosen if out is None else into(out, chosen, "masked_select")


@op("opaque", samples=lambda make: [((make((3, 4), -1.0, 1.0) > 0,), {})])
def nonzero_rows(xp, x):
    """Places of the elements that are not zero, a row each.  (*) -> (k, ndim)"""
    return xp.stack(xp.nonzero(x), axis=1) if x.ndim else xp.zeros((int(x != 0), 0), dtype=xp.int64)


def nonzero(input, *, as_tuple: bool = False, out=None):
    """Places of the elements that are not zero: a row each, or a tuple with a vector for each axis.  (*) -> (k, ndim)"""
    rows = run(CARDS["nonzero_rows"], (input,), {})
    if out is not None:
        if as_tuple:
            raise RuntimeError("nonzero does not support the out kwarg when as_tuple is True")
        if out.dtype.name != "int64":
            raise RuntimeError(f"nonzero: Expected out tensor to have scalar type Long but got {word(out.dtype)}")
        return into(out, rows, "nonzero")
    if not as_tuple:
        return rows
    return tuple(rows[:, i] for i in range(input.ndim)) if input.ndim else (run(CARDS["nonzero_rows"], (reshape(input, 1),), {})[:, 0],)


def _triangle_samples(make):
    yield (make((3, 4), -1.0, 1.0),), {"diagonal": 0}
    yield (make((2, 3, 3), -1.0, 1.0),), {"diagonal": 1}


@op("index", samples=_triangle_samples, linear=True, vjp=lambda g, _y, _x, diagonal=0: tril(g, diagonal),
    fused=Native(lambda x, diagonal: network.triangle(x, diagonal, False)))
def tril(xp, x, diagonal=0):
    """The lower triangle of the last two axes, zeros above `diagonal`.  (*, n, m) -> (*, n, m)"""
    return xp.tril(x, diagonal)


@op("index", samples=_triangle_samples, linear=True, vjp=lambda g, _y, _x, diagonal=0: triu(g, diagonal),
    fused=Native(lambda x, diagonal: network.triangle(x, diagonal, True)))
def triu(xp, x, diagonal=0):
    """The upper triangle of the last two axes, zeros below `diagonal`.  (*, n, m) -> (*, n, m)"""
    return xp.triu(x, diagonal)
