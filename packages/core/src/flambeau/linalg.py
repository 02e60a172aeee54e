"""Linear algebra, with PyTorch's names.

Matrices are the last two axes; leading axes are a batch of them. What a matrix lacks (an inverse, a factorisation) is told by
`LinAlgError`, or, by the functions that end in `_ex`, by an `info` that is 0 where all went well.
"""
from __future__ import annotations

from flambeau.numpy_names import numpy_names as _numpy_names
from flambeau.ops.elimination import LinAlgError
from flambeau.ops.factors import (
    eig,
    eigh,
    eigvals,
    eigvalsh,
    lstsq,
    lu,
    lu_factor,
    lu_factor_ex,
    lu_solve,
    matrix_rank,
    pinv,
    qr,
    svd,
    svdvals,
)
from flambeau.ops.ldl import ldl_factor, ldl_factor_ex, ldl_solve
from flambeau.ops.linalg import matmul
from flambeau.ops.matrix import (
    cholesky,
    cholesky_ex,
    det,
    inv,
    inv_ex,
    matrix_exp,
    matrix_power,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
)
from flambeau.ops.norms import cond, matrix_norm, norm, vector_norm
from flambeau.ops.products import cross_along as cross
from flambeau.ops.products import diagonal, householder_product, multi_dot, tensorinv, tensorsolve, vander, vecdot
from flambeau.overriding.asking import published

cross, matrix_norm, norm, vecdot, vector_norm = map(_numpy_names, (cross, matrix_norm, norm, vecdot, vector_norm))

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve", "lstsq", "lu", "lu_factor", "lu_factor_ex",
    "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet",
    "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip

published(__all__, globals(), ["matmul"])
