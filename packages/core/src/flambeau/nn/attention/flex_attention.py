"""Attention whose scores and mask are functions of the user's: `flex_attention(q, k, v, score_mod, block_mask)`.

Both are written for one score: `score_mod(score, b, h, q_idx, kv_idx)` and `mask_mod(b, h, q_idx, kv_idx)`, and are run on all scores at
once by `vmap`. Computed in float32, or in float64 for float64.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple, TypedDict
from warnings import warn

import flambeau

from ...tensor import Tensor
from .block_mask import (
    DEFAULT_BLOCK_SIZE,
    BlockMask,
    _sliced_mask_mod_error,
    and_masks,
    create_block_mask,
    create_mask,
    noop_mask,
    or_masks,
    over_all_scores,
)

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask", "create_mask", "flex_attention",
    "noop_mask", "or_masks",
]  # fmt: skip
_DEFAULT_SPARSE_BLOCK_SIZE = DEFAULT_BLOCK_SIZE
_told: set[str] = set()  # warnings that come once


class FlexKernelOptions(TypedDict, total=False):
    """Hints for kernels of PyTorch's compiler, taken and not needed: the result does not depend on them."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: str


class AuxRequest(NamedTuple):
    """What `flex_attention` is to give besides the result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by an AuxRequest, None for the rest.  lse: log Σ exp of each query's scores; max_scores: their greatest."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: FlexKernelOptions | None = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """softmax(score_mod(query @ keyᵀ · scale)) @ value, masked.  (B, Hq, L, E), (B, Hkv, S, E), (B, Hkv, S, Ev) -> (B, Hq, L, Ev)

    scale defaults to 1/√E. With enable_gqa groups of query heads share a head of key and value. A query that may look nowhere answers
    zeros. With return_aux the result is (output, AuxOutput), with return_lse, the older form, (output, lse); both of shape (B, Hq, L).
    Raises ValueError where shapes do not go together or the mask is of another size.

    >>> from flambeau.nn.attention.flex_attention import flex_attention
    >>> q, v = flambeau.zeros(1, 1, 2, 4), flambeau.tensor([[[[1.0], [3.0]]]])
    >>> flex_attention(q, q, v, lambda score, b, h, i, j: flambeau.where(i >= j, score, -float("inf"))).flatten()
    tensor([1., 2.])

    Source: Dong et al. (2024), "Flex Attention".
    """
    _check(query, key, value, block_mask, enable_gqa)
    if return_lse:
        if return_aux is not None:
            raise ValueError("Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
                             "return_aux=AuxRequest(lse=True) instead.")  # fmt: skip
        _warn_once("return_lse is deprecated. Please use return_aux=AuxRequest(lse=True) instead.", FutureWarning)
    scale = 1.0 / sqrt(query.shape[-1]) if scale is None else scale
    scores = _scores(query, key, scale, score_mod, block_mask)  # (B, Hq, L, S)
    blind = (scores == float("-inf")).all(-1, keepdim=True)
    weights = scores.masked_fill(blind, 0.0).softmax(-1).masked_fill(blind, 0.0)
    heads = query.shape[1] // value.shape[1]
    value = value if heads == 1 else value.repeat_interleave(heads, 1)
    output = weights.to(query.dtype) @ value.to(query.dtype).expand(query.shape[0], *value.shape[1:])
    if return_aux is None and not return_lse:
        return output
    wanted = return_aux or AuxRequest(lse=True)
    lse = scores.masked_fill(blind, 0.0).logsumexp(-1).masked_fill(blind[..., 0], float("-inf")) if wanted.lse else None
    if return_lse:
        return output, lse
    return output, AuxOutput(lse, scores.amax(-1) if wanted.max_scores else None)


def _scores(query: Tensor, key: Tensor, scale: float, score_mod: Callable | None, block_mask: BlockMask | None) -> Tensor:
    """Every score, -inf where the mask forbids.  -> (B, Hq, L, S)"""
    working = flambeau.float64 if query.dtype is flambeau.float64 else flambeau.float32
    heads = query.shape[1] // key.shape[1]
    key = key if heads == 1 else key.repeat_interleave(heads, 1)
    scores = query.to(working) @ key.to(working).mT * scale
    places = [flambeau.arange(n, device=query.device) for n in scores.shape]
    if score_mod is not None:
        scores = over_all_scores(score_mod, scored=True)(scores, *places).to(working)
    if block_mask is None or block_mask.mask_mod is noop_mask:
        return scores
    seen = over_all_scores(block_mask.mask_mod)(*places)
    return scores.masked_fill(~seen, float("-inf"))


def _check(query: Tensor, key: Tensor, value: Tensor, block_mask: BlockMask | None, enable_gqa: bool) -> None:
    if not query.dtype == key.dtype == value.dtype:
        raise ValueError(f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype}, "
                         f"key.dtype: {key.dtype}, and value.dtype: {value.dtype} instead.")  # fmt: skip
    if not query.device == key.device == value.device:
        raise ValueError(f"Expected query, key, and value to have the same device type, but got query.device: {query.device}, "
                         f"key.device: {key.device}, and value.device: {value.device} instead.")  # fmt: skip
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError("Expect query and key/value to have the same embedding dimension "
                         f"but got E={query.shape[-1]} and E={key.shape[-1]}.")  # fmt: skip
    if not enable_gqa and query.shape[1] != key.shape[1]:
        raise ValueError(f"Expect query and key/value to have the same number of heads but got Hq={query.shape[1]} and Hkv={key.shape[1]}. "
                         "Try setting enable_gqa=True for GQA.")  # fmt: skip
    if query.shape[1] % key.shape[1]:
        raise ValueError("Expect number of query heads to be a multiple of kv heads for GQA "
                         f"but got Hq={query.shape[1]} and Hkv={key.shape[1]}.")  # fmt: skip
    if query.shape[0] != key.shape[0]:
        _check_batches(query, key, block_mask)
    if block_mask is not None:
        _check_mask(query, key, block_mask)


def _check_batches(query: Tensor, key: Tensor, block_mask: BlockMask | None) -> None:
    both = f"Bq={query.shape[0]}, and Bkv={key.shape[0]}"
    if block_mask is None:
        raise ValueError("Expect query and key/value to have the same batch size, or non-none block_mask, "
                         f"but got block_mask=None, {both}.")  # fmt: skip
    if block_mask.kv_num_blocks.shape[0] != query.shape[0]:
        raise ValueError("Expect query and key/value to have the same batch size, or block_mask and query to have the same batch size, "
                         f"but got {both}, B_block_mask={block_mask.kv_num_blocks.shape[0]}.")  # fmt: skip
    if key.shape[0] != 1:
        raise RuntimeError(f"Bq and Bkv must broadcast. Got {both}")


def _check_mask(query: Tensor, key: Tensor, block_mask: BlockMask) -> None:
    if block_mask.mask_mod is _sliced_mask_mod_error:
        raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
    length, keys = block_mask.shape[-2:]
    if query.shape[-2] > length or key.shape[-2] > keys or (query.shape[-2], key.shape[-2]) != (length, keys):
        smaller = query.shape[-2] > length or key.shape[-2] > keys
        what = "smaller" if smaller else "larger"
        why = "you likely need to create a new block mask." if smaller else (
            "you can either create a new block mask with the correct length, or call block_mask._adjust(q_len, kv_len), which takes its "
            "upper left corner, and does not fit every mask_mod.")  # fmt: skip
        raise ValueError(f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={query.shape[-2]} and "
                         f"kv_len={key.shape[-2]}. As the block mask was created for a {what} length than you're using it for, {why}")
    if query.device != block_mask.kv_num_blocks.device:
        raise RuntimeError("Expect q/k/v and block_mask to be on the same device "
                           f"but got {query.device} and {block_mask.kv_num_blocks.device}.")  # fmt: skip


def _warn_once(message: str, kind: type[Warning]) -> None:
    if message not in _told:
        _told.add(message)
        warn(message, kind, stacklevel=3)
