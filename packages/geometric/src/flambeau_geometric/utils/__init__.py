"""Functions over edge_index and over groups of rows."""

from .coalesce import coalesce
from .degree import degree
from .edges import check_edge_index, maybe_num_nodes
from .loop import add_remaining_self_loops, add_self_loops, contains_self_loops, remove_self_loops
from .scatter import scatter
from .softmax import softmax
from .undirected import is_undirected, to_undirected

__all__ = [
    "add_remaining_self_loops", "add_self_loops", "check_edge_index", "coalesce", "contains_self_loops", "degree", "is_undirected",
    "maybe_num_nodes", "remove_self_loops", "scatter", "softmax", "to_undirected",
]  # fmt: skip
