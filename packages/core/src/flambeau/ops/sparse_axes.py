"""Sparse tensors along axes: sums, slices, one after the other, softmax."""
from __future__ import annotations

from math import prod
from typing import Any

from ..backends import namespace
from ..dtype import FLOAT, bfloat16, float16, int64
from ..layout import sparse_coo
from ..tensor import Tensor, check_dim, plain
from .create import as_tensor
from .join import cat as dense_cat
from .sparse_arithmetic import laid_as
from .sparse_layouts import apart, merged, stacked
from .sparse_tensor import ANSWERS, SparseTensor, made, times


def _dims(x: SparseTensor, dim) -> set[int]:
    given = [dim] if isinstance(dim, int) else list(dim)
    dims = {check_dim(d, x.ndim) for d in given}
    if len(dims) < len(given):
        raise RuntimeError(f"dim {given} names an axis twice")
    return dims


def total(x: SparseTensor, dim, dtype=None, keepdim: bool = False):
    """The sum along axes: sparse while sparse axes are left, else dense."""
    dims, heads = _dims(x, dim), x.heads()
    numbers = x.numbers() if dtype is None else x.numbers().to(dtype)
    inner = [d - heads + 1 for d in dims if d >= heads]
    numbers = numbers.sum(inner, dtype=dtype) if inner else numbers
    left = [d for d in range(heads) if d not in dims]
    if not left:
        found = numbers.sum(0, dtype=dtype)
        return found.reshape([1 if d in dims else n for d, n in enumerate(x.shape)]) if keepdim else found
    extent = tuple(n for d, n in enumerate(x.shape) if d not in dims)
    coordinates, kind = x.coordinates(), numbers[:0].sum(dtype=dtype).dtype
    out = merged([coordinates[d] for d in left], numbers.to(kind), extent)
    for d in sorted(dims) if keepdim else ():
        out = longer(out, d)
    return out


def grouped(x: SparseTensor, dims, keepdim: bool, how: str) -> SparseTensor:
    """Stored values alone along axes: their sum, prod, amax or amin, where there are any.  -> COO"""
    dims, heads, numbers = _dims(x, dims), x.heads(), x.numbers()
    for d in sorted(dims, reverse=True):
        numbers = getattr(numbers, how)(d - heads + 1) if d >= heads else numbers
    kind = int64 if how in ("sum", "prod") and numbers.dtype.category < FLOAT else numbers.dtype
    numbers = numbers.to(kind) if kind not in (float16, bfloat16) else numbers.float()  # rounded once
    left = [d for d in range(heads) if d not in dims]
    places: Any = sum((x.coordinates()[d] * prod(x.shape[e] for e in left if e > d) for d in left),
                      namespace(x.places[0].array).zeros(numbers.shape[0], "int64"))
    xp = namespace(places)
    kept, group = xp.unique(places, return_inverse=True)
    at = plain(group.reshape(-1)).reshape(-1, *(1,) * (numbers.ndim - 1)).expand(numbers.shape)
    out = numbers.new_zeros((kept.size, *numbers.shape[1:])).scatter_reduce(0, at, numbers, how, include_self=False).to(kind)
    extent = [n for d, n in enumerate(x.shape) if d not in dims]
    found = made(sparse_coo, extent, (plain(apart(xp, kept, [x.shape[d] for d in left])),), out)
    for d in sorted(dims) if keepdim else ():
        found = longer(found, d)
    return found


def sums(x: SparseTensor, dim=None, keepdim: bool = False, *, dtype=None):
    """`Tensor.sum`: of compressed tensors a sum along axes keeps them, and the layout."""
    if dim is None or (not isinstance(dim, int) and not len(dim)) or len(_dims(x, dim)) == x.ndim:
        out = (x.entries if x.origin is None else x.origin).sum(dtype=dtype)
        return out.reshape((1,) * x.ndim) if keepdim and dim is not None else out
    if x.kind is sparse_coo:
        return total(x, dim, dtype, keepdim)
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    if x.batch_ndim() or x.block() or x.dense_dim():
        raise NotImplementedError("sums along axes are there for COO tensors and for matrices in CSR and CSC: use to_sparse_coo()")
    return laid_as(total(x, dim, dtype, True), x)


