"""How far an answer is from what was wanted. Every loss ends in `reduction`: "mean", "sum", or "none" for one value an element."""

from __future__ import annotations

import warnings
from math import log, pi
from typing import Any

import flambeau

from ...ops.loss import binary_cross_entropy as binary_cross_entropy_card
from ...ops.nn import mean_cross_entropy, pick_class
from ...tensor import Tensor
from .activation import logsigmoid
from .distance import pairwise_distance
from .sizes import extremes

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction, also when asked for by the two older flags."""
    if size_average is not None or reduce is not None:
        return "none" if reduce is False else "sum" if size_average is False else "mean"
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction: expected 'mean', 'sum' or 'none'")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def _same_shape(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: expected target of input's shape {tuple(input.shape)}, got {tuple(target.shape)}; reshape or expand one of them"
        )


def _warn_if_broadcast(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: target of shape {tuple(target.shape)} is not of input's shape {tuple(input.shape)} and will be broadcast, "
            "which is seldom meant; reshape or expand one of them",
            UserWarning,
            stacklevel=3,
        )


# Classes ------------------------------------------------------------------------------------------------------------


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input)[target]: the loss of a classifier.  (N, C, *) or (C), classes (N, *) or shares (N, C, *) -> () or (N, *)

    `weight` counts classes unequally, and "mean" then divides by the weights; targets of ignore_index count for nothing.
    label_smoothing spreads that share of each target over all classes. Shares (floating-point targets) sum to 1 over C.
    Raises ValueError or RuntimeError when the shapes do not fit, IndexError for a class outside of 0 .. C - 1.

    >>> F.cross_entropy(flambeau.zeros(2, 4), flambeau.tensor([0, 3]))
    tensor(1.3863)
    """
    reduction = _reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input.dim() == 0:
        raise RuntimeError("cross_entropy: expected input of shape (C), (N, C) or (N, C, *), got a scalar")
    channel = 0 if input.dim() == 1 else 1
    if target.is_floating_point():
        return _cross_entropy_of_shares(input, target, weight, ignore_index, reduction, label_smoothing, channel)
    _check_classes("cross_entropy", input, target, weight, channel)
    if reduction == "mean" and weight is None and label_smoothing == 0.0 and input.dim() == 2:
        found = extremes(target)
        if found is not None and 0 <= found[0] <= found[1] < input.shape[1] and not found[0] <= ignore_index <= found[1]:
            return mean_cross_entropy(input, target)
    log_p = input.log_softmax(channel)
    loss = nll_loss(log_p, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0.0:
        return loss
    smooth = _smooth_loss(log_p, target, weight, ignore_index, reduction, channel)
    return loss * (1 - label_smoothing) + smooth * (label_smoothing / input.shape[channel])


def _smooth_loss(log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, channel: int) -> Tensor:
    """The loss against all classes at once: what label smoothing mixes in."""
    shaped = None if weight is None else weight.reshape(-1, *[1] * (log_p.dim() - channel - 1))
    loss = -(log_p if shaped is None else log_p * shaped).sum(channel)
    counts = target != ignore_index
    loss = flambeau.where(counts, loss, 0.0)
    if reduction != "mean":
        return loss.sum() if reduction == "sum" else loss
    if weight is None:
        return loss.sum() / counts.sum()
    classes = flambeau.where(counts, target, 0)
    return loss.sum() / flambeau.where(counts, weight[classes], 0.0).sum()


def _cross_entropy_of_shares(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float, channel: int
) -> Tensor:
    if input.shape != target.shape:
        raise RuntimeError(
            f"cross_entropy: expected class probabilities of input's shape {tuple(input.shape)}, got {tuple(target.shape)} "
            "(class indices must be integers)"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    classes = input.shape[channel]
    _check_weight("cross_entropy", weight, classes)
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    product = input.log_softmax(channel) * target
    if weight is not None:
        product = product * weight.reshape(-1, *[1] * (input.dim() - channel - 1))
    loss = -product.sum(channel)
    if reduction == "mean":
        return loss.sum() / (loss.numel() or 1)
    return _reduce(loss, reduction)


def _check_weight(name: str, weight: Tensor | None, classes: int) -> None:
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}"
        )


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None, channel: int) -> None:
    if target.dtype not in (flambeau.int64, flambeau.uint8):
        raise RuntimeError(f"{name}: expected scalar type Long for the classes in target, but found {target.dtype}")
    expected = (*input.shape[:channel], *input.shape[channel + 1 :])
    if channel and target.dim() and input.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if tuple(target.shape) != expected and not (channel == 0 and tuple(target.shape) == (1,)):
        raise RuntimeError(
            f"{name}: expected target of shape {expected} for input of shape {tuple(input.shape)}, got {tuple(target.shape)}"
        )
    _check_weight(name, weight, input.shape[channel])


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input[target], for an input of log probabilities.  (N, C, *) or (C), (N, *) or () -> () or (N, *)

    See `cross_entropy`, which takes unnormalised scores.
    """
    reduction = _reduction(reduction, size_average, reduce)
    channel = 0 if input.dim() == 1 else 1
    if input.dim() == 0:
        raise RuntimeError("nll_loss: expected input of shape (C), (N, C) or (N, C, *), got a scalar")
    _check_classes("nll_loss", input, target, weight, channel)
    classes = input.shape[channel]
    rows = input.reshape(1, classes) if channel == 0 else input if input.dim() == 2 else input.movedim(1, -1).reshape(-1, classes)
    flat = target.reshape(-1).to(flambeau.int64)
    counts = flat != ignore_index
    flat = flambeau.where(counts, flat, 0)  # any class will do where the result is not used
    found = extremes(flat)
    if found is not None and not 0 <= found[0] <= found[1] < classes:
        raise IndexError(f"Target {found[0] if found[0] < 0 else found[1]} is out of bounds: expected classes in 0 .. {classes - 1}")
    shares = counts.to(input.dtype) if weight is None else flambeau.where(counts, weight[flat], 0.0)
    loss = flambeau.where(counts, -pick_class(rows, flat), 0.0)
    if weight is not None:
        loss = loss * shares
    if reduction == "mean":
        return loss.sum() / shares.sum()
    return loss.sum() if reduction == "sum" else loss.reshape(target.shape)


# Yes or no ----------------------------------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target log input + (1 - target) log(1 - input)), for probabilities; a logarithm counts as at least -100.  (*), (*) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    _same_shape("binary_cross_entropy", input, target)
    if input.numel() and not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1; for scores use binary_cross_entropy_with_logits"
        )
    loss = binary_cross_entropy_card(input, target)
    return _reduce(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy(sigmoid(input), target), without overflow; pos_weight counts the positives more or less.  (*), (*) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    _same_shape("binary_cross_entropy_with_logits", input, target)
    log_sigmoid = logsigmoid(input)
    if pos_weight is None:
        loss = (1 - target) * input - log_sigmoid
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_sigmoid
    return _reduce(loss if weight is None else loss * weight, reduction)


# Numbers ------------------------------------------------------------------------------------------------------------


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)².  (*), (*) -> ()

    >>> F.mse_loss(flambeau.tensor([1.0, 2.0]), flambeau.tensor([1.0, 4.0]))
    tensor(2.)
    """
    reduction = _reduction(reduction, size_average, reduce)
    _warn_if_broadcast("mse_loss", input, target)
    return _weighted((input - target).square(), weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|.  (*), (*) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    _warn_if_broadcast("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction)


def _weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    if weight is None:
        return _reduce(loss, reduction)
    _same_shape("weight", loss, weight)
    return (loss * weight).sum() / weight.sum() if reduction == "mean" else _reduce(loss * weight, reduction)


def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Half the square over beta where the difference is below beta, else the difference less beta/2.  (*), (*) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    _warn_if_broadcast("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    distance = (input - target).abs()
    return _reduce(flambeau.where(distance < beta, distance.square() * (0.5 / beta), distance - 0.5 * beta), reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None) -> Tensor:
    """Half the square where the difference is below delta, else delta times (the difference less delta/2).  (*), (*) -> ()"""
    reduction = _reduction(reduction, None, None)
    _warn_if_broadcast("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    distance = (input - target).abs()
    loss = flambeau.where(distance < delta, distance.square() * 0.5, (distance - 0.5 * delta) * delta)
    if weight is not None:
        _same_shape("weight", loss, weight)
        loss = loss * weight  # unlike its neighbours, this loss does not divide by the weights
    return _reduce(loss, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log target - input), for an input of log probabilities; "batchmean" divides the sum by the batch.  (*), (*) -> ()"""
    batchmean = reduction == "batchmean"
    reduction = "sum" if batchmean else _reduction(reduction, size_average, reduce)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        positive = target > 0
        loss = flambeau.where(positive, target * flambeau.where(positive, target, 1.0).log(), 0.0) - target * input
    result = _reduce(loss, reduction)
    return result / input.shape[0] if batchmean and input.dim() else result


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target * input for log rates, input - target * log(input + eps) for rates; `full` adds Stirling's term."""
    reduction = _reduction(reduction, size_average, reduce)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        large = target > 1
        safe = flambeau.where(large, target, 2.0)
        loss = loss + flambeau.where(large, safe * safe.log() - safe + 0.5 * (2 * pi * safe).log(), 0.0)
    return _reduce(loss, reduction)


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Tensor:
    """Half of log var + (input - target)² / var, with var at least eps; `full` adds the constant.  (*), (*), (*) -> ()"""
    reduction = _reduction(reduction, None, None)
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError(f"var has negative entry/entries: {var}")
        var = flambeau.full_like(input, var)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = var.unsqueeze(-1)
        elif tuple(var.shape) != (*input.shape[:-1], 1):
            raise ValueError(f"var is of incorrect size: expected {tuple(input.shape)} or its last axis as 1, got {tuple(var.shape)}")
    with flambeau.no_grad():
        floor = (eps - var).clamp_min(0.0)
    var = var + floor
    loss = 0.5 * (var.log() + (input - target).square() / var)
    return _reduce(loss + 0.5 * log(2 * pi) if full else loss, reduction)


# Margins ------------------------------------------------------------------------------------------------------------


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1.  (*), (*) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    return _reduce(flambeau.where(target != 1, (margin - input).relu(), 0.0) + flambeau.where(target != -1, input, 0.0), reduction)


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
    reduction = _reduction(reduction, size_average, reduce)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}"
        )
    return _reduce((-target * (input1 - input2) + margin).relu(), reduction)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-target * input)), target 1 or -1.  (*), (*) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    _same_shape("soft_margin_loss", input, target)
    return _reduce(-logsigmoid(target * input), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of binary_cross_entropy_with_logits.  (*, C), (*, C) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    loss = binary_cross_entropy_with_logits(input, target, reduction="none")
    return _reduce((loss if weight is None else loss * weight).mean(-1), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(0, margin - input[target] + input[j])^p over the other classes j, over C.  (N, C), (N) -> ()"""
    reduction = _reduction(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported, got {p}")
    single = input.dim() == 1
    if single:
        input, target = input.unsqueeze(0), target.reshape(1)
    _check_classes("multi_margin_loss", input, target, weight, 1)
    columns = target.unsqueeze(1)
    loss = (margin - input.gather(1, columns) + input).relu()
    loss = loss.square() if p == 2 else loss
    if weight is not None:
        loss = loss * weight[target].unsqueeze(1)
    others = flambeau.arange(input.shape[1], device=input.device) != columns
    result = flambeau.where(others, loss, 0.0).sum(1) / input.shape[1]
    return _reduce(result.squeeze(0) if single else result, reduction)


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
    reduction = _reduction(reduction, size_average, reduce)
    if target.dim() + 1 != input1.dim() or input1.dim() != input2.dim():
        raise RuntimeError(
            f"cosine_embedding_loss: expected inputs (N, D) with target (N), or (D) with (), got {tuple(input1.shape)}, "
            f"{tuple(input2.shape)} and {tuple(target.shape)}"
        )
    # the product is small against eps for tiny vectors only; PyTorch adds it inside the root as well
    products = (input1 * input2).sum(-1)
    cos = products / ((input1.square().sum(-1) + 1e-12) * (input2.square().sum(-1) + 1e-12)).sqrt()
    loss = flambeau.where(target == 1, 1 - cos, 0.0) + flambeau.where(target == -1, (cos - margin).relu(), 0.0)
    return _reduce(loss, reduction)


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
    reduction = _reduction(reduction, size_average, reduce)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = flambeau.minimum(far, pairwise_distance(positive, negative, p, eps))
    return _reduce((near - far + margin).relu(), reduction)
