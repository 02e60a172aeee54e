"""Dropout layers: active in training only."""

from __future__ import annotations

from collections.abc import Callable

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    drop: Callable[..., Tensor]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).drop(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training zeroes each element with probability p and scales the others by 1/(1 - p).  (*) -> (*)

    Source: Srivastava et al. (2014).

    >>> nn.Dropout(0.2).eval()(flambeau.ones(3))
    tensor([1., 1., 1.])
    """

    drop = F.dropout


class Dropout1d(_Dropout):
    """In training zeroes whole channels with probability p.  (N, C, L) or (C, L) -> the same"""

    drop = F.dropout1d


class Dropout2d(_Dropout):
    """In training zeroes whole channels with probability p.  (N, C, H, W) -> (N, C, H, W)"""

    drop = F.dropout2d


class Dropout3d(_Dropout):
    """In training zeroes whole channels with probability p.  (N, C, D, H, W) or (C, D, H, W) -> the same"""

    drop = F.dropout3d


class AlphaDropout(_Dropout):
    """Dropout for networks of SELU: keeps mean and variance.  (*) -> (*)"""

    drop = F.alpha_dropout


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels.  (N, C, *) -> (N, C, *)"""

    drop = F.feature_alpha_dropout
