"""Factorisations of matrices: Cholesky, QR, LU, eigenvalues, singular values.

Bodies work on the last two axes and leave the leading ones alone, so a card is its own vmap. Formulas are written for complex matrices:
a gradient G of a real loss means dL = Re⟨G, dA⟩. Matrices of one loss-invariant phase (eigenvectors, singular vectors) are treated as if
the loss did not see the phase.
"""
from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..backends import lapack
from ..define import op
from ..dispatch import run
from ..fused import Native
from .complex import conj
from .create import eye
from .elimination import LinAlgError, eliminate, same, square
from .index import gather
from .inverse import solve_matrix, triangular
from .join import cat
from .masks import tril, triu
from .shapes import diag_embed
from .view import diagonal, narrow, unsqueeze


def _squares(make):
    yield (square(make),), {}
    yield (square(make, 2, 2),), {}


def real_part(x):
    return x.real if x.is_complex() else x


def _turned(x):
    return x.conj().swapaxes(-1, -2)


def _fold(x):
    """The lower triangle with what the upper one mirrors into it: X + Xᴴ with half a diagonal, from tril(X) alone."""
    low = tril(x, -1)
    return low + low.mH + diag_embed(real_part(diagonal(x, 0, -2, -1))).to(x.dtype)


def _stacked(xp, x, alone, *shapes):
    """`alone` on each matrix of x: the way when NumPy refuses a whole batch for the sake of one."""
    rows = [alone(m) for m in x.reshape(-1, *x.shape[-2:])]
    return tuple(xp.stack([r[i] for r in rows]).reshape(x.shape[:-2] + rows[0][i].shape) for i in range(len(rows[0])))


# ---- Cholesky
def _cholesky_back(g, factor):
    """½ L⁻ᴴ P L⁻¹, where P is the fold of Lᴴ G."""
    p = _fold(factor.mH @ tril(g)) * 0.5
    half = triangular(factor.mH, p, upper=True)
    return triangular(factor.mH, half.mH, upper=True).mH


def _definite(make):
    for x in (square(make), square(make, 2, 2)):
        yield (x @ x.mH,), {}


def _leading(xp, a):
    """The factor of one matrix as far as it goes, and the order of the leading block that is not positive definite (0: none)."""
    for k in range(1, a.shape[-1] + 1):
        try:
            xp.linalg.cholesky(a[:k, :k])
        except np.linalg.LinAlgError:
            out = xp.zeros_like(a)
            out[:k - 1, :k - 1] = xp.linalg.cholesky(a[:k - 1, :k - 1])
            return out, xp.asarray(k, dtype=np.int32)
    return xp.linalg.cholesky(a), xp.asarray(0, dtype=np.int32)


@op("opaque", outputs=2, vmap=same, samples=_definite, vjp=lambda g, y, _x: _cholesky_back(g[0], y[0]))
def linalg_cholesky_ex(xp, x):
    """Lower triangular L with L Lᴴ = ½ (x + xᴴ), and 0 or the order of the block where that fails.  (*, n, n) -> (*, n, n), (*)"""
    x = (x + _turned(x)) / 2
    try:
        return xp.linalg.cholesky(x), xp.zeros(x.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return _stacked(xp, x, lambda a: _leading(xp, a))


# ---- QR
def _qr_back(g, y, mode):
    q, r = y
    gq, gr = g
    if mode == "r":
        raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
                           "Please use linalg.qr(A, mode='reduced') if you are going to require gradients.")
    m, n = q.shape[-2], r.shape[-1]
    if mode == "complete" and m > n:
        raise RuntimeError(f"The QR decomposition is not differentiable when mode='complete' and nrows > ncols, got {m} and {n}")
    gr = r * 0 if gr is None else gr
    rest = None
    if m < n:  # A = [X Y] with X = Q U and Y = Q V
        rest = q @ narrow(gr, -1, m, n - m)
        more = q @ narrow(r, -1, m, n - m) @ narrow(gr, -1, m, n - m).mH
        gq = more if gq is None else gq + more
        gr, r = narrow(gr, -1, 0, m), narrow(r, -1, 0, m)
    middle = triu(gr @ r.mH)
    if gq is not None:
        middle = middle - triu(q.mH @ gq)
    inner = q @ _fold(middle.mH)
    if gq is not None:
        inner = inner + gq
    first = triangular(r, inner.mH, upper=True).mH  # X R⁻ᴴ = (R⁻¹ Xᴴ)ᴴ
    return first if rest is None else cat([first, rest], -1)


def _tall_and_wide(make):
    for shape, mode in (((4, 3), "reduced"), ((2, 3, 3), "complete"), ((2, 3), "reduced")):
        tall = make(shape, -0.3, 0.3)
        yield (tall + eye(*shape[-2:], dtype=tall.dtype),), {"mode": mode}


