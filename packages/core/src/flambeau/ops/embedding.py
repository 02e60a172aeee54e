"""Rows of a table, looked up by number."""
from __future__ import annotations

import numpy as np

from ..define import op
from .index import unindex


def _samples(make):
    yield (make((5, 3), -1.0, 1.0), make.index(np.array([[1, 4], [1, 0]]))), {}
    yield (make((5, 3), -1.0, 1.0), make.index(np.array([2, 1, 2]))), {"padding_idx": 1}


def _back(g, weight, rows, padding_idx):
    if padding_idx >= 0:
        g = g * (rows != padding_idx).unsqueeze(-1)
    return unindex([g, rows], shape=weight.shape, spec=(True,))


@op("index", inputs=2, samples=_samples, vjp=(lambda g, _y, _weight, rows, padding_idx=-1: _back(g, _weight, rows, padding_idx), None))
def embedding(xp, weight, rows, padding_idx=-1):
    """Rows of `weight`; the row `padding_idx`, if not negative, gets no gradient.  (V, D), (*) of integers -> (*, D)"""
    return weight[rows]
