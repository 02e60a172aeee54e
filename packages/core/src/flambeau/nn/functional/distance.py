"""Distances and similarities between vectors."""

from __future__ import annotations

import flambeau

from ...casting import listed
from ...ops.norms import pdist
from ...ops.outs import word
from ...tensor import Tensor

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


@listed
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along dim; norms count as at least eps.  (*, D, *), (*, D, *) -> (*, *)

    >>> F.cosine_similarity(flambeau.tensor([1.0, 0.0]), flambeau.tensor([1.0, 1.0]), dim=0)
    tensor(0.7071)
    """
    shape = flambeau.broadcast_shapes(x1.shape, x2.shape)
    if x1.dtype is not x2.dtype or not x1.is_floating_point():
        kind = flambeau.promote_types(x1.dtype, x2.dtype)
        if not kind.is_floating_point and not kind.is_complex:
            raise RuntimeError(f"cosine_similarity: expected common dtype to be floating point, yet common dtype is {word(kind)}")
        x1, x2 = x1.to(kind), x2.to(kind)
    x1, x2 = x1.expand(shape), x2.expand(shape)
    unit1 = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    unit2 = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (unit1 * unit2).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last axis.  (*, D), (*, D) -> (*)"""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)
