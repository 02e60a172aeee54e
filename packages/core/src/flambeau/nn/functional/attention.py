"""Attention: every query takes a mean of the values, weighted by how well their keys fit it."""

from __future__ import annotations

from math import sqrt
from typing import Any

import flambeau

from ...backends.flags import attention as ways
from ...casting import listed
from ...ops.attention import attention
from ...tensor import Tensor
from .dropout import dropout
from .linear import linear
from .padding import pad
from .precision import HALVES

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


@listed
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ keyᵀ * scale + mask) @ value.  (*, L, E), (*, S, E), (*, S, Ev) -> (*, L, Ev)

    attn_mask is True where a query may look, or a number to add, and broadcasts to (*, L, S); is_causal lets query i look at
    keys 0 .. i. scale defaults to 1/√E. With enable_gqa groups of query heads (axis -3) share one head of key and value.
    Dropout of the weights is applied whenever dropout_p > 0: pass 0 outside of training.

    >>> q, k, v = flambeau.zeros(1, 2, 4), flambeau.zeros(1, 2, 4), flambeau.tensor([[[1.0], [3.0]]])
    >>> F.scaled_dot_product_attention(q, k, v, is_causal=True).flatten()
    tensor([1., 2.])
    """
    _check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = _repeat_heads(query, key, "key"), _repeat_heads(query, value, "value")
    scale = 1.0 / sqrt(query.shape[-1]) if scale is None else scale
    fits = _fits_one_op(query, key, value, attn_mask, dropout_p)
    if ways.limited:
        fits = _chosen(fits, query.is_cuda)
    if query.dtype in HALVES and not (fits and query.is_cuda):  # in float32, rounded once: BLAS has no products of halves
        wide = attn_mask.float() if attn_mask is not None and attn_mask.dtype in HALVES else attn_mask
        result = scaled_dot_product_attention(query.float(), key.float(), value.float(), wide, dropout_p, is_causal, scale)
        return result.to(query.dtype)
    if fits:
        mask, blind = (None, None) if is_causal else _without_blind(attn_mask)
        if mask is not None and mask.dtype == flambeau.bool:
            mask = flambeau.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, float("-inf"))
        result = attention(query, key, value, mask, scale=scale, causal=is_causal)
        return result if blind is None else result.masked_fill(blind, 0.0)
    scores = (query * scale) @ key.mT  # (*, L, S)
    mask, blind = (_causal(query, key), None) if is_causal else _without_blind(attn_mask)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == flambeau.bool else scores + mask
    weights = scores.softmax(-1)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    result = weights @ value
    return result if blind is None else result.masked_fill(blind, 0.0)


def _fits_one_op(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float) -> bool:
    """Nothing is drawn or learnt between scores and weights, and the leading axes are the same: the weights need not be kept."""
    lead = query.shape[:-2]
    return (dropout_p == 0.0 and bool(lead) and lead == key.shape[:-2] == value.shape[:-2] and query.numel() > 0 and key.numel() > 0
            and (mask is None or (not mask.requires_grad and mask.dim() >= 2 and mask.dim() <= query.dim())))


def _chosen(fits: bool, on_gpu: bool) -> bool:
    """Whether the one op is taken where `sdpa_kernel` or switches leave out a way.  RuntimeError where nothing is left."""
    fused = ways.fused(on_gpu)
    if not fused and not ways.allowed["math"]:
        raise RuntimeError("No viable backend for scaled_dot_product_attention was found: sdpa_kernel or the switches in "
                           "flambeau.backends.cuda turn off the math kernel and the fused kernels")  # fmt: skip
    if not fits and not ways.allowed["math"]:
        raise RuntimeError("No available kernel for scaled_dot_product_attention: the fused one takes no dropout, no gradient for the mask "
                           "and leading axes of the same sizes alone, and the math kernel is turned off")  # fmt: skip
    return fits and fused


def _without_blind(mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """The mask with rows that forbid everything opened, and which rows those are: they answer zeros, and softmax gives no nan."""
    if mask is None:
        return None, None
    if mask.dtype == flambeau.bool:
        blind = ~mask.any(-1, keepdim=True)
        return mask | blind, blind
    blind = (mask == float("-inf")).all(-1, keepdim=True)
    return mask.masked_fill(blind, 0.0), blind


def _causal(query: Tensor, key: Tensor) -> Tensor:
    return flambeau.ones(query.shape[-2], key.shape[-2], dtype=flambeau.bool, device=query.device).tril()


def _check_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    shapes = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(f"scaled_dot_product_attention: expected query, key and value of at least 2 axes, got {shapes}")
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(f"Expected query, key, and value to have the same dtype, but got {query.dtype}, {key.dtype} and {value.dtype}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(f"scaled_dot_product_attention: expected query (*, L, E), key (*, S, E) and value (*, S, Ev), got {shapes}")
    if mask is not None:
        if is_causal:
            raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
        if mask.dtype != flambeau.bool and mask.dtype != query.dtype:
            raise RuntimeError(
                f"Expected attn_mask dtype to be bool or to match query dtype, but got attn_mask.dtype: {mask.dtype} "
                f"and query.dtype: {query.dtype}"
            )


def _repeat_heads(query: Tensor, tensor: Tensor, name: str) -> Tensor:
    if min(query.dim(), tensor.dim()) < 3 or query.shape[-3] % tensor.shape[-3]:
        raise RuntimeError(
            f"scaled_dot_product_attention: with enable_gqa the query's heads (axis -3) must be a multiple of {name}'s, "
            f"got {tuple(query.shape)} and {tuple(tensor.shape)}"
        )
    times = query.shape[-3] // tensor.shape[-3]
    return tensor if times == 1 else tensor.repeat_interleave(times, -3)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """`nn.MultiheadAttention` with its weights as arguments.  (L, N, E), (S, N, K), (S, N, V) -> (L, N, E), (N, L, S)

    In masks True means: do not look. Raises AssertionError or RuntimeError when the shapes do not fit.
    """
    batched = _check_heads(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    length, batch, embed = query.shape
    if embed != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}")
    if embed % num_heads:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {num_heads}")
    width = embed // num_heads

    if use_separate_proj_weight:
        if tuple(key.shape[:2]) != tuple(value.shape[:2]):
            raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
        biases: Any = [None] * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        weights: Any = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
    else:
        if tuple(key.shape) != tuple(value.shape):
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)

    mask = _additive(attn_mask, q.dtype, "attn_mask")
    if mask is not None:
        expected = (length, k.shape[0]) if mask.dim() == 2 else (batch * num_heads, length, k.shape[0])
        if tuple(mask.shape) != expected:
            raise RuntimeError(f"The shape of the {mask.dim()}D attn_mask is {tuple(mask.shape)}, but should be {expected}.")
    padding = _additive(key_padding_mask, q.dtype, "key_padding_mask")

    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v must be given together")
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        k = flambeau.cat([k, bias_k.expand(1, batch, embed)])
        v = flambeau.cat([v, bias_v.expand(1, batch, embed)])
        mask, padding = _one_more_key(mask), _one_more_key(padding)

    q = q.reshape(length, batch * num_heads, width).transpose(0, 1)  # (N * heads, L, width)
    k = k.reshape(k.shape[0], batch * num_heads, width).transpose(0, 1) if static_k is None else _static(static_k, batch * num_heads, width)
    v = v.reshape(v.shape[0], batch * num_heads, width).transpose(0, 1) if static_v is None else _static(static_v, batch * num_heads, width)
    if add_zero_attn:
        k = flambeau.cat([k, flambeau.zeros(batch * num_heads, 1, width, dtype=k.dtype, device=k.device)], 1)
        v = flambeau.cat([v, flambeau.zeros(batch * num_heads, 1, width, dtype=v.dtype, device=v.device)], 1)
        mask, padding = _one_more_key(mask), _one_more_key(padding)
    keys = k.shape[1]

    if padding is not None:
        if tuple(padding.shape) != (batch, keys):
            raise AssertionError(f"expecting key_padding_mask shape of {(batch, keys)}, but got {tuple(padding.shape)}")
        padding = padding.reshape(batch, 1, 1, keys).expand(batch, num_heads, 1, keys).reshape(batch * num_heads, 1, keys)
        mask = padding if mask is None else mask + padding

    p = dropout_p if training else 0.0
    if not need_weights:
        if mask is not None:
            mask = mask.unsqueeze(0) if mask.dim() == 2 else mask.reshape(batch, num_heads, mask.shape[-2], keys)
        q, k, v = (x.reshape(batch, num_heads, *x.shape[1:]) for x in (q, k, v))
        mixed = scaled_dot_product_attention(q, k, v, mask, p)  # (N, heads, L, width)
        mixed = mixed.permute(2, 0, 1, 3).reshape(length * batch, embed)
        output = linear(mixed, out_proj_weight, out_proj_bias).reshape(length, batch, embed)
        return (output if batched else output.squeeze(1)), None

    scores = (q * sqrt(1.0 / width)) @ k.mT
    attention = (scores if mask is None else scores + mask).softmax(-1)  # (N * heads, L, S)
    if p > 0.0:
        attention = dropout(attention, p)
    mixed = (attention @ v).transpose(0, 1).reshape(length * batch, embed)
    output = linear(mixed, out_proj_weight, out_proj_bias).reshape(length, batch, embed)
    attention = attention.reshape(batch, num_heads, length, keys)
    if average_attn_weights:
        attention = attention.mean(1)
    return (output, attention) if batched else (output.squeeze(1), attention.squeeze(0))


def _project(query: Tensor, key: Tensor, value: Tensor, weight: Any, bias: Tensor | None) -> Any:
    """q, k and v from one stacked weight; one product for those that are the same tensor."""
    embed = query.shape[-1]
    if key is value and query is key:
        return linear(query, weight, bias).chunk(3, -1)
    weights = weight.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    if key is value:
        k, v = linear(key, weight[embed:], None if bias is None else bias[embed:]).chunk(2, -1)
        return linear(query, weights[0], biases[0]), k, v
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))


def _additive(mask: Tensor | None, dtype: Any, name: str) -> Tensor | None:
    """A mask as numbers to add: -inf where a boolean one is True."""
    if mask is None or mask.is_floating_point():
        return mask
    if mask.dtype != flambeau.bool:
        raise AssertionError(f"only bool and floating types of {name} are supported, got {mask.dtype}")
    return flambeau.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(mask, float("-inf"))


def _one_more_key(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else pad(mask, (0, 1))


def _static(tensor: Tensor, heads: int, width: int) -> Tensor:
    if tensor.shape[0] != heads or tensor.shape[2] != width:
        raise AssertionError(f"expecting static_k and static_v of shape ({heads}, S, {width}), but got {tuple(tensor.shape)}")
    return tensor


def _check_heads(query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Any, attn_mask: Any, num_heads: int) -> bool:
    """Whether there is a batch axis. Raises AssertionError when the ranks do not go together."""
    rank = query.dim()
    if rank not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {rank}-D query tensor")
    query_is = "For batched (3-D) `query`" if rank == 3 else "For unbatched (2-D) `query`"
    if key.dim() != rank or value.dim() != rank:
        raise AssertionError(f"{query_is}, expected `key` and `value` to be {rank}-D but found {key.dim()}-D and {value.dim()}-D tensors "
                             "respectively")
    if key_padding_mask is not None and key_padding_mask.dim() != rank - 1:
        found = key_padding_mask.dim()
        raise AssertionError(f"{query_is}, expected `key_padding_mask` to be `None` or {rank - 1}-D but found {found}-D tensor instead")
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(f"{query_is}, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor instead")
    if rank == 2 and attn_mask is not None and attn_mask.dim() == 3 and attn_mask.shape[0] != num_heads:
        raise AssertionError(f"Expected `attn_mask` shape to be ({num_heads}, {query.shape[0]}, {key.shape[0]}) but got "
                             f"{tuple(attn_mask.shape)}")
    return rank == 3
