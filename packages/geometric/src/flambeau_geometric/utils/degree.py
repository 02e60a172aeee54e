"""Degrees."""

from __future__ import annotations

import flambeau
from flambeau import Tensor

from .edges import maybe_num_nodes


def degree(index: Tensor, num_nodes: int | None = None, dtype: flambeau.dtype | None = None) -> Tensor:
    """How often each node stands in `index`: of edge_index[1], the number of edges that end there.  (E,) -> (num_nodes,)

    dtype defaults to the default floating point type.

    >>> degree(flambeau.tensor([0, 1, 0, 2, 0]), dtype=flambeau.int64)
    tensor([3, 1, 1])
    """
    if index.dim() != 1:
        raise ValueError(f"expected an index of shape (E,), as edge_index[0] or edge_index[1], got {tuple(index.shape)}")
    zeros = flambeau.zeros(maybe_num_nodes(index, num_nodes), dtype=dtype, device=index.device)
    return zeros.index_add(0, index, flambeau.ones_like(index, dtype=zeros.dtype))
