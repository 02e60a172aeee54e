"""Scans: running sums and products along an axis."""
from __future__ import annotations

from ..define import op
from .elementwise import eq, where
from .reduction import _wide
from .view import flip


def _scan_samples(make):
    for shape, dim in (((3, 4), 1), ((2, 3, 2), 0), ((), 0)):
        yield (make(shape, 0.5, 2.0),), {"dim": dim}


def _reverse_cumsum(g, dim):
    return flip(cumsum(flip(g, (dim,)), dim), (dim,)) if g.ndim else g


@op("scan", inputs=1, linear=True, samples=_scan_samples, vjp=lambda g, _y, _x, dim: _reverse_cumsum(g, dim))
def cumsum(xp, x, dim):
    """Running sum along `dim`; integers as int64.  (*, n, *) -> (*, n, *)"""
    wide = _wide(xp, x)
    total = xp.cumsum(wide, axis=dim) if x.ndim else wide.copy()
    return total if x.dtype.kind in "bui" else total.astype(x.dtype)


@op("scan", inputs=1, samples=_scan_samples, vjp=lambda g, y, x, dim: _cumprod_back(g, y, x, dim))
def cumprod(xp, x, dim):
    """Running product along `dim`.  (*, n, *) -> (*, n, *)"""
    if x.dtype.kind in "bui":
        x = x.astype(xp.int64)
    return xp.cumprod(x, axis=dim) if x.ndim else x.copy()


def _cumprod_back(g, y, x, dim):
    """Without zeros Σ_{j≥i} g_j y_j / x_i; with zeros each place is worked out by the product of the others."""
    if not bool(eq(x, 0).any()):
        return _reverse_cumsum(g * y, dim) / x
    from .join import stack
    if x.ndim == 0:
        return g
    n, parts = x.shape[dim], []
    for i in range(n):
        others = where(_at(x, dim, i), 1.0, x)
        prods = cumprod(others, dim)
        parts.append((g.narrow(dim, i, n - i) * prods.narrow(dim, i, n - i)).sum(dim))
    return stack(parts, dim)


def _at(x, dim, i):
    from .create import arange
    shape = [1] * x.ndim
    shape[dim] = x.shape[dim]
    return eq(arange(x.shape[dim], device=x.device).reshape(shape), i).expand(x.shape)
