"""Message passing: what a node hears from its neighbours, made one, makes its new features."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from flambeau import Tensor, nn
from flambeau_geometric.utils import check_edge_index, maybe_num_nodes, scatter

GIVEN = {"edge_index_i", "edge_index_j", "size_i", "size_j"}  # end like features at the edges, and are known to propagate() itself
REDUCTIONS = ("add", "sum", "mean", "max", "min")


class MessagePassing(nn.Module):
    """The base of graph layers.

    x'_i = update( aggregate over the edges j -> i of message(x_i, x_j, e_ji), x_i )

    A layer defines `message`, and perhaps `aggregate` and `update`, and calls `propagate(edge_index, x=x, ...)`. Their arguments
    are found by name among propagate's: `x_j` is x of each edge's source and `x_i` x of its target, both (E, F); `edge_index`,
    `index` (the node each message goes to), `dim_size` (how many such nodes), `size`, and `size_i`, `size_j` are there for all.
    With flow="target_to_source" messages go from each edge's target to its source. x may be a pair, one for sources and one
    for targets, in a bipartite graph. Signatures are read once, when the layer is made; a type checker that objects to an
    overriding signature is told `# type: ignore[override]`.

    aggr: "add" or "sum", "mean", "max", "min". node_dim: the dimension of the nodes, from the end.

    Shapes: nodes (*, N, F), edge_index (2, E) -> (*, N, F')
    Source: Gilmer et al., Neural Message Passing for Quantum Chemistry (2017); the interface is PyTorch Geometric's.

    >>> neighbours = flambeau.tensor([[0, 1, 2], [2, 2, 0]])
    >>> MessagePassing("sum").propagate(neighbours, x=flambeau.tensor([[1.0], [2.0], [4.0]]))
    tensor([[4.],
            [0.],
            [3.]])
    """

    def __init__(self, aggr: str | None = "sum", *, flow: str = "source_to_target", node_dim: int = -2) -> None:
        super().__init__()
        if aggr is not None and aggr not in REDUCTIONS:
            raise ValueError(f"expected aggr to be one of {', '.join(REDUCTIONS)}, or None where aggregate() is defined, got {aggr!r}")
        if flow not in ("source_to_target", "target_to_source"):
            raise ValueError(f"expected flow to be 'source_to_target' or 'target_to_source', got {flow!r}")
        self.aggr, self.flow, self.node_dim = aggr, flow, node_dim
        functions = ((self.message, 0), (self.aggregate, 1), (self.update, 1))  # the latter two begin with what came so far
        self._asked = {function.__name__: _arguments(function, skip) for function, skip in functions}
        self._lifted = sorted({name for asked in self._asked.values() for name in asked if name[-2:] in ("_i", "_j")} - GIVEN)

    def propagate(self, edge_index: Tensor, size: tuple[int | None, int | None] | None = None, **given: Any) -> Tensor:
        """Messages along the edges, aggregated and updated.  (2, E), node features -> (*, N, F')

        size: numbers of sources and targets, where they cannot be read off the features.
        Raises TypeError for an argument that message(), aggregate() or update() asks for and nobody gave, ValueError for features
        that do not fit the size, IndexError for an edge to a node that is not there.
        """
        check_edge_index(edge_index)
        known = given | self._at_edges(edge_index, [None, None] if size is None else list(size), given)
        messages = self.message(**self._pick("message", known))
        aggregated = self.aggregate(messages, **self._pick("aggregate", known))
        return self.update(aggregated, **self._pick("update", known))

    def message(self, x_j: Tensor) -> Tensor:
        """What each edge carries; here the features of its source.  (E, F) -> (E, F')"""
        return x_j

    def aggregate(self, inputs: Tensor, index: Tensor, dim_size: int | None = None) -> Tensor:
        """The messages that go to one node made one, by `aggr`.  (E, F'), (E,) -> (N, F')"""
        if self.aggr is None:
            raise NotImplementedError(f"{type(self).__name__} was made with aggr=None, so it must define aggregate()")
        return scatter(inputs, index, self.node_dim, dim_size, self.aggr)

    def update(self, inputs: Tensor) -> Tensor:
        """The new features from the aggregated messages; here the same.  (N, F') -> (N, F')"""
        return inputs

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _at_edges(self, edge_index: Tensor, sizes: list[int | None], given: dict[str, Any]) -> dict[str, Any]:
        """Each argument x_i or x_j, taken from x at the edges; and what the graph itself tells."""
        source, target = (0, 1) if self.flow == "source_to_target" else (1, 0)
        known: dict[str, Any] = {}
        for name in self._lifted:
            if (base := name[:-2]) not in given:
                continue
            end = target if name.endswith("_i") else source
            value = given[base]
            if isinstance(value, tuple | list):
                if len(value) != 2:
                    raise ValueError(f"expected {base} to be a tensor, or a pair for sources and targets, got {len(value)} items")
                self._agree(sizes, 1 - end, base, value[1 - end])
                value = value[end]
            self._agree(sizes, end, base, value)
            known[name] = self._gather(base, value, edge_index[end]) if isinstance(value, Tensor) else value
        size_i, size_j = sizes[target], sizes[source]
        size_i, size_j = (size_j if size_i is None else size_i), (size_i if size_j is None else size_j)
        known |= {"edge_index": edge_index, "edge_index_i": edge_index[target], "edge_index_j": edge_index[source], "size": tuple(sizes)}
        return known | {"index": edge_index[target], "dim_size": maybe_num_nodes(edge_index, size_i), "size_i": size_i, "size_j": size_j}

    def _agree(self, sizes: list[int | None], end: int, name: str, value: object) -> None:
        if not isinstance(value, Tensor):
            return
        if value.dim() < -self.node_dim:
            raise ValueError(f"expected {name} with its nodes in dimension {self.node_dim}, got shape {tuple(value.shape)}")
        size = value.shape[self.node_dim]
        if sizes[end] not in (None, size):
            raise ValueError(f"expected {name} to have {sizes[end]} nodes in dimension {self.node_dim}, got {size}")
        sizes[end] = size

    def _gather(self, name: str, value: Tensor, nodes: Tensor) -> Tensor:
        try:
            return value.index_select(self.node_dim, nodes)
        except IndexError as error:
            size = value.shape[self.node_dim]
            raise IndexError(
                f"expected node indices from 0 to {size - 1}, as {name} has {size} nodes, got {int(nodes.min())} to {int(nodes.max())}"
            ) from error

    def _pick(self, function: str, known: dict[str, Any]) -> dict[str, Any]:
        asked = self._asked[function]
        for name, required in asked.items():
            if required and name not in known:
                base = name[:-2] if name in self._lifted else name
                raise TypeError(f"{type(self).__name__}.{function}() asks for {name!r}, and propagate() was given no {base!r}")
        return {name: known[name] for name in asked if name in known}


def _arguments(function: Callable[..., Any], skip: int) -> dict[str, bool]:
    """The names of a function's arguments after the first `skip`, and whether each must be given."""
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"expected {function.__qualname__}() to name its arguments, which are found by name, got {parameter}")
    return {parameter.name: parameter.default is parameter.empty for parameter in parameters}
