"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import flambeau

from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _one_device(tensors: list[Tensor]) -> None:
    devices = {str(t.device) for t in tensors}
    if len(devices) > 1:
        raise TypeError(f"Found two parameters on different devices, this is currently not supported: {', '.join(sorted(devices))}")


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after the other.  -> (n)"""
    every = list(parameters)
    _one_device(every)
    return flambeau.cat([p.reshape(-1) for p in every])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the elements of `vec`, in their order; they share its memory afterwards.

    Raises TypeError when vec is no tensor, RuntimeError when it holds too few elements.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected flambeau.Tensor, but got: {type(vec).__name__}")
    every = list(parameters)
    _one_device(every)
    needed = sum(p.numel() for p in every)
    if vec.numel() < needed:
        raise RuntimeError(f"vector_to_parameters: expected a vector of {needed} elements, got {vec.numel()}")
    start = 0
    for parameter in every:
        end = start + parameter.numel()
        parameter.data = vec[start:end].reshape(parameter.shape).data
        start = end
