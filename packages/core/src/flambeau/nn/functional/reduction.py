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


def same_shape(input: Tensor, target: Tensor, words: str = "Target size ({0}) must be the same as input size ({1})") -> None:
    """Raise ValueError, with the sizes put into `words`, when the shapes differ."""
    if input.shape != target.shape:
        raise ValueError(words.format(target.shape, input.shape))


def warn_if_broadcast(name: str, input: Tensor, target: Tensor) -> None:
    """Warn when the shapes differ: a column against a row is a table of all differences, and seldom meant."""
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely lead to "
            "incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )


def weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """The loss times a weight an element; the mean is over the weights."""
    if weight is None:
        return reduce_loss(loss, reduction)
    same_shape(weight, loss, "expected a weight of the loss's size ({0}), got ({1})")
    return (loss * weight).sum() / weight.sum() if reduction == "mean" else reduce_loss(loss * weight, reduction)
