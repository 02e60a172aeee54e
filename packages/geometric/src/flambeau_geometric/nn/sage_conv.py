"""GraphSAGE."""

from __future__ import annotations

from flambeau import Tensor, nn

from .message_passing import MessagePassing


class SAGEConv(MessagePassing):
    """GraphSAGE: the mean of the neighbours through one matrix, the node itself through another.

    x'_i = W1 x_i + W2 mean over the edges j -> i of x_j

    aggr: any of MessagePassing's. normalize: x'_i is divided by its length. root_weight: without it W1 x_i is left out.
    In a bipartite graph x is a pair, and in_channels may be one; the second of the pair may be None, which leaves W1 x_i out.

    Shapes: x (*, N, in_channels), edge_index (2, E) -> (*, N, out_channels)
    Source: Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs (2017).

    >>> layer = SAGEConv(4, 2)
    >>> layer(flambeau.ones(3, 4), flambeau.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])).shape
    flambeau.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: str = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__(aggr)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.normalize, self.root_weight = normalize, root_weight
        sources, targets = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        self.lin_l = nn.Linear(sources, out_channels, bias=bias)
        if root_weight:
            self.lin_r = nn.Linear(targets, out_channels, bias=False)
        self.reset_parameters()  # once more, as PyTorch Geometric does: the same seed gives the same weights

    def reset_parameters(self) -> None:
        self.lin_l.reset_parameters()
        if self.root_weight:
            self.lin_r.reset_parameters()

    def forward(self, x: Tensor | tuple[Tensor, Tensor | None], edge_index: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        x = (x, x) if isinstance(x, Tensor) else x
        if self.aggr in ("add", "sum", "mean") and self.lin_l.out_features < self.lin_l.in_features:
            # these are linear, so the matrix may come first, where it makes the messages narrower
            out = self.propagate(edge_index, size, x=(nn.functional.linear(x[0], self.lin_l.weight), x[1]))
        else:
            out = nn.functional.linear(self.propagate(edge_index, size, x=x), self.lin_l.weight)
        out = out if self.lin_l.bias is None else out + self.lin_l.bias
        if self.root_weight and x[1] is not None:
            out = out + self.lin_r(x[1])
        return nn.functional.normalize(out, p=2.0, dim=-1) if self.normalize else out

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, aggr={self.aggr}"
