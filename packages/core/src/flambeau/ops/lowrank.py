"""Singular values of a matrix of low rank, from its products with a few random vectors.

Source: Halko, Martinsson, Tropp (2009), "Finding structure with randomness", algorithm 5.1 with power iteration.
"""
from __future__ import annotations

from .decomposition import linalg_qr, linalg_svd
from .linalg import matmul
from .random import randn


def _basis(A, q: int, niter: int):
    """Orthonormal columns that span nearly what A does.  (*, m, n) -> (*, m, q)"""
    Q = linalg_qr(matmul(A, randn(A.shape[-1], q, dtype=A.dtype, device=A.device)), mode="reduced")[0]
    for _ in range(niter):
        Q = linalg_qr(matmul(A.mH, Q), mode="reduced")[0]
        Q = linalg_qr(matmul(A, Q), mode="reduced")[0]
    return Q


def svd_lowrank(A, q: int = 6, niter: int = 2, M=None):
    """A - M ≈ U diag(S) Vᴴ with q singular values, by random projection.  (*, m, n) -> U (*, m, q), S (*, q), V (*, n, q)

    q a little above the rank and two iterations are enough as a rule.
    """
    A = A if M is None else A - M
    wide = A.shape[-2] < A.shape[-1]
    A = A.mH if wide else A
    Q = _basis(A, q, niter)
    U, S, Vh = linalg_svd(matmul(Q.mH, A), full_matrices=False)
    U, V = matmul(Q, U), Vh.mH
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(A, q: int | None = None, center: bool = True, niter: int = 2):
    """`svd_lowrank` of A with the mean of its rows taken off: V's columns are the principal directions.  (*, m, n) -> U, S, V

    ValueError where q is not in 0 … min(m, n), or niter is negative.
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
