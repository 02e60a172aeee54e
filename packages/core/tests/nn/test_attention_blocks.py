"""Attention in blocks: the same numbers as with all weights at once, and none of them kept."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau.ops import attention


def draw(*shape, seed=0):
    return flambeau.from_numpy(np.random.RandomState(seed).randn(*shape))


def by_hand(q, k, v, mask, causal):
    scores = (q @ k.mT) / q.shape[-1] ** 0.5
    if causal:
        mask = flambeau.ones(q.shape[-2], k.shape[-2], dtype=flambeau.bool).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype is flambeau.bool else scores + mask
    return scores.softmax(-1) @ v


@pytest.mark.parametrize("block", [1 << 18, 64, 7], ids=["one block", "places", "rows"])
@pytest.mark.parametrize("case", ["plain", "causal", "bool", "float", "heads", "columns"])
def test_blocks_agree_with_the_whole(monkeypatch, block, case):
    monkeypatch.setattr(attention, "BLOCK", block)
    q, k, v = (draw(3, 2, n, 4, seed=i) for i, n in enumerate((5, 6, 6)))
    seen = draw(3, 2, 5, 6, seed=4) > -1.0
    mask = {"bool": seen, "float": draw(5, 6, seed=5), "heads": draw(2, 5, 6, seed=6), "columns": draw(3, 1, 1, 6, seed=7)}.get(case)
    results = []
    for function in (lambda *x: F.scaled_dot_product_attention(*x, mask, is_causal=case == "causal"),
                     lambda *x: by_hand(*x, mask, case == "causal")):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        y = function(*leaves)
        first = flambeau.autograd.grad((y * y).sum(), leaves, create_graph=True)
        plain = flambeau.autograd.grad((function(*leaves) ** 2).sum(), leaves)
        second = flambeau.autograd.grad(sum((g * g).sum() for g in first), leaves)
        results.append([y, *first, *plain, *second])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-10)


def test_weights_are_not_kept():
    q = draw(2, 64, 8).requires_grad_()
    y = F.scaled_dot_product_attention(q, q, q)
    kept = sum(entry[0].nbytes for entry in y.grad_fn.saved if type(entry) is tuple)
    assert y.grad_fn.name() == "ScaledDotProductFlashAttentionForCpuBackward0" and kept <= 3 * q.nbytes
