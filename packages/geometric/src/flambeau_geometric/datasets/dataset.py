"""What the data sets share: graphs by place, and how wide they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from flambeau import Tensor
from flambeau_geometric.data import Data


class GraphDataset:
    """A sequence of graphs, each through `transform` when it is asked for."""

    def __init__(self, graphs: Sequence[Data], transform: Callable[[Data], Data] | None = None) -> None:
        self.graphs, self.transform = list(graphs), transform

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, place: int) -> Data:
        data = self.graphs[place].clone_shallow()
        return data if self.transform is None else self.transform(data)

    def __iter__(self) -> Iterator[Data]:
        return (self[place] for place in range(len(self)))

    def subset(self, places: Sequence[int] | slice) -> GraphDataset:
        """The graphs at `places`, as a data set of their own."""
        chosen = self.graphs[places] if isinstance(places, slice) else [self.graphs[place] for place in places]
        return GraphDataset(chosen, self.transform)

    @property
    def num_node_features(self) -> int:
        return self.graphs[0].num_node_features

    num_features = num_node_features

    @property
    def num_classes(self) -> int:
        """One more than the largest target."""
        return 1 + max(int(data.y.max()) for data in self.graphs if isinstance(data.y, Tensor))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)})"
