"""Graph attention."""

from __future__ import annotations

import flambeau
from flambeau import Tensor, nn
from flambeau_geometric.utils import add_self_loops, remove_self_loops, softmax

from .init import glorot_
from .message_passing import MessagePassing


class GATConv(MessagePassing):
    """Graph attention: each node weighs its neighbours, and itself, by what both of them hold.

    x'_i = sum over j of a_ij W x_j, where a_ij is the softmax over the edges j -> i of leaky_relu(att_src . W x_j + att_dst . W x_i)

    heads: that many times over, side by side (concat) or their mean. dropout: of the weights a_ij, in training.

    Shapes: x (N, in_channels), edge_index (2, E) -> (N, heads * out_channels), or (N, out_channels) without concat
    Source: Veličković et al., Graph Attention Networks (2018).

    >>> layer = GATConv(4, 2, heads=3)
    >>> layer(flambeau.ones(3, 4), flambeau.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])).shape
    flambeau.Size([3, 6])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__("add", node_dim=-3)
        self.in_channels, self.out_channels, self.heads = in_channels, out_channels, heads
        self.concat, self.negative_slope, self.dropout, self.add_self_loops = concat, negative_slope, dropout, add_self_loops
        self.lin = nn.Linear(in_channels, heads * out_channels, bias=False)
        self.att_src = nn.Parameter(flambeau.empty(1, heads, out_channels))
        self.att_dst = nn.Parameter(flambeau.empty(1, heads, out_channels))
        channels = heads * out_channels if concat else out_channels
        self.register_parameter("bias", nn.Parameter(flambeau.empty(channels)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot's weights and a bias of zeros."""
        for weight in (self.lin.weight, self.att_src, self.att_dst):
            glorot_(weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        if self.add_self_loops:
            edge_index, _ = remove_self_loops(edge_index)
            edge_index, _ = add_self_loops(edge_index, num_nodes=x.shape[0])
        x = self.lin(x).reshape(-1, self.heads, self.out_channels)  # (N, heads, F)
        alpha = ((x * self.att_src).sum(-1, keepdim=True), (x * self.att_dst).sum(-1, keepdim=True))  # (N, heads, 1) each
        out = self.propagate(edge_index, x=x, alpha=alpha)  # (N, heads, F)
        out = out.flatten(1) if self.concat else out.mean(1)
        return out if self.bias is None else out + self.bias

    def message(  # type: ignore[override]
        self, x_j: Tensor, alpha_j: Tensor, alpha_i: Tensor, index: Tensor, dim_size: int
    ) -> Tensor:
        alpha = nn.functional.leaky_relu(alpha_j + alpha_i, self.negative_slope)
        alpha = softmax(alpha, index, dim_size)
        return nn.functional.dropout(alpha, self.dropout, self.training) * x_j

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, heads={self.heads}"
