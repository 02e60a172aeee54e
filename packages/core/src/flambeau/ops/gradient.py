"""Slopes of sampled functions, by differences of second order."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dtype import complex64, promote_types
from ..tensor import Tensor, check_dim
from .create import tensor
from .join import cat
from .view import narrow


def gradient(input: Tensor, *, spacing=1, dim=None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimated slopes along each axis, or along `dim`: central differences inside, one-sided ones at the edges.  (*) -> a (*) an axis

    spacing     between samples: a number, one an axis, or tensors of coordinates
    edge_order  1 or 2: the order of the one-sided differences

    >>> flambeau.gradient(flambeau.tensor([1.0, 4.0, 9.0, 16.0]))[0]
    tensor([3., 4., 6., 7.])
    """
    spacing = 1 if spacing is None else spacing
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    if dim is None:
        axes = list(range(input.ndim))
    else:
        axes = [check_dim(d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
        if len(set(axes)) < len(axes):
            raise RuntimeError(f"gradient: an axis appears twice in dim={dim}")
    steps = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(axes)
    if len(steps) != len(axes):
        raise RuntimeError("gradient expected spacing to be unspecified, a scalar, or a list of length equal to the number of axes, "
                           f"{len(axes)}, but got a list of length {len(steps)}")
    if input.dtype.name == "uint8":
        raise RuntimeError("gradient does not support uint8 input.")
    for axis, step in zip(axes, steps, strict=True):
        if isinstance(step, Tensor) and step.ndim:
            if step.ndim != 1:
                raise RuntimeError(f"gradient expected each element of spacing to be 1-dimensional, got {step.ndim} axes")
            if step.shape[0] != input.shape[axis]:
                raise RuntimeError(f"gradient expected each spacing tensor to hold a coordinate for each sample, {input.shape[axis]} along "
                                   f"dim {axis}, but got {step.shape[0]}")  # fmt: skip
            if step.device != input.device:
                raise RuntimeError(f"gradient expected each tensor to be on the same device, got {input.device} and {step.device}")
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError("gradient expected each dimension size to be at least edge_order+1")
    of_places = [step.dtype for step in steps if isinstance(step, Tensor) and step.ndim]
    x = input if input.is_floating_point() or input.is_complex() else input.float()
    for kind in of_places:
        x = x.to(promote_types(x.dtype, kind))
    return tuple(_slope(x, step, axis, edge_order) for axis, step in zip(axes, steps, strict=True))


def _slope(x: Tensor, step, axis: int, edge_order: int) -> Tensor:
    n = x.shape[axis]
    at = lambda i, count=1: narrow(x, axis, i, count)
    if isinstance(step, Tensor) and step.ndim:
        places = np.asarray(step.detach().cpu().numpy(), np.complex128 if step.is_complex() else np.float64)
    else:
        places = np.arange(n) * (step.item() if isinstance(step, Tensor) else step)
    h = np.diff(places)
    kind = promote_types(x.dtype, complex64) if h.dtype.kind == "c" else x.dtype
    shape = [1] * x.ndim
    shape[axis] = -1
    row = lambda v: tensor(np.atleast_1d(v), dtype=kind, device=x.device).reshape(shape)
    left, right = h[:-1], h[1:]
    inside = []
    if n > 2 and not (isinstance(step, Tensor) and step.ndim):
        inside = [(at(2, n - 2) - at(0, n - 2)) / row(2 * h[0])]
    elif n > 2:
        a, b, c = -right / (left * (left + right)), (right - left) / (left * right), left / (right * (left + right))
        inside = [at(0, n - 2) * row(a) + at(1, n - 2) * row(b) + at(2, n - 2) * row(c)]
    if edge_order == 1:
        first, last = (at(1) - at(0)) / row(h[0]), (at(n - 1) - at(n - 2)) / row(h[-1])
    else:
        p, q = h[0], h[1]
        first = at(0) * row(-(2 * p + q) / (p * (p + q))) + at(1) * row((p + q) / (p * q)) + at(2) * row(-p / (q * (p + q)))
        p, q = h[-2], h[-1]
        last = at(n - 3) * row(q / (p * (p + q))) + at(n - 2) * row(-(q + p) / (p * q)) + at(n - 1) * row((2 * q + p) / (q * (p + q)))
    return cat([first, *inside, last], axis)
