"""Where tensors lie in memory: strides, offsets, formats and what shares what.  The texts were printed by PyTorch 2.13."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau

# x is arange(12.) of shape (3, 4), y arange(120.) of shape (2, 3, 4, 5)
PRINTED = [
    ('x.as_strided((2, 2), (1, 2), 1)', 'tensor([[1., 3.],\n        [2., 4.]])'),
    ('x.as_strided((3, 3), (0, 1))', 'tensor([[0., 1., 2.],\n        [0., 1., 2.],\n        [0., 1., 2.]])'),
    ('x[1:].as_strided((2, 2), (1, 1))', 'tensor([[4., 5.],\n        [5., 6.]])'),
    ('x[1:].storage_offset()', '4'),
    ('x[1:, 2].storage_offset()', '6'),
    ('x.t().clone().stride()', '(1, 4)'),
    ('x.t().contiguous().stride()', '(3, 1)'),
    ('x[:, ::2].clone().stride()', '(2, 1)'),
    ('x.expand(2, 3, 4).clone().stride()', '(12, 4, 1)'),
    ('torch.empty_like(x.t()).stride()', '(1, 4)'),
    ('torch.zeros_like(x.t()).stride()', '(1, 4)'),
    ('torch.ones_like(x.t(), memory_format=torch.contiguous_format).stride()', '(3, 1)'),
    ('x.t().double().stride()', '(1, 4)'),
    ('x.t().double(memory_format=torch.contiguous_format).stride()', '(3, 1)'),
    ('(x.t() + 1).stride()', '(1, 4)'),
    ('(x.t() * x.t()).stride()', '(1, 4)'),
    ('x.t().exp().stride()', '(1, 4)'),
    ('x.t().to(torch.float64, copy=True).stride()', '(1, 4)'),
    ('y.contiguous(memory_format=torch.channels_last).stride()', '(60, 1, 15, 3)'),
    ('y.to(memory_format=torch.channels_last).is_contiguous(memory_format=torch.channels_last)', 'True'),
    ('y.to(memory_format=torch.channels_last).is_contiguous()', 'False'),
    ('y.is_contiguous(memory_format=torch.channels_last)', 'False'),
    ('y.clone(memory_format=torch.channels_last).stride()', '(60, 1, 15, 3)'),
    ('y.contiguous(memory_format=torch.channels_last).clone().stride()', '(60, 1, 15, 3)'),
    ('y.contiguous(memory_format=torch.channels_last).contiguous().stride()', '(60, 20, 5, 1)'),
    ('y.contiguous(memory_format=torch.channels_last).dim_order()', '(0, 2, 3, 1)'),
    ('torch.empty(2, 3, 4, 5, memory_format=torch.channels_last).stride()', '(60, 1, 15, 3)'),
    ('torch.empty(2, 3, 4, 5, 6, memory_format=torch.channels_last_3d).stride()', '(360, 1, 90, 18, 3)'),
    ('torch.zeros(1, 1, 2, 2).is_contiguous(memory_format=torch.channels_last)', 'True'),
    ('torch.empty_strided((2, 3), (1, 2)).stride()', '(1, 2)'),
    ('torch.empty_permuted((2, 3, 5), (0, 2, 1)).stride()', '(15, 1, 3)'),
    ('x.new_empty_strided((2, 2), (3, 1)).stride()', '(3, 1)'),
    ('x.layout', 'torch.strided'),
    ('x.contiguous() is x', 'True'),
    ('x.untyped_storage().nbytes()', '48'),
    ('x[1:].untyped_storage().data_ptr() == x.data_ptr()', 'True'),
    ('x.t().is_set_to(x.t())', 'True'),
    ('x.is_set_to(x.t())', 'False'),
    ('torch.as_strided_scatter(x, torch.zeros(2), (2,), (5,))',
     'tensor([[ 0.,  1.,  2.,  3.],\n        [ 4.,  0.,  6.,  7.],\n        [ 8.,  9., 10., 11.]])'),
    ('torch.arange(4).resize_(2, 2)', 'tensor([[0, 1],\n        [2, 3]])'),
    ('torch.arange(4).resize_(3)', 'tensor([0, 1, 2])'),
    ('torch.arange(6).resize_(2, 3).t().resize_(2).stride()', '(1,)'),
    ('torch.zeros(2, 3).resize_as_(torch.ones(3, 2)).shape', 'torch.Size([3, 2])'),
    ('torch.arange(5).unfold(0, 3, 1)', 'tensor([[0, 1, 2],\n        [1, 2, 3],\n        [2, 3, 4]])'),
    ('torch.tensor(3).unfold(0, 1, 1)', 'tensor([3])'),
    ('torch.unfold_copy(torch.arange(5), 0, 2, 2)', 'tensor([[0, 1],\n        [2, 3]])'),
    ('torch.t_copy(x).stride()', '(3, 1)'),
    ('torch.unbind_copy(torch.tensor([[1, 2], [3, 4]]))', '(tensor([1, 2]), tensor([3, 4]))'),
    ('torch.msort(torch.tensor([[3, 1], [2, 5]]))', 'tensor([[2, 1],\n        [3, 5]])'),
    ('x.squeeze().stride(), x[None].stride(), x.view(2, 6).stride(), x.diagonal().stride(), x.expand(2, 3, 4).stride(), x[::2].stride()',
     '((4, 1), (12, 4, 1), (6, 1), (5,), (0, 4, 1), (8, 1))'),
    ('x.reshape(12).data_ptr() == x.data_ptr()', 'True'),
    ('x.t().reshape(12).data_ptr() == x.data_ptr()', 'False'),
    ('x.flatten().data_ptr() == x.data_ptr()', 'True'),
    ('x.narrow(1, 1, 2).data_ptr() - x.data_ptr()', '4'),
    ('x.double(memory_format=torch.preserve_format).dtype', 'torch.float64'),
    ('x.bfloat16().stride()', '(4, 1)'),
]


@pytest.mark.parametrize(("expression", "text"), PRINTED)
def test_as_pytorch(expression, text):
    names = {
        "torch": flambeau, "x": flambeau.arange(12.0).reshape(3, 4), "y": flambeau.arange(120.0).reshape(2, 3, 4, 5),
    }  # fmt: skip
    assert str(eval(expression, names)) == text.replace("torch.", "flambeau.")  # noqa: S307  a table of our own


@pytest.mark.parametrize("make", [
    lambda x: flambeau.as_strided(x, (4, 3), (1, 1)),
    lambda x: flambeau.as_strided(x[1:], (2, 2), (2, 1), 1),
    lambda x: flambeau.as_strided(x.reshape(2, 3).t(), (2, 2), (3, 1), 1),
    lambda x: flambeau.as_strided_scatter(x, x[:2] * 3, (2,), (4,), 1),
    lambda x: x.reshape(1, 2, 3, 1).contiguous(memory_format=flambeau.channels_last),
    lambda x: x.reshape(2, 3).t().clone(),
])  # fmt: skip
def test_gradients(make):
    x = flambeau.arange(6, dtype=flambeau.float64).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda t: make(t * 1) ** 2, (x,))
    assert flambeau.autograd.gradgradcheck(lambda t: make(t * 1) ** 2, (x,))


def test_expanded_inputs_share_their_gradient():
    x = flambeau.ones(1, dtype=flambeau.float64, requires_grad=True)
    (g,) = flambeau.autograd.grad(x.expand(3).as_strided((2,), (0,)).sum(), x)
    assert g.tolist() == [2.0]


def test_a_view_by_strides_is_written_through():
    x = flambeau.zeros(6)
    x.as_strided((2, 2), (3, 1), 1).fill_(1.0)
    assert x.tolist() == [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    w = flambeau.zeros(6, requires_grad=True)
    y = w * 2
    y.as_strided((3,), (2,)).mul_(5.0)
    y.sum().backward()
    assert w.grad.tolist() == [10.0, 2.0, 10.0, 2.0, 10.0, 2.0]


def test_casts_to_half_and_bfloat16_keep_the_graph():
    x = flambeau.ones(3, requires_grad=True)
    for kind in (flambeau.bfloat16, flambeau.float16):
        (g,) = flambeau.autograd.grad((x.to(kind) * 2).sum(), x)
        assert g.dtype is flambeau.float32 and g.tolist() == [2.0, 2.0, 2.0]


def test_resizing_keeps_what_is_there():
    x = flambeau.arange(3)
    x.resize_(5)
    assert x.shape == (5,) and x[:3].tolist() == [0, 1, 2]
    y = flambeau.zeros(2, 3, 4, 4).resize_(2, 4, 3, 2, memory_format=flambeau.channels_last)
    assert y.is_contiguous(memory_format=flambeau.channels_last)


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda x: x.as_strided((2,), (1, 2)), RuntimeError, "mismatch in length"),
    (lambda x: x.as_strided((5, 5), (4, 1)), RuntimeError, "out of bounds for storage"),
    (lambda x: x.as_strided((2,), (-1,)), RuntimeError, "Negative strides"),
    (lambda x: x.as_strided((2,), (1,), -3), RuntimeError, "invalid storage offset"),
    (lambda x: x.as_strided_scatter(x, (2,), (1,)), RuntimeError, "size equal to the slice"),
    (lambda x: x.contiguous(memory_format=flambeau.channels_last), RuntimeError, "required rank 4"),
    (lambda x: x.contiguous(memory_format=flambeau.preserve_format), RuntimeError, "unsupported"),
    (lambda x: x.to(memory_format="channels_last"), TypeError, "memory_format"),
    (lambda x: flambeau.empty_permuted((2, 3), (0, 0)), RuntimeError, "Duplicate"),
    (lambda x: flambeau.empty_permuted((2, 3), (0,)), RuntimeError, "does not match"),
    (lambda x: flambeau.empty_strided((2, 3), (1,)), RuntimeError, "dimensionality"),
    (lambda x: x.requires_grad_().resize_(2), RuntimeError, "require grad"),
    (lambda x: x.resize_(-1), RuntimeError, "negative dimension"),
])  # fmt: skip
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call(flambeau.zeros(3, 4))


def test_strides_over_memory_that_another_dtype_owns():
    x = flambeau.from_numpy(np.arange(6, dtype=np.float32).view(np.uint8)).view(flambeau.float32)
    assert x[1:].as_strided((2, 2), (2, 1), 1).tolist() == [[1, 2], [3, 4]]
