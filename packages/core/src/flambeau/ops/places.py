"""More ways to read and write at computed places."""
from __future__ import annotations

from math import prod

import numpy as np

from ..casting import listed
from ..define import op
from ..dispatch import run
from ..dtype import int64, word
from ..numpy_names import numpy_names
from ..op import CARDS
from ..tensor import Tensor, check_dim
from .create import arange, as_tensor
from .elementwise import where
from .index import _check_places, _check_range, gather, getitem, index_put_, scatter_add, untouched
from .view import broadcast_tensors, expand, narrow, reshape


def take(input, index):
    """Elements at places in the flattened tensor; negative ones count from the end.  (*), (k) -> (k)"""
    if index.dtype.name != "int64":
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {word(index.dtype)}")
    if input.numel() == 0 and index.numel():
        raise IndexError("take(): tried to take from an empty tensor")
    return getitem(reshape(input, -1), (index,))


def put(input, index, source, accumulate: bool = False):
    """x with values written, or added, at places in the flattened tensor.  (*), (k), (k) -> (*)"""
    if index.numel() != source.numel():
        raise RuntimeError("put_(): Expected source and index to have the same number of elements, "
                           f"but got source.numel() = {source.numel()}, index.numel() = {index.numel()}")
    if index.dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {word(index.dtype)}")
    if source.dtype is not input.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype, but got self.dtype = "
                           f"{word(input.dtype)} and source.dtype = {word(source.dtype)}")
    flat = run(CARDS["put"], [reshape(input, -1), reshape(source, -1), reshape(index, -1)], {"spec": (True,), "accumulate": accumulate})
    return reshape(flat, *input.shape)


@numpy_names
def take_along_dim(input, indices, dim: int | None = None):
    """`gather` with the other axes broadcast; without `dim` from the flattened tensor."""
    if indices.dtype is not int64:
        raise RuntimeError(f"take_along_dim(): dtype of indices should be Long but got {word(indices.dtype)}")
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    dim = check_dim(dim, input.ndim)
    if input.ndim != indices.ndim:
        raise RuntimeError("take_along_dim(): input and indices should have the same number of dimensions, "
                           f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")
    others = list(np.broadcast_shapes(*((*t.shape[:dim], *t.shape[dim + 1:]) for t in (input, indices))))
    grown = [others[:dim] + [t.shape[dim]] + others[dim:] for t in (input, indices)]
    indices = where(indices < 0, indices + input.shape[dim], indices)
    return gather(expand(input, *grown[0]), dim, expand(indices, *grown[1]))


@listed
def index_put(input, indices, values, accumulate: bool = False):
    """A copy of x with x[indices] = values, or += with repeated places adding up."""
    return index_put_(input.clone(), indices, values, accumulate)


def _rows(x, dim, index, what):
    dim = check_dim(dim, x.ndim)
    if index.ndim > 1:
        raise IndexError(f"{what}(): Index should have dimension 1 or 0 (got {index.ndim})")
    _check_range(index, x.shape[dim] if x.ndim else 1)
    return dim, (slice(None),) * dim + (True,)


@numpy_names
def index_fill(input, dim: int, index, value):
    """x with one value in the slices of axis `dim` at the places in `index`.  (*, n, *), (k) -> (*, n, *)"""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
    scalar = input.ndim == 0
    input = reshape(input, 1) if scalar else input
    dim, spec = _rows(input, dim, index, "index_fill")
    if isinstance(value, complex) and not input.is_complex():
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    value = value.to(input.dtype) if isinstance(value, Tensor) else input.new_tensor(value)
    filled = run(CARDS["put"], [input.new_zeros(input.shape), value.new_ones(()), reshape(index, -1)], {"spec": spec, "accumulate": False})
    out = where(filled != 0, value, input)  # so that a place that is named twice counts once in the value's gradient
    return reshape(out) if scalar else out


@numpy_names
@listed
def index_copy(input, dim: int, index, source):
    """input with `source`'s slices at the places in `index` of axis `dim`.  (*, n, *), (k), (*, k, *) -> (*, n, *)"""
    scalar = input.ndim == 0
    input, source = (reshape(input, 1), reshape(source, -1)) if scalar else (input, source)
    dim, spec = _rows(input, dim, index, "index_copy")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"index_copy_(): self and source expected to have the same dtype, but got (self) {input.dtype.name} "
                           f"and (source) {source.dtype.name}")
    out = run(CARDS["put"], [input, source, reshape(index, -1)], {"spec": spec, "accumulate": False})
    return reshape(out) if scalar else out


