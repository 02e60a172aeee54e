"""Waveform to spectrum and back."""

from __future__ import annotations

import math

import flambeau
from flambeau import Tensor
from flambeau.nn.functional import pad as pad_axis

__all__ = ["DB_to_amplitude", "amplitude_to_DB", "griffinlim", "inverse_spectrogram", "spectrogram"]


def spectrogram(
    waveform: Tensor,
    pad: int,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
    power: float | None,
    normalized: bool | str,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
) -> Tensor:
    """Short-time spectrum.  (*, time) -> (*, n_fft // 2 + 1, frames)

    `power` 1 gives magnitudes, 2 energies, None the complex spectrum. `pad` zeros are put at both ends first. `normalized`:
    True or "window" divides by the window's length in the 2-norm, "frame_length" by sqrt(n_fft).
    """
    by_window, by_frame = _normalization(normalized)
    if pad > 0:
        waveform = pad_axis(waveform, (pad, pad), "constant", 0.0)
    spectrum = flambeau.stft(
        waveform.reshape(-1, waveform.shape[-1]), n_fft, hop_length, win_length, window,
        center=center, pad_mode=pad_mode, normalized=by_frame, onesided=onesided, return_complex=True,
    )  # (N, F, frames)  # fmt: skip
    spectrum = spectrum.reshape(waveform.shape[:-1] + spectrum.shape[-2:])
    if by_window:
        spectrum = spectrum / window.pow(2.0).sum().sqrt()
    if power is None:
        return spectrum
    return spectrum.abs() if power == 1.0 else spectrum.abs().pow(power)


def inverse_spectrogram(
    spectrogram: Tensor,
    length: int | None,
    pad: int,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
    normalized: bool | str,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
) -> Tensor:
    """The waveform of a complex spectrum, by overlap and add.  (*, n_fft // 2 + 1, frames) -> (*, time)

    `length` is the waveform's length without `pad`; the other arguments are those that made the spectrum.
    """
    by_window, by_frame = _normalization(normalized)
    if not spectrogram.is_complex():
        raise ValueError(f"inverse_spectrogram expected a complex spectrum (Spectrogram with power=None), got {spectrogram.dtype}")
    if by_window:
        spectrogram = spectrogram * window.pow(2.0).sum().sqrt()
    waveform = flambeau.istft(
        spectrogram.reshape((-1,) + spectrogram.shape[-2:]), n_fft, hop_length, win_length, window,
        center=center, normalized=by_frame, onesided=onesided, length=None if length is None else length + 2 * pad,
    )  # (N, time)  # fmt: skip
    if pad > 0 and length is not None:
        waveform = waveform[:, pad:-pad]
    return waveform.reshape(spectrogram.shape[:-2] + waveform.shape[-1:])


def griffinlim(
    specgram: Tensor,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
    power: float,
    n_iter: int,
    momentum: float,
    length: int | None,
    rand_init: bool,
) -> Tensor:
    """A waveform whose short-time magnitudes come near to the given ones.  (*, n_fft // 2 + 1, frames) -> (*, time)

    Source: Griffin and Lim (1984); the momentum is that of Perraudin, Balazs and Søndergaard (2013).
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"griffinlim expected momentum in [0, 1), got {momentum}")
    momentum = momentum / (1 + momentum)
    shape = specgram.shape
    magnitude = specgram.reshape((-1,) + shape[-2:]).pow(1 / power)
    complex_type = flambeau.complex128 if magnitude.dtype == flambeau.float64 else flambeau.complex64
    if rand_init:
        phase = flambeau.rand(magnitude.shape, dtype=complex_type, device=magnitude.device)
    else:
        phase = flambeau.ones(magnitude.shape, dtype=complex_type, device=magnitude.device)
    before = None
    for _ in range(n_iter):
        waveform = flambeau.istft(magnitude * phase, n_fft, hop_length, win_length, window, length=length)
        rebuilt = flambeau.stft(waveform, n_fft, hop_length, win_length, window, return_complex=True)
        phase = rebuilt if before is None or not momentum else rebuilt - before * momentum
        phase = phase / (phase.abs() + 1e-16)
        before = rebuilt
    waveform = flambeau.istft(magnitude * phase, n_fft, hop_length, win_length, window, length=length)
    return waveform.reshape(shape[:-2] + waveform.shape[-1:])


def amplitude_to_DB(x: Tensor, multiplier: float, amin: float, db_multiplier: float, top_db: float | None = None) -> Tensor:
    """Decibels: `multiplier` · (log10(max(x, amin)) − db_multiplier).  (*, C, F, T) -> (*, C, F, T)

    `multiplier` is 10 for energies and 20 for magnitudes. With `top_db` nothing lies further than that below the loudest
    value of its spectrogram; the channels of one recording, axis −3, share a loudest value.
    """
    decibels = flambeau.log10(x.clamp(min=amin)) * multiplier - multiplier * db_multiplier
    if top_db is None:
        return decibels
    axes = tuple(range(-min(3, x.ndim), 0))
    return flambeau.maximum(decibels, decibels.amax(axes, keepdim=True) - top_db)


def DB_to_amplitude(x: Tensor, ref: float, power: float) -> Tensor:
    """Back from decibels: ref · 10^(power · x / 10); `power` 1 gives energies, 0.5 magnitudes."""
    return flambeau.exp(x * (0.1 * power * math.log(10.0))) * ref


def _normalization(normalized: bool | str) -> tuple[bool, bool]:
    """(divide by the window's norm, divide by sqrt(n_fft))"""
    if normalized not in (True, False, "window", "frame_length"):
        raise ValueError(f'normalized is True, False, "window" or "frame_length", got {normalized!r}')
    return normalized is True or normalized == "window", normalized == "frame_length"
