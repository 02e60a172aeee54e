"""Tensors that carry their mask.  Printed as PyTorch 2.13 prints them."""
from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import nn
from flambeau.masked import MaskedTensor, as_masked_tensor, is_masked_tensor, masked_tensor
from flambeau.masked.maskedtensor.rules import BINARY, UNARY, WRITERS

DATA = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
MASK = [[True, False, False], [False, True, False]]


def masked(requires_grad=False, data=DATA, mask=MASK):
    return masked_tensor(flambeau.tensor(data), flambeau.tensor(mask), requires_grad)


def parts(x):
    """The elements that are in, and the mask."""
    assert is_masked_tensor(x)
    return x.get_data().detach()[x.get_mask()].tolist(), x.get_mask().tolist()


def test_printing():
    text = "MaskedTensor(\n  [\n    [  0.0000,       --,       --],\n    [      --,   4.0000,       --]\n  ]\n)"
    assert repr(masked()) == str(masked(True)) == text
    assert repr(masked(data=[1, 20], mask=[True, False])) == "MaskedTensor(\n  [1,       --]\n)"
    assert repr(masked(data=3.0, mask=False)) == "MaskedTensor(--, False)"
    assert repr(masked(data=True, mask=True)) == "MaskedTensor(True, True)"
    assert repr(masked().to_sparse()) == repr(masked()) and f"{masked().sum()}" == "MaskedTensor(  4.0000, True)"


def test_what_it_is():
    x = masked(True)
    assert x.shape == (2, 3) and x.dtype is flambeau.float32 and x.requires_grad and x.is_leaf and x.grad_fn is None and len(x) == 2
    assert x.layout is flambeau.strided and not x.is_sparse and x.is_contiguous() and not x.t().is_contiguous()
    assert x.t().contiguous().is_contiguous() and x.exp().grad_fn is not None and x.detach().requires_grad is False
    assert x.to_tensor(9).tolist() == [[0, 9, 9], [9, 4, 9]] and isinstance(x, MaskedTensor) and not is_masked_tensor(x.get_data())
    assert x.sum().item() == 4.0 and bool(x.sum() > 3) and x.double().dtype is flambeau.float64 and x.to(flambeau.float16).sum().item() == 4
    for again in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone()):  # noqa: S301
        assert parts(again) == parts(x) and again is not x and again.requires_grad
    with pytest.raises(ValueError, match="masked out"):
        x[0, 1].item()


@pytest.mark.parametrize(("data", "mask", "error", "words"), [
    (0, flambeau.tensor(True), TypeError, "data must be a Tensor"), (masked(), flambeau.tensor(MASK), TypeError, "data must be a Tensor"),
    (flambeau.ones(2), masked(), TypeError, "mask must be a Tensor"),
    (flambeau.ones(2), flambeau.ones(2), TypeError, "mask must have dtype bool"),
    (flambeau.ones(2), flambeau.ones(3) > 0, ValueError, r"data.size\(\) must equal mask.size\(\)"),
    (flambeau.ones(2), flambeau.ones(2, 1) > 0, ValueError, r"data.dim\(\) must equal mask.dim\(\)"),
    (flambeau.ones(2).to_sparse(), flambeau.ones(2) > 0, TypeError, "same layout"),
    (flambeau.ones(2).to(flambeau.bfloat16), flambeau.ones(2) > 0, TypeError, "bfloat16 is not supported"),
])  # fmt: skip
def test_parts_that_do_not_go_together(data, mask, error, words):
    with pytest.raises(error, match=words):
        masked_tensor(data, mask)


def test_unary_functions_and_their_writers():
    pytest.importorskip("scipy", reason="some special functions of the table need SciPy")
    mask = flambeau.rand(3, 4) > 0.5
    data = flambeau.rand(3, 4) * 0.4 + 0.1
    for name in sorted(UNARY):
        special = {"bitwise_not": flambeau.randint(1, 50, (3, 4)), "logical_not": data > 0.3, "acosh": data + 1, "arccosh": data + 1}
        given = special.get(name, data)
        rest = (2.0,) if name == "pow" else (0.2, 0.3) if name in ("clamp", "clip") else ()
        expected = getattr(flambeau, name)(given, *rest)
        for found in (getattr(flambeau, name)(masked_tensor(given, mask), *rest), getattr(masked_tensor(given, mask), name)(*rest)):
            assert flambeau.equal(found.get_data(), expected) and flambeau.equal(found.get_mask(), mask), name
        if name not in WRITERS | {"logical_not"}:
            x = masked_tensor(given, mask)
            assert getattr(x, name + "_")(*rest) is x and flambeau.equal(x.get_data(), expected), name


