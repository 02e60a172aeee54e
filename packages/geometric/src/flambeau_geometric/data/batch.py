"""Several graphs as one that falls into parts."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any

import flambeau
from flambeau import Tensor

from .data import Data


class Batch(Data):
    """Graphs side by side: their nodes and edges one after the other, `batch` (N,) the graph of each node, `ptr` (graphs + 1,) its bounds.

    Indices move on by the nodes before them, so no edge joins two graphs, and a layer needs not know that there are several.

    >>> graph = Data(x=flambeau.ones(2, 3), edge_index=flambeau.tensor([[0, 1], [1, 0]]))
    >>> batch = Batch.from_data_list([graph, graph])
    >>> batch
    DataBatch(x=[4, 3], edge_index=[2, 4], batch=[4], ptr=[3])
    >>> batch.batch, batch.num_graphs
    (tensor([0, 0, 1, 1]), 2)
    """

    def __repr__(self) -> str:
        return "Data" + super().__repr__()

    @classmethod
    def from_data_list(cls, data_list: Sequence[Data]) -> Batch:
        """Joins graphs that have the same attributes.

        Tensors are joined along `Data.__cat_dim__` and moved on by `Data.__inc__`, numbers become a tensor, all else a list.
        Raises ValueError for no graph, or when the graphs' attributes differ.
        """
        if not data_list:
            raise ValueError("expected at least one graph, got an empty list")
        keys = data_list[0].keys()
        for place, data in enumerate(data_list):
            if set(data.keys()) != set(keys):
                raise ValueError(f"expected the attributes {sorted(keys)} in each graph, got {sorted(data.keys())} in graph {place}")
        out = cls()
        slices: dict[str, list[int]] = {}
        moves: dict[str, list[int]] = {}
        for key in keys:
            if key != "num_nodes":
                out[key], slices[key], moves[key] = _join(key, data_list)
        sizes = [data.num_nodes for data in data_list]
        bounds = _sums(sizes)
        out["num_nodes"] = bounds[-1] if "num_nodes" in keys else None
        device = next((value.device for _, value in out if isinstance(value, Tensor)), None)
        out.batch = flambeau.arange(len(sizes), device=device).repeat_interleave(flambeau.tensor(sizes, device=device))
        out.ptr = flambeau.tensor(bounds, device=device)
        out._parts = (type(data_list[0]), keys, slices, moves, sizes)
        return out

    @property
    def num_graphs(self) -> int:
        return len(self.ptr) - 1

    def get_example(self, place: int) -> Data:
        """Graph `place` as it was before it joined; negative places count from the end."""
        if not -self.num_graphs <= place < self.num_graphs:
            raise IndexError(f"expected a graph from {-self.num_graphs} to {self.num_graphs - 1}, got {place}")
        place %= self.num_graphs
        kind, keys, slices, moves, sizes = self._parts
        out = kind()
        for key in keys:
            if key == "num_nodes":
                out[key] = sizes[place]
                continue
            value, first, last = self[key], slices[key][place], slices[key][place + 1]
            if isinstance(value, list):
                out[key] = value[place]
                continue
            part = value.narrow(out.__cat_dim__(key, value), first, last - first)
            out[key] = part - moves[key][place] if moves[key][place] else part
        return out

    def to_data_list(self) -> list[Data]:
        """The graphs as they were before they joined."""
        return [self.get_example(place) for place in range(self.num_graphs)]


def _sums(counts: Sequence[int]) -> list[int]:
    sums = [0]
    for count in counts:
        sums.append(sums[-1] + count)
    return sums


def _join(key: str, data_list: Sequence[Data]) -> tuple[Any, list[int], list[int]]:
    """One attribute of all graphs joined, where each graph's part begins, and how far its indices moved."""
    values = [data[key] for data in data_list]
    count = len(values)
    if all(isinstance(value, Number) for value in values):
        return flambeau.tensor(values), list(range(count + 1)), [0] * count
    if not all(isinstance(value, Tensor) for value in values):
        return values, list(range(count + 1)), [0] * count
    moves = _sums([data.__inc__(key, value) for data, value in zip(data_list, values)])[:-1]
    values = [value.reshape(1) if value.dim() == 0 else value for value in values]
    dim = data_list[0].__cat_dim__(key, values[0])
    moved = [value + move if move else value for value, move in zip(values, moves)]
    return flambeau.cat(moved, dim=dim), _sums([value.shape[dim] for value in values]), moves