def chosen(x: SparseTensor, dim: int, index: Tensor):
    """The slices that `index` names, in its order."""
    dim, n = check_dim(dim, x.ndim), index.numel()
    if index.ndim > 1:
        raise IndexError(f"index_select(): Index is expected to be a vector, got {index.ndim} axes")
    index = index.reshape(n)
    extent = (*x.shape[:dim], n, *x.shape[dim + 1:])
    if index.numel() and not (int(index.min()) >= -x.shape[dim] and int(index.max()) < x.shape[dim]):
        raise IndexError(f"index_select(): index contains values out of range for an axis of size {x.shape[dim]}")
    index = index.where(index >= 0, index + x.shape[dim])
    if dim >= x.heads():
        return made(x.kind, extent, x.places, x.entries.index_select(dim + x.entries.ndim - x.ndim, index), x.unique)
    coordinates, wanted = list(x.coordinates()), index.array
    xp = namespace(wanted)
    own = coordinates[dim]
    order = xp.argsort(own, kind="stable")  # the entries of each slice, one after the other
    begins, ends = (xp.searchsorted(own[order], wanted, side=side) for side in ("left", "right"))
    counts = ends - begins
    new = times(xp, xp.arange(n), counts)
    take = order[xp.arange(new.size) - times(xp, xp.cumsum(counts) - counts - begins, counts)]
    coordinates = [new if d == dim else c[take] for d, c in enumerate(coordinates)]
    out = made(sparse_coo, extent, (plain(stacked(xp, coordinates, new)),), x.numbers()[plain(take)], False)
    return laid_as(out.coalesce() if x.unique else out, x)


def one(x: SparseTensor, dim: int, index: int):
    """One slice: sparse while sparse axes are left, else dense; of a row or column of a compressed tensor, COO."""
    dim, index = check_dim(dim, x.ndim), int(index)
    n, batch, heads = x.shape[dim], x.batch_ndim(), x.heads()
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(x.shape)} at dimension {dim}")
    index, extent = index % n, (*x.shape[:dim], *x.shape[dim + 1:])
    if dim >= heads:
        return made(x.kind, extent, x.places, x.entries.select(dim + x.entries.ndim - x.ndim, index), x.unique)
    if dim < batch:
        return made(x.kind, extent, [p.select(dim, index) for p in x.places], x.entries.select(dim, index))
    if batch:
        raise RuntimeError("select(): selecting sparse dimensions is not supported for batched sparse compressed tensors.")
    coordinates = x.coordinates()
    xp = namespace(coordinates[0])
    kept = xp.flatnonzero(coordinates[dim] == index)
    numbers = x.numbers()[plain(kept)]
    if heads == 1:
        return numbers.sum(0, dtype=numbers.dtype)
    left = [c[kept] for d, c in enumerate(coordinates) if d != dim]
    if x.kind is sparse_coo:
        return made(sparse_coo, extent, (plain(stacked(xp, left, kept)),), numbers, x.unique)
    return merged(left, numbers, extent)


def narrowed(x: SparseTensor, dim: int, start: int, length: int):
    """The slices from `start` on."""
    if not -x.ndim <= dim < x.ndim:
        raise RuntimeError(f"narrow_copy: expected a dimension of {x.ndim} axes, got {dim}")
    dim = check_dim(dim, x.ndim)
    start = start + x.shape[dim] if start < 0 else start
    if not 0 <= start <= start + length <= x.shape[dim]:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({x.shape[dim]}).")
    if x.kind is not sparse_coo:
        raise NotImplementedError(f"narrow_copy is not there for the layout {x.kind}: use to_sparse_coo()")
    extent = (*x.shape[:dim], length, *x.shape[dim + 1:])
    if dim >= x.heads():
        return made(sparse_coo, extent, x.places, x.entries.narrow(dim - x.heads() + 1, start, length), x.unique)
    coordinates = list(x.coordinates())
    xp = namespace(coordinates[dim])
    kept = xp.flatnonzero((coordinates[dim] >= start) & (coordinates[dim] < start + length))
    coordinates[dim] = coordinates[dim] - start
    return made(sparse_coo, extent, (plain(stacked(xp, [c[kept] for c in coordinates], kept)),), x.entries[plain(kept)], x.unique)


