"""Resampling by a windowed sinc."""

from __future__ import annotations

import math

import numpy as np

import flambeau
from flambeau import Tensor
from flambeau.nn.functional import conv1d
from flambeau.nn.functional import pad as pad_axis

__all__ = ["resample"]

KAISER_BETA = 14.769656459379492


def resample(
    waveform: Tensor,
    orig_freq: int,
    new_freq: int,
    lowpass_filter_width: int = 6,
    rolloff: float = 0.99,
    resampling_method: str = "sinc_interp_hann",
    beta: float | None = None,
) -> Tensor:
    """Change the sampling rate, whole numbers in Hz.  (*, time) -> (*, ceil(time · new_freq / orig_freq))

    A low-pass at `rolloff` times the lower Nyquist frequency keeps aliases out; it reaches `lowpass_filter_width` zero
    crossings to each side (more is sharper and slower). The window is "sinc_interp_hann" or "sinc_interp_kaiser" with `beta`.
    Source: J. O. Smith, Digital Audio Resampling.

    >>> resample(flambeau.zeros(1, 8000), 8000, 16000).shape
    flambeau.Size([1, 16000])
    """
    original, new = reduced_rates(orig_freq, new_freq)
    if original == new:
        return waveform
    if not waveform.is_floating_point():
        raise TypeError(f"resample expected a floating-point waveform, got {waveform.dtype}; load(…, normalize=True) gives one")
    kernel = sinc_kernel(original, new, lowpass_filter_width, rolloff, resampling_method, beta)
    return apply_kernel(waveform, original, new, kernel.to(waveform.device, waveform.dtype))


def reduced_rates(orig_freq: float, new_freq: float) -> tuple[int, int]:
    """Both rates over their greatest common divisor, which is all that resampling depends on."""
    if orig_freq <= 0 or new_freq <= 0:
        raise ValueError(f"resample expected frequencies above 0 Hz, got {orig_freq} and {new_freq}")
    if int(orig_freq) != orig_freq or int(new_freq) != new_freq:
        raise ValueError(f"resample expected whole frequencies, got {orig_freq} and {new_freq}; scale both to whole numbers")
    divisor = math.gcd(int(orig_freq), int(new_freq))
    return int(orig_freq) // divisor, int(new_freq) // divisor


def sinc_kernel(original: int, new: int, width: int, rolloff: float, method: str, beta: float | None = None) -> Tensor:
    """One filter for each of the `new` output phases of a period of `original` samples.  -> (new, 1, taps), float64

    Output sample p of a period lies at time p / new; tap k at (k − reach) / original, both in periods.
    """
    if method not in ("sinc_interp_hann", "sinc_interp_kaiser"):
        raise ValueError(f'resampling_method is "sinc_interp_hann" or "sinc_interp_kaiser", got {method!r}')
    if width <= 0:
        raise ValueError(f"lowpass_filter_width must be positive, got {width}")
    cutoff = min(original, new) * rolloff
    taps = np.arange(-_reach(original, new, width, rolloff), _reach(original, new, width, rolloff) + original) / original
    crossings = np.clip((taps - np.arange(new)[:, None] / new) * cutoff, -width, width)  # distance in zero crossings
    if method == "sinc_interp_hann":
        window = np.cos(crossings * np.pi / width / 2) ** 2
    else:
        beta = KAISER_BETA if beta is None else beta
        window = np.i0(beta * np.sqrt(1 - (crossings / width) ** 2)) / np.i0(beta)
    return flambeau.from_numpy((np.sinc(crossings) * window * (cutoff / original))[:, None])


def apply_kernel(waveform: Tensor, original: int, new: int, kernel: Tensor) -> Tensor:
    """Slide the filters over the waveform, one period of `original` samples a step."""
    length = waveform.shape[-1]
    reach = (kernel.shape[-1] - original) // 2
    padded = pad_axis(waveform.reshape(-1, 1, length), (reach, reach + original))
    phases = conv1d(padded, kernel, stride=original)  # (N, new, periods)
    resampled = phases.transpose(1, 2).reshape(phases.shape[0], -1)[:, : -(-new * length // original)]
    return resampled.reshape(waveform.shape[:-1] + resampled.shape[-1:])


def _reach(original: int, new: int, width: int, rolloff: float) -> int:
    return math.ceil(width * original / (min(original, new) * rolloff))
