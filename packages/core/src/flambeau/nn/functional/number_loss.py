"""Losses between numbers, and between distributions."""

from __future__ import annotations

from math import log, pi
from typing import Any

import flambeau

from ...casting import listed
from ...tensor import Tensor
from .reduction import reduce_loss, reduction_of, same_shape, warn_if_broadcast, weighted

__all__ = ["gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss"]


@listed
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
    reduction = reduction_of(reduction, size_average, reduce)
    warn_if_broadcast("mse_loss", input, target)
    return weighted((input - target).square(), weight, reduction)


@listed
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|.  (*), (*) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    warn_if_broadcast("l1_loss", input, target)
    return weighted((input - target).abs(), weight, reduction)


@listed
def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Half the square over beta where the difference is below beta, else the difference less beta/2.  (*), (*) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    warn_if_broadcast("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    distance = (input - target).abs()
    return reduce_loss(flambeau.where(distance < beta, distance.square() * (0.5 / beta), distance - 0.5 * beta), reduction)


@listed
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None) -> Tensor:
    """Half the square where the difference is below delta, else delta times (the difference less delta/2).  (*), (*) -> ()"""
    reduction = reduction_of(reduction, None, None)
    warn_if_broadcast("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    distance = (input - target).abs()
    loss = flambeau.where(distance < delta, distance.square() * 0.5, (distance - 0.5 * delta) * delta)
    if weight is not None:
        same_shape(weight, loss, "expected a weight of the loss's size ({0}), got ({1})")
        loss = loss * weight  # unlike its neighbours, this loss does not divide by the weights
    return reduce_loss(loss, reduction)


@listed
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
    reduction = "sum" if batchmean else reduction_of(reduction, size_average, reduce)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = flambeau.xlogy(target, target) - target * input
    result = reduce_loss(loss, reduction)
    return result / input.shape[0] if batchmean and input.dim() else result


@listed
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
    reduction = reduction_of(reduction, size_average, reduce)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        large = target > 1
        safe = flambeau.where(large, target, 2.0)
        loss = loss + flambeau.where(large, safe * safe.log() - safe + 0.5 * (2 * pi * safe).log(), 0.0)
    return reduce_loss(loss, reduction)


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Tensor:
    """Half of log var + (input - target)² / var, with var at least eps; `full` adds the constant.  (*), (*), (*) -> ()"""
    reduction = reduction_of(reduction, None, None)
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError(f"var has negative entry/entries: {var}")
        var = flambeau.full_like(input, var)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = var.unsqueeze(-1)
        elif var.dim() != input.dim() or [have for want, have in zip(input.shape, var.shape, strict=True) if want != have] != [1]:
            raise ValueError(f"var is of incorrect size: expected {tuple(input.shape)} or one of its axes as 1, got {tuple(var.shape)}")
    with flambeau.no_grad():
        floor = (eps - var).clamp_min(0.0)
    var = var + floor
    loss = 0.5 * (var.log() + (input - target).square() / var)
    return reduce_loss(loss + 0.5 * log(2 * pi) if full else loss, reduction)
