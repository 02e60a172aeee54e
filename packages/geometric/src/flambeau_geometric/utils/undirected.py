"""Edges and their reverses."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor

from .coalesce import MISSING, coalesce
from .edges import maybe_num_nodes


def to_undirected(edge_index: Tensor, edge_attr: Tensor | None = MISSING, num_nodes: int | None = None, reduce: str = "add") -> Any:
    """The edges and their reverses, sorted, each once.  (2, E) -> (2, E')

    With edge_attr, (E, *): a pair of edge_index and edge_attr, where `reduce` makes one of several rows (see `scatter`).

    >>> to_undirected(flambeau.tensor([[0, 1, 1], [1, 0, 2]]))
    tensor([[0, 1, 1, 2],
            [1, 0, 2, 1]])
    """
    both = flambeau.cat([edge_index, edge_index.flip(0)], dim=1)
    if isinstance(edge_attr, Tensor):
        edge_attr = flambeau.cat([edge_attr, edge_attr])
    return coalesce(both, edge_attr, num_nodes, reduce)


def is_undirected(edge_index: Tensor, edge_attr: Tensor | None = None, num_nodes: int | None = None) -> bool:
    """Whether each edge has its reverse, with the same row of edge_attr.

    >>> is_undirected(flambeau.tensor([[0, 1], [1, 0]]), flambeau.tensor([1.0, 2.0]))
    False
    """
    size = maybe_num_nodes(edge_index, num_nodes)
    forth, weights = coalesce(edge_index, edge_attr, size)
    back, weights_back = coalesce(edge_index.flip(0), edge_attr, size)
    return forth.equal(back) and (weights is None or weights.equal(weights_back))
