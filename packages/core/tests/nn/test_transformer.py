"""Transformers: PyTorch's numbers, masks, what its fast path leaves out, and what is refused."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import flambeau
from flambeau import nn

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")

# printed by PyTorch 2.13 for `run` below: the first row of the result
PYTORCH = [
    ({}, [0.99626, -0.91354, -1.05003, -0.01925, -0.70347, 0.98609, 1.64713, -0.9432]),
    ({"norm_first": True}, [1.22895, -0.96544, -0.9961, -0.62496, -0.40421, 1.03944, 1.5166, -0.79429]),
    ({"batch_first": True, "activation": "gelu", "bias": False},
     [-1.34504, -0.97107, 0.40401, 1.47824, -0.09081, 1.50526, -0.75916, -0.22144]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), PYTORCH)
def test_same_numbers_as_pytorch_in_training(options, expected):
    flambeau.manual_seed(5)
    model = nn.Transformer(8, 2, 1, 2, 16, dropout=0.25, **options)
    source, target = flambeau.randn(4, 3, 8), flambeau.randn(4, 3, 8)
    length = target.shape[1 if options.get("batch_first") else 0]
    out = model(source, target, tgt_mask=model.generate_square_subsequent_mask(length))
    np.testing.assert_allclose(out[0, 0].detach().numpy(), expected, atol=2e-5)


def small(**options):
    flambeau.manual_seed(0)
    return nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True, **options)


def test_with_a_causal_mask_the_future_does_not_matter():
    model = small()
    source, target = flambeau.randn(1, 3, 8), flambeau.randn(1, 4, 8)
    mask = model.generate_square_subsequent_mask(4)
    later = target.clone()
    later[:, 2:] += 1
    a, b = model(source, target, tgt_mask=mask), model(source, later, tgt_mask=mask)
    flambeau.testing.assert_close(a[:, :2], b[:, :2])
    assert not flambeau.allclose(a[:, 2:], b[:, 2:])
    flambeau.testing.assert_close(model(source, target, tgt_mask=mask == float("-inf")), a)


def test_a_padded_batch_is_each_sequence_alone():
    model = small()
    source, target = flambeau.randn(2, 5, 8), flambeau.randn(2, 3, 8)
    padding = flambeau.tensor([[False] * 3 + [True] * 2, [False] * 5])
    out = model(source, target, src_key_padding_mask=padding, memory_key_padding_mask=padding)
    flambeau.testing.assert_close(out[0], model(source[0, :3], target[0]))


def test_the_encoder_gives_zeros_at_padded_places_without_gradients():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    x, padding = flambeau.randn(1, 3, 8), flambeau.tensor([[False, False, True]])
    with flambeau.no_grad():
        quick = encoder(x, src_key_padding_mask=padding)
        left = encoder(x, src_key_padding_mask=padding.flip(1))
    slow = encoder(x, src_key_padding_mask=padding)
    flambeau.testing.assert_close(quick[:, :2], slow[:, :2].detach())
    assert quick[0, 2].abs().sum() == 0
    assert slow[0, 2].abs().sum() > 0
    assert left[0, 0].abs().sum() > 0


def test_the_encoder_says_why_it_is_not_fast():
    with pytest.warns(UserWarning, match="norm_first was True"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, norm_first=True, batch_first=True), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, batch_first=True), 1)


def test_custom_parts_take_their_places():
    class Sum(nn.Module):
        def forward(self, tgt, memory, **_masks):
            return tgt + memory.sum()

    model = small(custom_decoder=Sum())
    assert model(flambeau.ones(1, 2, 8), flambeau.ones(1, 3, 8)).shape == (1, 3, 8)


def test_mistakes_are_named():
    model = small()
    with pytest.raises(RuntimeError, match="batch number"):
        model(flambeau.zeros(2, 3, 8), flambeau.zeros(1, 3, 8))
    with pytest.raises(RuntimeError, match="feature number"):
        model(flambeau.zeros(1, 3, 8), flambeau.zeros(1, 3, 7))
    with pytest.raises(RuntimeError, match="relu/gelu"):
        nn.TransformerDecoderLayer(8, 2, activation="tanh")


def test_dropout_draws_in_the_order_of_memory():
    x = flambeau.ones(3, 4).T
    flambeau.manual_seed(0)
    assert nn.functional.dropout(x, 0.5).int().tolist() == [[0, 0, 0], [0, 0, 2], [2, 2, 2], [0, 2, 2]]  # printed by PyTorch
