"""Folds over stretches of an axis, and over bits."""
from __future__ import annotations

import math

import numpy as np

from ..dtype import float64, int64
from ..tensor import Tensor, check_dim, plain
from .elementwise import where


def hash_tensor(input: Tensor, dim=(), *, keepdim: bool = False, mode: int = 0) -> Tensor:
    """The exclusive or of the elements' bits over all axes or `dim`, of floats as float64 and integers as int64.  (*) -> (*) uint64

    >>> flambeau.hash_tensor(flambeau.tensor([1, 2, 4])).item()
    7
    """
    if mode:
        raise RuntimeError(f"hash_tensor: the one mode is 0, exclusive or, got {mode}")
    wide = np.ascontiguousarray(input.detach().to(float64 if input.is_floating_point() else int64).cpu().numpy())
    axes = tuple(check_dim(d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim)) or None
    return plain(np.asarray(np.bitwise_xor.reduce(wide.view(np.uint64), axis=axes, keepdims=keepdim)))._to_device(input.device)


def segment_reduce(
    data: Tensor, reduce: str, *, lengths: Tensor | None = None, indices: Tensor | None = None, offsets: Tensor | None = None,
    axis: int = 0, unsafe: bool = False, initial: float | None = None,
) -> Tensor:  # fmt: skip
    """Stretches of `axis`, of the lengths given (or between the offsets), each made one: sum, mean, max, min or prod.

    lengths: (*lead, segments), where lead are data's axes before `axis`.  (*lead, n, *) -> (*lead, segments, *)

    >>> flambeau.segment_reduce(flambeau.arange(6.0), "sum", lengths=flambeau.tensor([2, 4]))
    tensor([ 1., 14.])
    """
    starts = {"sum": 0.0, "mean": 0.0, "max": -math.inf, "min": math.inf, "prod": 1.0}
    if reduce not in starts:
        raise RuntimeError(f"segment_reduce(): unsupported reduction {reduce!r}, expected one of {', '.join(starts)}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if offsets is not None:
        lengths = offsets[..., 1:] - offsets[..., :-1]
    if lengths is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    axis = check_dim(axis, data.ndim)
    if lengths.ndim != axis + 1 or lengths.shape[:-1] != data.shape[:axis]:
        raise RuntimeError(f"segment_reduce(): expected lengths of shape {[*data.shape[:axis], 'segments']}, got {list(lengths.shape)}")
    counts = lengths.detach().cpu().numpy().reshape(-1, lengths.shape[-1])
    if not unsafe and ((counts < 0).any() or (counts.sum(1) != data.shape[axis]).any()):
        raise RuntimeError("segment_reduce(): lengths must be non-negative, and sum to data's extent along axis")
    n = counts.shape[1]
    segments = np.stack([np.repeat(np.arange(n), row) for row in counts]) if len(counts) else np.zeros((0, data.shape[axis]), np.int64)
    places = plain(segments.reshape(*data.shape[:axis], data.shape[axis], *(1,) * (data.ndim - axis - 1)))._to_device(data.device)
    places = places.expand(data.shape)
    start = starts[reduce] if initial is None else initial
    result = data.new_full((*data.shape[:axis], n, *data.shape[axis + 1:]), start)
    how = {"sum": "sum", "mean": "sum", "max": "amax", "min": "amin", "prod": "prod"}[reduce]
    result = result.scatter_reduce(axis, places, data, how, include_self=True)
    if reduce == "mean":
        count = lengths.reshape(*lengths.shape, *(1,) * (data.ndim - axis - 1)).to(data.dtype)
        result = result / count if initial is None else where(count > 0, result / count, result)
    return result