def item(x: SparseTensor, key):
    """Whole numbers, None and full slices as indices."""
    keys = key if type(key) is tuple else (key,)
    counted = sum(k is not None and k is not Ellipsis for k in keys)
    if Ellipsis in [k for k in keys if not isinstance(k, Tensor)]:
        at = [k is Ellipsis for k in keys].index(True)
        keys = (*keys[:at], *(slice(None),) * (x.ndim - counted), *keys[at + 1:])
    if counted > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    dim, out = 0, x
    for k in keys:
        if k is None:
            out, dim = longer(out, dim), dim + 1
        elif isinstance(k, slice) and k == slice(None):
            dim += 1
        elif (isinstance(k, int) and not isinstance(k, bool)) or (isinstance(k, Tensor) and k.ndim == 0 and not k.is_floating_point()):
            out = out.select(dim, int(k))
        else:
            raise NotImplementedError(f"a sparse tensor is indexed by ints (use index_select, narrow_copy or to_dense()), got {k!r:.60}")
    return out


def joined(parts, dim: int = 0, lengths=None):
    """Sparse tensors one after the other along an axis."""
    parts = list(parts)
    for i, p in enumerate(parts):
        if not isinstance(p, SparseTensor) or parts[0].layout is not p.layout:
            told = "a dense tensor" if not isinstance(p, SparseTensor) else f"one of the layout {p.kind}"
            raise RuntimeError(f"Concatenating sparse tensors, but {told} was found at position {i}.")
    first = parts[0]
    dim, heads = check_dim(dim, first.ndim), first.heads()
    for i, p in enumerate(parts):
        if p.heads() != heads:
            raise RuntimeError(f"All tensors must have the same sparse_dim: got {heads} and, at position {i}, {p.heads()}")
        if p.ndim != first.ndim or any(n != m for d, (n, m) in enumerate(zip(p.shape, first.shape, strict=True)) if d != dim):
            raise RuntimeError(f"All tensors must have the same shape: {list(first.shape)} (except in the concatenating dimension), but "
                               f"found shape: {list(p.shape)} at position {i}")
    kind = first.dtype
    for p in parts:
        kind = p.dtype if kind is p.dtype else _common(kind, p.dtype)
    extent = (*first.shape[:dim], sum(p.shape[dim] for p in parts), *first.shape[dim + 1:])
    numbers, before, places = [], 0, []
    for p in parts:
        part = p.numbers().to(kind)
        shift = [[before if d == dim else 0] for d in range(heads)]
        if dim >= heads:  # zeros before and behind
            axis, n = dim - heads + 1, p.shape[dim]
            around = lambda n, part=part, axis=axis: part.new_zeros((*part.shape[:axis], n, *part.shape[axis + 1:]))
            part = dense_cat([around(before), part, around(extent[dim] - before - n)], axis)
        xp = namespace(p.places[0].array)
        places.append(plain(stacked(xp, p.coordinates(), p.numbers())) + as_tensor(shift, device=p.device))
        numbers.append(part)
        before += p.shape[dim]
    out = made(sparse_coo, extent, (dense_cat(places, 1),), dense_cat(numbers), False)
    return laid_as(out.coalesce() if all(p.unique for p in parts) else out, first)


def _common(a, b):
    from ..promote import promote_types

    return promote_types(a, b)


