"""What sparse tensors do with others: products, sums, differences, selections."""
from __future__ import annotations

from typing import Any

from ..define import op
from ..dispatch import run
from ..layout import sparse_coo, sparse_csr
from ..op import CARDS
from ..tensor import Tensor, check_dim, plain
from .create import as_tensor
from .join import cat as dense_cat
from .sparse_tensor import ANSWERS, SparseTensor, apart, flat_places, made, merged


def _samples(make):
    import numpy as np

    rows, cols = make.index(np.array([0, 2, 2])), make.index(np.array([1, 0, 1]))
    yield (make((3,), -1.0, 1.0), make((2, 4), -1.0, 1.0), rows, cols, None), {"n": 3}


@op("index", inputs=5, samples=_samples, promote=None,
    vjp=(lambda g, _y, _v, dense, rows, cols, _p, n: (g.index_select(0, rows) * dense.index_select(0, cols)).sum(-1),
         lambda g, _y, values, _dense, rows, cols, _p, n: run(CARDS["entries_product"], (values, g, cols, rows, None),
                                                              {"n": _dense.shape[0]}),
         None, None, None))
def entries_product(xp, values, dense, rows, cols, pointers, *, n):
    """values[k] · dense[cols[k]] added up at rows[k].  (nnz), (m, j), (nnz), (nnz), (n + 1) or None -> (n, j)"""
    return xp.entries_product(values, dense, rows, cols, pointers, n)


def _matrix(x: Any, name: str) -> None:
    if x.ndim != 2 or x.sparse_dim() != 2:
        raise RuntimeError(f"{name}: expected a sparse matrix, got shape {list(x.shape)} with {x.dense_dim()} dense axes")


def product(input, mat2):
    """a @ b where one or both are sparse; the product of two sparse ones is sparse.  (n, k), (k, m) -> (n, m)"""
    if not (isinstance(input, Tensor) and isinstance(mat2, Tensor)):
        raise TypeError(f"matmul: expected tensors, got {type(input).__name__} and {type(mat2).__name__}")
    if input.ndim == 3:
        return batches(input, mat2)
    if input.dtype is not mat2.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {mat2.dtype}")
    if input.ndim in (1, 2) and mat2.ndim in (1, 2) and input.shape[-1] != mat2.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, input.shape))} and "
                           f"{'x'.join(map(str, mat2.shape))})")
    if not isinstance(input, SparseTensor):
        _matrix(mat2, "matmul")
        return product(mat2.t(), input) if input.ndim == 1 else product(mat2.t(), input.t()).t()
    _matrix(input, "matmul")
    if isinstance(mat2, SparseTensor):
        _matrix(mat2, "matmul")
        return _both(input, mat2)
    if mat2.ndim == 1:
        return product(input, mat2.unsqueeze(1)).squeeze(1)
    if mat2.ndim != 2:
        raise RuntimeError(f"matmul: a sparse matrix is multiplied with a matrix or a vector, got {mat2.ndim} axes")
    rows, cols = (plain(c) for c in input.coordinates())
    pointers = input.places[0] if input.kind is sparse_csr else None
    return run(entries, (input.entries, mat2, rows, cols, pointers), {"n": input.shape[0]})


def _both(a: SparseTensor, b: SparseTensor):
    """Each entry of a meets the entries of one row of b."""
    from ..backends import namespace

    (rows, inner), b = a.coordinates(), b.to_sparse(layout=sparse_csr)
    pointers, (_, cols) = b.places[0].array, b.coordinates()
    xp = namespace(rows)
    counts = xp.diff(pointers)[inner]
    left = xp.repeat(xp.arange(rows.size), counts if xp.device_type == "cpu" else counts.tolist())
    ends = xp.cumsum(counts)
    right = xp.arange(left.size) - (ends - counts)[left] + pointers[:-1][inner][left]
    values = a.entries[plain(left)] * b.entries[plain(right)]
    out = merged((rows[left], cols[right]), values, (a.shape[0], b.shape[1]))
    return out if a.kind is sparse_coo else out.to_sparse(layout=a.kind)


def reduced(a: SparseTensor, b: Tensor, how: str):
    """The product where the terms of an element are reduced by `how` in place of their sum; no term gives 0."""
    if how not in ("sum", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be one of sum, mean, amax, amin, got {how}")
    _matrix(a, "sparse.mm")
    if how == "sum":
        return product(a, b)
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, a.shape))} and {'x'.join(map(str, b.shape))})")
    rows, cols = (plain(c) for c in a.coordinates())
    terms = a.entries.unsqueeze(1) * b.index_select(0, cols)
    out = terms.new_zeros((a.shape[0], b.shape[1]))
    return out.scatter_reduce(0, rows.unsqueeze(1).expand(*terms.shape), terms, how, include_self=False)


