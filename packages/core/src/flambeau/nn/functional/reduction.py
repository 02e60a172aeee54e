"""What all losses end in: `reduction`, which is "mean", "sum", or "none" for one value an element."""

from __future__ import annotations

import warnings

from ...tensor import Tensor

__all__ = ["reduce_loss", "reduction_of", "same_shape", "warn_if_broadcast", "weighted"]


def reduction_of(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction, also when asked for by the two older flags."""
    if size_average is not None or reduce is not None:
        return "none" if reduce is False else "sum" if size_average is False else "mean"
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction: expected 'mean', 'sum' or 'none'")
    return reduction


def reduce_loss(loss: Tensor, reduction: str) -> Tensor:
    """One number, or one an element for "none"."""
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def same_shape(name: str, input: Tensor, target: Tensor) -> None:
    """Raise ValueError when the shapes differ."""
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: expected target of input's shape {tuple(input.shape)}, got {tuple(target.shape)}; reshape or expand one of them"
        )


def warn_if_broadcast(name: str, input: Tensor, target: Tensor) -> None:
    """Warn when the shapes differ: a column against a row is a table of all differences, and seldom meant."""
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: target of shape {tuple(target.shape)} is not of input's shape {tuple(input.shape)} and will be broadcast, "
            "which is seldom meant; reshape or expand one of them",
            UserWarning,
            stacklevel=3,
        )


def weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """The loss times a weight an element; the mean is over the weights."""
    if weight is None:
        return reduce_loss(loss, reduction)
    same_shape("weight", loss, weight)
    return (loss * weight).sum() / weight.sum() if reduction == "mean" else reduce_loss(loss * weight, reduction)
