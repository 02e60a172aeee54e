"""First values of parameters."""

from __future__ import annotations

import math

from flambeau import Tensor, nn


def glorot_(weight: Tensor) -> Tensor:
    """Uniform between -a and a, a = sqrt(6 / (rows + columns)) of the last two dimensions, in place.  (*, rows, columns)

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
    """
    bound = math.sqrt(6.0 / (weight.shape[-2] + weight.shape[-1]))
    return nn.init.uniform_(weight, -bound, bound)
