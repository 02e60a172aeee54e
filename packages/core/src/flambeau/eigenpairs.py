"""A few of the greatest or smallest eigenvalues of a large symmetric matrix, which need only its products: LOBPCG.

Knyazev (2001), Toward the optimal preconditioned eigensolver, SIAM J. Sci. Comput. 23: each step looks for the best vectors in the span
of those found, their residuals and the last step's directions. That basis is made orthonormal first, so that it may be singular.
"""
from __future__ import annotations

from flambeau.autograd.function import Function, once_differentiable
from flambeau.context import grad, no_grad
from flambeau.layout import strided
from flambeau.limits import finfo
from flambeau.linalg import eigh, solve
from flambeau.ops.create import eye
from flambeau.ops.join import cat, stack
from flambeau.ops.random import randn
from flambeau.overriding.asking import published
from flambeau.tensor import Tensor

__all__ = ["lobpcg"]


def _times(matrix: Tensor | None, x: Tensor) -> Tensor:
    return x if matrix is None else matrix @ x


def _orthonormal(basis: Tensor, B: Tensor | None) -> Tensor:
    """Columns of the same span that are orthonormal under B; those that others give are left out.  (m, n) -> (m, <= n)"""
    for _ in range(2):  # the second time makes good what rounding left
        norms = (basis * _times(B, basis)).sum(0).clamp(min=0).sqrt()
        basis = basis[:, norms > 0] / norms[norms > 0]
        values, vectors = eigh(basis.mT @ _times(B, basis))
        kept = values > values[-1] * (len(values) * finfo(values.dtype).eps)
        basis = basis @ (vectors[:, kept] / values[kept].sqrt())
    return basis


def _best(basis: Tensor, A: Tensor, n: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The n eigenpairs of A within the span of an orthonormal basis.  (m, s) -> (n), (m, n)"""
    inner = basis.mT @ (A @ basis)
    values, vectors = eigh((inner + inner.mT) / 2)
    if largest:
        values, vectors = values.flip(0), vectors.flip(1)
    return values[:n], basis @ vectors[:, :n]


def _found(A, k: int, B, X: Tensor, iK, niter: int, tol: float, largest: bool) -> tuple[Tensor, Tensor]:
    """The first k eigenpairs of one matrix, from X on.  RuntimeError where X has fewer than k independent columns."""
    n = X.shape[1]
    scale_A, scale_B = ((_times(matrix, X)).norm() / X.norm() for matrix in (A, B))
    X = _orthonormal(X, B)
    if X.shape[1] < k:
        raise RuntimeError(f"lobpcg: X has {X.shape[1]} independent columns, and {k} eigenpairs are asked for")
    values, X = _best(X, A, n, largest)
    before = X[:, :0]
    steps = 0
    while steps != niter:
        residual = A @ X - _times(B, X) * values
        error = residual.norm(dim=0) / (X.norm(dim=0) * (scale_A + values.abs() * scale_B))
        if bool((error[:k] < tol).all()):
            break
        basis = _orthonormal(cat([X, before, _times(iK, residual)], 1), B)
        values, new = _best(basis, A, n, largest)
        before = new - X @ (X.mT @ _times(B, new))
        X, steps = new, steps + 1
    return values[:k], X[:, :k]


class _Pairs(Function):
    """Eigenpairs as a function of a dense symmetric A.  dE = vᵀ dA v, dv = (E - A)⁺ dA v."""

    @staticmethod
    def forward(ctx, A, search):
        values, vectors = search(A)
        ctx.save_for_backward(A, values, vectors)
        return values, vectors

    @staticmethod
    @once_differentiable
    def backward(ctx, of_values, of_vectors):
        A, values, vectors = ctx.saved_tensors
        found = (vectors * of_values.unsqueeze(-2)) @ vectors.mT
        unit = eye(A.shape[-1], dtype=A.dtype, device=A.device)
        for i in range(values.shape[-1]):
            v, g = vectors[..., i:i + 1], of_vectors[..., i:i + 1]
            if bool((g != 0).any()):
                across = g - v @ (v.mT @ g)
                found = found + solve(values[..., i, None, None] * unit - A + v @ v.mT, across) @ v.mT
        return found, None


def lobpcg(A, k: int | None = None, B: Tensor | None = None, X: Tensor | None = None, n: int | None = None, iK: Tensor | None = None,
           niter: int | None = None, tol: float | None = None, largest: bool | None = None, method: str | None = None, tracker=None,
           ortho_iparams: dict | None = None, ortho_fparams: dict | None = None, ortho_bparams: dict | None = None):
    """The k greatest (largest=False: smallest) eigenvalues of A v = λ B v, with their vectors.  (*, m, m) -> (*, k), (*, m, k)

    A and B are symmetric, B positive definite (None: 1); A may be sparse. X (*, m, n) is where the search begins, n random columns by
    default, k of them. iK stands for A's inverse where there is a good guess of it. The search ends after niter (1000; -1: no end)
    steps, or when residuals are below tol (the square root of the dtype's eps) of what A and B could make of them.
    `method` is taken for PyTorch's sake: there is one. Gradients flow to a dense A, once, and not where B is given.
    Raises ValueError where m < 3 n, NotImplementedError for what is not there: tracker, ortho_*params, complex A.

    >>> flambeau.lobpcg(flambeau.arange(1.0, 13.0).diag(), k=2)[0].round()
    tensor([12., 11.])
    """
    if tracker is not None or ortho_iparams is not None or ortho_fparams is not None or ortho_bparams is not None:
        raise NotImplementedError("lobpcg: tracker and the parameters ortho_* are not there")
    if method not in (None, "basic", "ortho"):
        raise ValueError(f"lobpcg: method must be 'basic' or 'ortho', got {method!r}")
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"lobpcg: A must be square, got shape {list(A.shape)}")
    if not A.is_floating_point():
        raise NotImplementedError(f"lobpcg: only float32 and float64 are there, got {A.dtype}")
    m = A.shape[-1]
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if n is None else n) if X is None else X.shape[-1]
    if not 0 < k <= n:
        raise ValueError(f"lobpcg: expected 0 < k <= n, got k = {k} and n = {n}")
    if m < 3 * n:
        raise ValueError(f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of requested "
                         f"eigenpairs (={n})")
    recorded = grad.enabled and any(isinstance(x, Tensor) and x.requires_grad for x in (A, B))
    if recorded and (B is not None or A.layout is not strided):
        raise NotImplementedError("lobpcg: gradients are there for a dense A alone, without B: detach the others")
    tol = finfo(A.dtype).eps ** 0.5 if tol is None else tol
    options = (1000 if niter is None else niter, tol, largest is not False)
    start = randn(*A.shape[:-2], m, n, dtype=A.dtype, device=A.device) if X is None else X.detach()

    def search(matrix):
        with no_grad():
            if matrix.ndim == 2:
                return _found(matrix, k, B, start, iK, *options)
            count = matrix.shape[:-2]
            flat = lambda x: [None] * count.numel() if x is None else x.expand(*count, *x.shape[-2:]).reshape(-1, *x.shape[-2:])
            pairs = [_found(a, k, b, x, i, *options) for a, b, x, i in zip(flat(matrix), flat(B), flat(start), flat(iK), strict=True)]
            return stack([e for e, _ in pairs]).reshape(*count, k), stack([v for _, v in pairs]).reshape(*count, m, k)

    return _Pairs.apply((A + A.mT) / 2, search) if recorded else search(A)


published(__all__, globals(), module="flambeau")
