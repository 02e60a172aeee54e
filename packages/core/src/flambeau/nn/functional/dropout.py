"""Dropout: random zeros in training, nothing in evaluation."""

from __future__ import annotations

from warnings import warn

from numpy import float32

import flambeau

from ...ops.random import in_memory_order
from ...ops.view import ready
from ...random import default_generator, maps
from ...tensor import Tensor, plain

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Tensor, p: float, by_channel: bool = False) -> Tensor:
    """One for what stays and zero for what goes; a channel stays or goes as a whole with `by_channel`."""
    if not by_channel and not maps.levels:
        return flambeau.empty_like(input).bernoulli_(1 - p)
    shape = [*input.shape[:2], *[1] * (input.dim() - 2)] if by_channel else input.shape
    return flambeau.bernoulli(flambeau.empty(shape, dtype=input.dtype, device=input.device), 1 - p)


def _drop(input: Tensor, p: float, training: bool, inplace: bool, by_channel: bool = False) -> Tensor:
    _check(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    if p < 1 and not inplace and not by_channel and not maps.levels and ready(input) is not None and input.array.dtype == float32:
        array, source = input.array, default_generator()
        if array.flags.c_contiguous or 0 in array.strides:
            return input * plain(source.mask(array.shape, 1 - p))
        return input * plain(in_memory_order(array, source.mask((array.size,), 1 - p)))
    noise = _kept(input, p, by_channel).div_(1 - p) if p < 1 else flambeau.zeros((), dtype=input.dtype, device=input.device)
    return input.mul_(noise) if inplace else input * noise


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p, and scale the others by 1/(1 - p).  (*) -> (*)

    >>> _ = flambeau.manual_seed(0)
    >>> F.dropout(flambeau.ones(4), 0.5)
    tensor([0., 0., 2., 0.])
    """
    return _drop(input, p, training, inplace)


def _whole_channels(input: Tensor, p: float, training: bool, inplace: bool, batched: int) -> Tensor:
    if input.dim() == batched:
        return _drop(input, p, training, inplace, by_channel=True)
    if input.dim() == batched - 1:
        return _drop(input.unsqueeze(0), p, training, inplace, by_channel=True).squeeze(0)
    axes = batched - 2
    if axes == 1:
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input: (C, L) or (N, C, L)")
    if input.dim() < 2:
        raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, got shape {tuple(input.shape)}")
    warn(f"dropout{axes}d: Received a {input.dim()}-D input to dropout{axes}d, which is deprecated and will result in an error in a future "
         f"release: its inputs have {batched - 1} or {batched} axes, and dropout takes any", stacklevel=3)
    return _drop(input, p, training, inplace, by_channel=True)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels with probability p.  (N, C, L) or (C, L) -> the same"""
    return _whole_channels(input, p, training, inplace, 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels with probability p.  (N, C, H, W), or (N, C, L) as PyTorch reads three axes here -> the same"""
    if input.dim() == 3:
        warn("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired: dropout1d says so",
             stacklevel=2)
        return _drop(input, p, training, inplace, by_channel=True)
    return _whole_channels(input, p, training, inplace, 4)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels with probability p.  (N, C, D, H, W) or (C, D, H, W) -> the same"""
    return _whole_channels(input, p, training, inplace, 5)


# SELU tends to minus this for a large negative input: a dropped element takes that value, not zero
_ALPHA = 1.7580993408473766


def _alpha_drop(input: Tensor, p: float, training: bool, inplace: bool, by_channel: bool) -> Tensor:
    _check(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    scale = ((_ALPHA**2 * p + 1) * (1 - p)) ** -0.5
    kept = _kept(input, p, by_channel)
    shift = (kept - 1).mul_(_ALPHA * scale).add_(_ALPHA * scale * p)
    kept.mul_(scale)
    return input.mul_(kept).add_(shift) if inplace else input * kept + shift


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean and variance for networks of SELU.  (*) -> (*)"""
    return _alpha_drop(input, p, training, inplace, by_channel=False)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels.  (N, C, *) -> (N, C, *)"""
    return _alpha_drop(input, p, training, inplace, by_channel=True)