def masked_scatter(input, mask, source):
    """x with the elements of `source`, in order, where the mask is true.  (*), (*), (k) -> (*)"""
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {word(mask.dtype)}")
    if input.dtype is not source.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {word(input.dtype)} and "
                           f"{word(source.dtype)}")
    input, mask = broadcast_tensors(input, mask)
    order = reshape(mask, -1).long().cumsum(0) - 1
    seen = order.visible()
    if seen and order.numel() and int(order[-1]) + 1 > source.numel():
        raise RuntimeError("masked_scatter: expected the number of elements in source to be at least the number of ones in mask")
    taken = reshape(source, -1)[order.clamp(0, source.numel() - 1)] if source.numel() else reshape(input, -1)
    return where(mask, reshape(taken, *input.shape), input)


# ---- scatter with a reduction
@numpy_names
def scatter_reduce(input, dim: int, index, src, reduce: str, *, include_self: bool = True):
    """input with src[i, j] folded in at [i, index[i, j]] for dim 1, and likewise along any axis: sum, prod, mean, amax or amin."""
    scalar = input.ndim == 0
    if scalar:
        input, index, src = reshape(input, 1), reshape(index, -1), reshape(src, -1)
    if not index.ndim and input.ndim == 1:
        index, src = reshape(index, 1), reshape(src, 1)
    dim = check_dim(dim, input.ndim)
    _check_places("scatter_reduce", input, dim, index)
    if input.dtype is not src.dtype:
        raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {word(input.dtype)} and {word(src.dtype)}")
    if reduce not in _FOLDS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    if not index.numel():
        return reshape(untouched(input, src)) if scalar else untouched(input, src)
    src = getitem(src, tuple(slice(0, n) for n in index.shape))
    ones = src.new_ones(src.shape)
    hit = scatter_add(input.new_zeros(input.shape), dim, index, ones) != 0
    out = _FOLDS[reduce](input if include_self else None, input, dim, index, src, hit, ones, include_self)
    out = out if include_self else where(hit, out, input)
    return reshape(out) if scalar else out


def _sum(base, x, dim, index, src, hit, ones, include_self):
    return scatter_add(x if include_self else where(hit, x.new_zeros(()), x), dim, index, src)


def _mean(base, x, dim, index, src, hit, ones, include_self):
    total = _sum(base, x, dim, index, src, hit, ones, include_self)
    count = scatter_add(x.new_ones(x.shape) if include_self else x.new_zeros(x.shape), dim, index, ones)
    count = where(count == 0, count.new_ones(()), count)
    return total / count if x.is_floating_point() or x.is_complex() else total // count


def _extreme(greatest: bool):
    def fold(base, x, dim, index, src, hit, ones, include_self):
        return run(CARDS["scatter_extreme"], (x, index, src), {"dim": dim, "greatest": greatest, "include_self": include_self})

    return fold


def _extreme_parts(y, x, index, src, dim, include_self):
    """Whose values the extremes are, as shares of one: of x, and of src."""
    mine = (x == y).to(x.dtype) if include_self else x.new_zeros(x.shape)
    theirs = (src == gather(y, dim, index)).to(x.dtype)
    share = mine + scatter_add(x.new_zeros(x.shape), dim, index, theirs)
    share = where(share == 0, 1.0, share)
    return mine / share, theirs / gather(share, dim, index)


def _extreme_moved(tangents, y, x, index, src, dim, greatest, include_self):
    mine, theirs = _extreme_parts(y, x, index, src, dim, include_self)
    dx, _, dsrc = tangents
    moved = x.new_zeros(x.shape) if dx is None else dx * mine
    return moved if dsrc is None else scatter_add(moved, dim, index, dsrc * theirs)


def _prod(base, x, dim, index, src, hit, ones, include_self):
    if not (x.requires_grad or src.requires_grad):
        return run(CARDS["scatter_product"], (x, index, src), {"dim": dim, "include_self": include_self})
    out = x if include_self else where(hit, 1.0, x)
    for k in range(index.shape[dim]):  # one slice after the other: a product's gradient by the chain of products
        at = narrow(index, dim, k, 1)
        zeros = x.new_zeros(x.shape)
        met = scatter_add(zeros, dim, at, x.new_ones(at.shape)) != 0
        out = out * where(met, scatter_add(zeros, dim, at, narrow(src, dim, k, 1)), 1.0)
    return out


_FOLDS = {"sum": _sum, "mean": _mean, "amax": _extreme(True), "amin": _extreme(False), "prod": _prod}


def _grid(xp, index, dim):
    grid = [xp.arange(n).reshape((1,) * i + (n,) + (1,) * (index.ndim - i - 1)) for i, n in enumerate(index.shape)]
    grid[dim] = index
    return tuple(grid)


def _scatter_samples(attrs):
    return lambda make: [((make((3, 4), 0.5, 2.0), make.index([[0, 3], [1, 1], [2, 0]]), make((3, 2), 0.5, 2.0)), attrs)]


