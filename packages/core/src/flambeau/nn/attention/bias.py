"""Causal masks that are told by a word, not by a table: `F.scaled_dot_product_attention(q, k, v, causal_lower_right(L, S))`."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any
from warnings import warn

import flambeau

from ...tensor import Tensor
from .. import functional as F

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(IntEnum):
    """Which corner the triangle sits in, where queries and keys differ in number.

    UPPER_LEFT: query i sees keys 0 .. i. LOWER_RIGHT: the last query sees all keys, the one before it all but one, and so on.
    """

    UPPER_LEFT = auto()
    LOWER_RIGHT = auto()


class CausalBias(Tensor):
    """A causal mask of shape (seq_len_q, seq_len_kv), for `scaled_dot_product_attention` alone.  NotImplementedError for other functions.

    AssertionError where variant is no CausalVariant. A lower right mask with more queries than keys leaves queries that see nothing.

    >>> from flambeau.nn.attention.bias import causal_lower_right
    >>> causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> Any:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        return flambeau.zeros((), dtype=flambeau.bool).expand(seq_len_q, seq_len_kv).as_subclass(cls)  # no memory for a table

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        if seq_len_q > seq_len_kv and variant is CausalVariant.LOWER_RIGHT:
            warn("Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!", UserWarning, stacklevel=2)

    def _materialize(self, device: Any = None) -> Tensor:
        """The table: True where a query may look.  -> (seq_len_q, seq_len_kv)"""
        offset = 0 if self.variant is CausalVariant.UPPER_LEFT else self.seq_len_kv - self.seq_len_q
        return flambeau.ones(self.seq_len_q, self.seq_len_kv, dtype=flambeau.bool, device=device).tril(offset)

    @classmethod
    def __flambeau_function__(cls, func, types, args=(), kwargs=None):
        if func is not F.scaled_dot_product_attention:
            raise NotImplementedError("CausalBias only supports scaled_dot_product_attention")
        return _attend(*args, **(kwargs or {}))

    __torch_function__ = __flambeau_function__

    def __repr__(self, *, tensor_contents=None) -> str:
        return repr(self._materialize())


def _attend(query, key, value, attn_mask, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False) -> Tensor:
    """Attention with a CausalBias; where it is what `is_causal` means, no table is made."""
    if is_causal:
        raise ValueError("CausalBias should not be used with causal=True")
    if attn_mask.seq_len_q == attn_mask.seq_len_kv or attn_mask.variant is CausalVariant.UPPER_LEFT:
        return F.scaled_dot_product_attention(query, key, value, None, dropout_p, True, scale, enable_gqa)
    table = attn_mask._materialize(query.device)
    return F.scaled_dot_product_attention(query, key, value, table, dropout_p, False, scale, enable_gqa)


def causal_upper_left(*size: int) -> CausalBias:
    """Query i sees keys 0 .. i.  seq_len_q, seq_len_kv -> (seq_len_q, seq_len_kv)"""
    return _of(CausalVariant.UPPER_LEFT, size, "causal_upper_left")


def causal_lower_right(*size: int) -> CausalBias:
    """The last query sees all keys, each before it one less.  seq_len_q, seq_len_kv -> (seq_len_q, seq_len_kv)

    So queries that continue a sequence, whose earlier keys are in a cache, look at all that came before them.
    """
    return _of(CausalVariant.LOWER_RIGHT, size, "causal_lower_right")


def _of(variant: CausalVariant, size: tuple[int, ...], name: str) -> CausalBias:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors, got size {size}")
    return CausalBias(variant, *size)
