"""How an update rule is applied to a parameter: in place, on the arrays themselves.

A rule is one small function, `rule(xp, p, g, *state, *numbers, **flags) -> (p, *state)`, written against an array namespace.
Its augmented assignments write into NumPy's and CuPy's arrays, and are plain expressions where the rule is traced into a kernel:
the same body serves both. Flags choose the expressions; numbers may change with every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau.tensor import Tensor, plain, version_cell

BLOCK = 32768  # elements: a rule's temporaries then stay in the cache (20 ms for 10 M parameters, 39 ms with 4096)


def apply(rule: Callable[..., Any], parameter: Tensor, state: list[Tensor], *numbers: float, **flags: Any) -> None:
    """Change the parameter and its state by `rule`, with its gradient."""
    array, gradient = parameter.array, gradient_of(parameter)
    arrays = [array, gradient, *(s.array for s in state)]
    if array.dtype.kind == "c":  # complex numbers are pairs of real ones to every rule
        arrays = [as_real(a) for a in arrays]
    xp = array.__array_namespace__()
    if array.size <= BLOCK or xp is not np or not all(a.flags.c_contiguous for a in arrays):
        run(rule, xp, arrays, numbers, flags)
    else:
        flat = [a.reshape(-1) for a in arrays]
        for begin in range(0, flat[0].size, BLOCK):
            run(rule, xp, [a[begin : begin + BLOCK] for a in flat], numbers, flags)
    for written in (parameter, *state):
        version_cell(written)[0] += 1


def run(rule: Callable[..., Any], xp: Any, arrays: list[Any], numbers: tuple[float, ...], flags: dict[str, Any]) -> None:
    results = rule(xp, *arrays, *numbers, **flags)
    del arrays[1]  # the gradient is read alone
    for target, result in zip(arrays, results):
        if result is not target:  # not written in place
            target[...] = result


def gradient_of(parameter: Tensor) -> Any:
    """The gradient's array, laid out in memory as the parameter's."""
    grad = parameter.grad
    assert grad is not None  # its callers have skipped those without
    gradient, array = grad.array, parameter.array
    if gradient.dtype != array.dtype or gradient.shape != array.shape:
        raise RuntimeError(f"expected a gradient of {array.dtype} {array.shape} like its parameter, got {gradient.dtype} {gradient.shape}")
    if array.flags.c_contiguous and not gradient.flags.c_contiguous:
        return array.__array_namespace__().ascontiguousarray(gradient).reshape(array.shape)
    return gradient


def as_real(array: Any) -> Any:
    """The same memory with a last axis of (real, imaginary)."""
    pairs = array[..., None].view(array.real.dtype)
    assert pairs.base is not None
    return pairs


def zeros_like(parameter: Tensor) -> Tensor:
    """State of the parameter's shape and dtype."""
    return plain(parameter.array.__array_namespace__().zeros_like(parameter.array))


def counter() -> Tensor:
    """A count of steps; float32 as in PyTorch's state_dicts."""
    return plain(np.zeros((), np.float32))


def count(step: Tensor) -> float:
    """The next step's number."""
    step.array += 1
    return float(step.array)
