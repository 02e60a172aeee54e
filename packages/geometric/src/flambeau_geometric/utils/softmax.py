"""Softmax within groups, as attention over a node's neighbours needs it."""

from __future__ import annotations

from flambeau import Tensor

from .edges import maybe_num_nodes
from .scatter import scatter


def softmax(src: Tensor, index: Tensor, num_nodes: int | None = None, dim: int = 0) -> Tensor:
    """Softmax of `src` along `dim` over the entries with the same `index`: each group sums to one.  (*, n, *), (n,) -> (*, n, *)

    >>> softmax(flambeau.tensor([5.0, 1.0, 1.0]), flambeau.tensor([0, 1, 1]))
    tensor([1.0000, 0.5000, 0.5000])
    """
    size = maybe_num_nodes(index, num_nodes)
    highest = scatter(src.detach(), index, dim, size, "max").index_select(dim, index)
    exponential = (src - highest).exp()
    return exponential / scatter(exponential, index, dim, size).index_select(dim, index)
