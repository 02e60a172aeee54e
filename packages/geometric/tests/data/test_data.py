from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau_geometric.data import Data


def graph(**more: object) -> Data:
    edges = flambeau.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    return Data(x=flambeau.ones(3, 4), edge_index=edges, **more)


def test_repr_is_pytorch_geometrics() -> None:
    mask = flambeau.ones(3, dtype=flambeau.bool)
    data = graph(edge_attr=flambeau.ones(4, 2), y=flambeau.tensor(1), train_mask=mask, name="a", k=2, l=[1, 2])
    assert repr(data) == "Data(x=[3, 4], edge_index=[2, 4], edge_attr=[4, 2], y=1, train_mask=[3], name='a', k=2, l=[2])"
    assert repr(Data()) == "Data()"


def test_three_ways_to_an_attribute() -> None:
    data = graph()
    data.weight = flambeau.ones(4)
    data["pos"] = flambeau.zeros(3, 2)
    assert data["weight"] is data.weight
    assert data.keys() == ["x", "edge_index", "weight", "pos"]
    assert len(data) == 4 and "pos" in data and "y" not in data
    assert data.y is None and data.get("y") is None and data.get("y", 5) == 5
    assert dict(data) == data.to_dict()
    del data.pos
    data.weight = None
    assert data.keys() == ["x", "edge_index"]


def test_attributes_that_are_not_there() -> None:
    data = graph()
    with pytest.raises(AttributeError, match="this Data has no attribute 'colour'; it has x, edge_index"):
        _ = data.colour
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        del data.colour
    with pytest.raises(KeyError):
        data["colour"]
    with pytest.raises(AttributeError, match="'num_edges' is computed from the graph and cannot be set"):
        data.num_edges = 3


def test_sizes() -> None:
    data = graph(edge_attr=flambeau.ones(4, 2))
    assert (data.num_nodes, data.num_edges, data.num_features, data.num_node_features, data.num_edge_features) == (3, 4, 4, 4, 2)
    assert data.size() == (3, 3)
    assert Data(x=flambeau.ones(3)).num_features == 1
    empty = Data()
    assert (empty.num_nodes, empty.num_edges, empty.num_features, empty.num_edge_features) == (0, 0, 0, 0)
    assert Data(edge_attr=flambeau.ones(5, 1)).num_edges == 5


def test_num_nodes_by_what_there_is() -> None:
    edges = flambeau.tensor([[0, 1], [1, 0]])
    assert Data(edge_index=edges).num_nodes == 2
    assert Data(edge_index=edges, num_nodes=7).num_nodes == 7
    assert Data(edge_index=edges, pos=flambeau.ones(5, 2)).num_nodes == 5
    data = Data(edge_index=edges)
    data.num_nodes = 9
    assert data.num_nodes == 9


def test_properties_of_the_graph() -> None:
    data = graph()
    assert data.is_undirected() and not data.is_directed() and not data.has_self_loops() and data.is_coalesced()
    assert not data.has_isolated_nodes()
    data.edge_index = flambeau.tensor([[1, 0, 0], [1, 1, 1]])
    assert data.is_directed() and data.has_self_loops() and data.has_isolated_nodes() and not data.is_coalesced()
    joined = data.coalesce()
    assert joined.edge_index.tolist() == [[0, 1], [1, 1]]
    assert data.num_edges == 3, "the original stays as it was"
    nothing = Data(x=flambeau.ones(1, 1))
    assert nothing.is_undirected() and nothing.is_coalesced() and nothing.has_isolated_nodes() and not nothing.has_self_loops()


def test_a_valid_graph() -> None:
    assert graph().validate()
    assert Data().validate()


BAD = {
    "x": ({"x": flambeau.ones(2, 4), "num_nodes": 3}, r"expected x to have a row for each of the 3 nodes, got \[2, 4\]"),
    "pos": ({"pos": flambeau.ones(2, 4), "num_nodes": 3}, r"expected pos to have a row for each of the 3 nodes"),
    "mask": ({"train_mask": flambeau.ones(2, dtype=flambeau.bool)}, r"expected train_mask to hold a bool for each .*, .* \[2\]"),
    "mask dtype": ({"val_mask": flambeau.ones(3)}, "expected val_mask to hold a bool for each of the 3 nodes, got flambeau.float32"),
    "edges": ({"edge_index": flambeau.ones(3, 2, dtype=flambeau.int64)}, r"expected edge_index of shape \(2, E\), got"),
    "edges' dtype": ({"edge_index": flambeau.ones(2, 2)}, "expected edge_index of dtype int64, got flambeau.float32"),
    "below 0": ({"edge_index": flambeau.tensor([[0], [-1]])}, "expected node indices from 0 in edge_index, got -1"),
    "too large": ({"edge_index": flambeau.tensor([[0], [3]])}, "expected node indices below num_nodes = 3 in edge_index, got 3"),
    "edge_attr": ({"edge_attr": flambeau.ones(3, 2)}, r"expected edge_attr to have a row for each of the 4 edges, got \[3, 2\]"),
    "num_nodes": ({"num_nodes": -1}, "expected num_nodes to be a whole number from 0, got -1"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_graphs_that_do_not_fit(change: dict[str, object], message: str) -> None:
    data = graph()
    for key, value in change.items():
        data[key] = value
    with pytest.raises(ValueError, match=message):
        data.validate()
    assert data.validate(raise_on_error=False) is False


def test_copies() -> None:
    data = graph(parts=[flambeau.ones(1)], named={"a": flambeau.ones(1)})
    shallow, deep = copy.copy(data), data.clone()
    assert shallow.x is data.x and deep.x is not data.x and deep.parts[0] is not data.parts[0] and deep.named["a"] is not data.named["a"]
    shallow.y = 1
    assert "y" not in data
    assert copy.deepcopy(data).x.equal(data.x)
    assert pickle.loads(pickle.dumps(data)).edge_index.equal(data.edge_index)  # noqa: S301 – our own, as worker processes do


def test_moves() -> None:
    data = graph()
    assert data.to("cpu") is data
    assert data.cpu().contiguous().x.device.type == "cpu"
    data.to(flambeau.float64, ["x"])
    assert (data.x.dtype, data.edge_index.dtype) == (flambeau.float64, flambeau.int64)
