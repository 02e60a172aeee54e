"""Bringing values to mean 0 and variance 1, over the batch, the features or groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from numpy import ndarray

import flambeau

from ...autograd import no_grad
from ...backends.network import move
from ...casting import listed
from ...ops.nn import batch_norm_eval, batch_norm_train
from ...ops.nn import layer_norm as layer_norm_card
from ...ops.view import ready
from ...tensor import PLAIN, Tensor, version_cell
from .order import in_order_of, keeps_order
from .padding import pad
from .precision import HALVES

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]


def _wider(input: Tensor, *given: Tensor | None) -> bool:
    """Whether a half-precision input meets float32 weights or statistics: the result is computed in float32, and rounded to its dtype."""
    return input.dtype in HALVES and any(t is not None and t.dtype is flambeau.float32 for t in given)


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Mean 0 and variance 1 over the last axes, those of normalized_shape; then times weight, plus bias.  (*, *S) -> (*, *S)

    Raises RuntimeError when input does not end in normalized_shape, or weight or bias is not of that shape.

    >>> F.layer_norm(flambeau.tensor([[1.0, 2.0, 3.0]]), (3,))
    tensor([[-1.2247,  0.0000,  1.2247]])
    """
    shape = tuple(normalized_shape)
    if weight is not None and weight.dtype is not input.dtype and _wider(input, weight):
        return layer_norm(input.float(), shape, weight, bias, eps).to(input.dtype)
    n, x, w, b = len(shape), ready(input), None if weight is None else ready(weight), None if bias is None else ready(bias)
    if n and x is not None and x.shape[-n:] == shape and (weight is None or (w is not None and w.shape == shape)) \
            and (bias is None or (b is not None and b.shape == shape)):
        return layer_norm_card(input, weight, bias, axes=n, eps=eps)
    _check_normalized("layer_norm", input, shape, weight, bias)
    return layer_norm_card(input, weight, bias, axes=len(shape), eps=eps)


@listed
def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """Root mean square 1 over the last axes, those of normalized_shape; then times weight.  (*, *S) -> (*, *S)

    eps defaults to the smallest step at 1 of input's dtype. Raises RuntimeError when the shapes do not fit.
    """
    shape = tuple(normalized_shape)
    _check_normalized("rms_norm", input, shape, weight, None)
    eps = flambeau.finfo(input.dtype).eps if eps is None else eps
    if input.dtype.itemsize == 2:  # squares of halves overflow
        wide = rms_norm(input.float(), shape, None if weight is None else weight.float(), eps)
        return wide.to(input.dtype)
    scaled = input * (input.square().mean(tuple(range(-len(shape), 0)), keepdim=True) + eps).rsqrt()
    return scaled if weight is None else scaled * weight


def _check_normalized(name: str, input: Tensor, shape: tuple[int, ...], weight: Tensor | None, bias: Tensor | None) -> None:
    if not shape:
        raise RuntimeError(f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, got ()")
    for what, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(
                f"{name}: Expected {what} to be of same shape as normalized_shape, but got {what} of shape {list(tensor.shape)} "
                f"and normalized_shape = {list(shape)}"
            )
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], "
            f"but got input of size{list(input.shape)}"
        )


