"""Sums, products and powers of sparse tensors, element by element."""
from __future__ import annotations

from math import prod

from ..backends import namespace
from ..dtype import FLOAT
from ..layout import sparse_coo
from ..promote import result_type
from ..tensor import Tensor, plain
from .border import div as dense_div
from .join import cat as dense_cat
from .sparse_layouts import apart, compressed, flat, merged, met, stacked
from .sparse_tensor import ANSWERS, SparseTensor, made


def is_number(x) -> bool:
    return not isinstance(x, Tensor) or (x.ndim == 0 and not isinstance(x, SparseTensor))


def laid_as(x: SparseTensor, like: SparseTensor) -> SparseTensor:
    """A COO tensor in the layout of another, with its batch and its blocks."""
    if like.kind is sparse_coo:
        return x
    x = x.once()
    return compressed(x.coordinates(), x.numbers(), x.extent, like.kind, like.batch_ndim(), like.block(), like.places[0].dtype)


def _kind(a, b):
    """The dtype of the result: a sparse tensor counts as one with its axes."""
    return result_type(*(x.entries if isinstance(x, SparseTensor) and x.ndim else x.to_dense() if isinstance(x, SparseTensor) else x
                         for x in (a, b)))


def add(a, b, alpha=1):
    if alpha != 1:
        if isinstance(alpha, float) and isinstance(a, Tensor) and isinstance(b, Tensor) and max(a.dtype.category, b.dtype.category) < FLOAT:
            raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
        return add(a, b.to(_kind(a, b)) * alpha if isinstance(b, Tensor) else b)
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        return _both(a, b)
    if isinstance(a, SparseTensor) and (a.kind is sparse_coo or is_number(b)):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if is_number(a) and (b.ndim or not isinstance(a, Tensor)):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    a, b = (a, b) if isinstance(b, SparseTensor) else (b, a)
    if a.shape != b.shape:
        raise RuntimeError("add: expected 'self' and 'other' to have same size, but self has size "
                           f"{list(a.shape)} while other has size {list(b.shape)} (FYI: dense-sparse addition does not currently support "
                           "broadcasting)")
    return a + b.to_dense()


def _both(a: SparseTensor, b: SparseTensor):
    if a.shape != b.shape:
        raise RuntimeError("Expected input tensors to have the same shape" if a.kind is not sparse_coo else
                           f"add: expected sizes of 'self' and 'other' to match, but {list(a.shape)} != {list(b.shape)}")
    kind = _kind(a, b)
    if a.heads() != b.heads() and not (a._nnz() and b._nnz()):
        return (a if a._nnz() else b).to(kind).clone()
    if a.heads() != b.heads():
        raise RuntimeError("add: expected 'self' and 'other' to have same number of sparse dimensions, but self has "
                           f"{a.sparse_dim()} while other has {b.sparse_dim()}")
    numbers = dense_cat([a.numbers().to(kind), b.numbers().to(kind)])
    if a.kind is not sparse_coo or b.kind is not sparse_coo:
        xp = namespace(a.places[0].array)
        whole = tuple(xp.concatenate(pair) for pair in zip(a.coordinates(), b.coordinates(), strict=True))
        return laid_as(merged(whole, numbers, a.extent), a)
    out = made(sparse_coo, a.extent, (dense_cat([a.places[0], b.places[0]], 1),), numbers, False)
    return out.coalesce() if a.unique and b.unique else out


def sub(a, b, alpha=1):
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.dtype.category == b.dtype.category == 0:
        raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported.")
    return add(a, b, alpha=-alpha)


