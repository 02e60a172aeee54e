"""Functions of sparse tensors, with PyTorch's names.

>>> import flambeau.sparse
>>> a = flambeau.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
>>> flambeau.sparse.mm(a, flambeau.eye(2))
tensor([[0., 2.],
        [3., 0.]])
"""
from __future__ import annotations

from typing import Any

from flambeau.ops.sparse import SparseTensor, check_sparse_tensor_invariants, spdiags
from flambeau.ops.sparse_axes import softmax as _softmax
from flambeau.ops.sparse_axes import total
from flambeau.ops.sparse_products import product, reduced
from flambeau.tensor import Tensor, plain

__all__ = ["addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags", "sum"]


def _sparse(name: str, x: Any) -> None:
    if not isinstance(x, SparseTensor):
        raise RuntimeError(f"sparse.{name}: expected a sparse tensor, got {'a dense one' if isinstance(x, Tensor) else type(x).__name__}")


def mm(mat1: Tensor, mat2: Tensor, reduce: str = "sum") -> Tensor:
    """The product of matrices of which one is sparse; the terms may be reduced by mean, amax or amin.  (n, k), (k, m) -> (n, m)"""
    if mat1.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(f"sparse.mm: expected two matrices, got {mat1.ndim} and {mat2.ndim} axes")
    if reduce == "sum":
        return product(mat1, mat2) if isinstance(mat1, SparseTensor) or isinstance(mat2, SparseTensor) else mat1 @ mat2
    _sparse("mm", mat1)
    return reduced(mat1, mat2, reduce)  # type: ignore[arg-type]


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """beta · mat + alpha · mat1 @ mat2, mat1 sparse.  (n, m), (n, k), (k, m) -> (n, m)"""
    _sparse("addmm", mat1)
    return mat * beta + product(mat1, mat2) * alpha


def sampled_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """alpha · mat1 @ mat2 at the places of `input` alone, and beta · input.  sparse (n, m), (n, k), (k, m) -> sparse (n, m)"""
    _sparse("sampled_addmm", input)
    if mat1.shape[-1] != mat2.shape[0] or tuple(input.shape) != (mat1.shape[0], mat2.shape[-1]):
        raise RuntimeError(f"sampled_addmm: expected (n, m), (n, k), (k, m), got {[list(x.shape) for x in (input, mat1, mat2)]}")
    rows, cols = (plain(c) for c in input.coordinates())
    found = (mat1.index_select(0, rows) * mat2.t().index_select(0, cols)).sum(-1) * alpha
    return input.with_values(found if beta == 0 else found + input.entries * beta)


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """The sum of all values, or along `dim`: sparse while sparse axes are left."""
    _sparse("sum", input)
    return input.sum(dtype=dtype) if dim is None else total(input, dim, dtype)  # type: ignore[arg-type]


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Softmax over the stored values along `dim`: what is not stored counts as minus infinity, and stays zero."""
    _sparse("softmax", input)
    return _softmax(input, dim, False, dtype)  # type: ignore[arg-type]


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`, at the stored places."""
    _sparse("log_softmax", input)
    return _softmax(input, dim, True, dtype)  # type: ignore[arg-type]
