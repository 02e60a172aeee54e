"""The standard's linear algebra."""
from __future__ import annotations

from typing import Any, NamedTuple

import flambeau as _f
from flambeau import Tensor
from flambeau import linalg as _linalg

from .arrays import matrix_transpose as matrix_transpose
from .kinds import together
from .statistics import sum as _sum


class EighResult(NamedTuple):
    """eigenvalues (*, n) from the smallest on; eigenvectors (*, n, n), one a column."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """Q of orthonormal columns, R upper triangular."""

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """The determinant's sign, and the logarithm of its size."""

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """U, the singular values S from the largest on, and Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Matrix product over the last two axes.  (*, n, k), (*, k, m) -> (*, n, m)"""
    return _f.matmul(*together(x1, x2))


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """Sum of products over axes of both: the last and first so many, or two sequences."""
    return _f.tensordot(*together(x1, x2), dims=axes if isinstance(axes, int) else tuple(map(list, axes)))


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Sum of products along an axis, the first one conjugated.  (*, n), (*, n) -> (*)"""
    a, b = together(x1, x2)
    if not (-min(a.ndim, b.ndim) <= axis < 0 or a.ndim == b.ndim > axis >= 0):
        raise ValueError(f"vecdot: expected a negative axis that both arrays have, got axis={axis} for {a.ndim} and {b.ndim} axes")
    a, b = _f.movedim(a, axis, -1), _f.movedim(b, axis, -1)
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"vecdot: expected axes of one size, got {a.shape[-1]} and {b.shape[-1]}")
    return _f.sum(_f.conj(a) * b, -1).to(a.dtype)


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The triangular factor of positive definite matrices.  (*, n, n) -> (*, n, n)"""
    return _linalg.cholesky(x, upper=upper)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Vector product along an axis of size 3.  (*, 3), (*, 3) -> (*, 3)"""
    a, b = together(x1, x2)
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ValueError(f"cross: expected an axis of size 3, got {a.shape[axis]} and {b.shape[axis]}")
    return _linalg.cross(*_f.broadcast_tensors(a, b), dim=axis)


def det(x: Tensor, /) -> Tensor:
    """Determinants.  (*, n, n) -> (*)"""
    return _linalg.det(x)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """Diagonals of matrices.  (*, n, m) -> (*, k)"""
    return _f.diagonal(x, offset, -2, -1)


def eigh(x: Tensor, /) -> EighResult:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    return EighResult(*_linalg.eigh(x))


def eigvalsh(x: Tensor, /) -> Tensor:
    """Eigenvalues of symmetric matrices.  (*, n, n) -> (*, n)"""
    return _linalg.eigvalsh(x)


def inv(x: Tensor, /) -> Tensor:
    """Inverses.  (*, n, n) -> (*, n, n)"""
    return _linalg.inv(x)


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Norms of matrices.  (*, n, m) -> (*)"""
    return _linalg.matrix_norm(x, ord, keepdim=keepdims)


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """Matrices multiplied by themselves n times.  (*, n, n) -> (*, n, n)"""
    return _linalg.matrix_power(x, n)


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """How many singular values are above rtol times the largest.  (*, n, m) -> (*)"""
    if x.ndim < 2:
        raise ValueError(f"matrix_rank: expected matrices, got an array of {x.ndim} axes")
    values = svdvals(x)
    limit = max(x.shape[-2:]) * _f.finfo(x.dtype).eps if rtol is None else rtol
    limit = limit[..., None] if isinstance(limit, Tensor) and limit.ndim else limit
    return _f.sum(values > limit * _f.amax(values, -1, True), -1)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Products of each with each.  (n,), (m,) -> (n, m)"""
    a, b = together(x1, x2)
    return a[:, None] * b[None, :]


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """Pseudoinverses.  (*, n, m) -> (*, m, n)"""
    return _linalg.pinv(x) if rtol is None else _linalg.pinv(x, rtol=rtol)


def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal times upper triangular."""
    return QRResult(*_linalg.qr(x, mode=mode))


def slogdet(x: Tensor, /) -> SlogdetResult:
    """Signs and logarithms of determinants."""
    return SlogdetResult(*_linalg.slogdet(x))


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The y of x1 @ y = x2.  (*, n, n), (*, n, k) or (n,) -> as x2"""
    a, b = together(x1, x2)
    if b.ndim == 1:
        return _linalg.solve(a, b[:, None].expand(*a.shape[:-2], -1, 1))[..., 0]
    lead = _f.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return _linalg.solve(a.expand(*lead, *a.shape[-2:]), b.expand(*lead, *b.shape[-2:]))


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular values and vectors: x = U @ diag(S) @ Vh."""
    return SVDResult(*_linalg.svd(x, full_matrices=full_matrices))


def svdvals(x: Tensor, /) -> Tensor:
    """Singular values from the largest on.  (*, n, m) -> (*, min(n, m))"""
    return _linalg.svdvals(x)


def trace(x: Tensor, /, *, offset: int = 0, dtype=None) -> Tensor:
    """Sums of diagonals.  (*, n, m) -> (*)"""
    return _sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x: Tensor, /, *, axis=None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """Norms over axes, all where None."""
    if axis == ():
        return _f.abs(x) if ord != 0 else (x != 0).to(_f.abs(x).dtype)
    return _linalg.vector_norm(x, ord, axis, keepdims)


__all__ = [name for name in dir() if not name.startswith("_") and not name[0].isupper() and name not in ("annotations", "together")]