def spread(x: SparseTensor, shape) -> SparseTensor:
    """A COO tensor repeated along new axes and those of size one.  (*) -> shape"""
    shape = tuple(shape)
    if x.kind is not sparse_coo:
        raise RuntimeError(f"a tensor of the layout {x.kind} is not broadcast: {list(x.shape)} to {list(shape)}")
    new, count = len(shape) - x.ndim, x._nnz()
    split = new + x.sparse_dim()
    xp = namespace(x.places[0].array)
    repeated = [d for d in range(split) if d < new or x.extent[d - new] != shape[d]]
    sizes = [shape[d] for d in repeated]
    copies, old = prod(sizes), x.coordinates()
    fresh = dict(zip(repeated, apart(xp, xp.arange(copies), sizes), strict=True))
    coordinates = [xp.repeat(fresh[d], count) if d in fresh else xp.tile(old[d - new], copies) for d in range(split)]
    entries = x.entries.expand(copies, count, *shape[split:]).reshape(copies * count, *shape[split:])
    return made(sparse_coo, shape, (plain(stacked(xp, coordinates, xp.zeros(copies * count))),), entries, False)


def mul(a, b):
    if not isinstance(a, SparseTensor):
        a, b = b, a
    if is_number(b):
        return a.with_values(a.entries * b)
    if isinstance(b, SparseTensor):
        return _product(a, b)
    if b.ndim > a.ndim or a.shape != b.shape:
        from .view import broadcast_shapes

        shape = broadcast_shapes(a.shape, b.shape)
        a, b = a if shape == a.shape else spread(a, shape), b.expand(shape)
    return a.with_values(a.entries * a.at_places(b))


def _product(a: SparseTensor, b: SparseTensor):
    if not (a.ndim and b.ndim):
        if a.ndim > b.ndim or a.ndim == b.ndim and a._nnz() > b._nnz():
            a, b = b, a
        kind = _kind(a, b)
        return b.with_values(b.entries.to(kind) * a.to_dense().to(kind))
    if a.ndim != b.ndim or a.heads() != b.heads() or a.extent[:a.heads()] != b.extent[:b.heads()]:
        from .view import broadcast_shapes

        shape = broadcast_shapes(a.shape, b.shape)
        a, b = (x if tuple(x.extent[:x.heads()]) == tuple(shape[:x.heads()]) and x.ndim == len(shape) else spread(x, shape) for x in (a, b))
        if a.heads() != b.heads():
            raise RuntimeError(f"mul: both must have the same number of sparse axes, got {a.sparse_dim()} and {b.sparse_dim()}")
    b = b.once()
    numbers, (mine, theirs) = a.numbers(), met(flat(a), flat(b))
    values = numbers[plain(mine)] * b.numbers()[plain(theirs)]
    coordinates = [c[mine] for c in a.coordinates()]
    extent = (*a.extent[:a.heads()], *values.shape[1:])
    if a.kind is not sparse_coo:
        return laid_as(merged(coordinates, values, extent), a)
    return made(sparse_coo, extent, (plain(stacked(namespace(mine), coordinates, mine)),), values, a.unique)


def div(a, b, rounding_mode=None):
    if not isinstance(a, SparseTensor) or not is_number(b):
        shape = list(b.shape) if isinstance(b, Tensor) else []
        raise RuntimeError(f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} for divisor)")
    a = a.once() if rounding_mode else a
    return a.with_values(dense_div(a.entries, b, rounding_mode=rounding_mode))


def floor_divide(a, b):
    if not isinstance(a, SparseTensor) or not is_number(b):
        raise RuntimeError("Sparse floor division requires a sparse dividend and a scalar or zero-dim dense divisor")
    return div(a, b, "floor")


def power(a, exponent):
    if not isinstance(a, SparseTensor) or not is_number(exponent):
        raise NotImplementedError("pow: of sparse tensors only those with a number as exponent are there: use to_dense()")
    value = exponent.item() if isinstance(exponent, Tensor) else exponent
    if value == 0:
        raise RuntimeError("pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense")
    if not isinstance(value, complex) and value < 0:
        raise NotImplementedError("pow of a sparse tensor takes a number above 0 as exponent: of others zeros would not stay zeros")
    a = a.once()
    return a.with_values(a.entries ** exponent)


def same(a, b):
    raise NotImplementedError("comparisons of sparse tensors are not there: compare to_dense(), or indices() and values()")


ANSWERS.update({"add": add, "sub": sub, "mul": mul, "div": div, "floor_divide": floor_divide, "pow": power,
                **dict.fromkeys(("eq", "ne", "lt", "gt", "le", "ge"), same)})
