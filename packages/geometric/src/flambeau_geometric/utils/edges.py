"""What every function over edge_index asks first."""

from __future__ import annotations

import flambeau
from flambeau import Tensor


def check_edge_index(edge_index: Tensor) -> None:
    """TypeError or ValueError unless `edge_index` is an integer tensor of shape (2, E)."""
    if not isinstance(edge_index, Tensor):
        raise TypeError(f"expected edge_index to be a tensor of shape (2, E), got {type(edge_index).__name__}")
    if edge_index.dim() != 2 or edge_index.shape[0] != 2:
        raise ValueError(f"expected edge_index of shape (2, E), got {tuple(edge_index.shape)}; a list of pairs needs .t()")
    if edge_index.dtype not in (flambeau.int64, flambeau.int32):
        raise ValueError(f"expected edge_index of dtype int64, got {edge_index.dtype}")


def maybe_num_nodes(edge_index: Tensor, num_nodes: int | None = None) -> int:
    """`num_nodes` where known, else one more than the largest index; isolated nodes at the end are then not seen.

    >>> maybe_num_nodes(flambeau.tensor([[0, 1], [1, 4]]))
    5
    """
    if num_nodes is not None:
        return num_nodes
    return int(edge_index.max()) + 1 if edge_index.numel() else 0
