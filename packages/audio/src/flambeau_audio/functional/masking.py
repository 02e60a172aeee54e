"""SpecAugment's masks."""

from __future__ import annotations

import flambeau
from flambeau import Tensor

__all__ = ["mask_along_axis", "mask_along_axis_iid"]


def mask_along_axis(specgram: Tensor, mask_param: int, mask_value: float, axis: int, p: float = 1.0) -> Tensor:
    """One random band of `specgram` set to `mask_value`, the same in the whole batch.  (*, F, T) -> (*, F, T)

    The band is up to `mask_param` wide, and at most the share `p` of the axis, which is one of the last two.
    Source: Park et al., SpecAugment (2019).
    """
    widest = _widest(specgram, mask_param, axis, p, specgram.ndim - 2)
    if widest < 1:
        return specgram
    width = flambeau.rand(1) * widest
    start = flambeau.rand(1) * (specgram.shape[axis] - width)
    return _masked(specgram, start.to(specgram.device), width.to(specgram.device), mask_value, axis)


def mask_along_axis_iid(specgram: Tensor, mask_param: int, mask_value: float, axis: int, p: float = 1.0) -> Tensor:
    """`mask_along_axis` with a band of its own for each example and channel.  (N, *, F, T) -> (N, *, F, T)"""
    if specgram.ndim < 3:
        raise ValueError(f"mask_along_axis_iid expected at least 3 axes (N, F, T), got shape {tuple(specgram.shape)}")
    widest = _widest(specgram, mask_param, axis, p, specgram.ndim - 2)
    if widest < 1:
        return specgram
    shape = specgram.shape[:-2]
    width = flambeau.rand(shape, dtype=specgram.dtype, device=specgram.device) * widest
    start = flambeau.rand(shape, dtype=specgram.dtype, device=specgram.device) * (specgram.shape[axis] - width)
    return _masked(specgram, start[..., None, None], width[..., None, None], mask_value, axis)


def _widest(specgram: Tensor, mask_param: int, axis: int, p: float, first_axis: int) -> int:
    if axis % specgram.ndim < first_axis:
        raise ValueError(f"only the frequency and time axes ({first_axis}, {first_axis + 1}) can be masked, got axis {axis}")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"the mask's share p must lie in [0, 1], got {p}")
    return mask_param if p == 1.0 else min(mask_param, int(specgram.shape[axis] * p))


def _masked(specgram: Tensor, start: Tensor, width: Tensor, mask_value: float, axis: int) -> Tensor:
    first = start.to(flambeau.int64)
    place = flambeau.arange(specgram.shape[axis], device=specgram.device)
    if axis % specgram.ndim == specgram.ndim - 2:
        place = place[:, None]
    return specgram.masked_fill((place >= first) & (place < first + width.to(flambeau.int64)), mask_value)
