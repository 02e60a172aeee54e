"""Sums and their kin, orders and sets, as the standard spells them."""
from __future__ import annotations

from typing import NamedTuple

import flambeau as _f
from flambeau import Tensor


def _axes(x: Tensor, axis) -> tuple[int, ...]:
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise IndexError(f"expected axes between {-x.ndim} and {x.ndim - 1}, got {a}")
    return tuple(a % x.ndim for a in axes)


def _folded(call, x: Tensor, axis, keepdims: bool) -> Tensor:
    """One axis after another, the last one first."""
    for a in sorted(_axes(x, axis), reverse=True):
        x = call(x, a)
        x = x.unsqueeze(a) if keepdims else x
    return x


def _sum_type(x: Tensor, dtype):
    """Sums of small integers are of 64 bits."""
    return dtype or (x.dtype if x.dtype.category != 1 else _f.int64 if x.dtype.is_signed else _f.uint64)


def sum(x: Tensor, /, *, axis=None, dtype=None, keepdims: bool = False) -> Tensor:
    """Sum over axes, all where None."""
    x = x.to(_sum_type(x, dtype))
    axes = _axes(x, axis)
    return _f.sum(x, axes, keepdims).to(x.dtype) if axes else x.clone()


def prod(x: Tensor, /, *, axis=None, dtype=None, keepdims: bool = False) -> Tensor:
    """Product over axes, all where None."""
    x = x.to(_sum_type(x, dtype))
    return _folded(lambda v, a: _f.prod(v, a).to(v.dtype), x.clone(), axis, keepdims)


def mean(x: Tensor, /, *, axis=None, keepdims: bool = False) -> Tensor:
    """Mean over axes, all where None."""
    axes = _axes(x, axis)
    return _f.mean(x, axes, keepdims) if axes else x.clone()


def var(x: Tensor, /, *, axis=None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Mean square of the distance from the mean: the divisor is the count less `correction`."""
    axes = _axes(x, axis)
    return _f.var(x, axes, correction=correction, keepdim=keepdims) if axes else x - x


def std(x: Tensor, /, *, axis=None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Root of `var`."""
    return _f.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def max(x: Tensor, /, *, axis=None, keepdims: bool = False) -> Tensor:
    """Largest over axes, all where None."""
    axes = _axes(x, axis)
    return _f.amax(x, axes, keepdims) if axes else x.clone()


def min(x: Tensor, /, *, axis=None, keepdims: bool = False) -> Tensor:
    """Smallest over axes, all where None."""
    axes = _axes(x, axis)
    return _f.amin(x, axes, keepdims) if axes else x.clone()


def any(x: Tensor, /, *, axis=None, keepdims: bool = False) -> Tensor:
    """Whether one is not zero."""
    return _folded(_f.any, x != 0, axis, keepdims)


def all(x: Tensor, /, *, axis=None, keepdims: bool = False) -> Tensor:
    """Whether none is zero."""
    return _folded(_f.all, x != 0, axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis=None, keepdims: bool = False) -> Tensor:
    """How many are not zero."""
    return sum((x != 0).to(_f.int64), axis=axis, keepdims=keepdims)


def _accumulated(call, x: Tensor, axis, dtype, first: int | None) -> Tensor:
    if axis is None:
        if x.ndim > 1:
            raise ValueError(f"expected an axis for an array of {x.ndim} axes, got None")
        axis = 0
    kind = _sum_type(x, dtype)
    x = x.to(kind)
    out = call(x.reshape(1) if not x.ndim else x, axis).to(kind)
    if first is None:
        return out.reshape(x.shape)
    head = list(out.shape)
    head[axis] = 1
    return _f.cat([_f.full(head, first, dtype=kind, device=x.device), out], axis)


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype=None, include_initial: bool = False) -> Tensor:
    """Sums of all up to here, beginning with 0 where `include_initial`."""
    return _accumulated(_f.cumsum, x, axis, dtype, 0 if include_initial else None)


def cumulative_prod(x: Tensor, /, *, axis: int | None = None, dtype=None, include_initial: bool = False) -> Tensor:
    """Products of all up to here, beginning with 1 where `include_initial`."""
    return _accumulated(_f.cumprod, x, axis, dtype, 1 if include_initial else None)


def diff(x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """Differences of neighbours, n times."""
    return _f.diff(x, n, axis, prepend, append)


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Place of the largest."""
    return _place(_f.argmax, x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Place of the smallest."""
    return _place(_f.argmin, x, axis, keepdims)


def _place(call, x: Tensor, axis, keepdims: bool) -> Tensor:
    if axis is None:
        found = call(x.reshape(-1), 0)
        return found.reshape((1,) * x.ndim) if keepdims else found
    return call(x, axis, keepdims)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Along an axis from the smallest to the largest, or the other way."""
    return _f.sort(x, dim=axis, descending=descending, stable=stable)[0]


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The places that would sort x along an axis."""
    return _f.sort(x, dim=axis, descending=descending, stable=stable)[1]


class UniqueAll(NamedTuple):
    """The values, where each is first, which of them each element is, and how often each is there."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The values, and how often each is there."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The values, and which of them each element is."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """Values that differ, in order; each NaN is one of its own."""
    flat = x.reshape(-1)
    n = flat.numel()
    order = _f.argsort(flat, stable=True)
    ordered = flat[order]
    new = _f.ones(n, dtype=_f.bool, device=x.device)
    if n > 1:
        new[1:] = ordered[1:] != ordered[:-1]
    firsts = _f.nonzero(new).reshape(-1)
    inverse = _f.empty(n, dtype=_f.int64, device=x.device)
    inverse[order] = _f.cumsum(new.to(_f.int64), 0) - 1
    ends = _f.cat([firsts[1:], _f.tensor([n], device=x.device)]) if n else firsts
    return UniqueAll(ordered[firsts], order[firsts], inverse.reshape(x.shape), ends - firsts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """Values that differ, and how often each is there."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """Values that differ, and which of them each element is."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Tensor, /) -> Tensor:
    """Values that differ."""
    return unique_all(x).values


__all__ = [name for name in dir() if not name.startswith("_") and not name[0].isupper() and name != "annotations"]