def test_binary_functions_and_their_writers():
    mask = flambeau.rand(3, 4) > 0.5
    floats, ints = (flambeau.rand(3, 4) + 1, flambeau.rand(3, 4) + 1), (flambeau.randint(1, 9, (3, 4)), flambeau.randint(1, 4, (3, 4)))
    for name in sorted(BINARY):
        a, b = ints if "bitwise" in name else floats
        expected = getattr(flambeau, name)(a, b)
        x, y = masked_tensor(a, mask), masked_tensor(b, mask)
        for found in (getattr(flambeau, name)(x, y), getattr(x, name)(b), getattr(flambeau, name)(a, y)):
            assert flambeau.equal(found.get_data(), expected) and flambeau.equal(found.get_mask(), mask), name
        if expected.dtype is a.dtype and name not in WRITERS and hasattr(x, name + "_"):
            assert getattr(x, name + "_")(y) is x and flambeau.equal(x.get_data(), expected), name


def test_operators_meet_numbers_tensors_and_masks():
    x = masked()
    assert parts(1 + x)[0] == parts(x + 1)[0] == [1.0, 5.0] and parts(1 / (x + 1))[0] == [1.0, flambeau.tensor(0.2).item()]
    assert parts(x > 1)[0] == [False, True] and parts(x == x)[0] == [True, True]
    assert parts(-x)[0] == [0.0, -4.0] and parts(x**2)[0] == [0.0, 16.0]
    assert parts(x + flambeau.ones(3))[0] == [1.0, 5.0] and parts(~(x > 1))[0] == [True, False]
    for wrong, error, words in (
        (lambda: x + masked(mask=[[False, True, True], [True, False, True]]), ValueError, "Input masks must match"),
        (lambda: x.add(x, alpha=2), ValueError, "len"), (lambda: flambeau.round(x, decimals=1), ValueError, "len"),
        (lambda: flambeau.clamp(x, x.get_data(), x.get_data()), TypeError, "additional Tensor arguments"),
        (lambda: x @ x.t(), TypeError, "matmul is not implemented for MaskedTensor"),
        (lambda: x.max(), TypeError, "max is not implemented"),
        (lambda: nn.functional.linear(x, x.get_data()), TypeError, "linear"),
        (lambda: x.tolist(), RuntimeError, "not supported for tensor sub"),
        (lambda: x.numpy(), RuntimeError, "not supported"), (lambda: x.__setitem__(0, 1.0), TypeError, "setitem"),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            wrong()


@pytest.mark.parametrize(("name", "whole", "rows", "columns"), [
    ("sum", 4.0, [0.0, 4.0], [0.0, 4.0]), ("mean", 2.0, [0.0, 4.0], [0.0, 4.0]), ("amax", 4.0, [0.0, 4.0], [0.0, 4.0]),
    ("amin", 0.0, [0.0, 4.0], [0.0, 4.0]), ("prod", 0.0, [0.0, 4.0], [0.0, 4.0]), ("argmax", 4.0, [0.0, 1.0], [0.0, 1.0]),
    ("argmin", 0.0, [0.0, 1.0], [0.0, 1.0]), ("norm", 4.0, None, None), ("std", 8.0**0.5, None, None), ("var", 8.0, None, None),
])  # fmt: skip
def test_reductions(name, whole, rows, columns):
    x = masked()
    assert parts(getattr(x, name)()) == ([pytest.approx(whole)], True) and parts(getattr(flambeau, name)(x))[0] == [pytest.approx(whole)]
    if rows is not None:
        assert parts(getattr(x, name)(1)) == (rows, [True, True])
        assert parts(getattr(flambeau, name)(x, 0)) == (columns, [True, True, False])
        assert getattr(x, name)(1, keepdim=True).shape == (2, 1)


def test_truth_and_what_goes_along_an_axis():
    x = masked(data=[[True, False], [False, True]], mask=[[True, False], [True, True]])
    assert parts(x.all()) == ([False], True) and parts(x.any(0)) == ([True, True], [True, True]) and parts(x.all(1))[0] == [True, False]
    assert parts(x._is_any_true())[0] == [True]
    with pytest.raises(ValueError, match="expected a boolean tensor"):
        masked()._is_any_true()
    y = masked(data=[[1.0, 9.0, 1.0]], mask=[[True, False, True]])
    assert parts(y.softmax(1))[0] == [0.5, 0.5] and parts(y.cumsum(1))[0] == [1.0, 2.0] and parts(flambeau.log_softmax(y, 1))[0][0] < 0
    assert flambeau.masked.sum(y, 1).tolist() == [2.0]
    assert flambeau.masked.sum(y, mask=flambeau.tensor([[True, True, False]])).item() == 10.0


def test_views_take_data_and_mask():
    x = masked()
    for call in (lambda t: t[0], lambda t: t[:, 1], lambda t: t.t(), lambda t: t.view(6), lambda t: t.reshape(3, 2),
                 lambda t: t.unsqueeze(0),
                 lambda t: flambeau.cat([t, t]), lambda t: flambeau.stack([t, t]), lambda t: t.split(1)[1], lambda t: t.expand(2, 2, 3),
                 lambda t: t.unfold(1, 2, 1), lambda t: t.flatten(), lambda t: t.permute(1, 0), lambda t: t.T,
                 lambda t: t.chunk(2)[0]):  # fmt: skip
        found = call(x)
        assert flambeau.equal(found.get_data(), call(x.get_data())) and flambeau.equal(found.get_mask(), call(x.get_mask()))
    assert parts(flambeau.where(x.get_mask(), x, flambeau.zeros(2, 3)))[1] == [[True] * 3] * 2
    assert parts(flambeau.ones_like(x)) == ([1.0, 1.0], MASK) and flambeau.zeros_like(x).get_mask() is x.get_mask()


def test_gradients_are_masked():
    x = masked(True)
    x.mean().backward()
    assert parts(x.grad) == ([0.5, 0.5], MASK)
    x.grad = None
    (x * x).exp().sum(1).sum().backward()
    assert parts(x.grad)[0] == pytest.approx([0.0, 8 * flambeau.tensor(16.0).exp().item()])
    nans = masked(True, data=[[2.0, float("nan")], [3.0, 4.0]], mask=[[True, False], [True, True]])
    nans.prod().backward()
    assert parts(nans.grad)[0] == [12.0, 8.0, 6.0]
    (grad,) = flambeau.autograd.grad(nans.sum(), nans)
    assert grad.get_data().tolist() == [[1.0, 0.0], [1.0, 1.0]]
    with pytest.raises(RuntimeError, match="does not require grad"):
        masked().sum().backward()
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        masked(True, data=[1, 2], mask=[True, True])


def test_as_masked_tensor_stays_in_the_graph():
    leaf = flambeau.tensor(DATA, requires_grad=True)
    x = as_masked_tensor(leaf, flambeau.tensor(MASK))
    x.mean().backward()
    assert parts(leaf.grad) == ([0.5, 0.5], MASK) and not x.is_leaf
    with pytest.warns(UserWarning, match="not a leaf"):
        assert x.grad is None
    with pytest.warns(UserWarning, match="It is not recommended"):
        apart = masked_tensor(leaf, flambeau.tensor(MASK))
    assert not apart.requires_grad


def test_sparse_data():
    x = masked()
    for made in (x.to_sparse(), x.to_sparse_csr()):
        assert made.is_sparse and parts(made.to_dense())[0] == [0.0, 4.0] and made._nnz() == 2 if hasattr(made, "nnz") else True
        assert parts((made.exp() + made).to_dense())[0] == pytest.approx([1.0, flambeau.tensor(4.0).exp().item() + 4])
        assert made.sum().item() == 4.0 and made.amax().item() == 4.0 and made.mean().item() == 2.0
        assert made.argmax().item() == 4.0
        with pytest.raises(TypeError, match="along dim"):
            made.sum(0)
        with pytest.raises(ValueError, match="do not have is_contiguous"):
            made.is_contiguous()
    with pytest.raises(TypeError, match="sparse_csc is not supported"):
        masked_tensor(flambeau.ones(2, 2).to_sparse_csc(), (flambeau.ones(2, 2) > 0).to_sparse_csc())
    with pytest.raises(ValueError, match="do not have the same indices"):
        masked_tensor(flambeau.tensor([1.0, 0.0]).to_sparse(), flambeau.tensor([False, True]).to_sparse())
