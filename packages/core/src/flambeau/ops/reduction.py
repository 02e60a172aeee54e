"""Reductions: ops that fold axes away.  `dim` is None (all), an int or a tuple; `keepdim` leaves an axis of one in each place."""
from __future__ import annotations

from math import prod as product

import numpy as np

from ..backends import network
from ..define import op, reduction
from ..dtype import BY_NUMPY, word
from ..fused import Native
from .elementwise import eq, where
from .join import cat
from .view import _spread


def _wide(xp, x):
    """Sums of half-precision numbers are kept in float32; those of booleans and small integers in int64."""
    kind = x.dtype.kind
    if kind in "bui":
        return x.astype(xp.int64)
    return x.astype(xp.float32) if x.dtype.itemsize <= 2 else x


def _sum(xp, x, dim=None, keepdim=False):
    if x.dtype.kind == "f" and x.dtype.itemsize > 2:
        return xp.sum(x, axis=dim, keepdims=keepdim)
    wide = _wide(xp, x)
    total = xp.sum(wide, axis=dim, keepdims=keepdim)
    return total if wide.dtype == x.dtype or x.dtype.kind in "bui" else total.astype(x.dtype)


def _count(shape, dim) -> int:
    if dim is None:
        return product(shape)
    if type(dim) is int:
        return shape[dim] if shape else 1
    return product(shape[d] for d in (dim if isinstance(dim, tuple) else (dim,)))


def spread(g, shape, dim, keepdim):
    """A reduced tensor back over the axes that were folded: (reduced) -> shape, as a view."""
    if not keepdim and dim is not None and len(shape):
        for d in sorted(d % len(shape) for d in (dim if isinstance(dim, tuple) else (dim,))):
            g = g.unsqueeze(d)
    return g.expand(shape)


def _spread_array(g, shape, dim, keepdim):
    """`spread` for a bare array of the CPU."""
    if not keepdim and dim is not None and len(shape):
        for d in sorted(d % len(shape) for d in (dim if isinstance(dim, tuple) else (dim,))):
            g = g[(slice(None),) * d + (None,)]
    return _spread(np, g, tuple(shape))


def _mean_array_back(g, shape, dim, keepdim):
    return _spread_array(np.asarray(g / max(_count(shape, dim), 1), g.dtype), shape, dim, keepdim)


def _float_only(what, x):
    if x.dtype.kind in "bui":
        raise RuntimeError(
            f"{what}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: "
            f"{word(BY_NUMPY[x.dtype])}"
        )


def _mean(xp, x, dim=None, keepdim=False):
    _float_only("mean", x)
    total = xp.sum(x if x.dtype.itemsize > 2 else _wide(xp, x), axis=dim, keepdims=keepdim)
    n = _count(x.shape, dim)
    return xp.asarray(total / n if n else total * float("nan"), dtype=x.dtype)


def _mean_fold(a, axis, _dtype, _out, keepdims):
    total = np.add.reduce(a, axis, None, None, keepdims)
    return total / a.dtype.type(a.size / total.size if total.size else 1)


sum = reduction(
    "sum",
    lambda g, _y, _x, dim=None, keepdim=False: spread(g, _x.shape, dim, keepdim),
    body=_sum,
    linear=True,
    back=(lambda g, _y, _x, dim=None, keepdim=False: _spread_array(g, _x.shape, dim, keepdim),),
    fold=np.add.reduce,
    doc="Sum over `dim`; integers are added as int64.",
)
mean = reduction("mean", lambda g, _y, _x, dim=None, keepdim=False: spread(g / max(_count(_x.shape, dim), 1), _x.shape, dim, keepdim),
                 back=(lambda g, _y, _x, dim=None, keepdim=False: _mean_array_back(g, _x.shape, dim, keepdim),),
                 body=_mean, linear=True, fold=_mean_fold, doc="Arithmetic mean over `dim`.")
amax = reduction("amax", lambda g, y, x, dim=None, keepdim=False: _share(g, y, x, dim, keepdim), fold=np.maximum.reduce,
                 body=lambda xp, x, dim=None, keepdim=False: xp.max(x, axis=dim, keepdims=keepdim),
                 doc="Greatest over `dim`; ties share the gradient.")
amin = reduction("amin", lambda g, y, x, dim=None, keepdim=False: _share(g, y, x, dim, keepdim), fold=np.minimum.reduce,
                 body=lambda xp, x, dim=None, keepdim=False: xp.min(x, axis=dim, keepdims=keepdim),
                 doc="Smallest over `dim`; ties share the gradient.")
any = reduction("any", body=lambda xp, x, dim=None, keepdim=False: _told(x, xp.any(x != 0, axis=dim, keepdims=keepdim)),
                fold=np.logical_or.reduce, anything=True, doc="Whether any element is true.")
all = reduction("all", body=lambda xp, x, dim=None, keepdim=False: _told(x, xp.all(x != 0, axis=dim, keepdims=keepdim)),
                fold=np.logical_and.reduce, anything=True, doc="Whether all elements are true.")


def _told(x, truth):
    """Truth in a boolean; about uint8 in uint8, PyTorch's booleans of old."""
    return truth.astype(x.dtype) if x.dtype == np.uint8 else truth


def _share(g, y, x, dim, keepdim):
    """The gradient goes to the extreme elements of each fold, in equal parts."""
    hit = eq(x, spread(y, x.shape, dim, keepdim)).to(x.dtype)
    return spread(g, x.shape, dim, keepdim) * hit / hit.sum(dim, keepdim=True)


def _prod(xp, x, dim=None, keepdim=False):
    if isinstance(dim, tuple):
        raise TypeError(f"prod(): argument 'dim' must be int, not tuple {dim}")
    return xp.prod(_wide(xp, x) if x.dtype.kind in "bui" else x, axis=dim, keepdims=keepdim)


