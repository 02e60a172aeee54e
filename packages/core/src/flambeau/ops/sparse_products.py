"""What sparse tensors do with others: products, sums, differences, selections."""
from __future__ import annotations

from typing import Any

from ..backends import namespace
from ..define import op
from ..dispatch import run
from ..dtype import bfloat16, float16, int64
from ..layout import sparse_coo, sparse_csc, sparse_csr
from ..op import CARDS
from ..tensor import Tensor, plain
from .join import cat
from .outs import word
from .sparse_layouts import merged, stacked
from .sparse_tensor import ANSWERS, ROWS, SparseTensor, made, times


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
    if x.ndim != 2 or x.heads() != 2:
        raise RuntimeError(f"{name}: expected a sparse matrix, got shape {list(x.shape)} with {x.dense_dim()} dense axes")


def _fits(a, b) -> None:
    if a.ndim in (1, 2) and b.ndim in (1, 2) and a.shape[-1] != b.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, a.shape))} and {'x'.join(map(str, b.shape))})")


def product(input, mat2):
    """a @ b where one or both are sparse; the product of two sparse ones is sparse.  (n, k), (k, m) -> (n, m)"""
    if not (isinstance(input, Tensor) and isinstance(mat2, Tensor)):
        raise TypeError(f"matmul: expected tensors, got {type(input).__name__} and {type(mat2).__name__}")
    if input.ndim == 3:
        return batches(input, mat2)
    if input.dtype is not mat2.dtype and isinstance(mat2, SparseTensor) and isinstance(input, SparseTensor):
        raise RuntimeError(f"mat1 dtype {word(input.dtype)} does not match mat2 dtype {word(mat2.dtype)}")
    if input.dtype is not mat2.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {mat2.dtype}")
    _fits(input, mat2)
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
    if input.dtype in (float16, bfloat16):  # added up in float32, rounded once
        return product(input.float(), mat2.float()).to(input.dtype)
    rows, cols = (plain(c) for c in input.coordinates())
    pointers = input.places[0] if input.kind is sparse_csr else None
    return run(entries, (input.numbers(), mat2, rows, cols, pointers), {"n": input.shape[0]})


def _both(a: SparseTensor, b: SparseTensor):
    """Each entry of a meets the entries of one row of b.  The result has a's layout, without blocks."""
    rows, inner = a.coordinates()
    lines = b.to_sparse(layout=sparse_csr)
    pointers, (_, cols) = lines.places[0].array, lines.coordinates()
    xp = namespace(rows)
    counts = xp.diff(pointers)[inner]
    left = times(xp, xp.arange(rows.size), counts)
    ends = xp.cumsum(counts)
    right = xp.arange(left.size) - (ends - counts)[left] + pointers[:-1][inner][left]
    values = a.numbers()[plain(left)] * lines.entries[plain(right)]
    out = merged((rows[left], cols[right]), values, (a.shape[0], b.shape[1]))
    return out if a.kind is sparse_coo else out.to_sparse(layout=sparse_csr if a.kind in ROWS else sparse_csc)


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
    terms = a.numbers().unsqueeze(1) * b.index_select(0, cols)
    out = terms.new_zeros((a.shape[0], b.shape[1]))
    return out.scatter_reduce(0, rows.unsqueeze(1).expand(*terms.shape), terms, how, include_self=False)


def batches(a, b):
    """The product of each matrix of a sparse batch with its dense one.  (b, n, k), (b, k, m) -> (b, n, m)"""
    if isinstance(b, SparseTensor):
        raise RuntimeError("bmm_sparse: Tensor 'mat2' must be dense")
    if a.ndim != 3 or b.ndim != 3 or not isinstance(a, SparseTensor) or a.heads() != 3:
        raise RuntimeError("bmm: expected a sparse batch of matrices and a dense one, both with three axes")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(f"bmm: sizes {list(a.shape)} and {list(b.shape)} do not fit: expected (b, n, k) and (b, k, m)")
    (count, n, k), m = a.shape, b.shape[2]
    each, row, col = a.coordinates()  # the batch as one matrix of blocks on its diagonal
    places = stacked(namespace(each), (each * n + row, each * k + col), each)
    whole = made(sparse_coo, (count * n, count * k), (plain(places),), a.numbers(), a.unique)
    return product(whole, b.reshape(count * k, m)).reshape(count, n, m)


def smm(input, mat2) -> Tensor:
    """The product of a sparse matrix and a dense one, with all its elements in a sparse tensor.  (n, k), (k, m) -> sparse (n, m)"""
    return full_places(_with_dense("smm", input, mat2))


def full_places(x: Tensor) -> SparseTensor:
    """A matrix with each of its elements stored."""
    from .create import ones

    rows, cols = x.shape
    places = ones(rows, cols, dtype=int64, device=x.device).nonzero().t()
    return made(sparse_coo, x.shape, (places,), x.reshape(rows * cols), True)


def _with_dense(name: str, input, mat2) -> Tensor:
    if not isinstance(input, SparseTensor) or isinstance(mat2, SparseTensor):
        raise RuntimeError(f"{name}: expected a sparse matrix and a dense one")
    return product(input, mat2)


def sspaddmm(input, mat1, mat2, *, beta=1, alpha=1) -> Tensor:
    """β input + α (mat1 mat2) of sparse input and mat1, all places of the product stored.  (n, m), (n, k), (k, m) -> sparse (n, m)"""
    if not isinstance(input, SparseTensor) or not isinstance(mat1, SparseTensor):
        raise RuntimeError("sspaddmm: expected sparse tensors as input and mat1")
    if mat1.shape[0] != input.shape[0] or mat2.shape[-1] != input.shape[-1]:
        raise RuntimeError(f"sspaddmm: expected input of size {[mat1.shape[0], mat2.shape[-1]]}, got {list(input.shape)}")
    dense = smm(mat1, mat2) * alpha
    out = input * beta
    return made(sparse_coo, out.shape, (cat([out.places[0], dense.places[0]], 1),), cat([out.entries, dense.entries]), False)


def hspmm(mat1, mat2) -> Tensor:
    """The product of a sparse matrix and a dense one: rows are sparse, columns dense.  (n, k), (k, m) -> sparse (n, m)"""
    found = _with_dense("hspmm", mat1, mat2)
    rows = plain(namespace(found.detach().array).unique(mat1.coordinates()[0]))
    return made(sparse_coo, found.shape, (rows.unsqueeze(0),), found.index_select(0, rows), True)


def linear(x, weight, bias=None):
    if isinstance(bias, SparseTensor):
        raise NotImplementedError("linear: a sparse bias is not there: use to_dense()")
    y = product(x, weight.t())
    return y if bias is None else y + bias


entries = CARDS["entries_product"]
dsmm = spmm = product  # PyTorch's names at the top
saddmm = sspaddmm
ANSWERS.update({"linear": linear, "matmul": product})
for _call in (smm, sspaddmm):
    setattr(SparseTensor, _call.__name__, _call)
