"""Tables of blocks as lists of columns in each row, and back."""

from __future__ import annotations

from typing import Any

import flambeau

from ...tensor import Tensor


def dense(number: Tensor, indices: Tensor, columns: int) -> Tensor:
    """1 where a row names a column.  number (*, rows), indices (*, rows, n), the first `number` hold -> (*, rows, columns)"""
    named = flambeau.arange(indices.shape[-1], device=indices.device) < number.unsqueeze(-1)
    places = flambeau.where(named, indices, columns).long()  # what does not hold goes to a column of its own
    table = indices.new_zeros((*indices.shape[:-1], columns + 1), dtype=flambeau.int32)
    return table.scatter(-1, places, 1)[..., :columns].contiguous()


def ordered(table: Tensor) -> tuple[Tensor, Tensor]:
    """How many columns each row has, and which: those with 1 first, in order.  (*, rows, columns) -> (*, rows), (*, rows, columns) int32"""
    table = table.to(flambeau.int32)
    indices = flambeau.argsort(table, dim=-1, descending=True, stable=True)
    return table.sum(-1).to(flambeau.int32), indices.to(flambeau.int32)


def turned(number: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """The same by columns: which rows each has."""
    return ordered(dense(number, indices, indices.shape[-1]).transpose(-2, -1))


def write_order(mask: Any, falling: bool | None) -> tuple[Tensor, Tensor | None]:
    """For each block of a column its rank among the blocks of its row, in rising or falling order, for the partial and the full ones."""
    if mask.q_num_blocks is None or mask.q_indices is None:
        raise ValueError("BlockMask must have q_num_blocks and q_indices to compute dq_write_order")
    table = mask.to_dense()[..., :mask.q_indices.shape[-2]]  # (B, H, rows, columns)
    upto = table.cumsum(-1)
    rank = upto - table
    if falling:
        rank = upto[..., -1:] - 1 - rank

    def of(indices: Tensor) -> Tensor:
        rows = indices.long().clamp(0, rank.shape[-2] - 1)  # (B, H, columns, rows)
        return rank.transpose(-2, -1).expand(*rows.shape[:-1], -1).gather(-1, rows).to(flambeau.int32)

    return of(mask.q_indices), None if mask.full_q_indices is None else of(mask.full_q_indices)
