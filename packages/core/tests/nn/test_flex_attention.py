"""Attention with functions for scores and masks, block masks, causal biases."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.nn import functional as F
from flambeau.nn.attention.bias import CausalBias, CausalVariant, causal_lower_right, causal_upper_left
from flambeau.nn.attention.flex_attention import (
    AuxRequest,
    BlockMask,
    and_masks,
    create_block_mask,
    create_mask,
    flex_attention,
    noop_mask,
    or_masks,
)

F64 = flambeau.float64


def causal(b, h, q_idx, kv_idx):
    return q_idx >= kv_idx


def near(b, h, q_idx, kv_idx):
    return q_idx - kv_idx < 40


def tensors(*shapes, grad=False):
    flambeau.manual_seed(0)
    return [flambeau.randn(*shape, dtype=F64, requires_grad=grad) for shape in shapes]


@pytest.mark.parametrize("mod", [causal, near, lambda b, h, i, j: (i + h + b) % 3 == 0, lambda b, h, i, j: i > 2])
def test_it_is_attention_with_the_mask_made_whole(mod):
    q, k, v = tensors((2, 3, 20, 8), (2, 3, 30, 8), (2, 3, 30, 4), grad=True)
    mask = create_block_mask(mod, 2, 3, 20, 30, BLOCK_SIZE=8)
    slopes = flambeau.tensor([0.1, -0.2, 0.3], dtype=F64, requires_grad=True)
    output = flex_attention(q, k, v, lambda score, b, h, i, j: score * 0.5 + slopes[h] * (i - j), mask)
    found = flambeau.autograd.grad((output * output).sum(), (q, k, v, slopes))

    i, j = flambeau.arange(20).unsqueeze(1), flambeau.arange(30)
    scores = q @ k.mT / 8**0.5 * 0.5 + slopes[:, None, None] * (i - j)
    seen = create_mask(mod, 2, 3, 20, 30)
    weights = scores.masked_fill(~seen, -1e300).softmax(-1) * seen.any(-1, keepdim=True)
    expected = weights @ v
    assert flambeau.allclose(output, expected)
    for a, b in zip(found, flambeau.autograd.grad((expected * expected).sum(), (q, k, v, slopes)), strict=True):
        assert flambeau.allclose(a, b)


def test_heads_in_groups_one_batch_for_all_and_what_comes_besides():
    q, k, v = tensors((2, 4, 5, 8), (2, 2, 6, 8), (2, 2, 6, 8))
    grouped = flex_attention(q, k, v, enable_gqa=True)
    assert flambeau.allclose(grouped, F.scaled_dot_product_attention(q, k, v, enable_gqa=True))
    mask = create_block_mask(noop_mask, 2, None, 5, 6)
    shared = flex_attention(q, k[:1].repeat_interleave(2, 1), v[:1].repeat_interleave(2, 1), block_mask=mask)
    assert flambeau.allclose(shared[0], grouped[0])
    k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
    aux = flex_attention(q, k, v, scale=2.0, return_aux=AuxRequest(lse=True, max_scores=True))[1]
    scores = q @ k.mT * 2.0
    assert flambeau.allclose(aux.lse, scores.logsumexp(-1)) and flambeau.allclose(aux.max_scores, scores.amax(-1))
    assert flex_attention(q, k, v, return_aux=AuxRequest())[1] == (None, None)
    with pytest.warns(FutureWarning, match="return_lse is deprecated"):
        assert flambeau.equal(flex_attention(q, k, v, scale=2.0, return_lse=True)[1], aux.lse)


def test_queries_that_see_nothing_answer_zeros():
    q, k, v = tensors((1, 1, 3, 4), (1, 1, 3, 4), (1, 1, 3, 4), grad=True)
    mask = create_block_mask(lambda b, h, i, j: i > 0, None, None, 3, 3)
    output, aux = flex_attention(q, k, v, block_mask=mask, return_aux=AuxRequest(lse=True))
    output.sum().backward()
    assert output[0, 0, 0].tolist() == [0.0] * 4 and aux.lse[0, 0, 0].item() == -float("inf") and not q.grad.isnan().any()
    half = flex_attention(q.detach().half(), k.detach().half(), v.detach().half())
    assert half.dtype is flambeau.float16


@pytest.mark.parametrize(("change", "error", "words"), [
    ({"key": (2, 2, 6, 4)}, ValueError, "same embedding dimension"),
    ({"key": (2, 1, 6, 8), "value": (2, 1, 6, 8)}, ValueError, "enable_gqa"),
    ({"key": (1, 2, 6, 8), "value": (1, 2, 6, 8)}, ValueError, "same batch size"), ({"query": (2, 5, 8)}, NotImplementedError, "4D"),
])  # fmt: skip
def test_shapes_that_do_not_go_together(change, error, words):
    shapes = {"query": (2, 2, 5, 8), "key": (2, 2, 6, 8), "value": (2, 2, 6, 8)} | change
    with pytest.raises(error, match=words):
        flex_attention(*tensors(*shapes.values()))


def test_masks_of_other_lengths():
    q, k, v = tensors((1, 1, 5, 8), (1, 1, 6, 8), (1, 1, 6, 8))
    for size, words in (((4, 6), "a smaller length"), ((5, 7), "a larger length")):
        with pytest.raises(ValueError, match=words):
            flex_attention(q, k, v, block_mask=create_block_mask(causal, None, None, *size))
    mask = create_block_mask(causal, None, None, 50, 60, BLOCK_SIZE=4)
    fitted = mask._adjust(5, 6)
    assert fitted.shape == (1, 1, 5, 6) and fitted.to_dense().tolist() == [[[[1, 0], [1, 1]]]]
    assert flambeau.allclose(flex_attention(q, k, v, block_mask=fitted), F.scaled_dot_product_attention(q, k, v, is_causal=True))
    with pytest.raises(RuntimeError, match="sliced BlockMask"):
        flex_attention(q, k, v, block_mask=fitted[:])
    with pytest.raises(ValueError, match="both return_lse and return_aux"):
        flex_attention(q, k, v, return_lse=True, return_aux=AuxRequest())
    with pytest.raises(ValueError, match="same dtype"):
        flex_attention(q, k.float(), v)


PICTURE = "BlockMask(shape=(1, 1, 256, 300), sparsity=4.00%, \n(0, 0)\n████████  \n██████████\n)"


def test_block_masks_are_pytorchs():
    mask = create_block_mask(lambda b, h, i, j: j < i + 100, None, None, 256, 300, BLOCK_SIZE=(128, 64))
    assert mask.kv_num_blocks.tolist() == [[[3, 2]]] and mask.kv_indices.tolist() == [[[[1, 2, 3, 0, 4], [3, 4, 0, 1, 2]]]]
    assert str(mask) == PICTURE and mask.kv_indices.dtype is flambeau.int32
    both = create_block_mask(causal, 2, 3, 256, 256)
    assert both.shape == (2, 3, 256, 256) and both.sparsity() == 25.0 and both.numel() == 2 * 3 * 256 * 256
    assert both.kv_num_blocks[0, 0].tolist() == [1, 1] and both.full_kv_num_blocks[0, 0].tolist() == [0, 1]
    assert both.kv_indices[0, 0].tolist() == [[0, 1], [1, 0]] and both.q_num_blocks[0, 0].tolist() == [1, 1]
    assert "mask_mod=causal" in repr(both) and "kv_indices=flambeau.Size([2, 3, 2, 2])" in repr(both)
    assert "To print out more" in both.to_string(limit=2) and len(both.as_tuple()) == 17 and len(both.as_tuple(flatten=False)) == 15
    assert both[0].kv_num_blocks.shape == (1, 3, 2) and both[:, 1:, -1].kv_indices.shape == (2, 2, 1, 2)
    assert both.to("cpu").to_dense().tolist() == both.to_dense().tolist()
    ranks = create_block_mask(causal, None, None, 384, 384, compute_dq_write_order=True, dq_kv_order=False)
    assert ranks.dq_write_order.tolist() == [[[[0, 0, 0], [1, 1, 1], [2, 1, 2]]]]
    assert not create_block_mask(causal, None, None, 256, 256, separate_full_blocks=False).full_kv_num_blocks


def test_masks_join():
    table = create_mask(and_masks(causal, near), 1, 1, 60, 60)
    i, j = flambeau.arange(60).unsqueeze(1), flambeau.arange(60)
    assert flambeau.equal(table[0, 0], (i >= j) & (i - j < 40))
    assert create_mask(or_masks(causal, lambda b, h, i, j: i < j), 1, 1, 4, 4).all()
    score = create_mask(lambda score, b, h, i, j: flambeau.where(i == j, score, -float("inf")), 1, 1, 2, 2)
    assert score.tolist() == [[[[True, False], [False, True]]]]
    for wrong in (lambda: and_masks(1), lambda: BlockMask.from_kv_blocks(flambeau.ones(1), flambeau.ones(1))):
        with pytest.raises(RuntimeError):
            wrong()
    for wrong in (lambda: create_block_mask(lambda s, b, h, i, j: s, 1, 1, 8, 8), lambda: create_mask(lambda a: a, 1, 1, 8, 8),
                  lambda: BlockMask.from_kv_blocks(flambeau.ones(1, 1), flambeau.ones(1, 1), flambeau.ones(1, 1))):  # fmt: skip
        with pytest.raises(AssertionError):
            wrong()


def test_causal_biases():
    q, k, v = tensors((2, 2, 3, 8), (2, 2, 5, 8), (2, 2, 5, 8))
    for bias, offset in ((causal_upper_left(3, 5), 0), (causal_lower_right(3, 5), 2)):
        table = flambeau.ones(3, 5, dtype=flambeau.bool).tril(offset)
        assert flambeau.equal(bias._materialize(), table) and bias.shape == (3, 5) and repr(bias) == repr(table)
        assert flambeau.allclose(F.scaled_dot_product_attention(q, k, v, bias), F.scaled_dot_product_attention(q, k, v, table))
    assert flambeau.allclose(F.scaled_dot_product_attention(k, k, v, attn_mask=causal_lower_right(5, 5)),
                             F.scaled_dot_product_attention(k, k, v, is_causal=True))  # fmt: skip
    with pytest.raises(NotImplementedError, match="only supports scaled_dot_product_attention"):
        bias + 1
    with pytest.raises(ValueError, match="causal=True"):
        F.scaled_dot_product_attention(q, k, v, bias, is_causal=True)
    for wrong in (lambda: CausalBias(1, 2, 3), lambda: causal_upper_left(3)):
        with pytest.raises(AssertionError):
            wrong()
    with pytest.warns(UserWarning, match="NaNs"):
        CausalBias(CausalVariant.LOWER_RIGHT, 3, 2)
