"""Making arrays, turning and joining them, and taking parts of them, as the standard spells it."""
from __future__ import annotations

from typing import Any

import numpy as _np

import flambeau as _f
from flambeau import Tensor

from .kinds import result_type, together


def asarray(obj: Any, /, *, dtype=None, device=None, copy: bool | None = None) -> Tensor:
    """`obj` as an array: numbers and sequences are copied, memory is shared where there is any and `copy` is not True."""
    if isinstance(obj, bool | int | float | complex | list | tuple) and dtype is not None and copy is not False:
        return _f.tensor(obj, dtype=dtype, device=device)
    return _f.asarray(obj, dtype=dtype, device=device, copy=copy)


def from_dlpack(x: Any, /, *, device=None, copy: bool | None = None) -> Tensor:
    """An array over the memory of another library's."""
    return _f.from_dlpack(x, device=device, copy=copy)


def arange(start, /, stop=None, step=1, *, dtype=None, device=None) -> Tensor:
    """start, start + step … before stop; from 0 to `start` where `stop` is not told.  -> (n,)"""
    start, stop = (0, start) if stop is None else (start, stop)
    if (stop - start) * step <= 0:
        kind = dtype or (_f.int64 if all(isinstance(v, int) for v in (start, stop, step)) else None)
        return _f.empty(0, dtype=kind, device=device)
    return _f.arange(start, stop, step, dtype=dtype, device=device)


def empty(shape, *, dtype=None, device=None) -> Tensor:
    """Memory as it was found.  -> shape"""
    return _f.empty(shape, dtype=dtype, device=device)


def zeros(shape, *, dtype=None, device=None) -> Tensor:
    """Zeros.  -> shape"""
    return _f.zeros(shape, dtype=dtype, device=device)


def ones(shape, *, dtype=None, device=None) -> Tensor:
    """Ones.  -> shape"""
    return _f.ones(shape, dtype=dtype, device=device)


def full(shape, fill_value, *, dtype=None, device=None) -> Tensor:
    """One value everywhere.  -> shape"""
    return _f.full((shape,) if isinstance(shape, int) else tuple(shape), fill_value, dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype=None, device=None) -> Tensor:
    """Memory as it was found, of x's shape."""
    return _f.empty_like(x, dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype=None, device=None) -> Tensor:
    """Zeros of x's shape."""
    return _f.zeros_like(x, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype=None, device=None) -> Tensor:
    """Ones of x's shape."""
    return _f.ones_like(x, dtype=dtype, device=device)


def full_like(x: Tensor, /, fill_value, *, dtype=None, device=None) -> Tensor:
    """One value everywhere, of x's shape."""
    return _f.full_like(x, fill_value, dtype=dtype, device=device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype=None, device=None) -> Tensor:
    """Ones on the k-th diagonal.  -> (n_rows, n_cols)"""
    return _f.from_numpy(_np.eye(n_rows, n_cols, k=k, dtype=(dtype or _f.get_default_dtype()).numpy)).to(device=device)


def linspace(start, stop, /, num: int, *, dtype=None, device=None, endpoint: bool = True) -> Tensor:
    """`num` numbers at equal distances from start to stop, which is the last one unless `endpoint=False`.  -> (num,)"""
    real = _f.get_default_dtype()
    kind = dtype or (real.to_complex() if isinstance(start, complex) or isinstance(stop, complex) else real)
    return _f.from_numpy(_np.linspace(start, stop, num, endpoint=endpoint, dtype=kind.numpy)).to(device=device)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of the points of a grid, one array an axis."""
    return list(_f.meshgrid(*arrays, indexing=indexing)) if arrays else []


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """x on and below the k-th diagonal, zero above.  (*, n, m) -> (*, n, m)"""
    return _f.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """x on and above the k-th diagonal, zero below.  (*, n, m) -> (*, n, m)"""
    return _f.triu(x, k)


def astype(x: Tensor, dtype, /, *, copy: bool = True, device=None) -> Tensor:
    """x in another dtype; a copy also of the same one unless `copy=False`."""
    return x.to(dtype=dtype, device=device, copy=copy)


# ---- shapes
def broadcast_to(x: Tensor, /, shape) -> Tensor:
    """x as if repeated to this shape.  ValueError where it does not fit."""
    try:
        return _f.broadcast_to(x, tuple(shape))
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """All of one shape."""
    return list(_f.broadcast_tensors(*arrays))


def concat(arrays, /, *, axis: int | None = 0) -> Tensor:
    """The arrays one after another along an axis, or all flat where it is None."""
    arrays = together(*arrays) if len(arrays) > 1 else list(arrays)
    return _f.cat([x.reshape(-1) for x in arrays]) if axis is None else _f.cat(arrays, axis)


def stack(arrays, /, *, axis: int = 0) -> Tensor:
    """The arrays beside each other along a new axis."""
    return _f.stack(together(*arrays) if len(arrays) > 1 else list(arrays), axis)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along an axis, without it."""
    return tuple(_f.unbind(x, axis))


