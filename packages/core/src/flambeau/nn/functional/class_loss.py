"""Losses of classifiers: one class of several, or yes and no."""

from __future__ import annotations

from numpy import int64

import flambeau

from ...backends import network
from ...casting import listed
from ...ops.index import extremes as least_and_greatest
from ...ops.loss import binary_cross_entropy as binary_cross_entropy_card
from ...ops.nn import mean_cross_entropy, pick_class
from ...ops.view import ready
from ...tensor import Tensor, plain
from .activation import logsigmoid
from .reduction import reduce_loss, reduction_of, same_shape
from .sizes import extremes

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
]


def _usual(input: Tensor, target: Tensor) -> Tensor | None:
    """The mean over plain rows of scores; None where these are not such, or a target is no class."""
    x, t = ready(input), ready(target)
    if x is None or t is None or x.ndim != 2:
        return None
    if input.node is None:  # nothing is recorded: straight to the kernel, which counts the targets that are no classes
        loss = network.mean_cross_entropy(x, t)
        return None if loss is None else plain(loss)
    if t.dtype != int64 or t.shape != x.shape[:1] or not t.size:
        return None
    low, high = least_and_greatest(t)
    return mean_cross_entropy(input, target) if 0 <= low <= high < x.shape[1] else None


@listed
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
    if reduction == "mean" and weight is None and size_average is reduce is None and not label_smoothing and ignore_index < 0:
        loss = _usual(input, target)
        if loss is not None:
            return loss
    reduction = reduction_of(reduction, size_average, reduce)
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
    if channel and target.dim() and input.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]}).")
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
    return reduce_loss(loss, reduction)


def _check_weight(name: str, weight: Tensor | None, classes: int) -> None:
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}"
        )


def _check_weight_dtype(name: str, input: Tensor, weight: Tensor | None) -> None:
    if weight is not None and weight.dtype != input.dtype and input.device == weight.device:
        raise RuntimeError(f"{name}: expected scalar type {input.dtype} for weight but found {weight.dtype}")


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None, channel: int) -> None:
    if target.dtype not in (flambeau.int64, flambeau.uint8):
        raise RuntimeError(f"{name}: expected scalar type Long for the classes in target, but found {target.dtype}")
    expected = (*input.shape[:channel], *input.shape[channel + 1 :])
    if channel and target.dim() and input.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if tuple(target.shape) != expected and not (channel == 0 and tuple(target.shape) == (1,)):
        if input.dim() <= 2:
            what = "0D or 1D target tensor expected, multi-target not supported"
        elif target.dim() == input.dim() - 1:
            what = f"size mismatch (got input: {list(input.shape)}, target: {list(target.shape)})"
        else:
            what = f"only batches of spatial targets supported ({len(expected)}D tensors) but got targets of dimension: {target.dim()}"
        raise RuntimeError(f"{what}: {name} expected target of shape {expected} for input of shape {tuple(input.shape)}, got "
                           f"{tuple(target.shape)}")  # fmt: skip
    _check_weight(name, weight, input.shape[channel])


@listed
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
    reduction = reduction_of(reduction, size_average, reduce)
    channel = 0 if input.dim() == 1 else 1
    if input.dim() == 0:
        raise RuntimeError("nll_loss: expected input of shape (C), (N, C) or (N, C, *), got a scalar")
    _check_classes("nll_loss", input, target, weight, channel)
    _check_weight_dtype("nll_loss", input, weight)
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


@listed
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
    reduction = reduction_of(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported, got {p}")
    single, scalar = input.dim() < 2, target.dim() == 0
    if single:
        input, target = input.reshape(1, -1), target.reshape(1) if target.numel() == 1 else target
    if input.dim() != 2 or not input.shape[1]:
        raise RuntimeError(f"multi_margin_loss: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{list(input.shape)}")  # fmt: skip
    if tuple(target.shape) != tuple(input.shape[:1]):
        raise RuntimeError(
            f"multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{input.shape[0]}], but got {list(target.shape)}"
        )
    if weight is not None and weight.dim() != 1:
        raise ValueError(f"multi_margin_loss: weight must be one-dimensional, got {tuple(weight.shape)}")
    _check_classes("multi_margin_loss", input, target, weight, 1)
    columns = target.unsqueeze(1)
    loss = (margin - input.gather(1, columns) + input).relu()
    loss = loss.square() if p == 2 else loss
    if weight is not None:
        loss = loss * weight[target].unsqueeze(1)
    others = flambeau.arange(input.shape[1], device=input.device) != columns
    result = flambeau.where(others, loss, 0.0).sum(1) / input.shape[1]
    return reduce_loss(result.squeeze(0) if single and scalar else result, reduction)


_OTHER_SIZE = "Using a target size ({0}) that is different to the input size ({1}) is deprecated. Please ensure they have the same size."


@listed
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target log input + (1 - target) log(1 - input)), for probabilities; a logarithm counts as at least -100.  (*), (*) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    same_shape(input, target, _OTHER_SIZE)
    if input.numel() and input.visible() and not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1; for scores use binary_cross_entropy_with_logits"
        )
    loss = binary_cross_entropy_card(input, target)
    return reduce_loss(loss if weight is None else loss * weight, reduction)


@listed
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
    reduction = reduction_of(reduction, size_average, reduce)
    same_shape(input, target)
    log_sigmoid = logsigmoid(input)
    if pos_weight is None:
        loss = (1 - target) * input - log_sigmoid
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_sigmoid
    return reduce_loss(loss if weight is None else loss * weight, reduction)


@listed
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of binary_cross_entropy_with_logits.  (*, C), (*, C) -> ()"""
    reduction = reduction_of(reduction, size_average, reduce)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduce_loss((loss if weight is None else loss * weight).mean(-1), reduction)