def _one_axis(make):
    for shape, dim, keepdim in (((3, 4), None, False), ((3, 4), 1, True), ((2, 3, 2), 0, False), ((), None, False), ((), 0, True)):
        yield (make(shape, -2.0, 2.0),), {"dim": dim, "keepdim": keepdim}


prod = reduction("prod", lambda g, _y, x, dim=None, keepdim=False: _prod_slope(g, x, dim, keepdim), body=_prod,
                 samples=_one_axis, fold=np.multiply.reduce,
                 doc="Product over `dim`, one axis or all.")


def _prod_slope(g, x, dim, keepdim):
    """Each element gets the product of the others, right also where some are zero: exclusive products from both ends."""
    if dim is None:
        return _prod_slope(g, x.reshape(-1), 0, False).reshape(x.shape) if x.ndim else g
    if x.ndim == 0:
        return g
    before = _exclusive_product(x, dim)
    after = _exclusive_product(x.flip(dim), dim).flip(dim)
    return spread(g, x.shape, dim, keepdim) * before * after


def _exclusive_product(x, dim):
    ones = x.narrow(dim, 0, min(1, x.shape[dim])) * 0 + 1
    return cat([ones, x.narrow(dim, 0, max(x.shape[dim] - 1, 0))], dim).cumprod(dim)


def _logsumexp_samples(make):
    for shape, dim, keepdim in (((3, 4), 1, False), ((2, 3, 2), (0, 2), True), ((), 0, False)):
        yield (make(shape, -2.0, 2.0),), {"dim": dim, "keepdim": keepdim}


@op("reduction", promote="float", samples=_logsumexp_samples,
    vjp=lambda g, y, x, dim=None, keepdim=False: spread(g, x.shape, dim, keepdim) * (x - spread(y, x.shape, dim, keepdim)).exp())
def logsumexp(xp, x, dim=None, keepdim=False):
    """log of the sum of exponentials over `dim`, without overflow.  (*, n, *) -> (*, *)"""
    if isinstance(dim, list):
        dim = tuple(dim)
    if not x.ndim:
        dim = None
    top = xp.supremum(x.real if x.dtype.kind == "c" else x, axis=dim, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    total = xp.log(xp.sum(xp.exp(x - top), axis=dim, keepdims=True)) + top
    return total if keepdim else xp.squeeze(total, axis=tuple(range(x.ndim)) if dim is None else dim) if x.ndim else total


def _var_samples(make):
    for shape, dim, correction, keepdim in (((3, 4), None, 1, False), ((3, 4), 1, 0, True), ((2, 3, 4), (0, 2), 1, False)):
        yield (make(shape, -2.0, 2.0),), {"dim": dim, "correction": correction, "keepdim": keepdim}


def _centre(x, dim):
    return x - x.mean(dim, keepdim=True)


@op(
    "reduction",
    samples=_var_samples,
    fused=Native(network.var),
    vjp=lambda g, _y, x, dim=None, correction=1, keepdim=False: (
        spread(
            g * (2 / max(_count(x.shape, dim) - correction, 0)) if _count(x.shape, dim) > correction else g * float("nan"),
            x.shape,
            dim,
            keepdim,
        )
        * _centre(x, dim)
    ),
)
def var(xp, x, dim=None, correction=1, keepdim=False):
    """Variance over `dim`, divided by n - correction.  (*, n, *) -> (*, *)"""
    _float_only("var", x)
    if isinstance(dim, list):
        dim = tuple(dim)
    n = _count(x.shape, dim)
    wide = _wide(xp, x)
    centred = wide - xp.sum(wide, axis=dim, keepdims=True) / max(n, 1)
    total = xp.sum(centred * centred, axis=dim, keepdims=keepdim)
    total = total / (n - correction) if n > correction else total * float("nan")
    return total if total.dtype == x.dtype else total.astype(x.dtype)


def _arg_samples(make):
    for shape, dim, keepdim in (((3, 4), None, False), ((3, 4), 1, True), ((), 0, False)):
        yield (make(shape, -2.0, 2.0),), {"dim": dim, "keepdim": keepdim}


@op("reduction", samples=_arg_samples)
def argmax(xp, x, dim=None, keepdim=False):
    """Place of the greatest element along `dim`, as int64.  (*, n, *) -> (*, *)"""
    return _arg(xp, xp.argmax, x, dim, keepdim)


@op("reduction", samples=_arg_samples)
def argmin(xp, x, dim=None, keepdim=False):
    """Place of the smallest element along `dim`, as int64.  (*, n, *) -> (*, *)"""
    return _arg(xp, xp.argmin, x, dim, keepdim)


def _arg(xp, find, x, dim, keepdim):
    if x.ndim == 0:
        return xp.zeros((), dtype=xp.int64)
    return find(x, axis=dim, keepdims=keepdim)


@op("reduction", samples=_logsumexp_samples, vjp=lambda g, y, x, dim=None, keepdim=False: _norm_back(
    spread(g, x.shape, dim, keepdim), spread(y, x.shape, dim, keepdim), x))
def l2_norm(xp, x, dim=None, keepdim=False):
    """Square root of the sum of squares over `dim`.  (*, n, *) -> (*, *)"""
    _float_only("norm", x)
    wide = _wide(xp, x)
    length = xp.sqrt(xp.sum(wide * wide, axis=dim, keepdims=keepdim))
    return length if length.dtype == x.dtype else length.astype(x.dtype)


def _norm_back(g, y, x):
    """The unit vector; 0 where the norm is 0."""
    flat = eq(y, 0)
    return where(flat, 0.0, g * x / where(flat, 1.0, y))
