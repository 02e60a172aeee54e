"""Losses of sequences, of sets of labels, and of distances of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .loss import NLLLoss, _Loss
from .resize import PairwiseDistance

__all__ = ["CTCLoss", "MultiLabelMarginLoss", "NLLLoss2d", "TripletMarginWithDistanceLoss"]


class CTCLoss(_Loss):
    """-log of the probability of targets under all their alignments with the input.  (T, N, C), (N, S) -> ()

    log_probs are log-probabilities; targets (N, S), or all of them one after the other; input_lengths and target_lengths (N).
    `blank` is the class of no label. zero_infinity gives 0 where the input is too short for its target.

    Source: Graves et al. (2006).
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity)


class MultiLabelMarginLoss(_Loss):
    """Each label's score against each other class's: Σ max(0, 1 - (x[label] - x[class])) / C.  (N, C) or (C), labels alike -> ()

    A row of labels ends at its first -1.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """max(0, distance(anchor, positive) - distance(anchor, negative) + margin).  (N, *), (N, *), (N, *) -> ()

    distance_function defaults to PairwiseDistance(); with swap the positive's distance to the negative counts if it is smaller.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} instead")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class NLLLoss2d(NLLLoss):
    """NLLLoss under its older name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn("NLLLoss2d is deprecated: use NLLLoss, which takes inputs of any rank", FutureWarning, stacklevel=2)
        super().__init__(*args, **kwargs)
