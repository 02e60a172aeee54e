"""Statistics and order: medians, quantiles, counts, differences, running extremes."""
from __future__ import annotations

import numpy as np

from ..casting import listed
from ..define import op
from ..dispatch import run
from ..dtype import FLOAT, INT, word
from ..numpy_names import numpy_names
from ..op import CARDS
from ..return_types import kind
from ..tensor import Tensor, check_dim
from .create import arange, as_tensor
from .elementwise import isnan, where
from .index import gather
from .join import cat
from .sort import sort
from .view import narrow, reshape, select, transpose, unsqueeze


def _ordered(x, dim: int):
    """x in order along `dim`, as int64 places too; scalars as vectors of one."""
    x = reshape(x, 1) if x.ndim == 0 else x
    return x, check_dim(dim, x.ndim)


def _length(name: str, x, dim: int) -> int:
    """How many elements there are along `dim`; IndexError where there are none."""
    if not x.ndim:
        return 1
    axis = check_dim(dim, x.ndim)
    if not x.shape[axis]:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    return x.shape[axis]


def _nth(name: str, x, k, dim: int, keepdim: bool):
    scalar = x.ndim == 0
    x, dim = _ordered(x, dim)
    order = sort(x, dim, stable=True)
    places = narrow(order.indices, dim, k, 1) if isinstance(k, int) else gather(order.indices, dim, k)
    values = gather(x, dim, places)
    if scalar or not keepdim:
        values, places = values.squeeze(dim), places.squeeze(dim)
    return kind(name)(values, places)


@numpy_names
def kthvalue(input, k: int, dim: int = -1, keepdim: bool = False):
    """The k-th smallest element along `dim`, counted from 1, and where it is.  (*, n, *) -> values, indices"""
    n = _length("kthvalue", input, dim)
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    return _nth("kthvalue", input, k - 1, dim, keepdim)


