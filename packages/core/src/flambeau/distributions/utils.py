"""Small things that several distributions need."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from numbers import Number
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import functional as F

__all__ = ["broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs", "probs_to_logits", "sum_rightmost",
           "tril_matrix_to_vec", "vec_to_tril_matrix"]  # fmt: skip

euler_constant = 0.57721566490153286060  # Euler and Mascheroni's


def broadcast_all(*values: Tensor | Number) -> tuple[Tensor, ...]:
    """The values as tensors of one shape; numbers take the first tensor's dtype.  ValueError for what is neither number nor tensor.

    >>> [x.shape for x in broadcast_all(1.0, flambeau.zeros(2))]
    [flambeau.Size([2]), flambeau.Size([2])]
    """
    if not all(isinstance(v, Number | Tensor) for v in values):
        raise ValueError("Input arguments must all be instances of Number or flambeau.Tensor, "
                         f"got {', '.join(type(v).__name__ for v in values)}")  # fmt: skip
    first = next((v for v in values if isinstance(v, Tensor)), None)
    kind: dict[str, Any] = {"dtype": flambeau.get_default_dtype()} if first is None else {"dtype": first.dtype, "device": first.device}
    return tuple(flambeau.broadcast_tensors(*[v if isinstance(v, Tensor) else flambeau.tensor(v, **kind) for v in values]))


def sum_rightmost(value: Any, dims: int) -> Any:
    """The sum over the last `dims` axes.  (*, a, b, c), 2 -> (*, a)"""
    return value.reshape(*value.shape[: value.ndim - dims], -1).sum(-1) if dims else value


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of log odds (binary), or of log probabilities up to a constant along the last axis."""
    return flambeau.sigmoid(logits) if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities a rounding error away from 0 and 1."""
    eps = flambeau.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds (binary) or log probabilities."""
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


class lazy_property:
    """A property that is computed when it is first asked for, and kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with flambeau.enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """What stands on and below a diagonal, row by row.  (*, n, n) -> (*, m)"""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _below(n, diag, mat.device)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """What `tril_matrix_to_vec` does, undone; zeros elsewhere.  (*, m) -> (*, n, n)"""
    m = vec.shape[-1]
    n = next((n for n in range(abs(diag), 2 * m + abs(diag) + 2) if _count(n, diag) >= m), 0)
    if _count(n, diag) != m:
        raise ValueError(f"The size of last dimension is {m} which cannot be expressed as the lower triangular part of a square D x D "
                         "matrix.")  # fmt: skip
    rows, columns = flambeau.tril_indices(n, n, diag, device=vec.device)
    flat = vec.new_zeros((*vec.shape[:-1], n * n))
    return flat.scatter(-1, (rows * n + columns).expand(vec.shape), vec).reshape(*vec.shape[:-1], n, n)


def _below(n: int, diag: int, where: Any) -> Tensor:
    i = flambeau.arange(n, device=where)
    return i < i.view(-1, 1) + (diag + 1)


def _count(n: int, diag: int) -> int:
    return sum(min(max(i + diag + 1, 0), n) for i in range(n))