@op("opaque", inputs=1, outputs=2, vmap=same, samples=_tall_and_wide, vjp=lambda g, y, _x, mode: _qr_back(g, y, mode))
def linalg_qr(xp, x, mode):
    """x = Q R: orthonormal columns, then an upper triangle.  (*, m, n) -> (*, m, k), (*, k, n), k = min(m, n), or m when complete"""
    if mode == "r":
        return xp.zeros(0, x.dtype), xp.linalg.qr(x, mode="r")
    return tuple(xp.linalg.qr(x, mode=mode))


@op("opaque", inputs=1, outputs=2, vmap=same, samples=lambda make: [((x,), {}) for (x,), _ in _tall_and_wide(make)])
def reflections(xp, x):
    """QR as LAPACK keeps it: R above, reflections below the diagonal, and their scales.  (*, m, n) -> (*, m, n), (*, min(m, n))"""
    kept, scales = xp.linalg.qr(x, mode="raw")
    return kept.swapaxes(-1, -2).copy(), scales


# ---- singular values
def _svd_back(g, y):
    u, s, vh = y
    gu, gs, gvh = g
    m, n, k = u.shape[-2], vh.shape[-1], s.shape[-1]
    u, vh = narrow(u, -1, 0, k), narrow(vh, -2, 0, k)
    s = s.to(u.dtype)
    inner = None if gs is None else diag_embed(gs.to(u.dtype))
    if gu is None and gvh is None:
        return u @ inner @ vh
    gaps = _gaps(s * s)
    row, column = unsqueeze(s, -2), unsqueeze(s, -1)
    left: Any = None
    right: Any = None
    if gu is not None:
        gu = narrow(gu, -1, 0, k)
        left = u.mH @ gu
        skew = left - left.mH
        part = skew / gaps * row
        if u.is_complex():  # the share of the phases, which the loss must not see of both together
            part = part + diag_embed(diagonal(skew, 0, -2, -1) / (s * 2))
        inner = part if inner is None else inner + part
    if gvh is not None:
        gvh = narrow(gvh, -2, 0, k)
        right = vh @ gvh.mH
        part = column * ((right - right.mH) / gaps)
        inner = part if inner is None else inner + part
    out = u @ inner @ vh
    if gu is not None and m > k:
        out = out + (gu - u @ left) / row @ vh
    if gvh is not None and n > k:
        out = out + u @ ((gvh - right.mH @ vh) / column)
    return out


def _gaps(values):
    """v_j - v_i at place (i, j), with ones on the diagonal."""
    return unsqueeze(values, -2) - unsqueeze(values, -1) + eye(values.shape[-1], dtype=values.dtype, device=values.device)


def _svd_samples(make):
    yield (square(make),), {"full_matrices": True}
    for shape in ((4, 2), (2, 2, 3)):
        x = make(shape, -0.2, 0.2)
        yield (x + eye(*shape[-2:], dtype=x.dtype) @ square(make, shape[-1]),), {"full_matrices": False}


@op("opaque", inputs=1, outputs=3, vmap=same, samples=_svd_samples, vjp=lambda g, y, _x, full_matrices: _svd_back(g, y))
def linalg_svd(xp, x, full_matrices):
    """x = U diag(S) Vᴴ, S from the largest down.  (*, m, n) -> (*, m, k), (*, k), (*, k, n), k = min(m, n), or m and n when full"""
    return tuple(_converged(lambda: xp.linalg.svd(x, full_matrices=full_matrices), "linalg.svd"))


def _converged(call, name: str):
    try:
        return call()
    except np.linalg.LinAlgError:
        raise LinAlgError(f"{name}: the algorithm failed to converge: the input holds inf or nan, or is ill-conditioned") from None


def _values_back(g, x):
    u, _, vh = linalg_svd(x, full_matrices=False)
    return u * unsqueeze(g, -2) @ vh


@op("opaque", vmap=same, holomorphic=False, samples=lambda make: [((x,), {}) for (x,), _ in _svd_samples(make)],
    vjp=lambda g, _y, x: _values_back(g, x))
def linalg_svdvals(xp, x):
    """Singular values, from the largest down.  (*, m, n) -> (*, min(m, n))"""
    return _converged(lambda: xp.linalg.svd(x, compute_uv=False), "linalg.svdvals")


# ---- eigenvalues
def _eigh_back(g, y):
    values, vectors = y
    gl, gv = g
    inner = None if gl is None else diag_embed(gl).to(vectors.dtype)
    if gv is not None:
        part = vectors.mH @ gv / _gaps(values)
        part = part - diag_embed(diagonal(part, 0, -2, -1))
        inner = part if inner is None else inner + part
    out = vectors @ inner @ vectors.mH
    return (out + out.mH) * 0.5


@op("opaque", outputs=2, vmap=same, vjp=lambda g, y, _x: _eigh_back(g, y),
    samples=lambda make: [((x + x.mH,), {}) for (x,), _ in _squares(make)])
def linalg_eigh(xp, x):
    """Eigenvalues, rising, and orthonormal eigenvectors of ½ (x + xᴴ).  (*, n, n) -> (*, n), (*, n, n)"""
    return tuple(_converged(lambda: xp.linalg.eigh((x + _turned(x)) / 2), "linalg.eigh"))


