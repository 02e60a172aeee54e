"""SpecAugment's masks, as modules. Like dropout they draw anew each call, but in evaluation too: use them in training alone."""

from __future__ import annotations

from flambeau import Tensor
from flambeau.nn import Module
from flambeau_audio import functional as F

__all__ = ["FrequencyMasking", "TimeMasking"]


class FrequencyMasking(Module):
    """Set a random band of up to `freq_mask_param` frequencies to `mask_value`.  (*, F, T) -> (*, F, T)

    `iid_masks` gives each example and channel of a (N, *, F, T) batch its own band.
    """

    def __init__(self, freq_mask_param: int, iid_masks: bool = False) -> None:
        super().__init__()
        self.mask_param, self.iid_masks = freq_mask_param, iid_masks

    def forward(self, specgram: Tensor, mask_value: float = 0.0) -> Tensor:
        mask = F.mask_along_axis_iid if self.iid_masks else F.mask_along_axis
        return mask(specgram, self.mask_param, mask_value, specgram.ndim - 2)


class TimeMasking(Module):
    """Set a random stretch of up to `time_mask_param` frames to `mask_value`.  (*, F, T) -> (*, F, T)

    It covers at most the share `p` of the frames. `iid_masks` as in `FrequencyMasking`.
    """

    def __init__(self, time_mask_param: int, iid_masks: bool = False, p: float = 1.0) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"the mask's share p must lie in [0, 1], got {p}")
        self.mask_param, self.iid_masks, self.p = time_mask_param, iid_masks, p

    def forward(self, specgram: Tensor, mask_value: float = 0.0) -> Tensor:
        mask = F.mask_along_axis_iid if self.iid_masks else F.mask_along_axis
        return mask(specgram, self.mask_param, mask_value, specgram.ndim - 1, self.p)
