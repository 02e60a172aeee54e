"""Sample by sample: μ-law companding and pre-emphasis."""

from __future__ import annotations

import math

import flambeau
from flambeau import Tensor

__all__ = ["mu_law_decoding", "mu_law_encoding", "preemphasis"]


def mu_law_encoding(x: Tensor, quantization_channels: int) -> Tensor:
    """Samples in [-1, 1] to the int64 codes 0 … quantization_channels − 1, finer near silence.

    Source: ITU-T G.711, with μ = quantization_channels − 1.
    """
    if not x.is_floating_point():
        raise TypeError(f"mu_law_encoding expected floating-point samples in [-1, 1], got {x.dtype}")
    mu = quantization_channels - 1.0
    companded = x.sign() * flambeau.log1p(x.abs() * mu) / math.log1p(mu)
    return ((companded + 1) / 2 * mu + 0.5).to(flambeau.int64)


def mu_law_decoding(x_mu: Tensor, quantization_channels: int) -> Tensor:
    """The codes of `mu_law_encoding` back to samples in [-1, 1], as float32 or the codes' own floating type."""
    mu = quantization_channels - 1.0
    x = x_mu if x_mu.is_floating_point() else x_mu.to(flambeau.float32)
    x = x / mu * 2 - 1.0
    return x.sign() * flambeau.expm1(x.abs() * math.log1p(mu)) / mu


def preemphasis(waveform: Tensor, coeff: float = 0.97) -> Tensor:
    """y[t] = x[t] − coeff · x[t−1]: lifts the high frequencies, which speech has little of.  (*, time) -> (*, time)"""
    return flambeau.cat([waveform[..., :1], waveform[..., 1:] - waveform[..., :-1] * coeff], -1)