def _symmetric_values_back(g, x):
    _, vectors = linalg_eigh(x)
    return vectors * unsqueeze(g, -2) @ vectors.mH


@op("opaque", vmap=same, holomorphic=False, samples=lambda make: [((x + x.mH,), {}) for (x,), _ in _squares(make)],
    vjp=lambda g, _y, x: _symmetric_values_back(g, x))
def linalg_eigvalsh(xp, x):
    """Eigenvalues of ½ (x + xᴴ), rising.  (*, n, n) -> (*, n)"""
    return _converged(lambda: xp.linalg.eigvalsh((x + _turned(x)) / 2), "linalg.eigvalsh")


def _eig_back(g, y):
    values, vectors = y
    gl, gv = g
    inner = None if gl is None else diag_embed(gl)
    if gv is not None:
        across = vectors.mH @ gv
        lengths = vectors.mH @ vectors @ diag_embed(real_part(diagonal(across, 0, -2, -1)).to(vectors.dtype))
        part = (across - lengths) / conj(_gaps(values))
        part = part - diag_embed(diagonal(part, 0, -2, -1))
        inner = part if inner is None else inner + part
    return solve_matrix(vectors.mH, inner @ vectors.mH)


@op("opaque", outputs=2, vmap=same, samples=_squares, vjp=lambda g, y, _x: _eig_back(g, y))
def linalg_eig(xp, x):
    """Eigenvalues and eigenvectors of length 1, both complex.  (*, n, n) -> (*, n), (*, n, n)"""
    values, vectors = _converged(lambda: xp.linalg.eig(x), "linalg.eig")
    kind = np.result_type(x.dtype, np.complex64)
    return values.astype(kind), vectors.astype(kind)


@op("opaque", vmap=same, samples=_squares)
def linalg_eigvals(xp, x):
    """Eigenvalues, complex, in no order.  (*, n, n) -> (*, n)"""
    return _converged(lambda: xp.linalg.eigvals(x), "linalg.eigvals").astype(np.result_type(x.dtype, np.complex64))


# ---- LU
def places_of(pivots, m: int):
    """The permutation that a list of exchanges makes: row i of P ᵀA is row `places[i]` of A.  (*, k) -> (*, m)"""
    return run(_places.card, (pivots,), {"m": m})


@op("opaque", inputs=1, samples=lambda make: [((make.index([2, 3, 3]),), {"m": 4})])
def _places(xp, pivots, m):
    """The permutation that a list of exchanges makes, each with a place counted from 1.  (*, k) -> (*, m)"""
    flat = pivots.reshape(prod(pivots.shape[:-1]), pivots.shape[-1])
    rows = xp.arange(flat.shape[0])
    places = xp.tile(xp.arange(m), (flat.shape[0], 1))
    for i in range(flat.shape[1]):
        j = flat[:, i] - 1
        a, b = places[rows, i], places[rows, j]
        places[rows, i], places[rows, j] = b, a
    return places.reshape(*pivots.shape[:-1], m)


def _lu_back(g, lu, pivots):
    """The gradient for A, from that for L (below the diagonal) and U (the rest) in one matrix."""
    m, n = lu.shape[-2:]
    k = min(m, n)
    one = eye(m, k, dtype=lu.dtype, device=lu.device)
    lower, upper = tril(narrow(lu, -1, 0, k), -1) + one, triu(narrow(lu, -2, 0, k))
    gl, gu = tril(narrow(g, -1, 0, k), -1), triu(narrow(g, -2, 0, k))
    first, u1 = narrow(lower, -2, 0, k), narrow(upper, -1, 0, k)
    below = narrow(gl, -2, k, m - k)
    beside = narrow(gu, -1, k, n - k)
    low = first.mH @ narrow(gl, -2, 0, k) - beside @ narrow(upper, -1, k, n - k).mH
    high = narrow(gu, -1, 0, k) @ u1.mH - narrow(lower, -2, k, m - k).mH @ below
    top = triangular(u1, (tril(low, -1) + triu(high)).mH, upper=True).mH
    top = triangular(first.mH, cat([top, beside], -1), upper=True)
    if m > k:
        top = cat([top, triangular(u1, below.mH, upper=True).mH], -2)
    places = places_of(pivots, m).argsort(-1)
    return gather(top, -2, unsqueeze(places, -1).expand(top.shape))


def _lu_samples(make):
    for shape in ((3, 3), (2, 2, 3), (4, 2)):
        x = make(shape, -0.3, 0.3)
        yield (x.flip(-2) + eye(*shape[-2:], dtype=x.dtype).flip(-2),), {}


@op("opaque", outputs=3, vmap=same, samples=_lu_samples, fused=Native(lapack.lu_factor), vjp=lambda g, y, _x: _lu_back(g[0], y[0], y[1]))
def linalg_lu_factor_ex(xp, x):
    """P ᵀx = L U in one matrix, the exchanges of rows, 0 or the place of the first zero pivot.  (*, m, n) -> (*, m, n), (*, k), (*)"""
    return eliminate(xp, x)