# ---- arithmetic
def _checked(name: str, a, b) -> None:
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.ndim and b.ndim and a.shape != b.shape:
        raise RuntimeError(f"{name}: a sparse tensor and another must have the same shape, got {list(a.shape)} and {list(b.shape)}")


def _is_number(x) -> bool:
    return not isinstance(x, Tensor) or (x.ndim == 0 and not isinstance(x, SparseTensor))


def _back(x, kind):
    return x if x.kind is kind else x.to_sparse(layout=kind)


def add(a, b):
    _checked("add", a, b)
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        if a.sparse_dim() != b.sparse_dim():
            raise RuntimeError(f"add: both must have the same number of sparse axes, got {a.sparse_dim()} and {b.sparse_dim()}")
        left, right = a.to_sparse(), b.to_sparse()
        xp_places = dense_cat([left.places[0], right.places[0]], 1)
        values = dense_cat([left.entries, right.entries])
        out = made(sparse_coo, a.shape, (xp_places,), values, False)
        return _back(out.coalesce(), a.kind) if left.unique and right.unique else out
    if isinstance(a, SparseTensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if _is_number(a):
        raise RuntimeError("add(number, sparse) is not supported: zeros would not stay zeros. Use to_dense() first.")
    return a + b.to_dense()


def sub(a, b):
    return add(a, -b) if isinstance(b, Tensor) else add(a, b)


def mul(a, b):
    _checked("mul", a, b)
    if not isinstance(a, SparseTensor):
        a, b = b, a
    if _is_number(b):
        return a.with_values(a.entries * b)
    if not isinstance(b, SparseTensor):
        return a.with_values(a.entries * b[tuple(plain(c) for c in a.coordinates())])
    if a.sparse_dim() != b.sparse_dim():
        raise RuntimeError(f"mul: both must have the same number of sparse axes, got {a.sparse_dim()} and {b.sparse_dim()}")
    from ..backends import namespace

    other, heads = b.to_sparse().coalesce(), a.shape[:a.sparse_dim()]
    mine, theirs = a._flat(), flat_places(other.coordinates(), heads, other.entries)
    xp = namespace(mine)
    at = xp.searchsorted(theirs, mine)
    inside = at < theirs.size
    met = xp.flatnonzero(inside & (theirs[xp.where(inside, at, 0)] == mine)) if theirs.size else at[:0]
    values = a.entries[plain(met)] * other.entries[plain(at[met])]
    unique = a.unique and a.kind is sparse_coo
    out = made(sparse_coo, a.shape, (plain(apart(xp, mine[met], heads)),), values, unique)
    return _back(out, a.kind) if a.kind is sparse_coo else merged(out.coordinates(), values, a.shape).to_sparse(layout=a.kind)


def div(a, b, **attrs):
    if not isinstance(a, SparseTensor) or not _is_number(b):
        raise RuntimeError("Sparse division requires a sparse dividend and a scalar or zero-dim dense divisor: use to_dense() first")
    a = a if a.unique or not any(attrs.values()) else a.coalesce()
    return a.with_values(run(CARDS["div"], (a.entries, b), attrs))


def power(a, exponent):
    if not isinstance(a, SparseTensor) or isinstance(exponent, Tensor) or not exponent > 0:
        raise RuntimeError("pow of a sparse tensor takes a number above 0 as exponent: of others zeros would not stay zeros")
    a = a if a.unique else a.coalesce()
    return a.with_values(a.entries ** exponent)


# ---- along axes
def total(x: SparseTensor, dim, dtype=None, keepdim: bool = False):
    """The sum along axes: sparse while sparse axes are left, else dense."""
    dims = {check_dim(d, x.ndim) for d in ((dim,) if isinstance(dim, int) else dim)}
    heads = x.sparse_dim()
    entries = x.entries if dtype is None else x.entries.to(dtype)
    inner = [d - heads + 1 for d in dims if d >= heads]
    entries = entries.sum(inner) if inner else entries
    left = [d for d in range(heads) if d not in dims]
    if not left:
        found = entries.sum(0)
        return found.reshape([1 if d in dims else n for d, n in enumerate(x.shape)]) if keepdim else found
    coordinates = x.coordinates()
    extent = [n for d, n in enumerate(x.shape) if d not in dims]
    out = merged([coordinates[d] for d in left], entries, tuple(extent))
    for d in sorted(dims) if keepdim else ():
        out = longer(out, d)
    return out


def chosen(x: SparseTensor, dim: int, index: Tensor):
    """The slices that `index` names, in its order."""
    dim, n = check_dim(dim, x.ndim), index.shape[0]
    extent = (*x.shape[:dim], n, *x.shape[dim + 1:])
    if index.numel() and not (int(index.min()) >= 0 and int(index.max()) < x.shape[dim]):
        raise IndexError(f"index_select(): index out of range for an axis of size {x.shape[dim]}")
    if dim >= x.sparse_dim():
        return made(x.kind, extent, x.places, x.entries.index_select(dim - x.sparse_dim() + 1, index), x.unique)
    from ..backends import namespace

    coordinates, wanted = list(x.coordinates()), index.array
    xp = namespace(wanted)
    own = coordinates[dim]
    order = xp.argsort(own)  # the entries of each slice, one after the other
    begins, ends = (xp.searchsorted(own[order], wanted, side=side) for side in ("left", "right"))
    counts = ends - begins
    new = xp.repeat(xp.arange(n), counts if xp.device_type == "cpu" else counts.tolist())
    take = order[xp.arange(new.size) - (xp.cumsum(counts) - counts)[new] + begins[new]]
    coordinates = [new if d == dim else c[take] for d, c in enumerate(coordinates)]
    entries = x.entries[plain(take)]
    out = made(sparse_coo, extent, (plain(xp.stack(coordinates)),), entries, False)
    return _back(out.coalesce() if x.unique else out, x.kind)


def one(x: SparseTensor, dim: int, index: int):
    """One slice: sparse while sparse axes are left, else dense."""
    dim = check_dim(dim, x.ndim)
    if not -x.shape[dim] <= index < x.shape[dim]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(x.shape)} at dimension {dim}")
    place = as_tensor([index % x.shape[dim]], device=x.device)
    return total(chosen(x.to_sparse(), dim, place), dim)


