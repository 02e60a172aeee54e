"""Sparse tensors in place, in batches, in files and in optimizers."""
import io

import pytest

import flambeau
from flambeau.testing import assert_close

LAYOUTS = [flambeau.sparse_coo, flambeau.sparse_csr, flambeau.sparse_csc]
DENSE = flambeau.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])


def twice():
    return flambeau.sparse_coo_tensor([[0, 1, 1], [1, 0, 0]], [1.0, 2.0, 3.0], (2, 2))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_place_is_out_of_place(layout):
    other = DENSE.flip(1).to_sparse(layout=layout)
    for write, wanted in ((lambda x: x.add_(other), DENSE + DENSE.flip(1)), (lambda x: x.sub_(other, alpha=2), DENSE - 2 * DENSE.flip(1)),
                          (lambda x: x.mul_(3), DENSE * 3), (lambda x: x.div_(2), DENSE / 2), (lambda x: x.zero_(), DENSE * 0),
                          (lambda x: x.neg_(), -DENSE), (lambda x: x.copy_(other), DENSE.flip(1)), (lambda x: x.pow_(2), DENSE ** 2),
                          (lambda x: x.sqrt_(), DENSE.sqrt())):
        x = DENSE.to_sparse(layout=layout)
        assert write(x) is x and x.layout is layout
        assert_close(x.to_dense(), wanted)


def test_in_place_forms_are_pytorchs():
    x = twice()
    for name in "abs asin atan ceil erf expm1 floor log1p neg relu round sin sqrt tan tanh trunc".split():
        assert getattr(x.clone(), f"{name}_")().to_dense().shape == (2, 2)
    assert "isnan_" not in vars(type(x))
    with pytest.raises(RuntimeError, match="leaf"):
        twice().requires_grad_().neg_()


def test_in_place_keeps_history():
    values = flambeau.tensor([1.0, 2.0], requires_grad=True)
    x = flambeau.sparse_coo_tensor([[0, 1], [1, 0]], values, (2, 2)).mul(1)
    x.mul_(3).add_(x)
    x.to_dense().sum().backward()
    assert values.grad.tolist() == [6.0, 6.0]


def test_batches():
    a, b = flambeau.stack([DENSE, DENSE.flip(0)]), flambeau.arange(12.0).reshape(2, 3, 2)
    x = flambeau.stack([DENSE.to_sparse(), DENSE.flip(0).to_sparse()])
    assert_close(x.to_dense(), a)
    values = x.coalesce().values().requires_grad_()
    x = x.coalesce().with_values(values)
    dense = b.clone().requires_grad_()
    (flambeau.bmm(x, dense) ** 2).sum().backward()
    wa, wb = a.clone().requires_grad_(), b.clone().requires_grad_()
    (flambeau.bmm(wa, wb) ** 2).sum().backward()
    assert_close(dense.grad, wb.grad)
    assert_close(values.grad, wa.grad[a != 0])
    for dim in (0, 1, 2):
        assert_close(flambeau.stack([DENSE.to_sparse()] * 2, dim).to_dense(), flambeau.stack([DENSE] * 2, dim))
        assert_close(DENSE.to_sparse().unsqueeze(dim).to_dense(), DENSE.unsqueeze(dim))
    assert_close(a.to_sparse().permute(2, 0, 1).to_dense(), a.permute(2, 0, 1))
    assert_close(a.to_sparse().sum((0, 2), keepdim=True), a.sum((0, 2), keepdim=True).to_sparse())


def test_alike_and_empty():
    assert flambeau.zeros_like(twice())._nnz() == 0 and flambeau.empty_like(DENSE.to_sparse_csr()).layout is flambeau.sparse_csr
    assert_close(flambeau.zeros_like(DENSE.to_sparse_csc()).to_dense(), DENSE * 0)
    assert twice().norm().item() == pytest.approx(26 ** 0.5) and bool(twice().any())


def test_assert_close_compares_places_and_values():
    assert_close(twice(), twice().coalesce())
    assert_close(DENSE.to_sparse(), DENSE.to_sparse_csr(), check_layout=False)
    elsewhere = flambeau.tensor([[1.0, 5.0], [0.0, 0.0]]).to_sparse()
    for other, said in ((twice() * 2, "values"), (elsewhere, "indices"), (flambeau.ones(2, 2).to_sparse(), "number")):
        with pytest.raises(AssertionError, match=said):
            assert_close(twice().coalesce(), other.coalesce())
    with pytest.raises(AssertionError, match="layout"):
        assert_close(DENSE.to_sparse(), DENSE)


