"""Inverses, solutions and determinants of matrices, and functions of them.  Bodies work on the last two axes."""
from __future__ import annotations

import math

import numpy as np

from ..define import op
from ..tensor import Tensor
from .complex import complex as complex_of
from .complex import conj
from .create import eye
from .elimination import eliminate, same, square
from .join import cat
from .masks import tril, triu
from .view import narrow, unsqueeze


def _squares(make):
    yield (square(make),), {}
    yield (square(make, 2, 2),), {}


def _systems(make):
    yield (square(make), make((3, 2), -1.0, 1.0)), {}
    yield (square(make, 2, 2, 1), make((3, 2, 1), -1.0, 1.0)), {}


def _where_singular(xp, a):
    return eliminate(xp, a)[2]


def _one_by_one(xp, call, a, *more):
    """`call` on each matrix of a batch of which one at least is singular: its place holds inf."""
    info = _where_singular(xp, a)
    batch = np.broadcast_shapes(a.shape[:-2], *(b.shape[:-2] for b in more))
    spread = [xp.broadcast_to(v, (*batch, *v.shape[-2:])) for v in (a, *more)]
    good = xp.where(xp.broadcast_to(info, batch)[..., None, None] > 0, xp.eye(a.shape[-1], dtype=a.dtype), spread[0])
    result = call(good, *spread[1:])
    return xp.where(xp.broadcast_to(info, batch)[..., None, None] > 0, result.dtype.type(np.inf), result), info


