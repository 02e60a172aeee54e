"""Sparse tensors: against dense arithmetic, and as PyTorch prints them."""
import copy
import pickle

import numpy as np
import pytest

import flambeau
from flambeau import testing
from flambeau.backends import sparse as backend

LAYOUTS = [flambeau.sparse_coo, flambeau.sparse_csr, flambeau.sparse_csc]


def matrix(n=5, m=4, seed=0, dtype=np.float64):
    rng = np.random.RandomState(seed)
    return flambeau.from_numpy((rng.standard_normal((n, m)) * (rng.rand(n, m) < 0.4)).astype(dtype))


def twice():
    return flambeau.sparse_coo_tensor([[0, 1, 1], [1, 0, 0]], [1.0, 2.0, 3.0], (2, 2))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arithmetic_is_dense_arithmetic(layout):
    a, b = matrix(), matrix(seed=1)
    x, y = a.to_sparse(layout=layout), b.to_sparse(layout=layout)
    for got, wanted in ((x + y, a + b), (x - y, a - b), (x * y, a * b), (x * 3, a * 3), (x / 2, a / 2), (-x, -a), (x.sin(), a.sin()),
                        (x * b, a * b), (x.t(), a.t()), (x @ y.t(), a @ b.t()),
                        (x.index_select(1, flambeau.tensor([3, 0, 3])), a[:, [3, 0, 3]]),
                        (x.select(0, 1), a[1]), (flambeau.sparse.sum(x, 0), a.sum(0)), (x.float(), a.float()), (x ** 2, a ** 2)):
        assert got.layout is not flambeau.strided
        testing.assert_close(got.to_dense(), wanted)
    for got, wanted in ((x @ b.t(), a @ b.t()), (b.t() @ x, b.t() @ a), (x @ b[0], a @ b[0]), (b + x, b + a), (x.sum(), a.sum()),
                        (flambeau.sparse.addmm(flambeau.ones(5, 5).double(), x, b.t(), alpha=2), 1 + 2 * (a @ b.t()))):
        testing.assert_close(got, wanted)


def test_places_named_twice_add_up():
    x = twice()
    assert not x.is_coalesced() and x.coalesce().is_coalesced() and x._nnz() == 3 and x.coalesce()._nnz() == 2
    testing.assert_close(x.relu().to_dense(), flambeau.tensor([[0.0, 1.0], [5.0, 0.0]]))
    testing.assert_close((x ** 2).to_dense(), flambeau.tensor([[0.0, 1.0], [25.0, 0.0]]))
    testing.assert_close((x * x).to_dense(), flambeau.tensor([[0.0, 1.0], [25.0, 0.0]]))
    with pytest.raises(RuntimeError, match="uncoalesced"):
        x.indices()