def expand_dims(x: Tensor, /, axis: int = 0) -> Tensor:
    """A new axis of size 1.  IndexError where there is no such place."""
    return _f.unsqueeze(x, axis)


def squeeze(x: Tensor, /, axis) -> Tensor:
    """x without axes of size 1.  ValueError where one is larger."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError(f"expected axes of size 1, got axis={axis} of shape {tuple(x.shape)}")
    return _f.squeeze(x, axes) if axes else x


def permute_dims(x: Tensor, /, axes) -> Tensor:
    """x with its axes in another order."""
    return _f.permute(x, tuple(axes))


def moveaxis(x: Tensor, source, destination, /) -> Tensor:
    """x with some axes at other places."""
    return _f.movedim(x, source, destination)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """Matrices turned.  (*, n, m) -> (*, m, n)"""
    return x.mT


def reshape(x: Tensor, /, shape, *, copy: bool | None = None) -> Tensor:
    """x in another shape; ValueError where `copy=False` and the memory's order has no view of it."""
    if copy is False:
        try:
            return x.view(tuple(shape))
        except RuntimeError as error:
            raise ValueError(str(error)) from None
    return _f.reshape(x.clone() if copy else x, tuple(shape))


def flip(x: Tensor, /, *, axis=None) -> Tensor:
    """x in the opposite order along axes, all where None."""
    return _f.flip(x, tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,))


def roll(x: Tensor, /, shift, *, axis=None) -> Tensor:
    """x moved along axes, what leaves comes in at the other end; of the flat array where axis is None."""
    if isinstance(shift, int) and isinstance(axis, tuple):
        shift = (shift,) * len(axis)
    return _f.roll(x, shift, axis)


def repeat(x: Tensor, repeats, /, *, axis: int | None = None) -> Tensor:
    """Each element so many times: a number, or one for each."""
    return _f.repeat_interleave(x, repeats.to(_f.int64) if isinstance(repeats, Tensor) else repeats, axis)


def tile(x: Tensor, repetitions, /) -> Tensor:
    """x beside itself so many times along each axis."""
    return _f.tile(x, tuple(repetitions))


# ---- places
def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The parts of x at these places of an axis, counted from the end where negative."""
    axis = 0 if axis is None else axis
    return _f.index_select(x, axis, _f.where(indices < 0, indices + x.shape[axis], indices))


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """For each place of `indices`, x at that place of the axis."""
    axis = axis % x.ndim
    shape = [max(n, m) if d != axis else n for d, (n, m) in enumerate(zip(x.shape, indices.shape, strict=True))]
    places = _f.where(indices < 0, indices + x.shape[axis], indices).to(_f.int64)
    shape[axis], wanted = x.shape[axis], [n if d != axis else indices.shape[axis] for d, n in enumerate(shape)]
    return _f.gather(x.expand(shape), axis, places.expand(wanted))


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The places that are not zero, one array an axis.  ValueError for an array without axes."""
    if not x.ndim:
        raise ValueError("nonzero: expected an array with axes, got one without")
    return tuple(_f.nonzero(x, as_tuple=True))


def searchsorted(x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Where in the sorted x1 each element of x2 would stand.  (n,), (*) -> (*)"""
    kind = result_type(x1, x2)
    return _f.searchsorted(x1.to(kind).contiguous(), x2.to(kind), side=side, sorter=sorter)


__all__ = [name for name in dir() if not name.startswith("_") and name not in ("annotations", "Any", "Tensor", "result_type", "together")]
