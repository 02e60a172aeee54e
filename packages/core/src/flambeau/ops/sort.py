"""Ops that put elements in order, or find the first of an order."""
from __future__ import annotations

import numpy as np

from ..backends import network
from ..define import op
from ..dispatch import run, run_one
from ..front import REDUCED, before
from ..numpy_names import numpy_names
from ..op import CARDS
from ..return_types import kind
from ..tensor import Tensor, check_dim, plain, tensors_only
from .elementwise import maximum, minimum
from .index import gather, gathered
from .view import ALL, ready


def _samples(make):
    yield (make((3, 4), -2.0, 2.0),), {"dim": 1, "descending": False, "stable": True}
    yield (make((3, 4), -2.0, 2.0),), {"dim": 0, "descending": True, "stable": True}


@op("opaque", samples=_samples)
def argsort(xp, x, dim=-1, descending=False, stable=False):
    """Places that put x in order along `dim`; equal elements keep their order.  (*, n, *) -> (*, n, *) int64"""
    if x.ndim == 0:
        return xp.zeros((), dtype=xp.int64)
    if x.dtype.num >= 256:
        x = x.astype(np.float32)  # ml_dtypes' numbers have an order of their own, in which NaN is not last
    if not descending:
        return xp.argsort(x, axis=dim, kind="stable")
    turned = xp.argsort(xp.flip(x, axis=dim), axis=dim, kind="stable")
    return xp.flip(x.shape[dim] - 1 - turned, axis=dim).copy()


F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def _take(x, places, dim):
    return gather(x, dim, places) if x.ndim else x.clone()


@numpy_names
def sort(input, dim: int = -1, descending: bool = False, stable: bool = False):
    """input in order along `dim`, and where each element was.  (*, n, *) -> values, indices"""
    array = ready(input)
    if array is not None and not descending and array.ndim and type(dim) is int and array.dtype.kind in "biuf":
        dim = check_dim(dim, array.ndim)
        values, places = array.copy(), plain(array.argsort(dim, "stable"))
        values.sort(dim, "stable")
        return kind("sort")(gathered(input, values, places, dim), places)
    dim = check_dim(dim, input.ndim)
    places = run(CARDS["argsort"], (input,), {"dim": dim, "descending": descending, "stable": True})
    return kind("sort")(_take(input, places, dim), places)