def joined(parts: list, dim: int = 0):
    """Sparse tensors one after the other along an axis."""
    if not all(isinstance(p, SparseTensor) for p in parts):
        raise RuntimeError("cat: expected all tensors to be sparse, or none")
    first = parts[0]
    dim, heads = check_dim(dim, first.ndim), first.sparse_dim()
    if any(p.sparse_dim() != heads or (*p.shape[:dim], *p.shape[dim + 1:]) != (*first.shape[:dim], *first.shape[dim + 1:]) for p in parts):
        raise RuntimeError(f"cat: sizes must match except along axis {dim}, got {[list(p.shape) for p in parts]}")
    if dim >= heads:
        raise RuntimeError(f"cat: sparse tensors are joined along sparse axes, got axis {dim} of {heads} sparse ones")
    places, before = [], 0
    for p in parts:
        shift = [[before if d == dim else 0] for d in range(heads)]
        places.append(p.to_sparse().places[0] + as_tensor(shift, device=p.device))
        before += p.shape[dim]
    extent = (*first.shape[:dim], before, *first.shape[dim + 1:])
    out = made(sparse_coo, extent, (dense_cat(places, 1),), dense_cat([p.to_sparse().entries for p in parts]), False)
    return _back(out.coalesce() if all(p.unique for p in parts) else out, first.kind)


def softmax(x: SparseTensor, dim: int, log: bool = False, dtype=None):
    """Softmax along a sparse axis over the stored values alone: what is not stored counts as minus infinity."""
    x = x.to_sparse().coalesce()
    dim, heads = check_dim(dim, x.ndim), x.sparse_dim()
    entries = x.entries if dtype is None else x.entries.to(dtype)
    if dim >= heads:
        own = dim - heads + 1
        return x.with_values(entries.log_softmax(own) if log else entries.softmax(own))
    from ..backends import namespace

    flat: Any = 0
    for d, c in enumerate(x.coordinates()):
        flat = flat if d == dim else flat * x.shape[d] + c
    xp = namespace(x.places[0].array)
    lines, group = xp.unique(xp.zeros(x._nnz(), "int64") + flat, return_inverse=True)
    group, shape = plain(group.reshape(-1)), (lines.size, *entries.shape[1:])
    at = group.reshape(-1, *(1,) * (entries.ndim - 1)).expand(*entries.shape)
    greatest = entries.detach().new_zeros(shape).scatter_reduce(0, at, entries.detach(), "amax", include_self=False)
    moved = entries - greatest[group]
    sums = moved.new_zeros(shape).index_add(0, group, moved.exp())[group]
    return x.with_values(moved - sums.log() if log else moved.exp() / sums)


