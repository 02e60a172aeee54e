"""Gradients of convolutions as functions of their own, with PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..tensor import Tensor
from . import functional as F

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _of_input(conv: Callable, axes: int) -> Callable:
    def call(input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> Tensor:  # fmt: skip
        at = weight.new_zeros(()).expand(tuple(input_size)).detach().requires_grad_()
        with flambeau.enable_grad():
            result = conv(at, weight, None, stride, padding, dilation, groups)
            return flambeau.autograd.grad(result, at, grad_output, create_graph=grad_output.requires_grad or weight.requires_grad)[0]

    call.__name__ = call.__qualname__ = f"conv{axes}d_input"
    call.__doc__ = f"The gradient of `F.conv{axes}d` for its input, of the shape `input_size`, given that of its result."
    return call


def _of_weight(conv: Callable, axes: int) -> Callable:
    def call(input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> Tensor:  # fmt: skip
        at = input.new_zeros(()).expand(tuple(weight_size)).detach().requires_grad_()
        with flambeau.enable_grad():
            result = conv(input, at, None, stride, padding, dilation, groups)
            return flambeau.autograd.grad(result, at, grad_output, create_graph=grad_output.requires_grad or input.requires_grad)[0]

    call.__name__ = call.__qualname__ = f"conv{axes}d_weight"
    call.__doc__ = f"The gradient of `F.conv{axes}d` for its weight, of the shape `weight_size`, given that of its result."
    return call


conv1d_input, conv2d_input, conv3d_input = _of_input(F.conv1d, 1), _of_input(F.conv2d, 2), _of_input(F.conv3d, 3)
conv1d_weight, conv2d_weight, conv3d_weight = _of_weight(F.conv1d, 1), _of_weight(F.conv2d, 2), _of_weight(F.conv3d, 3)
