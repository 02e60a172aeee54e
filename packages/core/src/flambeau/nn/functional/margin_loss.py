"""Losses that ask for a distance: between a score and its class, or between vectors."""

from __future__ import annotations

import flambeau

from ...casting import listed
from ...tensor import Tensor
from .activation import logsigmoid
from .distance import pairwise_distance
from .reduction import reduce_loss, reduction_of, same_shape

__all__ = ["cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "soft_margin_loss", "triplet_margin_loss"]


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
    same_shape("soft_margin_loss", input, target)
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
        raise RuntimeError(
            f"cosine_embedding_loss: expected inputs (N, D) with target (N), or (D) with (), got {tuple(input1.shape)}, "
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
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = flambeau.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduce_loss((near - far + margin).relu(), reduction)
