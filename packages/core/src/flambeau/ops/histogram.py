"""Counts of values in bins, over one axis or several."""
from __future__ import annotations

import numpy as np

from ..dtype import FLOAT, word
from ..return_types import kind
from ..tensor import Tensor, plain


def _checked(input: Tensor, weight, name: str) -> None:
    if input.dtype.category != FLOAT:
        raise NotImplementedError(f'"{name}" not implemented for \'{word(input.dtype)}\': convert it with .float()')
    if weight is not None and weight.dtype is not input.dtype:
        raise RuntimeError(f"{name}(): weight must have the dtype of input, {input.dtype}, got {weight.dtype}")


def _edges(values: np.ndarray, bins, low_high, dtype) -> np.ndarray:
    """The bins' edges along one axis."""
    if isinstance(bins, Tensor):
        return bins.detach().cpu().numpy()
    if bins <= 0:
        raise RuntimeError(f"histogram(): bins must be > 0, got {bins}")
    low, high = low_high if low_high is not None else (values.min(), values.max()) if values.size else (0.0, 1.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"histogramdd(): dimension 0's range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"histogramdd(): min should not exceed max, but got min {low} max {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1, dtype=dtype)


def _counted(rows: np.ndarray, edges: list, weight, density: bool) -> np.ndarray:
    """(n, d) -> one axis of bins for each of the d; the last bin of each holds its upper edge too."""
    shape = tuple(len(e) - 1 for e in edges)
    places, inside = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
    for axis, e in enumerate(edges):
        column = rows[:, axis]
        place = np.searchsorted(e, column, side="right") - 1
        place = np.where(column == e[-1], len(e) - 2, place)
        inside &= (column >= e[0]) & (column <= e[-1])
        places = places * shape[axis] + np.clip(place, 0, shape[axis] - 1)
    share = None if weight is None else weight[inside]
    counts = np.bincount(places[inside], share, int(np.prod(shape))).reshape(shape)
    if density:
        counts = counts / counts.sum()
        for axis, e in enumerate(edges):
            counts = counts / np.diff(e).reshape((-1,) + (1,) * (len(edges) - axis - 1))
    return counts.astype(rows.dtype)


def histogram(input: Tensor, bins, *, range=None, weight=None, density: bool = False, out=None):
    """How many elements, or how much weight, is in each bin; `bins` is a number, over `range`, or the edges.  (*) -> (b), (b + 1)

    >>> flambeau.histogram(flambeau.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    _checked(input, weight, "histogram")
    values = input.detach().cpu().numpy().reshape(-1)
    edges = _edges(values, bins, range, values.dtype)
    share = None if weight is None else weight.detach().cpu().numpy().reshape(-1)
    counts = _counted(values[:, None], [edges], share, density)
    hist, lines = (plain(np.array(a))._to_device(input.device) for a in (counts, edges.astype(values.dtype)))
    if out is not None:
        from ..write import into

        return kind("histogram")(into(out[0], hist, "histogram"), into(out[1], lines, "histogram"))
    return kind("histogram")(hist, lines)


def histogramdd(input: Tensor, bins, *, range=None, weight=None, density: bool = False):
    """`histogram` of points, the coordinates in the last axis.  (*, d) -> (b₁, …, b_d), d × (b + 1)

    >>> flambeau.histogramdd(flambeau.tensor([[0.0, 1.0], [2.0, 2.0]]), bins=[2, 2]).hist
    tensor([[1., 0.],
            [0., 1.]])
    """
    _checked(input, weight, "histogramdd")
    if input.ndim < 2:
        raise RuntimeError(f"histogramdd(): input tensor should have at least 2 dimensions, but got {input.ndim}")
    rows = input.detach().cpu().numpy().reshape(-1, input.shape[-1])
    d = rows.shape[1]
    given = [bins] * d if isinstance(bins, int) else list(bins)
    if len(given) != d:
        raise RuntimeError(f"histogramdd(): The size of bins must be equal to the innermost dimension of the input ({d}), got {len(given)}")
    ranges = [None] * d if range is None else [(range[2 * i], range[2 * i + 1]) for i in np.arange(d)]
    edges = [_edges(rows[:, i], b, r, rows.dtype) for i, (b, r) in enumerate(zip(given, ranges, strict=True))]
    share = None if weight is None else weight.detach().cpu().numpy().reshape(-1)
    to = lambda a: plain(np.array(a))._to_device(input.device)
    return kind("histogramdd")(to(_counted(rows, edges, share, density)), tuple(to(e.astype(rows.dtype)) for e in edges))
