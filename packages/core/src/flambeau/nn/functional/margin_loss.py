"""Losses that ask for a distance: between a score and its class, or between vectors."""

from __future__ import annotations

from collections.abc import Callable

import flambeau

from ...casting import listed
from ...tensor import Tensor
from .activation import logsigmoid
from .distance import pairwise_distance
from .reduction import reduce_loss, reduction_of

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multilabel_margin_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


@listed
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1.  (*), (*) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    return reduce_loss(flambeau.where(target != 1, (margin - input).relu(), 0.0) + flambeau.where(target != -1, input, 0.0), reduction)


@listed
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target (input1 - input2) + margin), target 1 when input1 should be the larger, -1 when not.  (*), (*), (*) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}"
        )
    return reduce_loss((-target * (input1 - input2) + margin).relu(), reduction)


@listed
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-target * input)), target 1 or -1.  (*), (*) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    return reduce_loss(-logsigmoid(target * input), reduction)


@listed
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1.  (N, D), (N, D), (N) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.dim() + 1 != input1.dim() or input1.dim() != input2.dim():
        if target.dim() > 1:
            raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported: got {tuple(target.shape)}")
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors: cosine_embedding_loss expected "
            f"inputs (N, D) with target (N), or (D) with (), got {tuple(input1.shape)}, "
            f"{tuple(input2.shape)} and {tuple(target.shape)}"
        )
    # the product is small against eps for tiny vectors only; PyTorch adds it inside the root as well
    products = (input1 * input2).sum(-1)
    cos = products / ((input1.square().sum(-1) + 1e-12) * (input2.square().sum(-1) + 1e-12)).sqrt()
    loss = flambeau.where(target == 1, 1 - cos, 0.0) + flambeau.where(target == -1, (cos - margin).relu(), 0.0)
    return reduce_loss(loss, reduction)


@listed
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, |anchor - positive| - |anchor - negative| + margin), with the p-norm.  (N, D), (N, D), (N, D) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = flambeau.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduce_loss((near - far + margin).relu(), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own, the Euclidean one when None.  (N, *), (N, *), (N, *) -> ()"""
    reduction = reduction_of(reduction, None, None)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor "
            f"{anchor.dim()}D, positive {positive.dim()}D, and negative {negative.dim()}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = flambeau.minimum(far, distance(positive, negative))
    return reduce_loss((margin + near - far).clamp(min=0), reduction)


@listed
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """Each label's score against each other class's: Σ max(0, 1 - (x[label] - x[class])) / C.  (N, C) or (C), labels of that shape -> ()

    A row of labels ends at its first -1.

    >>> F.multilabel_margin_loss(flambeau.tensor([[0.1, 0.2, 0.4, 0.8]]), flambeau.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if input.dim() > 2 or target.shape != input.shape or input.dim() and not input.shape[-1]:
        raise RuntimeError(f"Expected non-empty vector or matrix with a target of its size, but got {list(input.shape)} and "
                           f"{list(target.shape)}")  # fmt: skip
    x, labels = (v.reshape(-1, v.shape[-1] if v.dim() else 1) for v in (input, target))
    classes = x.shape[1]
    if labels.numel() and labels.visible() and not -1 <= int(labels.min()) <= int(labels.max()) < classes:
        raise RuntimeError(f"multilabel_margin_loss: labels must be -1 or in 0 .. {classes - 1}")
    given = ((labels < 0).to(flambeau.int64).cumsum(1) == 0)  # up to the first -1
    index = flambeau.where(given, labels, 0)
    named = flambeau.zeros_like(labels).scatter_add(1, index, given.to(labels.dtype)) > 0
    scores = x.gather(1, index)  # (N, labels)
    gaps = (1 - scores.unsqueeze(2) + x.unsqueeze(1)).clamp(min=0)  # (N, labels, classes)
    loss = flambeau.where(given.unsqueeze(2) & ~named.unsqueeze(1), gaps, 0.0).sum((1, 2)) / classes
    return reduce_loss(loss if input.dim() == 2 else loss.reshape(()), reduction)