# ---- inverse and solution
@op("opaque", outputs=2, vmap=same, samples=_squares, vjp=lambda g, y, _x: -(y[0].mH @ g[0] @ y[0].mH))
def linalg_inv_ex(xp, x):
    """The inverse, and 0 or the place of the first zero pivot.  (*, n, n) -> (*, n, n), (*)"""
    try:
        return xp.linalg.inv(x), xp.zeros(x.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return _one_by_one(xp, xp.linalg.inv, x)


@op("opaque", outputs=2, vmap=same, samples=_systems,
    vjp=(lambda g, y, a, _b: -(solve_matrix(a.mH, g[0]) @ y[0].mH), lambda g, _y, a, _b: solve_matrix(a.mH, g[0])))
def linalg_solve_ex(xp, a, b):
    """X with a X = b, and 0 or the place of the first zero pivot.  (*, n, n), (*, n, k) -> (*, n, k), (*)"""
    try:
        return xp.linalg.solve(a, b), xp.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return _one_by_one(xp, xp.linalg.solve, a, b)


def solve_matrix(a, b):
    return linalg_solve_ex(a, b)[0]


def inverse_matrix(a):
    return linalg_inv_ex(a)[0]


def _triangles(make):
    yield (square(make), make((3, 2), -1.0, 1.0)), {"upper": True, "unit": False}
    yield (square(make, 3, 2, 1), make((3, 3, 1), -1.0, 1.0)), {"upper": False, "unit": False}
    yield (square(make), make((3, 2), -1.0, 1.0)), {"upper": False, "unit": True}


def _triangle_back(g, y, a, upper, unit):
    full = -(linalg_solve_triangular(a.mH, g, upper=not upper, unit=unit) @ y.mH)
    return triu(full, int(unit)) if upper else tril(full, -int(unit))


@op("opaque", inputs=2, vmap=same, samples=_triangles, holomorphic=False,
    vjp=(lambda g, y, a, _b, upper, unit: _triangle_back(g, y, a, upper, unit),
         lambda g, _y, a, _b, upper, unit: linalg_solve_triangular(a.mH, g, upper=not upper, unit=unit)))
def linalg_solve_triangular(xp, a, b, upper, unit):
    """X with T X = b, T a triangle of a, its diagonal taken as ones when `unit`.  (*, n, n), (*, n, k) -> (*, n, k)"""
    n = a.shape[-1]
    if unit:
        one = xp.eye(n, dtype=a.dtype)
        a = a * (1 - one) + one
    if not upper:  # turned round, a lower triangle is an upper one, which elimination leaves as it is
        a, b = a[..., ::-1, ::-1], b[..., ::-1, :]
    a = xp.triu(a)
    try:
        x = xp.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        x = _substituted(xp, a, b)
    return x if upper else x[..., ::-1, :].copy()


def _substituted(xp, a, b):
    """Row after row from the last, with inf and nan where the diagonal is 0."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = xp.zeros((*batch, *b.shape[-2:]), b.dtype)
    with np.errstate(all="ignore"):
        for i in reversed(range(a.shape[-1])):
            rest = (a[..., i:i + 1, i + 1:] @ x[..., i + 1:, :])[..., 0, :]
            x[..., i, :] = (b[..., i, :] - rest) / a[..., i, i, None]
    return x


def triangular(a, b, upper: bool, unit: bool = False):
    return linalg_solve_triangular(a, b, upper=upper, unit=unit)


# ---- determinants
def _at_ends(x):
    return unsqueeze(unsqueeze(x, -1), -1)


@op("opaque", vmap=same, samples=_squares, vjp=lambda g, _y, x: _at_ends(g) * linalg_cofactor(x))
def linalg_det(xp, x):
    """The determinant.  (*, n, n) -> (*)"""
    with np.errstate(over="ignore"):  # NumPy's own module would warn
        return xp.linalg.det(x)


@op("opaque", vmap=same, samples=_squares,
    vjp=lambda g, y, x: (y * _at_ends((g * y).sum((-2, -1))) - y @ g.mT @ y) / _at_ends(linalg_det(x)))
def linalg_cofactor(xp, x):
    """The derivative of the determinant, of singular matrices too.  (*, n, n) -> (*, n, n)"""
    u, s, vh = xp.linalg.svd(x)
    n = s.shape[-1]
    others = xp.where(xp.eye(n, dtype=bool), s.dtype.type(1), s[..., None, :])
    scale = xp.multiply.reduce(others, axis=-1) * (xp.linalg.det(u) * xp.linalg.det(vh))[..., None]
    return xp.conjugate(xp.conjugate(scale[..., None, :]) * u @ vh) if n else x


def _slogdet_back(g, y, x):
    sign, _ = y
    g_sign, g_log = g
    share = sign * 0 if g_log is None else g_log.to(sign.dtype)
    if sign.is_complex() and g_sign is not None:
        turn = (conj(g_sign) * sign).imag
        share = share - complex_of(turn * 0, turn)
    return _at_ends(share) * inverse_matrix(x).mH


@op("opaque", outputs=2, vmap=same, samples=_squares, vjp=lambda g, y, x: _slogdet_back(g, y, x))
def linalg_slogdet(xp, x):
    """The determinant's sign (or phase), and the logarithm of its size.  (*, n, n) -> (*), (*)"""
    return tuple(xp.linalg.slogdet(x))


# ---- pseudo-inverse
def _pinv_back(g, y, a):
    yh, gh = y.mH, g.mH
    out = -(yh @ g @ yh)
    return out + (gh - a @ (y @ gh)) @ y @ yh + yh @ y @ (gh - (gh @ y) @ a)


def _pinv_samples(make):
    for shape in ((4, 2), (2, 2, 3)):
        x = make(shape, -0.2, 0.2)
        yield (x + eye(*shape[-2:], dtype=x.dtype), None, None), {}
    x = square(make)
    yield (x + x.mH, None, None), {}


def _pinv_vmap(card, values, hidden, attrs, n):
    spread = [v.expand(n, *v.shape) if isinstance(v, Tensor) and not h else v for v, h in zip(values, hidden, strict=True)]
    return card.call(*spread, **attrs)


@op("opaque", inputs=3, promote=None, vmap=_pinv_vmap, samples=_pinv_samples, holomorphic=False,
    vjp=(lambda g, y, a, _atol, _rtol, hermitian=False: _pinv_back(g, y, a), None, None))
def linalg_pinv(xp, a, atol, rtol, hermitian=False):
    """The pseudo-inverse: singular values up to max(atol, rtol · largest) count as zero.  (*, m, n) -> (*, n, m)

    hermitian  of a its lower triangle is read, and the upper one taken for its mirror image
    """
    if hermitian:
        low = xp.tril(a, -1)
        a = low + low.conj().swapaxes(-1, -2) + xp.eye(a.shape[-1], dtype=a.dtype) * a.real
    if a.size == 0:
        return xp.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    cut = cutoff(xp, s, a, atol, rtol)
    scale = xp.where(s > cut, 1 / xp.where(s > cut, s, s.dtype.type(1)), s.dtype.type(0))
    return (vh.conj().swapaxes(-1, -2) * scale[..., None, :]) @ u.conj().swapaxes(-1, -2)


def cutoff(xp, s, a, atol, rtol):
    """max(atol, rtol · largest singular value); rtol is ε · max(m, n) unless it, or a positive atol, is given."""
    if rtol is None:
        small = np.finfo(s.dtype).eps * max(a.shape[-2:])
        rtol = small if atol is None else xp.where(xp.asarray(atol) > 0, 0.0, small)
    low = xp.asarray(0.0 if atol is None else atol, dtype=s.dtype)
    top = s.max(axis=-1) if s.shape[-1] else xp.zeros(s.shape[:-1], s.dtype)
    return xp.maximum(low, xp.asarray(rtol, dtype=s.dtype) * top)[..., None]


@op("opaque", inputs=3, promote=None, vmap=_pinv_vmap, samples=_pinv_samples)
def linalg_rank(xp, a, atol, rtol):
    """How many singular values are above max(atol, rtol · largest).  (*, m, n) -> (*)"""
    s = xp.linalg.svd(a, compute_uv=False)
    return xp.count_nonzero(s > cutoff(xp, s, a, atol, rtol), axis=-1) + xp.zeros(s.shape[:-1], np.int64)


# ---- exponential
def _exp_along(x, t):
    """The derivative of exp at x along t: the upper right block of exp [[x t] [0 x]]."""
    n = x.shape[-1]
    blocks = cat([cat([x, t], -1), cat([x * 0, x], -1)], -2)
    return narrow(narrow(exponential(blocks), -2, 0, n), -1, n, n)


_PADE = [math.comb(13, j) * math.factorial(26 - j) / math.factorial(26) for j in range(14)]


@op("opaque", vmap=same, samples=_squares, vjp=lambda g, _y, x: _exp_along(x.mT, g),
    jvp=lambda tangents, _y, x: _exp_along(x, tangents[0]))
def exponential(xp, x):
    """The exponential of matrices, I + x + x²/2 + …  (*, n, n) -> (*, n, n)

    Source: Higham (2005), "The scaling and squaring method for the matrix exponential revisited", with the approximant of order 13.
    """
    if x.size == 0:
        return x.copy()
    if x.dtype.itemsize < 4:
        return exponential.card.body(xp, x.astype(np.float32)).astype(x.dtype)
    size = abs(x).sum(axis=-2).max(axis=-1)
    times = np.ceil(np.log2(xp.maximum(xp.where(xp.isfinite(size), size, 1) / 5.37, 1e-30))).clip(0).astype(np.int64)
    a = x / xp.asarray(2.0 ** times[..., None, None], dtype=size.dtype)
    one, square_of = xp.eye(x.shape[-1], dtype=x.dtype), a @ a
    even, odd, power = one * _PADE[0], one * _PADE[1], one
    for j in range(2, 14, 2):
        power = power @ square_of
        even, odd = even + power * _PADE[j], odd + power * _PADE[j + 1]
    odd = a @ odd
    y = xp.linalg.solve(even - odd, even + odd)
    for i in range(int(times.max())):
        y = xp.where((times > i)[..., None, None], y @ y, y)
    return y
