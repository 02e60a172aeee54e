from __future__ import annotations

import pytest

import flambeau
from flambeau import Tensor
from flambeau_geometric.nn import MessagePassing

EDGES = flambeau.tensor([[0, 1, 2, 2], [2, 2, 0, 2]])
X = flambeau.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])


@pytest.mark.parametrize(
    ("aggr", "expected"),
    [
        ("add", [[4, 40], [0, 0], [7, 70]]),
        ("mean", [[4, 40], [0, 0], [7 / 3, 70 / 3]]),
        ("max", [[4, 40], [0, 0], [4, 40]]),
        ("min", [[4, 40], [0, 0], [1, 10]]),
    ],
)
def test_aggregation(aggr: str, expected: list) -> None:
    out = MessagePassing(aggr).propagate(EDGES, x=X)
    assert flambeau.allclose(out, flambeau.tensor(expected, dtype=flambeau.float32))


def test_flow() -> None:
    assert MessagePassing(flow="target_to_source").propagate(EDGES, x=X).tolist() == [[4, 40], [4, 40], [5, 50]]


def test_leading_dimensions() -> None:
    out = MessagePassing().propagate(EDGES, x=flambeau.stack([X, 2 * X]))
    assert out.shape == (2, 3, 2)
    assert out[1].equal(2 * out[0])


class Seen(MessagePassing):
    """Notes what its functions are given."""

    def message(self, x_i: Tensor, x_j: Tensor, weight: Tensor, size_i: int, size_j: int, scale: float = 3.0) -> Tensor:
        self.sizes = (size_i, size_j)
        return (x_j - x_i) * weight.unsqueeze(-1) * scale

    def aggregate(self, inputs: Tensor, index: Tensor, edge_index: Tensor, dim_size: int, ptr: Tensor | None = None) -> Tensor:
        self.seen = (index.tolist(), edge_index.tolist(), dim_size, ptr)
        return super().aggregate(inputs, index, dim_size)

    def update(self, inputs: Tensor, x: Tensor) -> Tensor:
        return inputs + x


def test_arguments_are_found_by_name() -> None:
    layer = Seen()
    weight = flambeau.tensor([1.0, 0.0, 1.0, 1.0])
    out = layer.propagate(EDGES, x=X, weight=weight, unused=5)
    assert out.tolist() == [[1 + 9, 10 + 90], [2, 20], [4 - 9, 40 - 90]]
    assert layer.seen == ([2, 2, 0, 2], EDGES.tolist(), 3, None)
    assert layer.sizes == (3, 3)
    assert layer.propagate(EDGES, x=X, weight=weight, scale=0.0).equal(X)


def test_two_kinds_of_nodes() -> None:
    class Between(MessagePassing):
        def message(self, x_i: Tensor | None, x_j: Tensor) -> Tensor:
            return x_j if x_i is None else x_j + x_i

    edges = flambeau.tensor([[0, 3, 1], [0, 1, 1]])
    sources, targets = flambeau.arange(8.0).reshape(4, 2), flambeau.ones(2, 2)
    assert Between().propagate(edges, x=(sources, targets)).tolist() == [[1, 2], [10, 12]]
    assert Between().propagate(edges, x=(sources, None), size=(4, 3)).tolist() == [[0, 1], [8, 10], [0, 0]]
    turned = Between(flow="target_to_source").propagate(edges.flip(0), x=(targets, sources))
    assert turned.tolist() == [[1, 2], [10, 12]]


def test_the_number_of_nodes_from_the_edges_alone() -> None:
    class Degree(MessagePassing):
        def message(self, weight: Tensor) -> Tensor:
            return weight.unsqueeze(-1)

    assert Degree().propagate(EDGES, weight=flambeau.ones(4)).tolist() == [[1], [0], [3]]


def test_a_graph_without_edges() -> None:
    empty = flambeau.empty(2, 0, dtype=flambeau.int64)
    for aggr in ("add", "mean", "max"):
        assert MessagePassing(aggr).propagate(empty, x=X).tolist() == [[0, 0]] * 3


def test_gradients_reach_the_nodes() -> None:
    x = X.clone().requires_grad_()
    MessagePassing().propagate(EDGES, x=x).sum().backward()
    assert x.grad.tolist() == [[1, 1], [1, 1], [2, 2]]


def test_what_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="expected aggr to be one of add, sum, mean, max, min, or None where .*, got 'median'"):
        MessagePassing("median")
    with pytest.raises(ValueError, match="expected flow to be 'source_to_target' or 'target_to_source', got 'up'"):
        MessagePassing(flow="up")

    class Catch(MessagePassing):
        def message(self, **everything: Tensor) -> Tensor:
            raise AssertionError

    with pytest.raises(TypeError, match=r"expected .*Catch.message\(\) to name its arguments"):
        Catch()
    with pytest.raises(NotImplementedError, match=r"made with aggr=None, so it must define aggregate\(\)"):
        MessagePassing(None).propagate(EDGES, x=X)


def test_what_does_not_fit() -> None:
    layer = MessagePassing()
    with pytest.raises(TypeError, match=r"MessagePassing.message\(\) asks for 'x_j', and propagate\(\) was given no 'x'"):
        layer.propagate(EDGES, y=X)
    with pytest.raises(TypeError, match=r"Seen.message\(\) asks for 'weight', and propagate\(\) was given no 'weight'"):
        Seen().propagate(EDGES, x=X)
    with pytest.raises(ValueError, match="expected x to have 4 nodes in dimension -2, got 3"):
        layer.propagate(EDGES, x=X, size=(4, 3))
    with pytest.raises(ValueError, match="expected x to be a tensor, or a pair for sources and targets, got 3 items"):
        layer.propagate(EDGES, x=(X, X, X))
    with pytest.raises(ValueError, match=r"expected x with its nodes in dimension -2, got shape \(3,\)"):
        layer.propagate(EDGES, x=X[:, 0])
    with pytest.raises(ValueError, match=r"expected edge_index of shape \(2, E\)"):
        layer.propagate(EDGES.t(), x=X)
    with pytest.raises(IndexError, match="expected node indices from 0 to 2, as x has 3 nodes, got 0 to 3"):
        layer.propagate(flambeau.tensor([[0, 3], [1, 1]]), x=X)
    with pytest.raises(IndexError, match="expected node indices from 0 to 2, as x has 3 nodes, got -1 to 0"):
        layer.propagate(flambeau.tensor([[0, -1], [1, 1]]), x=X)
    with pytest.raises(IndexError):
        layer.propagate(flambeau.tensor([[0, 1], [1, -1]]), x=X)
