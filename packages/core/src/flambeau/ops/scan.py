"""Scans: running sums and products along an axis."""
from __future__ import annotations

from ..define import op
from ..dispatch import run_one
from ..dtype import FLOAT, as_dtype
from ..numpy_names import numpy_names
from ..tensor import Tensor, check_dim
from ..write import into
from .elementwise import eq, where
from .reduction import _wide
from .view import flip


def _scan_samples(make):
    for shape, dim in (((3, 4), 1), ((2, 3, 2), 0), ((), 0)):
        yield (make(shape, 0.5, 2.0),), {"dim": dim}


def _reverse_cumsum(g, dim):
    return flip(cumsum(flip(g, (dim,)), dim), (dim,)) if g.ndim else g


@op("scan", inputs=1, linear=True, samples=_scan_samples, vjp=lambda g, _y, _x, dim: _reverse_cumsum(g, dim))
def cumsum_(xp, x, dim):
    """Running sum along `dim`; integers as int64.  (*, n, *) -> (*, n, *)"""
    if x.dtype.kind == "f" and x.dtype.itemsize > 2 and x.ndim:
        return xp.cumsum(x, axis=dim)
    wide = _wide(xp, x)
    total = xp.cumsum(wide, axis=dim) if x.ndim else wide.copy()
    return total if x.dtype.kind in "bui" or total.dtype == x.dtype else total.astype(x.dtype)


@op("scan", inputs=1, samples=_scan_samples, vjp=lambda g, y, x, dim: _cumprod_back(g, y, x, dim))
def cumprod_(xp, x, dim):
    """Running product along `dim`.  (*, n, *) -> (*, n, *)"""
    if x.dtype.kind in "bui":
        x = x.astype(xp.int64)
    return xp.cumprod(x, axis=dim) if x.ndim else x.copy()


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype=None, out: Tensor | None = None) -> Tensor:
    """Running sum along `dim`, computed in `dtype` where one is given; integers as int64 otherwise.  (*, n, *) -> (*, n, *)

    >>> flambeau.cumsum(flambeau.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    return _scanned(cumsum_, input, dim, dtype, out)


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype=None, out: Tensor | None = None) -> Tensor:
    """Running product along `dim`, computed in `dtype` where one is given; integers as int64 otherwise.  (*, n, *) -> (*, n, *)

    >>> flambeau.cumprod(flambeau.tensor([1, 2, 3]), 0)
    tensor([1, 2, 6])
    """
    return _scanned(cumprod_, input, dim, dtype, out)


def _scanned(scan, x, dim, dtype, out):
    if type(x) is Tensor and dtype is None and out is None and type(dim) is int and -x.array.ndim <= dim < x.array.ndim:
        return run_one(scan.card, x, {"dim": dim if dim >= 0 else dim + x.array.ndim})
    if dtype is not None:
        dtype = as_dtype(dtype)
    x = x if dtype is None else x.to(dtype)
    dim = check_dim(dim, x.ndim)
    if dtype is None or dtype.category >= FLOAT:
        return scan(x, dim=dim, out=out)
    result = scan(x, dim=dim).to(dtype)
    return result if out is None else into(out, result, scan.__name__)


def _cumprod_back(g, y, x, dim):
    """Without zeros Σ_{j≥i} g_j y_j / x_i; with zeros each place is worked out by the product of the others."""
    if x.device.type == "meta" or (x.visible() and not bool(eq(x, 0).any())):
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
