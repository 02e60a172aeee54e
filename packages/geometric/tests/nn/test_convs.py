from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau import Tensor
from flambeau_geometric.nn import GATConv, GCNConv, SAGEConv, gcn_norm

EDGES = flambeau.tensor([[0, 1, 1, 2, 3, 0], [1, 0, 2, 1, 3, 3]])  # with a loop at 3, and a one-way edge
WEIGHT = flambeau.tensor([0.5, 0.5, 2.0, 2.0, 3.0, 1.0])
X = flambeau.from_numpy(np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32))  # node 4 stands alone


def adjacency(weight: Tensor, loop: float) -> np.ndarray:
    """A + loop * I as a matrix, where a loop that is there stays as it is.  A[i, j] is the weight of j -> i."""
    matrix = np.zeros((5, 5))
    for (source, target), value in zip(EDGES.t().tolist(), weight.tolist()):
        matrix[target, source] = value
    return np.where((np.eye(5) > 0) & (matrix == 0), loop, matrix)


@pytest.mark.parametrize("improved", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
def test_gcn_is_its_formula(improved: bool, weighted: bool, flow: str) -> None:
    layer = GCNConv(4, 3, improved=improved, flow=flow)
    flambeau.nn.init.uniform_(layer.bias)
    matrix = adjacency(WEIGHT if weighted else flambeau.ones(6), 2.0 if improved else 1.0)
    matrix = matrix if flow == "source_to_target" else matrix.T
    scale = np.diag(matrix.sum(1) ** -0.5)
    expected = scale @ matrix @ scale @ X.numpy() @ layer.lin.weight.detach().numpy().T + layer.bias.detach().numpy()
    out = layer(X, EDGES, WEIGHT if weighted else None)
    np.testing.assert_allclose(out.detach().numpy(), expected, atol=1e-5)


def test_gcn_without_normalisation() -> None:
    layer = GCNConv(4, 3, normalize=False, bias=False)
    matrix = adjacency(WEIGHT, 0.0)
    expected = matrix @ X.numpy() @ layer.lin.weight.detach().numpy().T
    np.testing.assert_allclose(layer(X, EDGES, WEIGHT).detach().numpy(), expected, atol=1e-5)
    with pytest.raises(ValueError, match="expected add_self_loops only with normalize=True"):
        GCNConv(4, 3, normalize=False, add_self_loops=True)


def test_nodes_of_degree_zero_are_zero_not_infinite() -> None:
    _, weight = gcn_norm(EDGES, num_nodes=5, add_self_loops=False)
    assert weight.isfinite().all()
    out = GCNConv(4, 3, add_self_loops=False, bias=False)(X, EDGES)
    assert out[4].tolist() == [0, 0, 0]


def test_gcn_s_state_dict_is_pytorch_geometrics() -> None:
    assert {key: tuple(value.shape) for key, value in GCNConv(4, 3).state_dict().items()} == {"bias": (3,), "lin.weight": (3, 4)}
    assert list(GCNConv(4, 3, bias=False).state_dict()) == ["lin.weight"]
    assert repr(GCNConv(4, 3)) == "GCNConv(4, 3)"


def test_first_weights_are_glorots() -> None:
    flambeau.manual_seed(0)
    layer = GCNConv(60, 40)
    bound = math.sqrt(6 / 100)
    assert 0.95 * bound < float(layer.lin.weight.abs().max()) <= bound
    assert layer.bias.tolist() == [0] * 40


def test_cached_edges_serve_until_the_parameters_are_reset() -> None:
    layer = GCNConv(4, 3, cached=True)
    first = layer(X, EDGES)
    assert layer(X, EDGES[:, :2]).equal(first)
    layer.reset_parameters()
    assert not layer(X, EDGES[:, :2]).equal(layer.lin(X))
    fresh = GCNConv(4, 3)
    fresh.load_state_dict(layer.state_dict())
    assert fresh(X, EDGES[:, :2]).equal(layer(X, EDGES))


@pytest.mark.parametrize("aggr", ["mean", "add", "max"])
@pytest.mark.parametrize("width", [3, 8])
def test_sage_is_its_formula(aggr: str, width: int) -> None:
    layer = SAGEConv(4, width, aggr=aggr)
    x, near = X.numpy(), np.zeros((5, 4))
    for node in range(5):
        rows = x[[source for source, target in EDGES.t().tolist() if target == node]]
        near[node] = {"mean": np.mean, "add": np.sum, "max": np.max}[aggr](rows, axis=0) if len(rows) else 0
    state = {key: value.numpy() for key, value in layer.state_dict().items()}
    expected = near @ state["lin_l.weight"].T + state["lin_l.bias"] + x @ state["lin_r.weight"].T
    np.testing.assert_allclose(layer(X, EDGES).detach().numpy(), expected, atol=1e-5)


def test_sage_s_options() -> None:
    assert list(SAGEConv(4, 3).state_dict()) == ["lin_l.weight", "lin_l.bias", "lin_r.weight"]
    assert list(SAGEConv(4, 3, bias=False, root_weight=False).state_dict()) == ["lin_l.weight"]
    lengths = SAGEConv(4, 3, normalize=True)(X, EDGES).norm(dim=1)
    assert flambeau.allclose(lengths, flambeau.ones(5))
    assert repr(SAGEConv(4, 3)) == "SAGEConv(4, 3, aggr=mean)"
    bipartite = SAGEConv((4, 2), 3)
    edges = flambeau.tensor([[0, 4], [1, 0]])
    assert bipartite((X, flambeau.ones(2, 2)), edges).shape == (2, 3)
    assert bipartite((X, None), edges, size=(5, 2)).shape == (2, 3)
    before = bipartite.lin_l.weight.clone()
    bipartite.reset_parameters()
    assert not bipartite.lin_l.weight.equal(before)


@pytest.mark.parametrize("concat", [True, False])
def test_gat_is_its_formula(concat: bool) -> None:
    layer = GATConv(4, 3, heads=2, concat=concat)
    weight, src, dst = (tensor.detach().numpy() for tensor in (layer.lin.weight, layer.att_src[0], layer.att_dst[0]))
    h = (X.numpy() @ weight.T).reshape(5, 2, 3)
    near = {node: {node} | {source for source, target in EDGES.t().tolist() if target == node} for node in range(5)}
    out = np.zeros((5, 2, 3))
    for node in range(5):
        for head in range(2):
            sources = sorted(near[node])
            score = np.array([h[source, head] @ src[head] + h[node, head] @ dst[head] for source in sources])
            score = np.where(score > 0, score, 0.2 * score)
            share = np.exp(score) / np.exp(score).sum()
            out[node, head] = share @ h[sources, head]
    expected = out.reshape(5, 6) if concat else out.mean(1)
    np.testing.assert_allclose(layer(X, EDGES).detach().numpy(), expected, atol=1e-5)


def test_gat_s_options() -> None:
    shapes = {key: tuple(value.shape) for key, value in GATConv(4, 3, heads=2).state_dict().items()}
    assert shapes == {"att_src": (1, 2, 3), "att_dst": (1, 2, 3), "bias": (6,), "lin.weight": (6, 4)}
    assert repr(GATConv(4, 3, heads=2)) == "GATConv(4, 3, heads=2)"
    alone = GATConv(4, 3, add_self_loops=False, bias=False)(X, EDGES)
    assert alone[4].tolist() == [0, 0, 0]
    dropped = GATConv(4, 3, dropout=0.999, bias=False)
    assert dropped(X, EDGES).abs().sum() != dropped.eval()(X, EDGES).abs().sum()


@pytest.mark.parametrize("make", [GCNConv, SAGEConv, GATConv])
def test_gradients(make: type) -> None:
    layer = make(4, 2).double()
    x = X.double().requires_grad_()
    assert flambeau.autograd.gradcheck(lambda x, *_: layer(x, EDGES), (x, *layer.parameters()))


@pytest.mark.parametrize("make", [GCNConv, SAGEConv, GATConv])
def test_the_order_of_nodes_does_not_matter(make: type) -> None:
    layer = make(4, 2)
    order = flambeau.tensor([3, 1, 4, 0, 2])
    place = order.argsort()
    assert flambeau.allclose(layer(X[order], place[EDGES]), layer(X, EDGES)[order], atol=1e-6)
