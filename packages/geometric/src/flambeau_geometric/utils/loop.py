"""Edges from a node to itself."""

from __future__ import annotations

import flambeau
from flambeau import Tensor

from .edges import check_edge_index, maybe_num_nodes
from .scatter import scatter

Pair = tuple[Tensor, Tensor | None]


def contains_self_loops(edge_index: Tensor) -> bool:
    """Whether some edge goes from a node to itself."""
    return bool((edge_index[0] == edge_index[1]).any())


def remove_self_loops(edge_index: Tensor, edge_attr: Tensor | None = None) -> Pair:
    """The edges between different nodes, and their edge_attr.  (2, E), (E, *) -> (2, E'), (E', *)

    >>> remove_self_loops(flambeau.tensor([[0, 1, 1], [1, 1, 2]]))
    (tensor([[0, 1],
            [1, 2]]), None)
    """
    check_edge_index(edge_index)
    keep = edge_index[0] != edge_index[1]
    return edge_index[:, keep], None if edge_attr is None else edge_attr[keep]


def add_self_loops(
    edge_index: Tensor, edge_attr: Tensor | None = None, fill_value: float | Tensor | str | None = None, num_nodes: int | None = None
) -> Pair:
    """The edges, then one from each of the N nodes to itself.  (2, E), (E, *) -> (2, E + N), (E + N, *)

    fill_value: edge_attr of the new edges. A number, a row, or the name of a reduction (see `scatter`) over the edges that end
    at the node; 1 when not given.

    >>> add_self_loops(flambeau.tensor([[0, 1], [1, 0]]), flambeau.tensor([0.5, 0.5]))
    (tensor([[0, 1, 0, 1],
            [1, 0, 0, 1]]), tensor([0.5000, 0.5000, 1.0000, 1.0000]))
    """
    check_edge_index(edge_index)
    size = maybe_num_nodes(edge_index, num_nodes)
    if edge_attr is not None:
        edge_attr = flambeau.cat([edge_attr, _loop_attr(edge_index, edge_attr, fill_value, size)])
    return flambeau.cat([edge_index, _loops(edge_index, size)], dim=1), edge_attr


def add_remaining_self_loops(
    edge_index: Tensor, edge_attr: Tensor | None = None, fill_value: float | Tensor | str | None = None, num_nodes: int | None = None
) -> Pair:
    """The edges between different nodes, then one from each node to itself; a loop that was there keeps its edge_attr.

    >>> add_remaining_self_loops(flambeau.tensor([[0, 1], [0, 0]]), flambeau.tensor([3.0, 0.5]))
    (tensor([[1, 0, 1],
            [0, 0, 1]]), tensor([0.5000, 3.0000, 1.0000]))
    """
    check_edge_index(edge_index)
    size = maybe_num_nodes(edge_index, num_nodes)
    loop = edge_index[0] == edge_index[1]
    if edge_attr is not None:
        loops = _loop_attr(edge_index, edge_attr, fill_value, size).clone()
        loops[edge_index[0][loop]] = edge_attr[loop]
        edge_attr = flambeau.cat([edge_attr[~loop], loops])
    return flambeau.cat([edge_index[:, ~loop], _loops(edge_index, size)], dim=1), edge_attr


def _loops(edge_index: Tensor, size: int) -> Tensor:
    nodes = flambeau.arange(size, dtype=edge_index.dtype, device=edge_index.device)
    return flambeau.stack([nodes, nodes])


def _loop_attr(edge_index: Tensor, edge_attr: Tensor, fill_value: float | Tensor | str | None, size: int) -> Tensor:
    if isinstance(fill_value, str):
        return scatter(edge_attr, edge_index[1], 0, size, fill_value)
    shape = [size, *edge_attr.shape[1:]]
    if isinstance(fill_value, Tensor):
        return fill_value.to(edge_attr.device, edge_attr.dtype).expand(shape)
    return flambeau.full(shape, 1.0 if fill_value is None else fill_value, dtype=edge_attr.dtype, device=edge_attr.device)
