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


def test_gradients_of_sparse_tensors_themselves():
    x, y = DENSE.double().to_sparse().requires_grad_(), flambeau.arange(6.0, dtype=flambeau.float64).reshape(2, 3)
    (grad,) = flambeau.autograd.grad(x * y, x, flambeau.ones(2, 3, dtype=flambeau.float64))
    assert_close(grad.to_dense(), y * (DENSE != 0))
    (x * y).backward(x.detach())
    assert_close(x.grad.to_dense(), DENSE * y)
    z = twice().requires_grad_()  # a place that is named twice has one gradient
    (z.to_dense() * 2).sum().backward()
    assert z.grad.is_coalesced() and z.grad.values().tolist() == [2.0, 2.0]
    check = flambeau.sparse.as_sparse_gradcheck(flambeau.autograd.gradcheck)
    for layout in LAYOUTS:
        x = DENSE.double().to_sparse(layout=layout).requires_grad_()
        assert check(lambda x: x.sin() + x * y, x, masked=True) and check(lambda x: x @ y.t(), x, masked=False)
        assert check(lambda x: x.to_sparse(), x, masked=True, fast_mode=True)
    with pytest.raises(ValueError, match="Sparse output"):
        flambeau.autograd.gradcheck(lambda x: x * 2, x, masked=True)
    with pytest.raises(NotImplementedError, match="masked_grad"):
        DENSE.to_sparse().requires_grad_().to_dense(masked_grad=False).sum().backward()
    for total in (lambda x: x.sum(), lambda x: x.to_dense(masked_grad=False).sum()):  # as PyTorch's: of all places
        x = DENSE.clone().requires_grad_()
        total(x.to_sparse()).backward()
        assert x.grad.tolist() == [[1.0] * 3] * 2
    x = DENSE.clone().requires_grad_() * 1
    y = x.to_sparse()
    x.add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum()


def test_out_is_filled():
    x, out = twice(), flambeau.zeros(0, layout=flambeau.sparse_coo)
    assert flambeau.sin(x, out=out) is out and out.shape == (2, 2) and out.dtype is flambeau.float32
    assert_close(out.to_dense(), x.to_dense().sin())
    with pytest.raises(RuntimeError, match="can't be cast"):
        flambeau.sin(x, out=flambeau.zeros(2, 2, layout=flambeau.sparse_coo, dtype=flambeau.int64))
    with pytest.raises(RuntimeError, match="strided"):
        flambeau.sin(x, out=flambeau.zeros(2, 2))
    assert flambeau.zeros(3, out=out).layout is flambeau.sparse_coo and out.shape == (3,)


def test_a_type_is_promoted_in_place_as_pytorch_does():
    x = twice().to(flambeau.float16)
    assert x.mul_(flambeau.ones(2, 2)).dtype is flambeau.float16 and x.add_(twice()).dtype is flambeau.float16
    with pytest.raises(RuntimeError, match="can't be cast"):
        twice().int().mul_(twice())
    assert (twice().int() + twice()).dtype is flambeau.float32 and (twice().int() * 0.5).dtype is flambeau.float32
    assert twice().float_power(2).dtype is flambeau.float64
    assert (twice() ** flambeau.tensor(2)).to_dense().tolist() == [[0.0, 1.0], [25.0, 0.0]]
    dense = flambeau.ones(2, 2)
    assert dense.mul_(twice()) is dense and dense.tolist() == [[0.0, 1.0], [5.0, 0.0]]


def test_shapes_of_products_broadcast():
    x = DENSE.to_sparse()
    for y in (flambeau.arange(3.0), flambeau.arange(2.0).unsqueeze(1), flambeau.arange(12.0).reshape(2, 2, 3), flambeau.tensor([2.0])):
        assert (x * y).is_sparse
        assert_close((x * y).to_dense(), DENSE * y)
    hybrid = DENSE.unsqueeze(2).expand(2, 3, 2).to_sparse(2)
    assert_close((hybrid * hybrid.narrow_copy(2, 0, 1)).to_dense(), (DENSE * DENSE).unsqueeze(2).expand(2, 3, 2))


def test_indices_are_whole_numbers():
    x = flambeau.stack([DENSE, DENSE.flip(0)])
    for key in (0, (1, 1), (slice(None), 0), (..., 2), None, (0, None, 1), (1, 1, 0)):
        got = x.to_sparse()[key]
        assert_close(got.to_dense(), x[key])
    assert_close(x.to_sparse().narrow_copy(2, 1, 2).to_dense(), x.narrow_copy(2, 1, 2))
    assert [p.layout for p in x.to_sparse().unbind()] == [flambeau.sparse_coo] * 2
    for key in ([0, 1], slice(0, 1), flambeau.tensor([0])):
        with pytest.raises(NotImplementedError):
            x.to_sparse()[key]


def test_joined_along_dense_axes():
    a, b = DENSE.unsqueeze(2).expand(2, 3, 2), DENSE.flip(0).unsqueeze(2).expand(2, 3, 2)
    for dim in range(3):
        assert_close(flambeau.cat([a.to_sparse(2), b.to_sparse(2)], dim).to_dense(), flambeau.cat([a, b], dim))


def test_products_that_give_sparse_tensors():
    dense, x = flambeau.arange(12.0).reshape(3, 4), DENSE.to_sparse()
    y = flambeau.ones(2, 4).to_sparse()
    assert flambeau.smm(x, dense)._nnz() == 8 and flambeau.hspmm(x, dense).dense_dim() == 1
    for got in (flambeau.smm(x, dense), flambeau.hspmm(x, dense), flambeau.sspaddmm(y, x, dense, beta=0)):
        assert_close(got.to_dense(), DENSE @ dense)
    assert_close(flambeau.saddmm(y, x, dense, alpha=2).to_dense(), 1 + 2 * (DENSE @ dense))
    sampled = flambeau.sparse.sampled_addmm(DENSE.to_sparse_csr(), DENSE, DENSE.t() @ DENSE, beta=2)
    assert_close(sampled.to_dense(), (2 * DENSE + DENSE @ DENSE.t() @ DENSE) * (DENSE != 0))


@pytest.mark.parametrize("how", ["sum", "prod", "amax", "amin"])
def test_masked_reductions_are_over_the_mask(how):
    reduce, mask = getattr(flambeau.masked, how), flambeau.tensor([[True, True, False], [True, False, True]])
    for dim in (None, 0, 1, (0, 1)):
        for keepdim in (False, True):
            wanted = reduce(DENSE, dim, mask=mask, keepdim=keepdim)
            for given in (mask, mask.to_sparse()):
                got = reduce(DENSE.to_sparse(), dim, mask=given, keepdim=keepdim)
                assert got.is_sparse
                assert_close(got.to_dense(), wanted)
    assert flambeau.masked.sum(DENSE.to_sparse(), 0).values().tolist() == [2.0, 1.0, 3.0]
    if how != "sum":
        with pytest.raises(ValueError, match="mask"):
            reduce(DENSE.to_sparse())


def test_sizes_change_in_place():
    x = DENSE.to_sparse()
    assert x.sparse_resize_((3, 4), 2, 0) is x and x.shape == (3, 4) and x._nnz() == 3
    with pytest.raises(RuntimeError, match="shrinking"):
        x.sparse_resize_((2, 2), 2, 0)
    assert x.sparse_resize_and_clear_((2, 2, 2), 1, 2)._nnz() == 0 and x.values().shape == (0, 2, 2)
    y = DENSE.to_sparse_csr()
    assert y.t_() is y and y.layout is flambeau.sparse_csc and y.shape == (3, 2)