def same(a, b):
    raise NotImplementedError("comparisons of sparse tensors are not there: compare to_dense(), or indices() and values()")


entries = CARDS["entries_product"]
def linear(x, weight, bias=None):
    if isinstance(weight, SparseTensor) or isinstance(bias, SparseTensor):
        raise NotImplementedError("linear: a sparse weight or bias is not there: use sparse.mm or to_dense()")
    y = product(x, weight.t())
    return y if bias is None else y + bias


def chosen_sum(x, dim=None, keepdim=False, **more):
    return x.sum(None if dim is None or len([dim] if isinstance(dim, int) else dim) == x.ndim else dim, keepdim, **more)


def longer(x: SparseTensor, dim: int):
    """A new axis of size one; before or among the sparse axes it is sparse, behind them dense."""
    dim = check_dim(dim, x.ndim + 1)
    extent, heads = (*x.shape[:dim], 1, *x.shape[dim:]), x.sparse_dim()
    if x.kind is not sparse_coo:
        raise RuntimeError(f"unsqueeze: a tensor of the layout {x.kind} is a matrix: use to_sparse_coo() first")
    if dim > heads:
        return made(sparse_coo, extent, x.places, x.entries.unsqueeze(dim - heads + 1), x.unique)
    old = x.places[0]
    places = dense_cat([old[:dim], old.new_zeros((1, old.shape[1])), old[dim:]])
    return made(sparse_coo, extent, (places,), x.entries, x.unique)


def turned(x: SparseTensor, dims):
    """The axes in another order; sparse ones stay before dense ones."""
    order, heads = [check_dim(d, x.ndim) for d in dims], x.sparse_dim()
    if sorted(order) != list(range(x.ndim)):
        raise RuntimeError(f"permute(dims): expected each of {x.ndim} axes once, got {list(dims)}")
    if any(d >= heads for d in order[:heads]):
        raise RuntimeError(f"permute: sparse axes stay before dense ones, got {list(dims)} for {heads} sparse axes")
    if x.kind is not sparse_coo:
        return x if order == [0, 1] else x.t()
    entries = x.entries.permute(0, *(d - heads + 1 for d in order[heads:]))
    same_order = order[:heads] == list(range(heads))
    extent = tuple(x.shape[d] for d in order)
    return made(sparse_coo, extent, (x.places[0][order[:heads]],), entries, x.unique if same_order else x._nnz() < 2)


def piled(parts: list, dim: int = 0):
    """Sparse tensors of one shape along a new axis."""
    if not all(isinstance(p, SparseTensor) for p in parts):
        raise RuntimeError("stack: expected all tensors to be sparse, or none")
    if any(p.shape != parts[0].shape for p in parts):
        raise RuntimeError(f"stack expects each tensor to be equal size, but got {[list(p.shape) for p in parts]}")
    return joined([longer(p.to_sparse(), dim) for p in parts], dim)


def batches(a, b):
    """The product of each matrix of a sparse batch with its dense one.  (b, n, k), (b, k, m) -> (b, n, m)"""
    if a.ndim != 3 or b.ndim != 3 or isinstance(b, SparseTensor) or not isinstance(a, SparseTensor) or a.sparse_dim() != 3:
        raise RuntimeError("bmm: expected a sparse batch of matrices and a dense one, both with three axes")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(f"bmm: sizes {list(a.shape)} and {list(b.shape)} do not fit: expected (b, n, k) and (b, k, m)")
    (count, n, k), m = a.shape, b.shape[2]
    each, row, col = a.coordinates()  # the batch as one matrix of blocks on its diagonal
    whole = made(sparse_coo, (count * n, count * k), (plain(_stacked(each * n + row, each * k + col)),), a.entries, a.unique)
    return product(whole, b.reshape(count * k, m)).reshape(count, n, m)


def _stacked(*arrays):
    from ..backends import namespace

    return namespace(arrays[0]).stack(arrays)


dsmm = product  # PyTorch's name of it at the top
ANSWERS.update({
    "swap": lambda x, dim0, dim1: x.transpose(dim0, dim1), "linear": linear, "concat": joined, "sum": chosen_sum, "pile": piled,
    "add": add, "sub": sub, "mul": mul, "div": div, "pow": power, "matmul": product, "total": total, "chosen": chosen, "one": one,
    "unsqueeze": longer, "permute": turned, "eq": same, "ne": same, "lt": same, "gt": same, "le": same, "ge": same,
})
