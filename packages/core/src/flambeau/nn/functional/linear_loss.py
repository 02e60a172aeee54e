"""A classifier's last layer and its loss at once, so that the table of scores need not be held whole."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import flambeau

from ...autograd import Function
from ...tensor import Tensor
from .class_loss import cross_entropy
from .linear import linear

__all__ = ["LinearCrossEntropyOptions", "linear_cross_entropy"]

_POLICIES = ("auto", "accurate", "balanced", "compact")


@dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How many rows of scores are made at once, and in what dtype their losses are added.

    batch_chunk_size gives the number of rows; else chunking_method "aspect_ratio" makes a chunk of scores as large as the whole
    input, "aspect_ratio:N" an N-th of that, "auto" an half. Each chunk is made once more in backward. acc_dtype is the dtype of
    scores and losses inside: by default the input's, and float32 for 16 bits where acc_policy is "auto". The other policies and
    allow_retain_graph are accepted for PyTorch's sake: backward may always be repeated, and sums are as exact as acc_dtype.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}; there are {', '.join(_POLICIES)}")
        if self.chunking_method not in (None, "auto"):
            name, colon, factor = str(self.chunking_method).partition(":")
            if name != "aspect_ratio" or (colon and not (factor.isdigit() and int(factor) > 0)):
                raise ValueError(f"invalid chunking_method: {self.chunking_method!r}; expected auto, aspect_ratio or aspect_ratio:N")
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype is not None and not getattr(self.acc_dtype, "is_floating_point", False):
            raise ValueError(f"acc_dtype must be a floating dtype or None, got {self.acc_dtype!r}")


def _rows(options: Any, batch: int, features: int, classes: int) -> int:
    """How many rows make a chunk.  ValueError where size and method are both given and disagree."""
    size, method = options.batch_chunk_size, options.chunking_method
    if method is None or (method == "auto" and size is not None):
        return max(min(size or batch, batch), 1)
    factor = 2 if method == "auto" else int(method.partition(":")[2] or 1)
    fitting = ceil(batch / max(ceil(classes / max(features, 1)), 1))
    found = min((1 << max(fitting - 1, 0).bit_length()) // factor, batch)
    if size is not None and size != found:
        raise ValueError(f"batch_chunk_size {size} and chunking_method {method!r} (which makes {found}) disagree: give one of them")
    return max(found, 1)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight), target).  (N, in), (C, *K, in), classes (N, *K) or shares (N, C, *K) -> ()

    With `options` the scores are made chunk by chunk, and again in backward, instead of being held at once: less memory for many classes.
    ignore_index (-100 by default) is for classes alone. Raises RuntimeError when shapes do not fit.

    >>> F.linear_cross_entropy(flambeau.zeros(3, 4), flambeau.zeros(2, 4), flambeau.tensor([0, 1, 1]))
    tensor(0.6931)
    """
    classes, *places = linear_weight.shape[:-1] if linear_weight.dim() > 1 else (0,)
    _check(input, linear_weight, linear_bias, classes, tuple(places))
    shape = (*input.shape[:-1], classes, *places)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignored = -100 if ignore_index is None else ignore_index
    if options is not None:
        whole = bool(places) or reduction not in ("mean", "sum", "none") or label_smoothing != 0.0 or target.dtype != flambeau.int64
        if not whole:
            return _by_chunks(input, linear_weight, target, linear_bias, weight, reduction, ignored, options)
        warnings.warn(
            "linear_cross_entropy: options are ignored: chunks need class indices, label_smoothing 0 and a 2-D linear_weight, got "
            f"{target.dtype} targets, label_smoothing={label_smoothing} and linear_weight {tuple(linear_weight.shape)}",
            stacklevel=2,
        )
    if places:
        linear_weight = linear_weight.reshape(classes * prod(places), -1)
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(scores, target, weight, reduction=reduction, ignore_index=ignored, label_smoothing=label_smoothing)


def _check(input: Tensor, weight: Tensor, bias: Tensor | None, classes: int, places: tuple[int, ...]) -> None:
    if input.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {weight.dim()}")
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} and {weight.shape[-1]}"
        )
    if bias is not None and tuple(bias.shape) != (classes, *places):
        raise RuntimeError(f"expected linear_bias shape {(classes, *places)}, got {tuple(bias.shape)}")
    if places and input.dim() == 1:
        raise RuntimeError(f"linear_weight of shape {tuple(weight.shape)} requires batched input (N, in), got shape {tuple(input.shape)}")


class _Recomputed(Function):
    """losses(rows, targets, weight, bias), made once more in backward instead of being kept."""

    @staticmethod
    def forward(ctx: Any, losses: Callable[..., Tensor], *tensors: Any) -> Tensor:
        ctx.losses = losses
        ctx.save_for_backward(*tensors)
        return losses(*tensors)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        given, twice = ctx.saved_tensors, flambeau.is_grad_enabled()
        wanted = [i for i, needed in enumerate(ctx.needs_input_grad[1:]) if needed]
        with flambeau.enable_grad():
            fresh = [t if twice or i not in wanted else t.detach().requires_grad_() for i, t in enumerate(given)]
            grads = flambeau.autograd.grad(ctx.losses(*fresh), [fresh[i] for i in wanted], grad, create_graph=twice)
        found = dict(zip(wanted, grads, strict=True))
        return (None, *[found.get(i) for i in range(len(given))])


def _by_chunks(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    bias: Tensor | None,
    class_weight: Tensor | None,
    reduction: str,
    ignored: int,
    options: Any,
) -> Tensor:
    batched = input.dim() == 2
    rows, targets = (input, target) if batched else (input.unsqueeze(0), target.unsqueeze(0))
    if tuple(targets.shape) != (rows.shape[0],):
        raise ValueError(f"Expected input batch_size ({rows.shape[0]}) to match target batch_size ({tuple(targets.shape)}).")
    kind = options.acc_dtype or input.dtype
    if options.acc_dtype is None and options.acc_policy == "auto" and input.dtype.itemsize < 4:
        kind = flambeau.float32

    def losses(x: Tensor, t: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        return cross_entropy(linear(x, w, b).to(kind), t, None if class_weight is None else class_weight.to(kind), reduction="none",
                             ignore_index=ignored)  # fmt: skip

    def chunks() -> Iterator[Tensor]:
        size = _rows(options, rows.shape[0], rows.shape[1], weight.shape[0])
        for start in range(0, max(rows.shape[0], 1), size):
            yield _Recomputed.apply(losses, rows[start : start + size], targets[start : start + size], weight, bias)

    every = flambeau.cat(list(chunks()))
    if reduction == "none":
        return (every if batched else every.squeeze(0)).to(input.dtype)
    if reduction == "sum":
        return every.sum().to(input.dtype)
    kept = targets != ignored
    count = kept.sum() if class_weight is None else class_weight[flambeau.where(kept, targets, 0)].mul(kept).sum()
    return (every.sum() / count).to(input.dtype)