@numpy_names
def topk(input, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
    """The k greatest elements (or smallest) along `dim`, in order, and where they are.  (*, n, *) -> values, indices (*, k, *)"""
    array = ready(input)
    if type(dim) is bool or not isinstance(k, int) and not hasattr(k, "__index__"):
        wrong, value, what = ("dim", dim, 2) if type(dim) is bool else ("k", k, 1)
        raise TypeError(f"topk(): argument '{wrong}' (position {what}) must be int, not {type(value).__name__}")
    if array is not None and array.ndim and type(dim) is type(k) is int and (array.dtype is F32 or array.dtype is F64):
        dim = check_dim(dim, array.ndim)
        if 0 < k <= array.shape[dim] and array.size:
            made = network.topk(array, k, dim, largest)
            if made is not None:
                places = plain(made[1])
                return kind("topk")(gathered(input, made[0], places, dim), places)
            if largest:
                turned = (ALL,) * dim + (slice(None, None, -1),)
                best = array[turned].argsort(dim, "stable")[turned][(ALL,) * dim + (slice(0, k),)]
                places = plain(array.shape[dim] - 1 - best)
                return kind("topk")(gather(input, dim, places), places)
    dim = check_dim(dim, input.ndim)
    if k > (input.shape[dim] if input.ndim else 1) or k < 0:
        raise RuntimeError("selected index k out of range")
    places = run(CARDS["argsort"], (input,), {"dim": dim, "descending": largest, "stable": True})
    places = places.narrow(dim, 0, k).contiguous() if input.ndim else places
    return kind("topk")(_take(input, places, dim), places)


def _along_samples(make):
    yield (make((3, 4), -2.0, 2.0),), {"dim": 1, "keepdim": False}
    yield (make((2, 3, 2), -2.0, 2.0),), {"dim": 0, "keepdim": True}


def _along_back(g, y, x, dim, keepdim):
    """Each extreme's gradient goes to the one place that was chosen."""
    g, places = (g[0], y[1]) if keepdim else (g[0].unsqueeze(dim), y[1].unsqueeze(dim))
    return run(CARDS["scatter_sum"], (g, places), {"dim": dim, "shape": tuple(x.shape)})


@op("reduction", inputs=1, outputs=2, samples=_along_samples, vjp=lambda g, y, _x, dim, keepdim=False: _along_back(g, y, _x, dim, keepdim))
def max_along(xp, x, dim, keepdim=False):
    """The greatest element along `dim`, and where it is.  (*, n, *) -> (*, *), (*, *) int64"""
    return xp.max(x, axis=dim, keepdims=keepdim), xp.argmax(x, axis=dim, keepdims=keepdim)


@op("reduction", inputs=1, outputs=2, samples=_along_samples, vjp=lambda g, y, _x, dim, keepdim=False: _along_back(g, y, _x, dim, keepdim))
def min_along(xp, x, dim, keepdim=False):
    """The smallest element along `dim`, and where it is.  (*, n, *) -> (*, *), (*, *) int64"""
    return xp.min(x, axis=dim, keepdims=keepdim), xp.argmin(x, axis=dim, keepdims=keepdim)


WHOLE = {"dim": None, "keepdim": False}


def _extreme(name: str, find: str, pairwise):
    along, folded = CARDS[name + "_along"], CARDS["a" + name].call

    def call(input, dim=None, keepdim: bool = False, *, other=None, axis=None, keepdims=None):
        if other is not None:
            dim = other
        if axis is not None:
            dim = axis
        if keepdims is not None:
            keepdim = keepdims
        if type(input) is Tensor and input.array.size:
            if dim is None:
                return folded(input)
            if type(dim) is int and input.array.ndim and -input.array.ndim <= dim < input.array.ndim:
                return kind(name)(*run_one(along, input, {"dim": dim if dim >= 0 else dim + input.array.ndim, "keepdim": keepdim}))
        tensors_only(name, input=input)
        if dim is None:
            if input.numel() == 0:
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            return run(CARDS["a" + name], (input,), {"dim": None, "keepdim": False})
        if not isinstance(dim, int):
            return pairwise(input, dim)
        dim = check_dim(dim, input.ndim)
        if input.ndim and input.shape[dim] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
        if not input.ndim:
            return kind(name)(input.clone(), run(CARDS[find], (input,), {"dim": None, "keepdim": False}))
        return kind(name)(*run(along, (input,), {"dim": dim, "keepdim": keepdim}))

    call.__name__ = call.__qualname__ = name
    greatest = "greatest" if name == "max" else "smallest"
    call.__doc__ = (
        f"""The {greatest} element; with `dim`, the {greatest} along it and where it is; with a tensor, the {greatest} of each pair."""
    )
    return before(REDUCED, call, getattr(np, pairwise.card.numpy.__name__).reduce, CARDS["a" + name], numbers=2)



max = _extreme("max", "argmax", maximum)
min = _extreme("min", "argmin", minimum)


@op("opaque", samples=lambda make: [((make.index([3, 1, 3, 2]),), {})], outputs=3, inputs=1)
def unique_values(xp, x):
    """The distinct elements in rising order, where each element's is among them, and how often it occurs."""
    values, inverse, counts = xp.unique(x, return_inverse=True, return_counts=True, equal_nan=False)
    return values, inverse.reshape(x.shape), counts


def unique(input, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """The distinct elements in rising order; on request each element's place among them, and their counts.  (*) -> (k)"""
    if dim is not None:
        return _unique_slices(input, check_dim(dim, input.ndim), return_inverse, return_counts)
    values, inverse, counts = run(CARDS["unique_values"], (input,), {})
    wanted = (values, *((inverse,) if return_inverse else ()), *((counts,) if return_counts else ()))
    return wanted if len(wanted) > 1 else values


def _unique_slices(x, dim: int, return_inverse: bool, return_counts: bool):
    """The distinct slices across `dim`, in lexicographic order."""
    array = x.detach().cpu().numpy()
    if 0 in array.shape[:dim] + array.shape[dim + 1:]:
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    rows = np.moveaxis(array, dim, 0).reshape(array.shape[dim], array.size // (array.shape[dim] or 1))
    order = np.lexsort(rows.T[::-1]) if len(rows) else np.zeros(0, np.int64)
    new = np.ones(len(rows), bool)
    if len(rows) > 1:
        new[1:] = (rows[order][1:] != rows[order][:-1]).any(1)
    inverse = np.empty(len(rows), np.int64)
    inverse[order] = np.cumsum(new) - 1
    first = plain(np.ascontiguousarray(order[new]))._to_device(x.device)
    counts = np.bincount(inverse, minlength=int(new.sum())) if len(rows) else np.zeros(0, np.int64)
    wanted = [x.index_select(dim, first)]
    wanted += [plain(inverse)._to_device(x.device)] if return_inverse else []
    wanted += [plain(counts.astype(np.int64))._to_device(x.device)] if return_counts else []
    return tuple(wanted) if len(wanted) > 1 else wanted[0]