def softmax(x: SparseTensor, dim: int, log: bool = False, dtype=None):
    """Softmax along a sparse axis over the stored values alone: what is not stored counts as minus infinity."""
    x = x.to_sparse().coalesce()
    dim, heads = check_dim(dim, x.ndim), x.sparse_dim()
    entries = x.entries if dtype is None else x.entries.to(dtype)
    if dim >= heads:
        own = dim - heads + 1
        return x.with_values(entries.log_softmax(own) if log else entries.softmax(own))
    if not x._nnz():
        return x.with_values(entries)
    places: Any = 0
    for d, c in enumerate(x.coordinates()):
        places = places if d == dim else places * x.shape[d] + c
    xp = namespace(x.places[0].array)
    lines, group = xp.unique(xp.zeros(x._nnz(), "int64") + places, return_inverse=True)
    group, shape = plain(group.reshape(-1)), (lines.size, *entries.shape[1:])
    at = group.reshape(-1, *(1,) * (entries.ndim - 1)).expand(*entries.shape)
    greatest = entries.detach().new_zeros(shape).scatter_reduce(0, at, entries.detach(), "amax", include_self=False)
    moved = entries - greatest[group].nan_to_num(neginf=0.0)
    sums = moved.new_zeros(shape).index_add(0, group, moved.exp())[group]
    return x.with_values(moved - sums.log() if log else moved.exp() / sums)


def longer(x: SparseTensor, dim: int):
    """A new axis of size one; before or among the sparse axes it is sparse, behind them dense."""
    dim = check_dim(dim, x.ndim + 1)
    extent, heads = (*x.shape[:dim], 1, *x.shape[dim:]), x.sparse_dim()
    if x.kind is not sparse_coo:
        raise RuntimeError(f"unsqueeze: a tensor of the layout {x.kind} keeps its axes: use to_sparse_coo() first")
    if dim > heads:
        return made(sparse_coo, extent, x.places, x.entries.unsqueeze(dim - heads + 1), x.unique)
    old = x.places[0]
    places = dense_cat([old[:dim], old.new_zeros((1, old.shape[1])), old[dim:]])
    return made(sparse_coo, extent, (places,), x.entries, x.unique)


def turned(x: SparseTensor, dims):
    """The axes in another order; sparse ones stay before dense ones."""
    if len(dims) != x.ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
                           f"ordering of dimensions i.e. input.dim() = {x.ndim} is not equal to len(dims) = {len(dims)}")
    order, heads = [check_dim(d, x.ndim) for d in dims], x.sparse_dim()
    if sorted(order) != list(range(x.ndim)):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    if x.kind is not sparse_coo:
        if order == list(range(x.ndim)):
            return x
        raise NotImplementedError(f"permute is not there for the layout {x.kind}: use transpose")
    if any(d >= heads for d in order[:heads]):
        raise RuntimeError(f"permute(sparse_coo): transpositions between sparse and dense dimensions are not allowed. Got {list(dims)} for "
                           f"{heads} sparse axes")
    if order == list(range(x.ndim)):
        return x
    entries = x.entries.permute(0, *(d - heads + 1 for d in order[heads:]))
    same_order = order[:heads] == list(range(heads))
    extent = tuple(x.shape[d] for d in order)
    return made(sparse_coo, extent, (x.places[0][order[:heads]],), entries, x.unique if same_order else x._nnz() < 2)


def piled(parts, dim: int = 0):
    """Sparse tensors of one shape along a new axis."""
    if not all(isinstance(p, SparseTensor) for p in parts):
        raise RuntimeError("stack: expected all tensors to be sparse, or none")
    if any(p.shape != parts[0].shape for p in parts):
        raise RuntimeError(f"stack expects each tensor to be equal size, but got {[list(p.shape) for p in parts]}")
    return joined([longer(p, dim) for p in parts], check_dim(dim, parts[0].ndim + 1))


ANSWERS.update({
    "concat": joined, "sum": sums, "pile": piled, "total": total, "chosen": chosen, "index_select": chosen, "one": one, "select": one,
    "narrow_copy": narrowed, "item": item, "slice": lambda x, index: item(x, index), "unsqueeze": longer, "permute": turned,
    "any": lambda x, dim=None, keepdim=False: x.any(dim, keepdim),
})
