"""Attention as one op: the table of weights, far larger than what goes in and comes out, is made block by block and never kept.

Backward makes each block again (an idea of FlashAttention, Dao et al. 2022), so a layer keeps queries, keys and values alone.
"""
from __future__ import annotations

import numpy as np

from ..define import op
from .create import arange
from .elementwise import where

BLOCK = 1 << 18  # weights in a block: 1 MiB of float32, which a core's cache holds


def _blocks(q, k):
    """Places of the first axis, and rows of queries, whose weights make one block."""
    n, rows = q.shape[0], q.shape[-2]
    each = k.shape[-2]
    for extent in q.shape[1:-2]:
        each *= extent
    at_once = max(1, min(rows, BLOCK // max(each, 1)))
    items = max(1, BLOCK // max(each * rows, 1)) if at_once == rows else 1
    for i in range(0, n, items):
        for r in range(0, rows, at_once):
            yield slice(i, min(i + items, n)), slice(r, min(r + at_once, rows))


def _mask_of(mask, rank: int, items, rows):
    """The part of a mask (or None) for some places of the first axis and some rows; axes of one stay."""
    if mask is None:
        return None
    if mask.shape[-2] != 1:
        mask = mask[..., rows, :]
    return mask[items] if len(mask.shape) == rank and mask.shape[0] != 1 else mask


def _sees(xp, rows, n: int):
    return xp.arange(rows.start, rows.stop)[:, None] >= xp.arange(n)[None, :]


def _samples(make):
    yield (make((2, 3, 4), -1.0, 1.0), make((2, 5, 4), -1.0, 1.0), make((2, 5, 2), -1.0, 1.0), None), {"scale": 0.5}
    yield (make((2, 2, 3, 4), -1.0, 1.0), make((2, 2, 3, 4), -1.0, 1.0), make((2, 2, 3, 4), -1.0, 1.0), None), {"causal": True}


@op("composite", inputs=4, samples=_samples,
    vjp=lambda g, _y, q, k, v, mask, scale=1.0, causal=False: _attention_back(g, q, k, v, mask, scale, causal),
    back=lambda g, _y, q, k, v, mask, scale=1.0, causal=False: _attention_array_back(g, q, k, v, mask, scale, causal))
def attention(xp, q, k, v, mask=None, scale=1.0, causal=False):
    """softmax(q kᵀ · scale + mask) v.  (n, *, L, E), (n, *, S, E), (n, *, S, Ev), (*, L, S) -> (n, *, L, Ev)

    `mask` is added and gets no gradient; `causal` lets row i look at keys 0 … i alone.
    """
    done: dict = {}
    for items, rows in _blocks(q, k):
        scores = xp.matmul(q[items][..., rows, :] * scale, xp.swapaxes(k[items], -1, -2))
        part = _mask_of(mask, len(q.shape), items, rows)
        if part is not None:
            scores = scores + part
        if causal:
            scores = xp.where(_sees(xp, rows, k.shape[-2]), scores, float("-inf"))
        weights = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        result = xp.matmul(weights, v[items]) / xp.sum(weights, axis=-1, keepdims=True)
        done.setdefault(items.start, []).append(result)
    columns = [r[0] if len(r) == 1 else xp.concat(r, axis=-2) for r in done.values()]
    return columns[0] if len(columns) == 1 else xp.concat(columns, axis=0)


def _attention_back(g, q, k, v, mask, scale, causal):
    from .nn import softmax

    scores = (q * scale) @ k.mT
    if mask is not None and hasattr(mask, "array"):
        scores = scores + mask
    if causal:
        rows, columns = (arange(n, device=q.device) for n in (q.shape[-2], k.shape[-2]))
        scores = where(rows.unsqueeze(1) >= columns, scores, float("-inf"))
    weights = softmax(scores, -1)
    shares = g @ v.mT
    slopes = weights * (shares - (shares * weights).sum(-1, keepdim=True))
    return slopes @ k * scale, slopes.mT @ (q * scale), weights.mT @ g, None


def _attention_array_back(g, q, k, v, mask, scale, causal):
    gq, gk, gv = np.empty(q.shape, q.dtype), np.zeros(k.shape, k.dtype), np.zeros(v.shape, v.dtype)
    mask = mask if isinstance(mask, np.ndarray) else None
    for items, rows in _blocks(q, k):
        qb, gb, kb = q[items][..., rows, :] * q.dtype.type(scale), g[items][..., rows, :], k[items]
        weights = np.matmul(qb, kb.swapaxes(-1, -2))
        part = _mask_of(mask, len(q.shape), items, rows)
        if part is not None:
            weights += part
        if causal:
            weights[..., ~_sees(np, rows, k.shape[-2])] = -np.inf
        weights -= weights.max(-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(-1, keepdims=True)
        gv[items] += np.matmul(weights.swapaxes(-1, -2), gb)
        slopes = np.matmul(gb, v[items].swapaxes(-1, -2))
        slopes -= np.einsum("...s,...s->...", slopes, weights)[..., None]
        slopes *= weights
        gk[items] += np.matmul(slopes.swapaxes(-1, -2), qb)
        np.multiply(np.matmul(slopes, kb), q.dtype.type(scale), out=gq[items][..., rows, :])
    return gq, gk, gv, None
