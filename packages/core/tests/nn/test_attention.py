"""Attention: PyTorch's numbers, masks of both kinds, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import nn

F = nn.functional


def close(found, expected):
    np.testing.assert_allclose(found.detach().numpy().ravel(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("options", "call", "output", "shape", "weights"),
    [
        ({}, {}, [0.134957, -0.053102, 0.043754], (2, 3, 5), [0.155233, 0.174548, 0.094768, 0.208236]),
        (
            {"batch_first": True},
            {"average_attn_weights": False},
            [0.205281, -0.043222, -0.08843],
            (3, 2, 2, 5),
            [0.125056, 0.165892, 0.008551, 0.172133, 0.244422, 0.197097, 0.131929],
        ),
        ({"kdim": 3, "vdim": 2}, {}, [0.131111, 0.23515, -0.055537], (2, 3, 5), [0.196618, 0.178996, 0.20277, 0.151689]),
        (
            {"add_bias_kv": True, "add_zero_attn": True},
            {},
            [-0.092819, 0.023075, -0.032526],
            (2, 3, 7),
            [0.156231, 0.29689, 0.160284, 0.145768, 0.249294],
        ),
        ({"bias": False}, {"need_weights": False}, [-0.207537, -0.017791, -0.078347], None, None),
    ],
)
def test_multihead_attention_gives_pytorchs_numbers(options, call, output, shape, weights):
    flambeau.manual_seed(0)
    attention = nn.MultiheadAttention(4, 2, **options)
    q = flambeau.randn(3, 2, 4)
    k = flambeau.randn(*((3, 5) if options.get("batch_first") else (5, 2)), options.get("kdim", 4))
    v = flambeau.randn(*k.shape[:2], options.get("vdim", 4))
    result, found = attention(q, k, v, **call)
    assert result.shape == (3, 2, 4)
    close(result.flatten()[::9], output)
    if shape is None:
        assert found is None
    else:
        assert found.shape == shape
        close(found.flatten()[::9], weights)


@pytest.fixture
def small():
    flambeau.manual_seed(0)
    return nn.MultiheadAttention(4, 2), flambeau.randn(3, 2, 4)


def masks(as_numbers):
    later = flambeau.ones(3, 3, dtype=flambeau.bool).triu(1)
    padding = flambeau.tensor([[False, False, True], [False, False, False]])
    if not as_numbers:
        return later, padding
    return tuple(flambeau.zeros(m.shape).masked_fill(m, float("-inf")) for m in (later, padding))


@pytest.mark.parametrize("as_numbers", [False, True])
def test_masks_hide_what_is_later_and_what_is_padding(small, as_numbers):
    attention, x = small
    later, padding = masks(as_numbers)
    result, weights = attention(x, x, x, attn_mask=later, key_padding_mask=padding)
    close(result.flatten()[::5], [-0.290432, -0.101392, -0.240298, 0.151316, -0.554114])
    rows = [1, 0, 0, 0.455807, 0.544193, 0, 0.489505, 0.510495, 0, 1, 0, 0, 0.430276, 0.569724, 0, 0.33869, 0.323714, 0.337597]
    close(weights, rows)
    quick, none = attention(x, x, x, attn_mask=later, key_padding_mask=padding, need_weights=False)
    assert none is None
    close(quick, result.detach().numpy().ravel())


def test_a_mask_for_each_head(small):
    attention, x = small
    later, _ = masks(False)
    each = later.unsqueeze(0).repeat(4, 1, 1)
    close(attention(x, x, x, attn_mask=each)[0], attention(x, x, x, attn_mask=later)[0].detach().numpy().ravel())


def test_no_batch_is_a_batch_of_one(small):
    attention, x = small
    result, weights = attention(x[:, 0], x[:, 0], x[:, 0])
    assert result.shape == (3, 4) and weights.shape == (3, 3)
    close(result, attention(x[:, :1], x[:, :1], x[:, :1])[0].detach().numpy().ravel())


def test_dropout_of_weights_is_for_training_only(small):
    attention, x = small
    attention.dropout = 0.9
    plain = attention.eval()(x, x, x)[0]
    dropped = attention.train()(x, x, x)[0]
    assert not flambeau.allclose(plain, dropped)


def test_every_parameter_gets_a_gradient(small):
    attention, x = small
    attention(x, x, x)[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in attention.parameters() if p is not attention.in_proj_bias)


def test_scaled_dot_product_attention_is_its_formula():
    flambeau.manual_seed(0)
    q, k, v = flambeau.randn(2, 3, 5, 4), flambeau.randn(2, 3, 6, 4), flambeau.randn(2, 3, 6, 7)
    weights = (q @ k.mT / 2).softmax(-1)
    close(F.scaled_dot_product_attention(q, k, v), (weights @ v).numpy().ravel())
    close(F.scaled_dot_product_attention(q, k, v, scale=0.1), ((q @ k.mT * 0.1).softmax(-1) @ v).numpy().ravel())
    causal = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    close(causal[..., 0, :], v[..., 0, :].numpy().ravel())
    mask = flambeau.ones(5, 6, dtype=flambeau.bool).tril()
    close(F.scaled_dot_product_attention(q, k, v, mask), causal.numpy().ravel())


@pytest.mark.parametrize("as_numbers", [False, True])
def test_a_query_that_may_look_nowhere_gets_zeros_and_no_nan(as_numbers):
    q = flambeau.randn(2, 4).requires_grad_()
    mask = flambeau.tensor([[True, False], [False, False]])
    if as_numbers:
        mask = flambeau.zeros(2, 2).masked_fill(~mask, float("-inf"))
    result = F.scaled_dot_product_attention(q, q, flambeau.ones(2, 1), mask)
    assert result.tolist() == [[1], [0]]
    result.sum().backward()
    assert q.grad.isfinite().all()


def test_groups_of_heads_share_keys():
    q, k = flambeau.randn(1, 4, 3, 2), flambeau.randn(1, 2, 3, 2)
    full = k.repeat_interleave(2, 1)
    found = F.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    close(found, F.scaled_dot_product_attention(q, full, full).numpy().ravel())


def test_an_encoder_copies_its_layer():
    flambeau.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(4), enable_nested_tensor=False)
    x = flambeau.randn(3, 1, 4)
    assert flambeau.allclose(encoder(x), encoder.norm(layer(layer(x))))
    assert encoder.layers[0].linear1.weight is not layer.linear1.weight
    padded = encoder(x, src_key_padding_mask=flambeau.tensor([[False, False, True]]))
    assert flambeau.allclose(padded[:2], encoder(x[:2]), atol=1e-6)


E, N = flambeau.zeros(3, 2, 4), flambeau.zeros(5, 2, 4)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda a: a(E[0, 0], N, N), AssertionError, "2D or batched 3D tensor but received 1-D"),
        (lambda a: a(E, N[0], N), AssertionError, "expected `key` and `value` to be 3-D but found 2-D"),
        (lambda a: a(E[..., :3], N, N), AssertionError, "embedding dimension of 4, but got 3"),
        (lambda a: a(E, N, N[:4]), AssertionError, "does not match value shape"),
        (lambda a: a(E, N, N, attn_mask=flambeau.zeros(5, 3)), RuntimeError, r"should be \(3, 5\)"),
        (lambda a: a(E, N, N, attn_mask=flambeau.zeros(2, 3, 5)), RuntimeError, r"should be \(4, 3, 5\)"),
        (lambda a: a(E, N, N, attn_mask=flambeau.zeros(3, 5, dtype=flambeau.int64)), AssertionError, "only bool and floating"),
        (lambda a: a(E, N, N, attn_mask=flambeau.zeros(3)), AssertionError, "2-D or 3-D but found 1-D"),
        (lambda a: a(E, N, N, key_padding_mask=flambeau.zeros(2)), AssertionError, "key_padding_mask` to be `None` or 2-D"),
        (lambda a: a(E, N, N, key_padding_mask=flambeau.zeros(5, 2)), AssertionError, r"shape of \(2, 5\), but got \(5, 2\)"),
        (lambda a: a(E, N, N, is_causal=True), RuntimeError, "Need attn_mask"),
        (lambda a: F.scaled_dot_product_attention(E, N, N[..., :3]), RuntimeError, "batch|broadcast|size"),
        (lambda a: F.scaled_dot_product_attention(E, E[..., :3], E), RuntimeError, r"expected query \(\*, L, E\)"),
        (lambda a: F.scaled_dot_product_attention(E, E, E.double()), RuntimeError, "same dtype"),
        (lambda a: F.scaled_dot_product_attention(E[0, 0], E, E), RuntimeError, "at least 2 axes"),
        (lambda a: F.scaled_dot_product_attention(E, E, E, flambeau.zeros(2, 2), is_causal=True), RuntimeError, "is_causal=True"),
        (lambda a: F.scaled_dot_product_attention(E, E, E, flambeau.ones(2, 2, dtype=flambeau.int64)), RuntimeError, "bool or to match"),
        (lambda a: F.scaled_dot_product_attention(E, E[:2], E[:2], enable_gqa=True), RuntimeError, "multiple of key"),
    ],
)
def test_bad_input_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call(nn.MultiheadAttention(4, 2))