@listed
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 of each channel (axis 1); then times weight, plus bias.  (N, C, *) -> (N, C, *)

    In training the batch's own statistics serve, and move the running ones by `momentum`; else the running ones serve.
    Raises ValueError for a single value a channel in training, RuntimeError when the sizes do not fit.
    """
    if input.dtype.itemsize == 2 and _wider(input, running_mean, running_var, weight, bias):
        wide = batch_norm(input.float(), running_mean, running_var, weight, bias, training, momentum, eps)
        return wide.to(input.dtype)
    array = ready(input)
    shape = tuple(input.shape) if array is None else array.shape
    if eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive, but got {eps}")
    if not (input.numel() if array is None else array.size):
        return _affine(input * 1, weight, bias) if len(shape) > 1 else input * 1  # nothing to normalise, and nothing moves
    for given in (running_mean, running_var, weight, bias):
        if len(shape) < 2 or (given is not None and (type(given) not in PLAIN or given.array.shape != shape[1:2])):
            _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
            break
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined in evaluation mode (training=False)")
        result = _scale_channels(input, running_mean, running_var, weight, bias, eps)
        return result if array is None or array.flags.c_contiguous else in_order_of(result, input)
    count = input.numel() // max(1, shape[1])
    if count <= 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    result, mean, var = batch_norm_train(input, weight, bias, eps=eps)
    if array is not None and not array.flags.c_contiguous:
        result = in_order_of(result, input)
    if running_mean is not None:
        _move(running_mean, mean, momentum, momentum)
    if running_var is not None:
        _move(running_var, var, momentum, momentum * count / (count - 1))
    return result


def _move(running: Tensor, batch: Tensor, momentum: float, share: float) -> None:
    """running = (1 - momentum) running + share · batch; detached, and what runs has no history: nothing is recorded."""
    old, new = (running.array, batch.array) if type(running) is type(batch) is Tensor else (None, None)
    if running.node is None and running.base is None and type(old) is type(new) is ndarray and old.dtype is new.dtype:
        if not move(old, new, 1 - momentum, share):
            old *= 1 - momentum
            old += new * share
        version_cell(running)[0] += 1
        return
    running.mul_(1 - momentum).add_(batch.detach() * share)


def _check_channels(input: Tensor, **given: Tensor | None) -> None:
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise RuntimeError(f"expected an input of shape (N, C, *), got {tuple(shape)}")
    channels = shape[1]
    for name, tensor in given.items():
        if tensor is not None and tensor.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {tensor.numel()}")


def _scale_channels(input: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """One multiplication and one addition an element: everything else happens once a channel."""
    kind = input.dtype
    if mean.dtype is var.dtype is kind and (weight is None or weight.dtype is kind) and (bias is None or bias.dtype is kind):
        return batch_norm_eval(input, mean, var, weight, bias, eps=eps)
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    shape = (-1, *[1] * (input.dim() - 2))
    return input * scale.reshape(shape) + shift.reshape(shape)


@listed
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over each group of channels of each example; then a weight and bias a channel.  (N, C, *) -> (N, C, *)

    Raises RuntimeError when num_groups does not divide the channels.
    """
    if _wider(input, weight, bias):
        return group_norm(input.float(), num_groups, weight, bias, eps).to(input.dtype)
    _check_channels(input, weight=weight, bias=bias)
    n, c = input.shape[:2]
    if num_groups <= 0 or c % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(input.shape)} "
            f"and num_groups={num_groups}"
        )
    if n * (c // num_groups) * prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {[1, num_groups, *input.shape[2:]]}")
    if not input.numel():
        return _affine(input * 1, weight, bias)
    result = layer_norm_card(input.reshape(n, num_groups, -1), None, None, axes=1, eps=eps).reshape(input.shape)
    return in_order_of(_affine(result, weight, bias), input)


def _affine(result: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    shape = (-1, *[1] * (result.dim() - 2))
    if weight is not None:
        result = result * weight.reshape(shape)
    return result if bias is None else result + bias.reshape(shape)


@listed
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 of each channel of each example; then a weight and bias a channel.  (N, C, *) -> (N, C, *)

    With use_input_stats False the running statistics serve instead.
    """
    if _wider(input, running_mean, running_var, weight, bias):
        wide = instance_norm(input.float(), running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
        return wide.to(input.dtype)
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats=False")
        return _scale_channels(input, running_mean, running_var, weight, bias, eps)
    count = input[0, 0].numel() if input.shape[0] and input.shape[1] else 0
    if count <= 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    flat = input.reshape(input.shape[0], input.shape[1], -1)
    with no_grad():
        if running_mean is not None:
            running_mean.mul_(1 - momentum).add_(flat.detach().mean(-1).mean(0) * momentum)
        if running_var is not None:
            running_var.mul_(1 - momentum).add_(flat.detach().var(-1).mean(0) * momentum)
    return _affine(layer_norm_card(flat, None, None, axes=1, eps=eps).reshape(input.shape), weight, bias)


@keeps_order
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """input / (k + alpha * mean of the squares over `size` neighbouring channels)^beta.  (N, C, *) -> (N, C, *)

    Source: Krizhevsky et al. (2012).
    """
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    c = input.shape[1]
    squares = input.square()
    padded = pad(squares.reshape(squares.shape[0], c, -1), (0, 0, size // 2, (size - 1) // 2))
    total = sum((padded.narrow(1, i, c) for i in range(1, size)), start=padded.narrow(1, 0, c))
    return input / (total.reshape(input.shape) * (alpha / size) + k).pow(beta)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """input / max(its p-norm along dim, eps).  (*) -> (*)"""
    result = input / input.norm(p, dim, keepdim=True).clamp_min(eps)
    return result if out is None else out.copy_(result)
