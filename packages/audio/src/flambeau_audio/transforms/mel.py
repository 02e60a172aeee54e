"""Mel spectra and cepstra."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import Module
from flambeau_audio import functional as F
from flambeau_audio.transforms.spectral import AmplitudeToDB, Spectrogram, Window

__all__ = ["MFCC", "MelScale", "MelSpectrogram"]


class MelScale(Module):
    """Sum a spectrum's bins into mel bands.  (*, n_stft, time) -> (*, n_mels, time)

    `f_min`, `f_max` (the Nyquist frequency unless told) in Hz; `norm` and `mel_scale` as in `functional.melscale_fbanks`.
    """

    def __init__(
        self,
        n_mels: int = 128,
        sample_rate: int = 16000,
        f_min: float = 0.0,
        f_max: float | None = None,
        n_stft: int = 201,
        norm: str | None = None,
        mel_scale: str = "htk",
    ) -> None:
        super().__init__()
        self.n_mels, self.sample_rate, self.f_min, self.norm, self.mel_scale = n_mels, sample_rate, f_min, norm, mel_scale
        self.f_max = float(sample_rate // 2) if f_max is None else f_max
        if f_min > self.f_max:
            raise ValueError(f"MelScale expected f_min <= f_max, got {f_min} Hz and {self.f_max} Hz")
        self.register_buffer("fb", F.melscale_fbanks(n_stft, f_min, self.f_max, n_mels, sample_rate, norm, mel_scale))

    def forward(self, specgram: Tensor) -> Tensor:
        return flambeau.matmul(specgram.transpose(-1, -2), self.fb).transpose(-1, -2)


class MelSpectrogram(Module):
    """Short-time mel spectrum.  (*, time) -> (*, n_mels, time // hop_length + 1)

    A `Spectrogram` and a `MelScale`, whose arguments it takes.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        f_min: float = 0.0,
        f_max: float | None = None,
        pad: int = 0,
        n_mels: int = 128,
        window_fn: Window = flambeau.hann_window,
        power: float = 2.0,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        norm: str | None = None,
        mel_scale: str = "htk",
    ) -> None:
        super().__init__()
        self.sample_rate, self.n_fft, self.n_mels = sample_rate, n_fft, n_mels
        self.spectrogram = Spectrogram(n_fft, win_length, hop_length, pad, window_fn, power, normalized, wkwargs, center, pad_mode)
        self.mel_scale = MelScale(n_mels, sample_rate, f_min, f_max, n_fft // 2 + 1, norm, mel_scale)

    def forward(self, waveform: Tensor) -> Tensor:
        return self.mel_scale(self.spectrogram(waveform))


class MFCC(Module):
    """Mel-frequency cepstral coefficients.  (*, time) -> (*, n_mfcc, frames)

    The cosine transform of a mel spectrum in decibels (80 below the loudest), or of its logarithm with `log_mels`.
    `melkwargs` goes to `MelSpectrogram`.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_mfcc: int = 40,
        dct_type: int = 2,
        norm: str | None = "ortho",
        log_mels: bool = False,
        melkwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if dct_type != 2:
            raise ValueError(f"MFCC has the DCT of type 2 only, got {dct_type}")
        self.sample_rate, self.n_mfcc, self.dct_type, self.norm, self.log_mels = sample_rate, n_mfcc, dct_type, norm, log_mels
        self.amplitude_to_DB = AmplitudeToDB("power", 80.0)
        self.MelSpectrogram = MelSpectrogram(sample_rate, **(melkwargs or {}))
        n_mels = self.MelSpectrogram.n_mels
        if n_mfcc > n_mels:
            raise ValueError(f"MFCC expected n_mfcc <= n_mels, got {n_mfcc} coefficients of {n_mels} mel bands")
        self.register_buffer("dct_mat", F.create_dct(n_mfcc, n_mels, norm))

    def forward(self, waveform: Tensor) -> Tensor:
        mel = self.MelSpectrogram(waveform)
        loudness = flambeau.log(mel + 1e-6) if self.log_mels else self.amplitude_to_DB(mel)
        return flambeau.matmul(loudness.transpose(-1, -2), self.dct_mat).transpose(-1, -2)
