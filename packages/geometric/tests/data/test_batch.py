from __future__ import annotations

import pytest

import flambeau
from flambeau_geometric.data import Batch, Data, DataLoader


def graph(nodes: int, **more: object) -> Data:
    ring = flambeau.arange(nodes)
    edges = flambeau.stack([ring, ring.roll(1)])
    return Data(x=flambeau.full((nodes, 2), float(nodes)), edge_index=edges, edge_attr=flambeau.ones(nodes, 1), y=nodes, **more)


def test_graphs_stand_side_by_side() -> None:
    batch = Batch.from_data_list([graph(3), graph(1), graph(2)])
    assert repr(batch) == "DataBatch(x=[6, 2], edge_index=[2, 6], edge_attr=[6, 1], y=[3], batch=[6], ptr=[4])"
    assert batch.edge_index.tolist() == [[0, 1, 2, 3, 4, 5], [2, 0, 1, 3, 5, 4]]
    assert batch.batch.tolist() == [0, 0, 0, 1, 2, 2]
    assert batch.ptr.tolist() == [0, 3, 4, 6]
    assert batch.y.tolist() == [3, 1, 2]
    assert (batch.num_graphs, batch.num_nodes, batch.num_edges) == (3, 6, 6)
    assert batch.validate()


def test_what_is_no_tensor_becomes_a_list() -> None:
    batch = Batch.from_data_list([graph(1, name="a"), graph(2, name="b")])
    assert batch.name == ["a", "b"]
    assert [data.name for data in batch.to_data_list()] == ["a", "b"]


def test_graphs_come_back() -> None:
    graphs = [graph(3, num_nodes=3, root_index=flambeau.tensor(2), level=flambeau.tensor(0.5)), graph(2, num_nodes=2)]
    graphs[1].root_index, graphs[1].level = flambeau.tensor(1), flambeau.tensor(1.5)
    batch = Batch.from_data_list(graphs)
    assert batch.root_index.tolist() == [2, 4]
    assert batch.num_nodes == 5
    for before, after in zip(graphs, batch.to_data_list()):
        assert type(after) is Data
        assert after.num_nodes == before.num_nodes
        for key in ("x", "edge_index", "edge_attr"):
            assert after[key].equal(before[key])
        assert after.root_index.item() == before.root_index.item()
    assert batch.get_example(-1).x.equal(graphs[1].x)
    with pytest.raises(IndexError, match="expected a graph from -2 to 1, got 2"):
        batch.get_example(2)


def test_a_subclass_says_how_it_is_joined() -> None:
    class Pair(Data):
        def __inc__(self, key: str, value: object) -> int:
            return 10 if key == "other_index" else super().__inc__(key, value)

    batch = Batch.from_data_list([Pair(x=flambeau.ones(1, 1), other_index=flambeau.tensor([[0], [1]]))] * 2)
    assert batch.other_index.tolist() == [[0, 10], [1, 11]]
    assert type(batch.get_example(1)) is Pair


def test_graphs_without_edges() -> None:
    lone = Data(x=flambeau.ones(1, 1), edge_index=flambeau.empty(2, 0, dtype=flambeau.int64))
    assert Batch.from_data_list([lone, lone]).edge_index.shape == (2, 0)


def test_graphs_that_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="expected at least one graph, got an empty list"):
        Batch.from_data_list([])
    with pytest.raises(ValueError, match=r"expected the attributes \['edge_attr', .*\] in each graph, got \['x'\] in graph 1"):
        Batch.from_data_list([graph(1), Data(x=flambeau.ones(1, 2))])


def test_the_loader() -> None:
    batches = list(DataLoader([graph(n) for n in (1, 2, 3, 4, 5)], batch_size=2))
    assert [batch.num_nodes for batch in batches] == [3, 7, 5]
    flambeau.manual_seed(0)
    shuffled = [int(y) for batch in DataLoader([graph(n) for n in range(1, 9)], batch_size=3, shuffle=True) for y in batch.y]
    assert sorted(shuffled) == list(range(1, 9)) != shuffled


def test_what_the_loader_does_not_take() -> None:
    with pytest.raises(TypeError, match="this loader joins graphs itself"):
        DataLoader([graph(1)], collate_fn=list)
    with pytest.raises(TypeError, match="expected a data set of flambeau_geometric.data.Data, got one of int"):
        next(iter(DataLoader([1, 2])))
