"""The encoder of a transformer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import flambeau

from ..tensor import Tensor
from . import functional as F
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .multihead import MultiheadAttention
from .norm import LayerNorm

__all__ = ["TransformerEncoder", "TransformerEncoderLayer"]


def function_of(activation: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return F.relu if activation == "relu" else F.gelu


def is_causal_mask(mask: Tensor | None, hint: bool | None) -> bool:
    """What the caller said, else whether the mask lets row i look at columns 0 … i and adds nothing."""
    if hint is not None or mask is None:
        return hint is True
    n = mask.shape[-2]
    if tuple(mask.shape) != (n, n):
        return False
    expected = flambeau.ones(n, n, dtype=flambeau.bool, device=mask.device).triu(1)
    if mask.dtype != flambeau.bool:
        expected = flambeau.zeros(n, n, dtype=mask.dtype, device=mask.device).masked_fill(expected, float("-inf"))
    return bool((mask == expected).all())


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers; each with dropout, a bypass and a norm.  (S, N, E) or with batch_first (N, S, E) -> the same

    norm_first normalises what goes into each half, not what comes out of it.

    >>> layer = nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> layer(flambeau.zeros(4, 5, 8)).shape
    flambeau.Size([4, 5, 8])

    Source: Vaswani et al. (2017).
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **place)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **place)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **place)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = function_of(activation)

    @property
    def activation_relu_or_gelu(self) -> int:
        """1 for relu, 2 for gelu, 0 for another: what PyTorch asks of a layer for its fast path."""
        name = getattr(self.activation, "__name__", type(self.activation).__name__).lower()
        return {"relu": 1, "gelu": 2}.get(name, 0)

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        if self.norm_first:
            x = src + self._attend(self.norm1(src), src_mask, src_key_padding_mask, is_causal)
            return x + self._feed(self.norm2(x))
        x = self.norm1(src + self._attend(src, src_mask, src_key_padding_mask, is_causal))
        return self.norm2(x + self._feed(x))

    def _attend(self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool) -> Tensor:
        mixed, _ = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal and mask is not None
        )
        return self.dropout1(mixed)

    def _feed(self, x: Tensor) -> Tensor:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """num_layers copies of encoder_layer, one after the other, and a last norm if given.  (S, N, E) -> (S, N, E)

    The copies start with equal weights. In evaluation without gradients, with enable_nested_tensor and a padding mask, what the layers
    give at padded places is zeros, as PyTorch's fast path has it; mask_check makes sure that the padding is at the end.
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = ModuleList(deepcopy(encoder_layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        why_not = _no_fast_path(encoder_layer)
        self.use_nested_tensor = enable_nested_tensor and not why_not
        if enable_nested_tensor and why_not:
            warnings.warn(f"enable_nested_tensor is True, but self.use_nested_tensor is False because {why_not}", stacklevel=2)

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool | None = None
    ) -> Tensor:
        causal = is_causal_mask(mask, is_causal)
        blank = self._blank(src, mask, src_key_padding_mask)
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=causal)
        if blank is not None:
            src = src.masked_fill(blank.unsqueeze(-1), 0.0)
        return src if self.norm is None else self.norm(src)

    def _blank(self, src: Tensor, mask: Tensor | None, padding: Tensor | None) -> Tensor | None:
        """The places whose results PyTorch's fast path leaves out, (N, S); None off that path."""
        if not self.use_nested_tensor or padding is None or mask is not None or src.dim() != 3 or self.training:
            return None
        if flambeau.is_grad_enabled() and (src.requires_grad or any(p.requires_grad for p in self.layers[0].parameters())):
            return None
        blank = padding if padding.dtype == flambeau.bool else padding == float("-inf")
        if self.mask_check and bool((blank[:, :-1] & ~blank[:, 1:]).any()):  # padding before content
            return None
        return blank


def _no_fast_path(layer: Module) -> str:
    """Why PyTorch would not take its fast path with such layers; "" where it would."""
    if not isinstance(layer, TransformerEncoderLayer):
        return "encoder_layer was not TransformerEncoderLayer"
    attention = layer.self_attn
    for wrong, text in (
        (layer.norm_first, ".norm_first was True"),
        (not attention.batch_first, ".self_attn.batch_first was not True(use batch_first for better inference performance)"),
        (not attention._qkv_same_embed_dim, ".self_attn._qkv_same_embed_dim was not True"),
        (attention.in_proj_bias is None, ".self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, ".activation_relu_or_gelu was not True"),
        (layer.norm1.eps != layer.norm2.eps, ".norm1.eps was not equal to encoder_layer.norm2.eps"),
        (attention.num_heads % 2 == 1, ".self_attn.num_heads is odd"),
    ):
        if wrong:
            return "encoder_layer" + text
    return ""
