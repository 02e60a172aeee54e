"""Edges sorted, and each only once."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor

from .edges import check_edge_index, maybe_num_nodes
from .scatter import scatter

MISSING: Any = object()  # edge_attr=None asks for a pair back; leaving it out, for edge_index alone


def coalesce(edge_index: Tensor, edge_attr: Tensor | None = MISSING, num_nodes: int | None = None, reduce: str = "sum") -> Any:
    """The edges by source, then target, those that stand twice made one.  (2, E) -> (2, E')

    With edge_attr, (E, *): a pair of edge_index and edge_attr, where `reduce` makes one of several rows (see `scatter`).

    >>> coalesce(flambeau.tensor([[1, 0, 1], [0, 2, 0]]), flambeau.tensor([1.0, 2.0, 3.0]))
    (tensor([[0, 1],
            [2, 0]]), tensor([2., 4.]))
    """
    check_edge_index(edge_index)
    size = max(1, maybe_num_nodes(edge_index, num_nodes))
    keys, order = flambeau.sort(edge_index[0] * size + edge_index[1], stable=True)
    first = flambeau.ones_like(keys, dtype=flambeau.bool)
    first[1:] = keys[1:] != keys[:-1]
    unique = keys[first]
    edge_index = flambeau.stack([unique // size, unique % size])
    if edge_attr is MISSING:
        return edge_index
    return edge_index, None if edge_attr is None else scatter(edge_attr[order], first.cumsum(0) - 1, 0, len(unique), reduce)
