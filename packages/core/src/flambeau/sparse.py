"""Functions of sparse tensors, with PyTorch's names.

>>> import flambeau.sparse
>>> a = flambeau.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
>>> flambeau.sparse.mm(a, flambeau.eye(2))
tensor([[0., 2.],
        [3., 0.]])
"""
from __future__ import annotations

from typing import Any

from flambeau.layout import strided
from flambeau.ops.sparse import SparseTensor, check_sparse_tensor_invariants, spdiags
from flambeau.ops.sparse_axes import softmax as _softmax
from flambeau.ops.sparse_axes import total
from flambeau.ops.sparse_products import product, reduced
from flambeau.tensor import Tensor, plain
from flambeau.write import taking_out

__all__ = ["addmm", "as_sparse_gradcheck", "check_sparse_tensor_invariants",
           "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags", "sum"]


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


@taking_out
def sampled_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """alpha · mat1 @ mat2 at the places of `input` alone, and beta · input.  sparse (*, n, m), (*, n, k), (*, k, m) -> sparse (*, n, m)"""
    _sparse("sampled_addmm", input)
    for name, x in (("mat1", mat1), ("mat2", mat2)):
        if x.layout is not strided:
            raise RuntimeError(f"sampled_addmm: Expected {name} to have strided layout, but got {x.layout}")
        if x.ndim < 2:
            raise RuntimeError(f"sampled_addmm: Expected {name} to be a matrix, got {x.ndim}-D tensor")
    if mat1.shape[-1] != mat2.shape[-2]:
        raise RuntimeError(f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied ({mat1.shape[-2]}x{mat1.shape[-1]} and "
                           f"{mat2.shape[-2]}x{mat2.shape[-1]})")
    for d, name, x in ((-2, "mat1", mat1), (-1, "mat2", mat2)):
        if input.shape[d] != x.shape[d]:
            raise RuntimeError(f"sampled_addmm: self.shape[{d}] must match {name}.shape[{d}]")
    if input.shape[:-2] != mat1.shape[:-2] or input.shape[:-2] != mat2.shape[:-2]:
        raise RuntimeError(f"sampled_addmm: the batches of input, mat1 and mat2 must be the same, got "
                           f"{[list(x.shape[:-2]) for x in (input, mat1, mat2)]}")
    *batch, rows, cols = (plain(c) for c in input.coordinates())
    found = (mat1[(*batch, rows)] * mat2.mT[(*batch, cols)]).sum(-1).reshape(input.entries.shape) * alpha
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


def as_sparse_gradcheck(gradcheck):
    """`gradcheck`, for functions that give sparse tensors too: their values at all places are looked at.

    >>> x = flambeau.eye(2, dtype=flambeau.float64).to_sparse().requires_grad_()
    >>> flambeau.sparse.as_sparse_gradcheck(flambeau.autograd.gradcheck)(lambda x: x * 2, x, masked=True)
    True
    """
    dense = lambda y: y.to_dense() if isinstance(y, SparseTensor) else y

    def call(func, inputs, **options):
        def on_dense(*given):
            result = func(*given)
            return dense(result) if isinstance(result, Tensor) else type(result)(map(dense, result))

        return gradcheck(on_dense, inputs, **options)

    return call
