"""Transforms of graphs: callables from Data to a new Data that shares what it does not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flambeau import Tensor
from flambeau_geometric import utils
from flambeau_geometric.data import Data

Transform = Callable[[Data], Data]


class Compose:
    """Several transforms one after the other.

    >>> Compose([ToUndirected(), AddSelfLoops()])(Data(edge_index=flambeau.tensor([[0], [1]]))).edge_index
    tensor([[0, 1, 0, 1],
            [1, 0, 0, 1]])
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = list(transforms)

    def __call__(self, data: Data) -> Data:
        for transform in self.transforms:
            data = transform(data)
        return data

    def __repr__(self) -> str:
        return f"Compose([{', '.join(map(repr, self.transforms))}])"


class NormalizeFeatures:
    """The attributes `attrs` moved so that their smallest value is 0, then each row divided by its sum; by 1 where that is less.

    >>> NormalizeFeatures()(Data(x=flambeau.tensor([[1.0, 3.0], [0.0, 0.0]]))).x
    tensor([[0.2500, 0.7500],
            [0.0000, 0.0000]])
    """

    def __init__(self, attrs: Sequence[str] = ("x",)) -> None:
        self.attrs = list(attrs)

    def __call__(self, data: Data) -> Data:
        out = data.clone_shallow()
        for key in self.attrs:
            value = out.get(key)
            if isinstance(value, Tensor) and value.numel() > 0:
                value = value - value.min()
                out[key] = value / value.sum(dim=-1, keepdim=True).clamp(min=1.0)
        return out

    def __repr__(self) -> str:
        return "NormalizeFeatures()"


class ToUndirected:
    """Each edge with its reverse, every edge once; rows of edge_attr and edge_weight that meet are made one by `reduce`."""

    def __init__(self, reduce: str = "add") -> None:
        self.reduce = reduce

    def __call__(self, data: Data) -> Data:
        out = data.clone_shallow()
        if data.edge_index is None:
            return out
        out.edge_index = utils.to_undirected(data.edge_index, num_nodes=data.num_nodes)
        for key in {"edge_attr", "edge_weight"} & set(data.keys()):
            out[key] = utils.to_undirected(data.edge_index, data[key], data.num_nodes, self.reduce)[1]
        return out

    def __repr__(self) -> str:
        return "ToUndirected()"


class AddSelfLoops:
    """An edge from each node to itself, with the attribute `attr` of the new edges as in `utils.add_self_loops`."""

    def __init__(self, attr: str | None = "edge_weight", fill_value: float | Tensor | str = 1.0) -> None:
        self.attr, self.fill_value = attr, fill_value

    def __call__(self, data: Data) -> Data:
        out = data.clone_shallow()
        if data.edge_index is None:
            return out
        weight = None if self.attr is None else data.get(self.attr)
        out.edge_index, weight = utils.add_self_loops(data.edge_index, weight, self.fill_value, data.num_nodes)
        if self.attr is not None:
            out[self.attr] = weight
        return out

    def __repr__(self) -> str:
        return "AddSelfLoops()"
