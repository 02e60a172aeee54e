"""Compressed sparse tensors: with batches, blocks and dense axes, against the dense result."""
import itertools

import pytest

import flambeau
from flambeau.testing import assert_close

COMPRESSED = [flambeau.sparse_csr, flambeau.sparse_csc, flambeau.sparse_bsr, flambeau.sparse_bsc]
BLOCKS = COMPRESSED[2:]


def dense(batch=(), axes=()):
    """As many values that are not zero, and blocks of (1, 2), in each matrix of the batch."""
    x = flambeau.tensor([[0.0, 1.0, 0.0, 0.0], [2.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    x = flambeau.stack([x, x.flip(0)]) if batch else x
    return x.reshape(*x.shape, *(1,) * len(axes)) * (1 + flambeau.arange(6.0)[:axes[0]]) if axes else x


def sparse(x, layout, axes=()):
    return x.to_sparse(layout=layout, blocksize=(1, 2) if layout in BLOCKS else None, dense_dim=len(axes))


@pytest.mark.parametrize("layout", COMPRESSED)
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("axes", [(), (3,)])
def test_there_and_back(layout, batch, axes):
    x = dense(batch, axes).requires_grad_()
    y = sparse(x, layout, axes)
    assert y.layout is layout and y.sparse_dim() == 2 and y.dense_dim() == len(axes) and y._nnz() == 3
    assert_close(y.to_dense(), x)
    parts = y.places + (y.values(),)
    again = flambeau.sparse_compressed_tensor(*parts, y.shape, layout=layout, check_invariants=True)
    assert_close(again.to_dense(), x)
    assert_close(y.to_sparse().to_dense(), x)
    assert_close(y.transpose(-2 - len(axes), -1 - len(axes)).to_dense(), x.transpose(-2 - len(axes), -1 - len(axes)))
    assert_close((y.sin() * 2 + y).to_dense(), x.sin() * 2 + x)
    assert_close((y * y.to_dense()).to_dense(), x * x)
    y.to_dense().square().sum().backward()
    assert_close(x.grad, 2 * x.detach())


@pytest.mark.parametrize("pair", [*itertools.product(COMPRESSED, COMPRESSED)])
def test_from_one_layout_to_another(pair):
    first, second = pair
    x = dense()
    y = sparse(sparse(x, first), second)
    assert y.layout is second
    assert_close(y.to_dense(), x)
    assert_close((y @ x.t()), x @ x.t())
    square = x.t() @ x
    assert_close((y @ sparse(square, first)).to_dense(), x @ square)
    assert_close((x.t() @ y), x.t() @ x)


def test_parts_are_pytorchs():
    """The parts that PyTorch 2.13 stores for one matrix."""
    found = {layout.name: [p.tolist() for p in (*sparse(dense()[:2], layout).places, sparse(dense()[:2], layout).values())]
             for layout in COMPRESSED}
    assert found == {
        "sparse_csr": [[0, 1, 3], [1, 0, 2], [1.0, 2.0, 3.0]],
        "sparse_csc": [[0, 1, 2, 3, 3], [1, 0, 1], [2.0, 1.0, 3.0]],
        "sparse_bsr": [[0, 1, 3], [0, 0, 1], [[[0.0, 1.0]], [[2.0, 0.0]], [[3.0, 0.0]]]],
        "sparse_bsc": [[0, 2, 3], [0, 1, 1], [[[0.0, 1.0]], [[2.0, 0.0]], [[3.0, 0.0]]]]}
    x = sparse(dense()[:2], flambeau.sparse_bsr)
    assert repr(x) == (
        "tensor(crow_indices=tensor([0, 1, 3]),\n       col_indices=tensor([0, 0, 1]),\n       values=tensor([[[0., 1.]],\n\n"
        "                      [[2., 0.]],\n\n                      [[3., 0.]]]), size=(2, 4), nnz=3,\n       layout=flambeau.sparse_bsr)")
    assert x[0].layout is flambeau.sparse_coo and x[0].values().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("parts", "said"), [
    (([1, 2, 4], [0, 1, 0, 2], (2, 3)), r"`crow_indices\[..., 0\] == 0` is not satisfied"),
    (([0, 2, 5], [0, 1, 0, 2], (2, 3)), r"`crow_indices\[..., -1\] == nnz` is not satisfied"),
    (([0, 5, 4], [0, 1, 0, 2], (2, 3)), r"`0 <= crow_indices\[..., 1:\] - crow_indices\[..., :-1\] <= ncols` is not satisfied"),
    (([0, 2, 4], [0, 1, 0, 3], (2, 3)), "`0 <= col_indices < ncols` is not satisfied"),
    (([0, 2, 3, 4], [0, 1, 0, 2], (2, 3)), r"crow_indices.shape\[-1\] must be equal to the number of rows \+ 1 \(=3\), but got 4"),
    (([0, 2, 4], [0, 1, 0, 2, 2], (2, 3)), r"col_indices.shape\[-1\] must be equal to nnz \(=4\)"),
    (([0, 2, 4], [0, 1, 0, 2], (2,)), r"sum of batch, base, and dense dimensionalities \(=0 \+ 2 \+ 0\) but got 1"),
    (([0, 2, 4], [1, 0, 0, 2], (2, 3)), "are sorted and distinct along the last dimension values` is not satisfied"),
    (([[0, 2, 4]], [[0, 1, 0, 2]], (2, 3)), r"sum of batch and block dimensionalities \(=1 \+ 0\) but got 1")])
def test_wrong_parts_are_told_apart(parts, said):
    pointers, others, size = parts
    with pytest.raises(RuntimeError, match=said):
        flambeau.sparse_csr_tensor(flambeau.tensor(pointers), flambeau.tensor(others), flambeau.ones(4), size, check_invariants=True)


@pytest.mark.parametrize("call", [
    lambda x: x.to_sparse_bsr((2, 2)), lambda x: x.to_sparse_bsr((0, 2)), lambda x: x.to_sparse_csr().to_sparse(layout=flambeau.sparse_bsr),
    lambda x: flambeau.stack([x, x * (x > 2)]).to_sparse_csr(), lambda x: x[0].to_sparse_csr(), lambda x: x.to_sparse_csr(dense_dim=1),
    lambda x: flambeau.stack([x, x]).to_sparse().to_sparse_csr(), lambda x: flambeau.stack([x, x]).to_sparse_csr().select(1, 0),
    lambda x: x.to_sparse_csr().sum(0), lambda x: x.to_sparse_csr().copy_(x.to_sparse_csc()), lambda x: x.to_sparse_csr().t().resize_(5, 5),
    lambda x: x.to_sparse_csr().resize_(3, 2), lambda x: flambeau.empty_like(x.to_sparse_csr(), layout=flambeau.sparse_csc),
    lambda x: flambeau.zeros(4, layout=flambeau.sparse_csr), lambda x: flambeau.zeros(4, 4, layout=flambeau.sparse_bsr),
    lambda x: flambeau.sparse_csr_tensor([0, 1], [0], [1.0], layout=flambeau.sparse_csc)])
def test_what_is_refused(call):
    with pytest.raises(RuntimeError):
        call(dense())


def test_made_without_values():
    for layout in COMPRESSED[:2]:
        for shape in ((3, 4), (2, 3, 4)):
            x = flambeau.zeros(shape, layout=layout)
            assert x._nnz() == 0 and x.shape == shape
            assert_close(x.to_dense(), flambeau.zeros(shape))
    x = dense().to_sparse_csr()
    assert flambeau.zeros_like(x)._nnz() == 0 and flambeau.empty_like(x)._nnz() == 3
    assert flambeau.ones_like(x).values().tolist() == [1.0, 1.0, 1.0]
    assert x.clone().resize_(5, 6).shape == (5, 6) and x.clone().resize_(1, 4)._nnz() == 1
    assert flambeau.zeros(2, 3, layout=flambeau.sparse_coo).is_coalesced()


def test_batches_are_multiplied():
    x, y = dense((2,)).requires_grad_(), flambeau.arange(24.0).reshape(2, 4, 3).requires_grad_()
    z = dense((2,)).requires_grad_()
    flambeau.bmm(z.to_sparse_csr(), y).square().sum().backward()
    flambeau.bmm(x, y.detach()).square().sum().backward()
    assert_close(z.grad, x.grad * (x != 0))


def test_long_parts_are_told_in_lines_as_long_as_pytorchs():
    x = flambeau.arange(40.0).reshape(2, 20).to_sparse()
    assert repr(x.sum(0)) == """tensor(indices=tensor([[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13,
                        14, 15, 16, 17, 18, 19]]),
       values=tensor([20., 22., 24., 26., 28., 30., 32., 34., 36., 38., 40.,
                      42., 44., 46., 48., 50., 52., 54., 56., 58.]),
       size=(20,), nnz=20, layout=flambeau.sparse_coo)"""
