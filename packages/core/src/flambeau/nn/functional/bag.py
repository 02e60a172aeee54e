"""Bags of rows: each bag's rows of a table are looked up and reduced to one."""

from __future__ import annotations

from typing import Any

import flambeau

from ...tensor import Tensor
from .sizes import extremes
from .sparse import embedding

__all__ = ["embedding_bag"]


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or greatest of each bag's rows of `weight`.  (B, n) or (L) with offsets (B), (V, D) -> (B, D)

    offsets             where each bag begins in a flat input; with include_last_offset one more, where the last one ends
    per_sample_weights  a factor a row, for mode "sum"
    padding_idx         a row that counts for nothing
    An empty bag gives zeros. Raises ValueError for arguments that do not go together.

    >>> F.embedding_bag(flambeau.tensor([[0, 1]]), flambeau.tensor([[1.0, 2.0], [3.0, 4.0]]), mode="sum")
    tensor([[4., 6.]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights is only supported for mode='sum', got mode='{mode}'")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, then it must have the same "
                         f"shape as the input ({list(input.shape)})")  # fmt: skip
    if per_sample_weights is not None and per_sample_weights.dtype != weight.dtype:
        raise RuntimeError(f"embedding_bag: per_sample_weights must have the same type as weight, got {per_sample_weights.dtype} and "
                           f"{weight.dtype}")  # fmt: skip
    if weight.dim() != 2:
        raise ValueError("weight has to be a 2D Tensor, but got Tensor of dimension " + str(weight.dim()))
    if input.dtype not in (flambeau.int64, flambeau.int32):
        raise RuntimeError(f"Expected tensor for argument 'indices' to have scalar types Long or Int, but got {input.dtype} instead")
    if max_norm is not None and scale_grad_by_freq and mode == "max":
        raise RuntimeError("embedding_bag: scaling gradients by frequency is not possible with mode='max'")
    bags, count = _bags(input, offsets, include_last_offset)
    flat = input.reshape(-1)
    rows = weight.shape[0]
    found = extremes(flat)
    if found is not None and not 0 <= found[0] <= found[1] < rows:
        wrong = found[0] if found[0] < 0 else found[1]
        raise RuntimeError(f"embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {wrong}: Index "
                           f"{int((flat == wrong).long().argmax())} of input is not in the valid range [0, {rows})")  # fmt: skip
    keep = None
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise RuntimeError(f"padding_idx must be within the number of embeddings, got {padding_idx} for {rows}")
        keep = flat != padding_idx % rows
        flat, bags = flat[keep], bags[keep]
        per_sample_weights = per_sample_weights if per_sample_weights is None else per_sample_weights.reshape(-1)[keep]
    values = embedding(flat, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if mode == "max":
        return _greatest(values, bags, count)
    if per_sample_weights is not None:
        values = values * per_sample_weights.reshape(-1, 1)
    total = values.new_zeros((count, weight.shape[1])).index_add(0, bags, values)
    if mode == "mean":
        sizes = flambeau.bincount(bags, minlength=count).clamp(min=1) if count else bags
        total = total / sizes.to(total.dtype).unsqueeze(1)
    return total


def _bags(input: Tensor, offsets: Tensor | None, include_last: bool) -> tuple[Tensor, Any]:
    """Which bag each element belongs to, and how many bags there are."""
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(f"if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. "
                             f"However, found offsets of type {type(offsets).__name__}")  # fmt: skip
        n = input.shape[1]
        return flambeau.arange(input.shape[0], device=input.device).repeat_interleave(n), input.shape[0]
    if input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    found = extremes(offsets)
    if found is not None:
        if int(offsets[0]) != 0:
            raise RuntimeError(f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, "
                               f"got {int(offsets[0])}")  # fmt: skip
        if int(offsets[-1]) > input.shape[0]:
            raise RuntimeError(f"offsets[-1] can not be greater than input's length({input.shape[0]}), but got offsets[-1] of "
                               f"{int(offsets[-1])}")  # fmt: skip
    count = offsets.shape[0] - include_last
    if count < 0:
        raise RuntimeError("include_last_offset: number of offsets should be at least 1")
    starts = offsets[:count].to(flambeau.int64).contiguous()
    places = flambeau.arange(input.shape[0], device=input.device)
    return flambeau.searchsorted(starts, places, right=True) - 1 if count else places, count


def _greatest(values: Tensor, bags: Tensor, count: int) -> Tensor:
    """Bags filled up to the same length with -inf; an empty one gives zeros."""
    sizes = flambeau.bincount(bags, minlength=count) if count else bags
    longest = int(sizes.max()) if count else 0
    if longest == 0:
        return values.new_zeros((count, values.shape[1])).index_add(0, bags, values)  # of no rows: it is part of the graph all the same
    starts = sizes.cumsum(0) - sizes
    steps = flambeau.arange(longest, device=values.device)
    inside = steps < sizes.unsqueeze(1)
    table = values[flambeau.where(inside, starts.unsqueeze(1) + steps, 0)]  # (count, longest, D)
    best = flambeau.where(inside.unsqueeze(-1), table, -float("inf")).max(1)[0]
    return flambeau.where((sizes > 0).unsqueeze(1), best, 0.0)
