"""Rows of a table whose gradient names the rows alone."""

from __future__ import annotations

from typing import Any

from ...autograd import Function
from ...ops.sparse import made, sparse_coo
from ...tensor import Tensor


class SparseRows(Function):
    """weight[input] with a sparse gradient of one entry a lookup.  (V, D), (*) -> (*, D)"""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, input: Tensor, padding_idx: int | None) -> Tensor:
        ctx.places, ctx.padding_idx, ctx.extent = input.detach().reshape(-1).long().clone(), padding_idx, weight.shape
        return weight.detach()[input.long()]

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        places = ctx.places
        rows = g.reshape(places.shape[0], ctx.extent[1])
        if ctx.padding_idx is not None:
            kept = places != ctx.padding_idx
            places, rows = places[kept], rows[kept]
        return made(sparse_coo, ctx.extent, (places.unsqueeze(0),), rows, False), None, None
