"""Corners of ops: what PyTorch 2.13 printed, or the error that it raised."""

from __future__ import annotations

import math

import pytest

import flambeau as t

T, F = t.tensor, t.nn.functional
z = T([math.nan, math.inf, -math.inf, -0.0, 0.0, -1.0, 2.0])
TABLE = [
    ('t.sign(z)', 'tensor([ 0.,  1., -1.,  0.,  0., -1.,  1.])'),
    ('t.sgn(z)', 'tensor([ 0.,  1., -1.,  0.,  0., -1.,  1.])'),
    ('t.angle(z)', 'tensor([   nan, 0.0000, 3.1416, 0.0000, 0.0000, 3.1416, 0.0000])'),
    ('F.threshold(z, 0.1, -9.0)', 'tensor([nan, inf, -9., -9., -9., -9.,  2.])'),
    ('t.add(2.0, 3.0)', 'tensor(5.)'),
    ('t.mul(2, 3)', 'tensor(6)'),
    ('t.sub(2, 3.0)', 'tensor(-1.)'),
    ('t.div(2, 3)', 'tensor(0.6667)'),
    ("t.div(7, 2, rounding_mode='trunc')", 'tensor(3)'),
    ('t.floor_divide(5.0, T([2.0, 3.0]))', 'tensor([2., 1.])'),
    ('t.special.chebyshev_polynomial_t(2.0, T([1, 2]))', 'tensor([2., 7.])'),
    ("F.multi_margin_loss(T([0.1, 0.2, 0.3]), T([1]), reduction='none')", 'tensor([0.6667])'),
    ("F.multi_margin_loss(T([0.1, 0.2, 0.3]), T(1), reduction='none')", 'tensor(0.6667)'),
    ('t.all(T([1, 2], dtype=t.uint8))', 'tensor(1, dtype=uint8)'),
    ('t.any(T([[0, 2]], dtype=t.uint8), 1)', 'tensor([1], dtype=uint8)'),
    ('T([[1, 0]], dtype=t.uint8).all(1, keepdim=True)', 'tensor([[0]], dtype=uint8)'),
    ('t.all(T([True, False]))', 'tensor(False)'),
    ("t.einsum('i->', T([1, 2], dtype=t.int16)).dtype", 'int64'),
    ("t.einsum('i,i->', T([1, 2], dtype=t.int16), T([1, 2], dtype=t.int16)).dtype", 'int16'),
    ("t.einsum('i,j->i', T([1], dtype=t.int8), T([1], dtype=t.int8)).dtype", 'int8'),
    ("t.einsum('ij->ji', T([[1]], dtype=t.int8)).dtype", 'int8'),
    ('t.trapz(T([[200, 100, 5]], dtype=t.uint8))', 'tensor([202.5000])'),
    ('t.trapz(T([[2, 5, 5], [9, 3, 1]], dtype=t.uint8), T([[5, 2, 9], [9, 3, 1]], dtype=t.uint8))', 'tensor([152.5000, 216.0000])'),
    ('t.trapz(T([1, 2, 4]), dx=2)', 'tensor(9.)'),
    ('t.trapz(T([1.0, 2.0, 4.0]), T([0.0, 1.0, 3.0]))', 'tensor(7.5000)'),
    ('t.masked.cumsum(T([1, 2], dtype=t.int16), 0, mask=T([True, False]))', 'tensor([1, 1], dtype=int16)'),
    ('t.masked.cumprod(T([1, 2], dtype=t.int8), 0)', 'tensor([1, 2], dtype=int8)'),
    ('t.unravel_index(T([3], dtype=t.int8), (2, 2))', '(tensor([1]), tensor([1]))'),
    ('T([1.256, 12.3]).round_(decimals=1)', 'tensor([ 1.3000, 12.3000])'),
    ('t.full_like(T([1], dtype=t.uint8), -9)', 'tensor([247], dtype=uint8)'),
    ('t.full((1,), -9, dtype=t.uint8)', 'tensor([247], dtype=uint8)'),
    ('T([1], dtype=t.uint8).fill_(-255)', 'tensor([1], dtype=uint8)'),
    ('T([1], dtype=t.uint8).fill_(300)', 'RuntimeError'),
    ('T([1], dtype=t.int8).fill_(200)', 'RuntimeError'),
    ('t.full_like(T([1], dtype=t.int8), -129)', 'RuntimeError'),
    ('T([1], dtype=t.uint8).fill_(-300)', 'RuntimeError'),
    ('F.bilinear(T([1, 2], dtype=t.int16), T([1, 2], dtype=t.int16), T([[[1, 1], [1, 1]]], dtype=t.int16)).dtype', 'int16'),
    ('F.rms_norm(T([300.0, 400.0], dtype=t.float16), (2,))', 'tensor([0.8486, 1.1318], dtype=float16)'),
    ('t.tensordot(T([[-1]], dtype=t.int16), T([[-1], [1]], dtype=t.int16), dims=([0], [0])).dtype', 'int16'),
    ('t.linspace(0.1, 3.7, 7)', 'tensor([0.1000, 0.7000, 1.3000, 1.9000, 2.5000, 3.1000, 3.7000])'),
    ('t.linspace(-3, 8, 5, dtype=t.int32)', 'tensor([-3,  0,  2,  5,  8], dtype=int32)'),
    ('t.ravel(t.arange(8.0)[::2]).stride()', '(1,)'),
    ('t.arange(8.0)[::2].reshape(-1).stride()', '(2,)'),
    ('t.arange(24.0).reshape(2, 3, 4)[:, [0, 2]].stride()', '(8, 4, 1)'),
    ('t.arange(2.0).repeat(2, 1, 1, 2).stride()', '(4, 4, 4, 1)'),
    ('t.tile(T(1.0), (2, 3)).stride()', '(3, 1)'),
    ("t.t_copy(t.arange(6).reshape(2, 3)).stride()", '(2, 1)'),
    ('t.transpose_copy(t.arange(6).reshape(2, 3), 0, 1).stride()', '(2, 1)'),
    ('t.permute_copy(t.zeros(2, 3, 4), (2, 0, 1)).stride()', '(6, 3, 1)'),
    ('F.unfold(t.zeros(2, 3, 5, 5), (2, 3)).stride()', '(216, 12, 1)'),
    ('F.adaptive_avg_pool2d(t.zeros(1, 8, 4, 3), (5, None)).stride()', '(120, 15, 3, 1)'),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "told"), TABLE)
def test_as_printed_by_pytorch(expression, told):
    names = {"t": t, "T": T, "F": F, "z": z}
    if told.isidentifier() and told.endswith("Error"):
        with pytest.raises(RuntimeError):
            eval(expression, names)  # noqa: S307
        return
    assert str(eval(expression, names)).replace("flambeau.", "") == told  # noqa: S307


def test_a_quotient_that_is_cut_off_has_no_slope():
    x = T([1.0, 2.0], requires_grad=True)
    x.div(T([0.0, 0.5]), rounding_mode="trunc").nan_to_num(posinf=0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