@pytest.mark.parametrize("scipy", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_of_products(layout, scipy, monkeypatch):
    if scipy:
        pytest.importorskip("scipy")
    else:
        monkeypatch.setattr(backend, "_scipy", lambda: None)
    a, b = matrix().requires_grad_(), matrix(4, 3, 2).requires_grad_()
    y = flambeau.sparse.mm(a.to_sparse(layout=layout), b)
    ga, gb = flambeau.autograd.grad((y * y).sum(), (a, b))
    wa, wb = flambeau.autograd.grad(((a @ b) ** 2).sum(), (a, b))
    testing.assert_close(ga, wa * (a != 0))
    testing.assert_close(gb, wb)


def test_reductions_of_products():
    a = flambeau.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    b = flambeau.tensor([[1.0], [4.0], [-1.0]])
    found = [flambeau.sparse.mm(a.to_sparse_csr(), b, how).flatten().tolist() for how in ("sum", "mean", "amax", "amin")]
    assert found == [[4.0, -1.0, 0.0], [4.0, -0.5, 0.0], [4.0, 2.0, 0.0], [4.0, -3.0, 0.0]]


def test_softmax_is_over_what_is_stored():
    a = matrix()
    for dim in (0, 1):
        wanted = a.masked_fill(a == 0, -np.inf).softmax(dim).nan_to_num(0.0)
        testing.assert_close(flambeau.sparse.softmax(a.to_sparse(), dim).to_dense(), wanted)


def test_text_is_pytorchs():
    assert repr(twice()) == ("tensor(indices=tensor([[0, 1, 1],\n                       [1, 0, 0]]),\n       values=tensor([1., 2., 3.]),\n"
                             "       size=(2, 2), nnz=3, layout=flambeau.sparse_coo)")
    assert repr(flambeau.tensor([[0, 1.0, 0], [2, 0, 3]]).to_sparse_csr()) == (
        "tensor(crow_indices=tensor([0, 1, 3]),\n       col_indices=tensor([1, 0, 2]),\n       "
        "values=tensor([1., 2., 3.]), size=(2, 3), nnz=3,\n       layout=flambeau.sparse_csr)")


def test_embeddings_have_sparse_gradients_and_sgd_takes_them():
    tables = [flambeau.arange(12.0).reshape(4, 3).requires_grad_() for _ in range(2)]
    for table, sparse in zip(tables, (True, False), strict=True):
        optimizer = flambeau.optim.SGD([table], lr=0.1)
        for _ in range(2):
            (flambeau.nn.functional.embedding(flambeau.tensor([1, 1, 3]), table, 3, sparse=sparse) ** 2).sum().backward()
        assert table.grad.is_sparse is sparse
        optimizer.step()
    testing.assert_close(tables[0].grad.to_dense(), tables[1].grad)
    testing.assert_close(tables[0], tables[1])
    with pytest.raises(RuntimeError, match="sparse"):
        flambeau.optim.Adam([tables[0]]).step()


@pytest.mark.parametrize("call", [
    lambda x: x.exp(), lambda x: x + 1, lambda x: x + flambeau.ones(2, 2), lambda x: x.view(4), lambda x: x.max(),
    lambda x: x == x,
    lambda x: x.fill_(2), lambda x: flambeau.ones_like(x), lambda x: x.__setitem__(0, 1), lambda x: flambeau.ones(2, 2).copy_(x),
    lambda x: x.copy_(flambeau.ones(2, 2)), lambda x: x.requires_grad_().mul_(2), lambda x: x.add_(flambeau.ones(3, 3).to_sparse()),
    lambda x: x.bool().mul_(0.5), lambda x: flambeau.ones(2, 2).to_sparse_csr(dense_dim=1), lambda x: flambeau.bmm(x, x),
    lambda x: flambeau.stack([x, flambeau.ones(2, 2)]), lambda x: flambeau.where(flambeau.ones(2, 2) > 0, x, x), lambda x: 1 / x,
    lambda x: x.softmax(0), lambda x: x ** 0, lambda x: x @ flambeau.ones(3, 2), lambda x: x.stride(), lambda x: x.crow_indices()])
def test_what_is_not_there_is_refused(call):
    with pytest.raises((RuntimeError, TypeError)):
        call(twice())


def test_wrong_parts_are_refused():
    for arguments, said in ((([[0, 5]], [1.0, 2.0], (2,)), "inconsistent"), (([[0, -1]], [1.0, 2.0], (2,)), "negative"),
                            (([[0, 1, 1]], [1.0, 2.0], (2,)), "same nnz"), (([[0, 1], [1, 0]], [1.0, 2.0], (2,)), "len")):
        with pytest.raises(RuntimeError, match=said):
            flambeau.sparse_coo_tensor(*arguments)
    for arguments in (([0, 2, 1], [0, 1], [1.0, 2.0]), ([0, 1], [0, 1], [1.0, 2.0]), ([0, 1, 2], [0, 3], [1.0, 2.0], (2, 2))):
        with pytest.raises(RuntimeError):
            flambeau.sparse_csr_tensor(*arguments)


def test_copies():
    for x in (twice(), matrix().to_sparse_csr()):
        for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone()):  # noqa: S301 - our own bytes
            assert repr(y) == repr(x)


def test_gradient_of_a_sparse_leaf():
    x = flambeau.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2), requires_grad=True)
    (x.to_dense() * flambeau.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad.is_sparse
    testing.assert_close(x.grad.to_dense(), flambeau.tensor([[0.0, 2.0], [3.0, 0.0]]))
