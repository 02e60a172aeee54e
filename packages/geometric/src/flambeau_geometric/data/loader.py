"""Batches of graphs from a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flambeau.utils import data

from .batch import Batch
from .data import Data


class DataLoader(data.DataLoader):
    """`flambeau.utils.data.DataLoader` over graphs: each batch is a `Batch`.

    >>> graph = Data(x=flambeau.ones(2, 3), edge_index=flambeau.tensor([[0, 1], [1, 0]]))
    >>> next(iter(DataLoader([graph] * 5, batch_size=3)))
    DataBatch(x=[6, 3], edge_index=[2, 6], batch=[6], ptr=[4])
    """

    def __init__(self, dataset: Any, batch_size: int = 1, shuffle: bool = False, **options: Any) -> None:
        if "collate_fn" in options:
            raise TypeError("this loader joins graphs itself; for a collate_fn of your own use flambeau.utils.data.DataLoader")
        super().__init__(dataset, batch_size, shuffle, collate_fn=collate, **options)


def collate(graphs: Sequence[Data]) -> Batch:
    """The collate function of the loader, a plain function so that worker processes can be given it."""
    if graphs and not isinstance(graphs[0], Data):
        raise TypeError(f"expected a data set of flambeau_geometric.data.Data, got one of {type(graphs[0]).__name__}")
    return Batch.from_data_list(graphs)
