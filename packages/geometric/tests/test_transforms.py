from __future__ import annotations

import flambeau
from flambeau_geometric.data import Data
from flambeau_geometric.transforms import AddSelfLoops, Compose, NormalizeFeatures, ToUndirected

EDGES = flambeau.tensor([[0, 1], [1, 2]])


def test_features_sum_to_one() -> None:
    data = Data(x=flambeau.tensor([[1.0, 3.0], [0.0, 0.0], [0.25, 0.25]]), z=flambeau.tensor([[-1.0, 1.0]]))
    out = NormalizeFeatures(["x", "z", "absent"])(data)
    assert out.x.tolist() == [[0.25, 0.75], [0, 0], [0.25, 0.25]]
    assert out.z.tolist() == [[0, 1]]
    assert data.x[0].tolist() == [1, 3], "the original stays as it was"


def test_to_undirected_joins_attributes() -> None:
    data = Data(edge_index=EDGES, edge_attr=flambeau.tensor([[1.0], [2.0]]), edge_weight=flambeau.tensor([3.0, 4.0]))
    out = ToUndirected()(data)
    assert out.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert (out.edge_attr.flatten().tolist(), out.edge_weight.tolist()) == ([1, 1, 2, 2], [3, 3, 4, 4])
    assert data.num_edges == 2


def test_add_self_loops() -> None:
    out = AddSelfLoops(fill_value=5.0)(Data(edge_index=EDGES, edge_weight=flambeau.ones(2)))
    assert out.edge_index.tolist() == [[0, 1, 0, 1, 2], [1, 2, 0, 1, 2]]
    assert out.edge_weight.tolist() == [1, 1, 5, 5, 5]
    assert "edge_weight" not in AddSelfLoops(None)(Data(edge_index=EDGES))


def test_graphs_without_edges_pass() -> None:
    for transform in (ToUndirected(), AddSelfLoops(), NormalizeFeatures()):
        assert transform(Data(y=1)).keys() == ["y"]


def test_compose_and_repr() -> None:
    both = Compose([ToUndirected(), AddSelfLoops(), NormalizeFeatures()])
    assert both(Data(edge_index=EDGES)).num_edges == 7
    assert repr(both) == "Compose([ToUndirected(), AddSelfLoops(), NormalizeFeatures()])"
