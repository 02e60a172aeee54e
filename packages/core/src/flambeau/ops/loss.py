"""Losses whose slope needs more care than their formula: it stays finite where the formula's own would not."""
from __future__ import annotations

from ..define import op


def _samples(make):
    yield (make((3, 4), 0.1, 0.9), make((3, 4), 0.1, 0.9)), {}


@op("elementwise", promote="float", samples=_samples, c="(({1} - 1) * maximum(log1p(-{0}), -100) - {1} * maximum(log({0}), -100))",
    vjp=(lambda g, _z, p, target: g * (p - target) / ((1 - p) * p).clamp(min=1e-12),
         lambda g, _z, p, _target: g * ((-p).log1p().clamp(min=-100) - p.log().clamp(min=-100))))
def binary_cross_entropy(xp, p, target):
    """-(target log p + (1 - target) log(1 - p)), a logarithm counting as at least -100.  (*), (*) -> (*)"""
    return (target - 1) * xp.maximum(xp.log1p(-p), -100) - target * xp.maximum(xp.log(p), -100)
