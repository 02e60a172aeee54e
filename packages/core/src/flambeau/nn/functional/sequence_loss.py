"""The loss of a sequence whose alignment with its target is not known."""

from __future__ import annotations

from typing import Any

import flambeau

from ...casting import listed
from ...ops.ctc import ctc
from ...tensor import Tensor
from .reduction import reduction_of

__all__ = ["ctc_loss"]


@listed
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability of `targets` under all their alignments with the input.  (T, N, C) or (T, C) -> () or (N)

    log_probs       log_softmax over the classes; the gradient takes that for granted
    targets         (N, S), or all of them one after the other, (sum of target_lengths)
    reduction       "mean" divides by the targets' lengths first
    zero_infinity   0, and no gradient, where the input is too short for its target
    Raises RuntimeError for lengths or labels that do not fit. Source: A. Graves et al., 2006.

    >>> log_probs = flambeau.zeros(3, 1, 2).log_softmax(-1)
    >>> F.ctc_loss(log_probs, flambeau.tensor([[1]]), [3], [1])
    tensor(0.2877)
    """
    reduction = reduction_of(reduction, None, None)
    batched = log_probs.dim() == 3
    if not batched:
        if log_probs.dim() != 2:
            raise RuntimeError(f"ctc_loss: expected log_probs (T, N, C) or (T, C), got {tuple(log_probs.shape)}")
        log_probs = log_probs.unsqueeze(1)
    if not log_probs.is_floating_point():
        raise RuntimeError(f"ctc_loss: log_probs must be floating point numbers, got {log_probs.dtype}")
    steps, n, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if targets.dtype not in (flambeau.int32, flambeau.int64):
        raise RuntimeError(f"ctc_loss: targets must be int32 or int64, got {targets.dtype}")
    long, short = (_lengths(v, n, word) for v, word in ((input_lengths, "input_lengths"), (target_lengths, "target_lengths")))
    if any(not 0 <= v <= steps for v in long):
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {steps}, but got value {max(long)}")
    if any(v < 0 for v in short):
        raise RuntimeError(f"Expected target_lengths to have value at least 0, but got value {min(short)}")
    table = _table(targets if batched or targets.dim() == 1 else targets.reshape(-1), short, n)
    device = log_probs.device
    lengths = [flambeau.tensor(v, dtype=flambeau.int64).to(device) for v in (long, short)]
    loss = ctc(log_probs, table.to(device, flambeau.int64), *lengths, blank=blank)
    if log_probs.requires_grad:  # PyTorch's gradient is that of a softmax below: its own share adds nothing to the value
        inside = (flambeau.arange(steps, device=device).unsqueeze(1) < lengths[0]).unsqueeze(-1)
        shares = flambeau.where(inside, log_probs.exp(), 0.0)
        loss = loss + (shares - shares.detach()).sum((0, 2))
    if zero_infinity:
        loss = flambeau.where(loss.detach() == float("inf"), 0.0, loss)
    if reduction == "mean":
        return (loss / lengths[1].clamp(min=1).to(loss.dtype)).mean()
    return loss.sum() if reduction == "sum" else loss if batched else loss.squeeze(0)


def _lengths(given: Any, n: int, word: str) -> list[int]:
    if isinstance(given, Tensor) and (given.is_floating_point() or given.is_complex()):
        raise RuntimeError(f"{word} must be integral")
    values = given.reshape(-1).tolist() if isinstance(given, Tensor) else list(given) if isinstance(given, (tuple, list)) else [given]
    if len(values) != n:
        raise RuntimeError(f"{word} must be of size batch_size: expected {n}, got {len(values)}")
    return [int(v) for v in values]


def _table(targets: Tensor, short: list[int], n: int) -> Tensor:
    """The targets as rows of the longest one's length.  -> (N, S)"""
    most = max(short, default=0)
    if targets.dim() == 2:
        if targets.shape[0] != n or targets.shape[1] < most:
            raise RuntimeError(f"ctc_loss: Expected targets to have size at least {most} at dimension 1, but got {tuple(targets.shape)}")
        return targets[:, :most]
    if targets.dim() != 1:
        raise RuntimeError(f"ctc_loss: expected targets (N, S) or (sum of target_lengths), got {tuple(targets.shape)}")
    if targets.shape[0] != sum(short):
        raise RuntimeError(f"ctc_loss: Expected targets to have size {sum(short)} at dimension 0, but got {targets.shape[0]}")
    rows, start = [], 0
    for length in short:
        row = targets[start : start + length]
        rows.append(flambeau.cat([row, row.new_zeros(most - length)]))
        start += length
    return flambeau.stack(rows) if rows else targets.new_zeros((0, 0))
