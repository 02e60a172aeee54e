"""Graph convolution."""

from __future__ import annotations

import flambeau
from flambeau import Tensor, nn
from flambeau_geometric.utils import add_remaining_self_loops, maybe_num_nodes, scatter

from .init import glorot_
from .message_passing import MessagePassing


def gcn_norm(
    edge_index: Tensor,
    edge_weight: Tensor | None = None,
    num_nodes: int | None = None,
    improved: bool = False,
    add_self_loops: bool = True,
    flow: str = "source_to_target",
    dtype: flambeau.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """The edges with self-loops, each weighted by 1 / sqrt(degree of source * degree of target).  (2, E) -> (2, E'), (E',)

    Degrees are sums of weights; a node of degree 0 sends and receives nothing.
    With `improved` a self-loop weighs 2, also in a graph without weights (where PyTorch Geometric leaves it at 1).
    """
    size = maybe_num_nodes(edge_index, num_nodes)
    if edge_weight is None:
        edge_weight = flambeau.ones(edge_index.shape[1], dtype=dtype, device=edge_index.device)
    if add_self_loops:
        edge_index, edge_weight = add_remaining_self_loops(edge_index, edge_weight, 2.0 if improved else 1.0, size)
    assert edge_weight is not None
    row, col = edge_index[0], edge_index[1]
    degree = scatter(edge_weight, col if flow == "source_to_target" else row, 0, size)
    scale = degree.pow(-0.5)
    scale = scale.masked_fill(scale == float("inf"), 0.0)
    return edge_index, scale[row] * edge_weight * scale[col]


class GCNConv(MessagePassing):
    """Graph convolution: each node takes the weighted mean of its neighbours and itself, through one matrix.

    X' = D^-1/2 (A + I) D^-1/2 X W + b, where A holds the edge weights (1 when not given), and D the degrees of A + I.

    improved: A + 2I. cached: the normalised edges of the first call serve all later ones (one graph only). add_self_loops:
    the I (as `normalize` when not given). normalize: without it the edges are taken as they are.

    Shapes: x (*, N, in_channels), edge_index (2, E), edge_weight (E,) -> (*, N, out_channels)
    Source: Kipf and Welling, Semi-Supervised Classification with Graph Convolutional Networks (2017).

    >>> layer = GCNConv(4, 2)
    >>> layer(flambeau.ones(3, 4), flambeau.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])).shape
    flambeau.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        improved: bool = False,
        cached: bool = False,
        add_self_loops: bool | None = None,
        normalize: bool = True,
        bias: bool = True,
        *,
        aggr: str = "add",
        flow: str = "source_to_target",
    ) -> None:
        super().__init__(aggr, flow=flow)
        if add_self_loops and not normalize:
            raise ValueError("expected add_self_loops only with normalize=True: self-loops are added where degrees are counted")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.improved, self.cached, self.normalize = improved, cached, normalize
        self.add_self_loops = normalize if add_self_loops is None else add_self_loops
        self._cached_edges: tuple[Tensor, Tensor] | None = None
        self.lin = nn.Linear(in_channels, out_channels, bias=False)
        self.register_parameter("bias", nn.Parameter(flambeau.empty(out_channels)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot's weights, a bias of zeros, and no cached edges."""
        glorot_(self.lin.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        self._cached_edges = None

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        if self.normalize:
            edge_index, edge_weight = self._normalised(x, edge_index, edge_weight)
        out = self.propagate(edge_index, x=self.lin(x), edge_weight=edge_weight)
        return out if self.bias is None else out + self.bias

    def _normalised(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None) -> tuple[Tensor, Tensor]:
        if self._cached_edges is not None:
            return self._cached_edges
        edges = gcn_norm(edge_index, edge_weight, x.shape[self.node_dim], self.improved, self.add_self_loops, self.flow, x.dtype)
        if self.cached:
            self._cached_edges = edges
        return edges

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:  # type: ignore[override]
        return x_j if edge_weight is None else edge_weight.unsqueeze(-1) * x_j

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}"