@op("opaque", inputs=3, samples=_scatter_samples({"dim": 1, "greatest": True, "include_self": True}), jvp=_extreme_moved, vjp=(
    lambda g, y, x, index, src, dim, greatest, include_self: g * _extreme_parts(y, x, index, src, dim, include_self)[0],
    None,
    lambda g, y, x, index, src, dim, greatest, include_self: gather(g, dim, index) * _extreme_parts(y, x, index, src, dim, include_self)[1],
))
def scatter_extreme(xp, x, index, src, dim, greatest, include_self):
    """x with the greatest, or smallest, of what is scattered to each place."""
    out, places = x.copy(), _grid(xp, index, dim)
    fold = xp.maximum if greatest else xp.minimum
    if not include_self:
        out[places] = src  # any of them: the fold decides
    fold.at(out, places, src)
    return out


@op("opaque", inputs=3, samples=_scatter_samples({"dim": 1, "include_self": True}))
def scatter_product(xp, x, index, src, dim, include_self):
    """x with the product of what is scattered to each place."""
    out, places = x.copy(), _grid(xp, index, dim)
    if not include_self:
        out[places] = 1
    xp.multiply.at(out, places, src)
    return out


@numpy_names
def index_reduce(input, dim: int, index, source, reduce: str, *, include_self: bool = True):
    """input with `source`'s slices folded in at the places in `index` of axis `dim`: prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): reduce argument must be either prod, mean, amax or amin, got {reduce}")
    if input.ndim == 0:
        return reshape(index_reduce(reshape(input, 1), 0, index, reshape(source, -1), reduce, include_self=include_self))
    dim, _ = _rows(input, dim, index, "index_reduce")
    if source.dtype is not input.dtype:
        raise RuntimeError("index_reduce_(): self and source expected to have the same dtype, "
                           f"but got {word(input.dtype)} and {word(source.dtype)}")
    shape = [1] * input.ndim
    shape[dim] = -1
    return scatter_reduce(input, dim, expand(reshape(index, *shape), *source.shape), source, reduce, include_self=include_self)


# ---- places as numbers
def unravel_index(indices, shape) -> tuple:
    """Places in a flattened tensor as one tensor of coordinates an axis.  (*) int64 -> ndim times (*)"""
    if indices.dtype.category > 1:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, int | tuple | list):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape).__name__}")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in shape:
        if not isinstance(n, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n).__name__}")
    if any(n < 0 for n in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    coordinates = []
    for d in range(len(shape)):
        coordinates.append(indices.long() // prod(shape[d + 1:]) % shape[d])
    return tuple(coordinates)


def unique_consecutive(input, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """Runs of equal elements made one; on request each element's run, and their lengths.  (*) -> (k)"""
    values = input.detach().cpu().numpy()
    rows = values.reshape(values.size, 1) if dim is None else np.moveaxis(values, check_dim(dim, input.ndim), 0)
    flat = rows.reshape(rows.shape[0], prod(rows.shape[1:]))
    begins = np.ones(len(flat), bool)
    begins[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    starts = np.flatnonzero(begins)
    kept = rows[starts]
    kept = kept.reshape(-1) if dim is None else np.moveaxis(kept, 0, check_dim(dim, input.ndim))
    inverse = np.cumsum(begins) - 1
    result = [as_tensor(np.ascontiguousarray(kept), device=input.device)]
    if return_inverse:
        result.append(as_tensor(inverse.reshape(values.shape) if dim is None else inverse, device=input.device))
    if return_counts:
        result.append(as_tensor(np.diff(np.append(starts, len(flat))), device=input.device))
    return tuple(result) if len(result) > 1 else result[0]


@numpy_names
def scatter(input, dim: int, index, src=None, *, value=None, reduce: str | None = None):
    """input with src[i, j], or a number, written at [i, index[i, j]] for dim 1, and likewise along any axis."""
    src = value if src is None else src
    if not isinstance(src, Tensor):
        src = input.new_full(tuple(index.shape), src)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError(f"scatter(): reduce must be 'add' or 'multiply', got {reduce!r}")
        return scatter_reduce(input, dim, index, src, "sum" if reduce == "add" else "prod")
    if not input.ndim:
        return reshape(scatter(reshape(input, 1), dim, reshape(index, -1), reshape(src, -1)))
    if not index.ndim and input.ndim == 1:
        return scatter(input, dim, reshape(index, 1), reshape(src, 1))
    dim = check_dim(dim, input.ndim)
    _check_places("scatter", input, dim, index)
    if not index.numel():
        return untouched(input, src)
    index = index if index.dtype.itemsize == 8 else index.long()
    if src.dtype is not input.dtype:
        raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {word(input.dtype)} and {word(src.dtype)}")
    shape = index.shape
    grid = [reshape(arange(n, device=input.device), *((1,) * i + (n,) + (1,) * (index.ndim - i - 1))) for i, n in enumerate(shape)]
    grid[dim] = index
    grid = [expand(p, shape) for p in grid]
    part_of_src = getitem(src, tuple(slice(0, n) for n in shape))
    return run(CARDS["put"], [input, part_of_src, *grid], {"spec": (True,) * input.ndim, "accumulate": False})
