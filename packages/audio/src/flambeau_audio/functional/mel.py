"""Banks of triangular filters, and the cosine transform of a cepstrum."""

from __future__ import annotations

import math
import warnings

import flambeau
from flambeau import Tensor

__all__ = ["create_dct", "linear_fbanks", "melscale_fbanks"]

# Slaney's scale: linear, 200/3 Hz a mel, up to 1 kHz; then 27 mels for each factor of 6.4
_SLANEY_HZ, _SLANEY_BREAK, _SLANEY_LOG = 200.0 / 3, 1000.0, math.log(6.4) / 27


def melscale_fbanks(
    n_freqs: int, f_min: float, f_max: float, n_mels: int, sample_rate: int, norm: str | None = None, mel_scale: str = "htk"
) -> Tensor:
    """Triangular filters, evenly spaced in mels.  -> (n_freqs, n_mels)

    A spectrum (*, n_freqs) times this is a mel spectrum. Frequencies are in Hz. `norm="slaney"` gives each triangle an area
    of one; else each has a height of one. Warns (UserWarning) when a filter is so narrow that it falls between two bins.
    Source: HTK's 2595·log10(1 + f/700) for "htk"; the Auditory Toolbox for "slaney".

    >>> melscale_fbanks(201, 0.0, 8000.0, 40, 16000).shape
    flambeau.Size([201, 40])
    """
    if norm not in (None, "slaney"):
        raise ValueError(f'norm is None or "slaney", got {norm!r}')
    if mel_scale not in ("htk", "slaney"):
        raise ValueError(f'mel_scale is "htk" or "slaney", got {mel_scale!r}')
    low, high = _hz_to_mel(f_min, mel_scale), _hz_to_mel(f_max, mel_scale)
    corners = [_mel_to_hz(low + (high - low) * i / (n_mels + 1), mel_scale) for i in range(n_mels + 2)]
    bank = _triangles(n_freqs, corners, sample_rate)
    if norm == "slaney":
        area = [2.0 / (right - left) for left, right in zip(corners, corners[2:])]
        bank = bank * flambeau.tensor(area, dtype=flambeau.float64)
    if (bank.amax(0) == 0.0).any():
        warnings.warn(
            f"at least one of {n_mels} mel filters between {f_min} and {f_max} Hz holds none of the {n_freqs} frequencies: "
            f"take fewer mels or a longer n_fft",
            stacklevel=2,
        )
    return bank.to(flambeau.float32)


def linear_fbanks(n_freqs: int, f_min: float, f_max: float, n_filter: int, sample_rate: int) -> Tensor:
    """Triangular filters of height one, evenly spaced in Hz.  -> (n_freqs, n_filter)"""
    corners = [f_min + (f_max - f_min) * i / (n_filter + 1) for i in range(n_filter + 2)]
    return _triangles(n_freqs, corners, sample_rate).to(flambeau.float32)


def create_dct(n_mfcc: int, n_mels: int, norm: str | None) -> Tensor:
    """The DCT-II as a matrix.  -> (n_mels, n_mfcc)

    `norm="ortho"` makes its columns orthonormal; None scales SciPy's way, by two.
    """
    if norm not in (None, "ortho"):
        raise ValueError(f'norm is None or "ortho", got {norm!r}')
    n = flambeau.arange(n_mels, dtype=flambeau.float64)
    k = flambeau.arange(n_mfcc, dtype=flambeau.float64)
    waves = flambeau.cos((n + 0.5).unsqueeze(1) * k * (math.pi / n_mels))  # (n_mels, n_mfcc)
    if norm is None:
        return (waves * 2.0).to(flambeau.float32)
    scale = flambeau.where(k == 0, math.sqrt(1.0 / n_mels), math.sqrt(2.0 / n_mels))
    return (waves * scale).to(flambeau.float32)


def _triangles(n_freqs: int, corners: list[float], sample_rate: int) -> Tensor:
    """Filter i rises from corner i to i + 1 and falls to i + 2.  -> (n_freqs, len(corners) - 2), float64"""
    points = flambeau.tensor(corners, dtype=flambeau.float64)
    width = points[1:] - points[:-1]
    frequencies = flambeau.linspace(0, sample_rate // 2, n_freqs, dtype=flambeau.float64)
    slope = points - frequencies.unsqueeze(1)  # (n_freqs, corners)
    rising, falling = -slope[:, :-2] / width[:-1], slope[:, 2:] / width[1:]
    return flambeau.minimum(rising, falling).clamp(min=0.0)


def _hz_to_mel(hz: float, scale: str) -> float:
    if scale == "htk":
        return 2595.0 * math.log10(1.0 + hz / 700.0)
    return hz / _SLANEY_HZ if hz < _SLANEY_BREAK else _SLANEY_BREAK / _SLANEY_HZ + math.log(hz / _SLANEY_BREAK) / _SLANEY_LOG


def _mel_to_hz(mel: float, scale: str) -> float:
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    at_break = _SLANEY_BREAK / _SLANEY_HZ
    return mel * _SLANEY_HZ if mel < at_break else _SLANEY_BREAK * math.exp(_SLANEY_LOG * (mel - at_break))
