from __future__ import annotations

import pytest

import flambeau
from flambeau_geometric.utils import (
    add_remaining_self_loops,
    add_self_loops,
    coalesce,
    contains_self_loops,
    is_undirected,
    maybe_num_nodes,
    remove_self_loops,
    to_undirected,
)

EDGES = flambeau.tensor([[2, 0, 1, 0, 2], [0, 1, 1, 1, 0]])
WEIGHTS = flambeau.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
EMPTY = flambeau.empty(2, 0, dtype=flambeau.int64)


@pytest.mark.parametrize(("reduce", "weights"), [("sum", [6, 3, 6]), ("mean", [3, 3, 3]), ("max", [4, 3, 5]), ("min", [2, 3, 1])])
def test_coalesce(reduce: str, weights: list[float]) -> None:
    edges, attr = coalesce(EDGES, WEIGHTS, reduce=reduce)
    assert edges.tolist() == [[0, 1, 2], [1, 1, 0]]
    assert attr.tolist() == weights
    assert coalesce(EDGES).tolist() == edges.tolist()
    assert coalesce(EDGES, None)[1] is None


def test_coalesce_keeps_wide_attributes_beside_their_edges() -> None:
    _, attr = coalesce(EDGES, flambeau.stack([WEIGHTS, -WEIGHTS], dim=1))
    assert attr.tolist() == [[6, -6], [3, -3], [6, -6]]


def test_undirected() -> None:
    edges, attr = to_undirected(EDGES, WEIGHTS)
    assert edges.tolist() == [[0, 0, 1, 1, 2], [1, 2, 0, 1, 0]]
    assert attr.tolist() == [6, 6, 6, 6, 6]
    assert to_undirected(EDGES).tolist() == edges.tolist()
    assert is_undirected(edges) and is_undirected(edges, attr)
    assert not is_undirected(EDGES)
    assert not is_undirected(edges, flambeau.arange(5))


def test_self_loops() -> None:
    assert contains_self_loops(EDGES)
    edges, attr = remove_self_loops(EDGES, WEIGHTS)
    assert (edges.tolist(), attr.tolist()) == ([[2, 0, 0, 2], [0, 1, 1, 0]], [1, 2, 4, 5])
    assert not contains_self_loops(edges)


@pytest.mark.parametrize(("fill", "loops"), [(None, [1, 1, 1, 1]), (2.5, [2.5] * 4), (flambeau.tensor(7), [7] * 4), ("mean", [3, 3, 0, 0])])
def test_add_self_loops(fill: object, loops: list[float]) -> None:
    edges, attr = add_self_loops(EDGES, WEIGHTS, fill, 4)
    assert edges[:, 5:].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert attr.tolist() == [1, 2, 3, 4, 5, *loops]


def test_remaining_self_loops_keep_those_there() -> None:
    edges, attr = add_remaining_self_loops(EDGES, WEIGHTS, 9.0, 4)
    assert edges.tolist() == [[2, 0, 0, 2, 0, 1, 2, 3], [0, 1, 1, 0, 0, 1, 2, 3]]
    assert attr.tolist() == [1, 2, 4, 5, 9, 3, 9, 9]
    assert add_remaining_self_loops(EDGES)[1] is None


def test_weights_of_kept_loops_have_gradients() -> None:
    weights = WEIGHTS.clone().requires_grad_()
    (add_remaining_self_loops(EDGES, weights)[1] * flambeau.arange(7)).sum().backward()
    assert weights.grad.tolist() == [0, 1, 5, 2, 3]


def test_empty_graphs() -> None:
    assert coalesce(EMPTY).shape == to_undirected(EMPTY).shape == remove_self_loops(EMPTY)[0].shape == (2, 0)
    assert is_undirected(EMPTY) and not contains_self_loops(EMPTY)
    assert maybe_num_nodes(EMPTY) == 0
    assert add_self_loops(EMPTY, num_nodes=2)[0].tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("edges", "error", "message"),
    [
        ([[0, 1]], TypeError, "expected edge_index to be a tensor of shape .2, E., got list"),
        (flambeau.tensor([[0, 1], [1, 0], [2, 0]]), ValueError, r"expected edge_index of shape \(2, E\), got \(3, 2\); a list of pairs"),
        (flambeau.tensor([0, 1]), ValueError, r"got \(2,\)"),
        (flambeau.tensor([[0.0], [1.0]]), ValueError, "expected edge_index of dtype int64, got flambeau.float32"),
    ],
)
def test_edges_that_are_none(edges: object, error: type, message: str) -> None:
    for function in (coalesce, remove_self_loops, add_self_loops, add_remaining_self_loops):
        with pytest.raises(error, match=message):
            function(edges)