@numpy_names
def median(input, dim: int | None = None, keepdim: bool = False):
    """The middle element (the lower of two), NaN where there is one; with `dim`, also where it is.  (*, n, *) -> (*, *)"""
    if dim is None:
        flat = reshape(input, -1)
        if not flat.shape[0]:
            return input.new_full((), float("nan"))
        return where(isnan(flat).any(), float("nan"), median(flat, 0).values) if input.is_floating_point() else median(flat, 0).values
    n = _length("median", input, dim)
    if not input.is_floating_point() or input.visible() and not bool(isnan(input).any()):
        return _nth("median", input, (n - 1) // 2, dim, keepdim)
    vector, axis = _ordered(input, dim)
    first = isnan(vector).to(arange(0).dtype).argmax(axis, keepdim=True)  # the place of the first NaN, where there is one
    return _nth_or(input, vector, axis, first, keepdim)


def _nth_or(x, vector, axis, first, keepdim):
    order = sort(vector, axis, stable=True)
    middle = narrow(order.indices, axis, (vector.shape[axis] - 1) // 2, 1)
    places = where(isnan(vector).any(axis, keepdim=True), first, middle)
    values = gather(vector, axis, places)
    if x.ndim == 0 or not keepdim:
        values, places = values.squeeze(axis), places.squeeze(axis)
    return kind("median")(values, places)


@numpy_names
def nanmedian(input, dim: int | None = None, keepdim: bool = False):
    """The middle of the elements that are numbers; with `dim`, also where it is.  (*, n, *) -> (*, *)"""
    if dim is None:
        return nanmedian(reshape(input, -1), 0).values
    vector, axis = _ordered(input, dim)
    if not input.is_floating_point():
        return kind("nanmedian")(*median(input, dim, keepdim))
    valid = (~isnan(vector)).sum(axis, keepdim=True)
    return _nth("nanmedian", input, (valid - 1).clamp(min=0) // 2, dim, keepdim)


@numpy_names
@listed
def quantile(input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"):
    """The values below which shares q of the elements lie along `dim`.  (*, n, *), (k) or number -> (k, *, *) or (*, *)"""
    return _quantile(input, q, dim, keepdim, interpolation, False)


@numpy_names
@listed
def nanquantile(input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"):
    """`quantile` of the elements that are numbers."""
    return _quantile(input, q, dim, keepdim, interpolation, True)


def _quantile(x, q, dim, keepdim, interpolation, skip):
    if not x.is_floating_point():
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    share = q if isinstance(q, Tensor) else x.new_tensor(q)
    if share.ndim > 1 or share.dtype is not x.dtype:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor of the same dtype as the input tensor")
    if isinstance(q, Tensor) and q.visible() and not bool(((share >= 0) & (share <= 1)).all()):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    if not isinstance(q, Tensor) and not 0 <= q <= 1:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q}")
    ndim = x.ndim
    vector = reshape(x, -1) if dim is None or ndim == 0 else x
    axis = 0 if dim is None or ndim == 0 else check_dim(dim, ndim)
    rows = transpose(vector, axis, -1)
    ordered = sort(rows, -1).values
    n = ordered.shape[-1]
    if n == 0:
        raise RuntimeError("quantile() input tensor must be non-empty")
    valid = (~isnan(ordered)).sum(-1, keepdim=True)
    last = (valid - 1).clamp(min=0).to(x.dtype) if skip else ordered.new_full(valid.shape, n - 1)
    at = last * reshape(share, -1)  # (*, k)
    if not skip:
        at = where(valid < n, float(n - 1), at)
    low, high = at.floor(), at.ceil()
    pick = lambda places: gather(ordered, -1, places.long())
    choices = {"lower": lambda: pick(low), "higher": lambda: pick(high), "nearest": lambda: pick(at.round()),
               "midpoint": lambda: (pick(low) + pick(high)) / 2, "linear": lambda: pick(low) + (pick(high) - pick(low)) * (at - low)}
    if interpolation not in choices:
        raise RuntimeError(f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}")
    result = choices[interpolation]()  # (*, k)
    result = transpose(unsqueeze(result.movedim(-1, 0), -1), 1 + axis, -1)  # (k, *, 1, *): one element where `dim` was
    if keepdim and ndim:
        result = reshape(result, (-1, *[1] * ndim)) if dim is None else result
    else:
        result = result.squeeze(1 + axis)
    return result[0] if share.ndim == 0 else result


@numpy_names
def mode(input, dim: int = -1, keepdim: bool = False):
    """The most frequent element along `dim` (the smallest of several), and its last place.  (*, n, *) -> values, indices"""
    scalar = input.ndim == 0
    _length("mode", input, dim)
    vector, axis = _ordered(input, dim)
    places = run(CARDS["mode_place"], (transpose(vector.detach(), axis, -1),), {})
    places = transpose(unsqueeze(places, -1), axis, -1)
    values = gather(vector, axis, places)
    if scalar or not keepdim:
        values, places = values.squeeze(axis), places.squeeze(axis)
    return kind("mode")(values, places)


@op("opaque", samples=lambda make: [((make.index([[1, 2, 2, 0], [3, 3, 1, 1]]),), {})])
def mode_place(xp, x):
    """Of each row the last place of its most frequent element; a NaN is like no other element.  (*, n) -> (*) int64"""
    rows = x.reshape(-1, x.shape[-1])
    places = xp.zeros(rows.shape[0], dtype=xp.int64)
    for i in range(rows.shape[0]):
        values, counts = xp.unique(rows[i], return_counts=True, equal_nan=False)
        found = values[xp.argmax(counts)]
        places[i] = xp.flatnonzero((rows[i] == found) | ((rows[i] != rows[i]) & (found != found)))[0 if found != found else -1]
    return places.reshape(x.shape[:-1])


# ---- sums that skip NaN
@numpy_names
def nansum(input, dim=None, keepdim: bool = False, *, dtype=None):
    """Sum of the elements that are numbers.  (*, n, *) -> (*, *)"""
    if input.is_complex():
        raise RuntimeError("nansum does not support complex inputs")
    if input.is_floating_point():
        input = where(isnan(input), 0.0, input)
    return input.sum(dim, keepdim, dtype=dtype)


@numpy_names
def nanmean(input, dim=None, keepdim: bool = False, *, dtype=None):
    """Mean of the elements that are numbers.  (*, n, *) -> (*, *)"""
    if input.dtype.category < FLOAT:
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {word(input.dtype)}")
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / (~isnan(input)).sum(dim, keepdim).to(total.dtype)


@numpy_names
def aminmax(input, *, dim: int | None = None, keepdim: bool = False):
    """Smallest and greatest element.  (*, n, *) -> min, max"""
    if dim is None and not input.numel():
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
    return kind("aminmax")(input.amin(dim, keepdim), input.amax(dim, keepdim))


def argwhere(input):
    """Places of the elements that are not zero, a row each.  (*) -> (k, ndim)"""
    return input.nonzero()


# ---- differences and areas
@numpy_names
def diff(input, n: int = 1, dim: int = -1, prepend=None, append=None):
    """Differences of neighbours along `dim`, n times.  (*, k, *) -> (*, k - n, *)"""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = check_dim(dim, input.ndim)
    if n == 0:
        return input.clone()
    for side in (prepend, append):
        if side is not None and side.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
        if side is not None and any(a != b for d, (a, b) in enumerate(zip(side.shape, input.shape)) if d != dim):
            raise RuntimeError("diff expects the shape of tensor to prepend or append to match that of input except along the differencing "
                               f"dimension; input.size() = {list(input.shape)}, but got tensor.size() = {list(side.shape)}")
    input = cat([p for p in (prepend, input, append) if p is not None], dim) if prepend is not None or append is not None else input
    for _ in range(min(n, input.shape[dim])):
        k = input.shape[dim] - 1
        after, before = narrow(input, dim, 1, k), narrow(input, dim, 0, k)
        input = after ^ before if input.dtype.name == "bool" else after - before
    return input


def _spacing(y, x, dx, dim):
    if x is None:
        return 1 if dx is None else dx
    if x.ndim == 1:
        shape = [1] * y.ndim
        shape[dim] = -1
        return reshape(diff(x), *shape)
    return diff(x, dim=dim if x.ndim == y.ndim else -1)


def _panels(y, x, dx, dim):
    if not isinstance(x, Tensor) and x is not None:
        x, dx = None, x
    dim = check_dim(dim, y.ndim)
    k = max(y.shape[dim] - 1, 0)
    both = narrow(y, dim, y.shape[dim] - k, k) + narrow(y, dim, 0, k)
    return (both / 2 * _spacing(y, x, dx, dim) if x is None else both * _spacing(y, x, dx, dim) / 2), dim


def trapezoid(y, x=None, *, dx=None, dim: int = -1):
    """Area under y along `dim` by the trapezoidal rule.  (*, n, *) -> (*, *)"""
    if y.dtype.category == INT and y.shape[check_dim(dim, y.ndim)]:
        if isinstance(x, Tensor):  # whole numbers are multiplied as they are, and halved when they are summed
            dim = check_dim(dim, y.ndim)
            k = y.shape[dim] - 1
            return ((narrow(y, dim, 1, k) + narrow(y, dim, 0, k)) * _spacing(y, x, dx, dim)).sum(dim) / 2
        step = x if x is not None else 1 if dx is None else dx
        return (y.sum(dim) - (select(y, dim, 0) + select(y, dim, -1)) * 0.5) * step
    panels, dim = _panels(y, x, dx, dim)
    return panels.sum(dim)


trapz = trapezoid


def cumulative_trapezoid(y, x=None, *, dx=None, dim: int = -1):
    """Running area under y along `dim` by the trapezoidal rule.  (*, n, *) -> (*, n - 1, *)"""
    panels, dim = _panels(y, x, dx, dim)
    return panels.cumsum(dim)


# ---- covariance
def _check_weights(fweights, aweights, n: int) -> None:
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {w.ndim} dimensions")
        if w.is_floating_point() == (name == "fweights"):
            kinds = "integral" if name == "fweights" else "floating point"
            raise RuntimeError(f"cov(): expected {name} to have {kinds} dtype but got {word(w.dtype)}")
        if w.numel() != n:
            raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations: {n}, got {w.numel()}")
        if w.numel() and bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")


def cov(input, *, correction: int = 1, fweights=None, aweights=None):
    """Covariance of variables in rows, observations in columns.  (d, n) -> (d, d)"""
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions")
    rows = reshape(input, 1, -1) if input.ndim < 2 else input
    rows = rows if rows.is_floating_point() or rows.is_complex() else rows.float()
    _check_weights(fweights, aweights, rows.shape[1])
    w = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    n = rows.shape[1]
    total = n if w is None else w.sum()
    mean = rows.mean(1, keepdim=True) if w is None else (rows * w).sum(1, keepdim=True) / total
    if w is None:
        norm = n - correction
    elif aweights is None or correction == 0:
        norm = total - correction
    else:
        norm = total - correction * (w * aweights).sum() / total
    centred = rows - mean
    weighted = centred if w is None else centred * w
    norm = norm.clamp(min=0) if isinstance(norm, Tensor) else max(norm, 0)
    result = weighted @ transpose(centred, 0, 1).conj() / norm
    return reshape(result) if result.shape == (1, 1) else result


def corrcoef(input):
    """Correlation of variables in rows.  (d, n) -> (d, d)"""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = c.diagonal().real.sqrt() if c.is_complex() else c.diagonal().sqrt()
    return c / unsqueeze(deviation, 1) / unsqueeze(deviation, 0)


# ---- counting and searching
def bincount(input, weights=None, minlength: int = 0):
    """How often each of 0, 1, 2 … occurs, or the sum of the weights there.  (n) -> (max + 1)"""
    if input.ndim != 1 or input.dtype.category > 1 or (input.numel() and int(input.min()) < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if weights is not None and (weights.ndim != 1 or weights.numel() != input.numel()):
        raise RuntimeError("weights should be 1-d and have the same length as input")
    counted = np.bincount(input.cpu().numpy(), None if weights is None else weights.cpu().detach().numpy(), minlength)
    made = as_tensor(counted if counted.size else np.zeros(minlength, np.int64), device=input.device)
    return made if weights is None or weights.dtype is not input.new_empty(0).float().dtype else made.to(weights.dtype)


def searchsorted(sorted_sequence, input, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter=None):
    """Where each value would go in ordered rows so that they stay in order.  (*, n), (*, k) -> (*, k) int64"""
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("searchsorted(): side and right can't be set to opposites, got side of left while right was True")
    rows = sorted_sequence if sorter is None else sorted_sequence.gather(-1, sorter)
    values = input if isinstance(input, Tensor) else rows.new_tensor(input)
    found = run(CARDS["search_rows"], (rows.detach(), values.detach()), {"right": right or side == "right"})
    return found.int() if out_int32 else found


def bucketize(input, boundaries, *, out_int32: bool = False, right: bool = False):
    """Which of the buckets between ordered boundaries each value falls into.  (*), (n) -> (*) int64"""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@op("opaque", samples=lambda make: [((make.index([1, 3, 5]), make.index([[0, 3], [4, 9]])), {"right": False})], inputs=2)
def search_rows(xp, rows, values, right=False):
    """Places of values in ordered rows.  (n), (*) or (*, n), (*, k) -> int64"""
    side = "right" if right else "left"
    if rows.ndim == 1:
        return xp.searchsorted(rows, values, side=side).astype(xp.int64)
    if not values.size:
        return xp.zeros(values.shape, xp.int64)
    flat, given = rows.reshape(-1, rows.shape[-1]) if rows.size else rows.reshape(values.size // values.shape[-1], 0), \
        values.reshape(-1, values.shape[-1])
    return xp.stack([xp.searchsorted(r, v, side=side) for r, v in zip(flat, given, strict=True)]).reshape(values.shape).astype(xp.int64)


def histc(input, bins: int = 100, min=0, max=0):
    """Counts in equal bins between min and max (the data's own where both are 0).  (*) -> (bins)"""
    if bins <= 0:
        raise RuntimeError(f"histogram(): bins must be > 0, but got {bins} for dimension 0")
    if input.dtype.category < FLOAT:
        raise NotImplementedError(f'"histc" not implemented for {word(input.dtype)!r}: convert it with .float()')
    if input.process is None and input.is_meta:
        return input.new_empty(bins)
    values = input.detach().cpu().numpy()
    low, high = (min, max) if min != max else (values.min(), values.max()) if values.size else (0, 1)
    if low == high:
        low, high = low - 1, high + 1
    if low > high:
        raise RuntimeError("histc: max must be larger than min")
    kind = values.dtype.type
    low, high = kind(low), kind(high)
    values = values[(values >= low) & (values <= high)]
    place = (values - low) * kind(bins) / (high - low)  # rounded to x's dtype after each operation, as PyTorch's are
    place = np.minimum(place.astype(np.int64), bins - 1)
    return as_tensor(np.bincount(place, minlength=bins).astype(kind), device=input.device)


def isin(elements, test_elements, *, assume_unique: bool = False, invert: bool = False):
    """Whether each element is among others.  (*), (*) -> (*) bool"""
    first = elements if isinstance(elements, Tensor) else as_tensor(elements)
    second = test_elements if isinstance(test_elements, Tensor) else as_tensor(test_elements)
    if first.process is not None or second.process is not None or first.is_meta:
        found = (unsqueeze(first, -1) == reshape(second, -1)).any(-1)
        return ~found if invert else found
    return as_tensor(np.isin(first.detach().cpu().numpy(), second.detach().cpu().numpy(), invert=invert), device=first.device)


# ---- running extremes
def _running(name: str, better):
    def call(input, dim: int):
        if input.ndim == 0:
            return kind(name)(input.clone(), arange(1)[0])
        dim = check_dim(dim, input.ndim)
        places = run(CARDS["running_place"], (transpose(input.detach(), dim, -1),), {"greatest": better})
        places = transpose(places, dim, -1)
        return kind(name)(gather(input, dim, places), places)

    call.__name__, call.__doc__ = (
        name,
        f"The {'greatest' if better else 'smallest'} element so far along `dim`, and where it is.  (*, n, *) -> values, indices",
    )
    return numpy_names(call)


@op("opaque", samples=lambda make: [((make((2, 4), -1.0, 1.0),), {"greatest": True})], inputs=1)
def running_place(xp, x, greatest=True):
    """Of each place of a row, where the greatest (or smallest) element up to it is, the last of equals.  (*, n) -> (*, n) int64"""
    best = (xp.maximum if greatest else xp.minimum).accumulate(x, axis=-1)
    hit = (x == best) | (x != x)
    return xp.maximum.accumulate(xp.where(hit, xp.arange(x.shape[-1]), 0), axis=-1)


cummax, cummin = _running("cummax", True), _running("cummin", False)