def test_spdiags():
    rows = flambeau.arange(9.0).reshape(3, 3).requires_grad_()
    x = flambeau.sparse.spdiags(rows, flambeau.tensor([0, -1, 2]), (3, 3))
    assert x._nnz() == 6 and x.to_dense().tolist() == [[0.0, 0.0, 8.0], [3.0, 1.0, 0.0], [0.0, 4.0, 2.0]]
    x.to_dense().sum().backward()
    assert rows.grad.tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert flambeau.sparse.spdiags(rows, flambeau.tensor([0, 1, 2]), (2, 5), flambeau.sparse_csr).layout is flambeau.sparse_csr
    for offsets in ([0, 0, 1], [0, 1]):
        with pytest.raises(RuntimeError):
            flambeau.sparse.spdiags(rows, flambeau.tensor(offsets), (3, 3))


def test_invariants_are_checked_where_asked():
    switch = flambeau.sparse.check_sparse_tensor_invariants
    wrong = lambda **more: flambeau.sparse_csr_tensor([0, 2], [1, 0], [1.0, 2.0], **more)
    assert wrong()._nnz() == 2 and not switch.is_enabled()
    with switch():
        assert switch.is_enabled()
        with pytest.raises(RuntimeError, match="sorted and distinct"):
            wrong()
        assert wrong(check_invariants=False)._nnz() == 2
    assert not switch.is_enabled()
    with pytest.raises(RuntimeError, match="is_coalesced"):
        flambeau.sparse_coo_tensor([[1, 1]], [1.0, 2.0], (2,), is_coalesced=True, check_invariants=True)
    with pytest.raises(RuntimeError):
        switch()(wrong)()


@pytest.mark.parametrize("x", [twice(), twice().coalesce(), DENSE.to_sparse_csr(), DENSE.to_sparse_csc(), flambeau.ones(2, 3).to_sparse(1)])
def test_files(x):
    file = io.BytesIO()
    flambeau.save({"x": x}, file)
    file.seek(0)
    found = flambeau.load(file)["x"]
    assert repr(found) == repr(x)
    assert not x.is_sparse or found.is_coalesced() == x.is_coalesced()


def test_a_file_may_not_name_places_outside():
    x = DENSE.to_sparse_csr()
    x.places = (x.places[0], x.places[1] + 7)
    file = io.BytesIO()
    flambeau.save(x, file)
    file.seek(0)
    with pytest.raises(Exception, match="do not fit"):
        flambeau.load(file)


def test_adagrad_takes_sparse_gradients():
    tables = [flambeau.arange(12.0).reshape(4, 3).requires_grad_() for _ in range(2)]
    for table, sparse in zip(tables, (True, False), strict=True):
        optimizer = flambeau.optim.Adagrad([table], lr=0.1, lr_decay=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (flambeau.nn.functional.embedding(flambeau.tensor([1, 1, 3]), table, sparse=sparse) ** 2).sum().backward()
            optimizer.step()
    assert_close(tables[0], tables[1])
    table = tables[0]
    table.grad = None
    flambeau.nn.functional.embedding(flambeau.tensor([1]), table, sparse=True).sum().backward()
    with pytest.raises(RuntimeError, match="weight_decay"):
        flambeau.optim.Adagrad([table], weight_decay=0.1).step()


@pytest.mark.parametrize("options", [{}, {"nesterov": True}, {"dampening": 0.3}, {"maximize": True}])
def test_sgd_keeps_momentum_of_sparse_gradients(options):
    tables = [flambeau.arange(12.0).reshape(4, 3).requires_grad_() for _ in range(2)]
    for table, sparse in zip(tables, (True, False), strict=True):
        optimizer = flambeau.optim.SGD([table], lr=0.01, momentum=0.9, **options)
        for rows in ([1, 1, 3], [0, 1], [3]):
            optimizer.zero_grad()
            (flambeau.nn.functional.embedding(flambeau.tensor(rows), table, sparse=sparse) ** 2).sum().backward()
            optimizer.step()
    assert_close(tables[0], tables[1])


@pytest.mark.parametrize("columns", [1, 7, 8, 40, 100])
@pytest.mark.parametrize("dtype", [flambeau.float32, flambeau.float64])
def test_the_kernel_of_lines(columns, dtype):
    _ = flambeau.manual_seed(0)
    a = flambeau.randn(9, 6, dtype=dtype)
    a = a * (a > 0.3)
    a[4] = 0
    b = flambeau.randn(columns, 6, dtype=dtype).t()  # not in order in memory
    assert_close(a.to_sparse_csr() @ b, a @ b)
    narrow = flambeau.sparse_csr_tensor(*(p.int() for p in a.to_sparse_csr().places), a.to_sparse_csr().values(), a.shape)
    assert_close(narrow @ b, a @ b)
