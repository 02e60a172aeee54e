"""Waveform to spectrum and back, as modules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import Module
from flambeau_audio import functional as F

__all__ = ["AmplitudeToDB", "GriffinLim", "InverseSpectrogram", "Spectrogram"]

Window = Callable[..., Tensor]


def _frame_sizes(n_fft: int, win_length: int | None, hop_length: int | None) -> tuple[int, int]:
    """(win_length, hop_length): a window fills the frame, a hop is half a window, unless told."""
    if n_fft <= 0:
        raise ValueError(f"n_fft must be positive, got {n_fft}")
    win_length = n_fft if win_length is None else win_length
    hop_length = win_length // 2 if hop_length is None else hop_length
    if not 0 < win_length <= n_fft:
        raise ValueError(f"win_length must lie in 1 … n_fft = {n_fft}, got {win_length}")
    if hop_length <= 0:
        raise ValueError(f"hop_length must be positive, got {hop_length}")
    return win_length, hop_length


class Spectrogram(Module):
    """Short-time spectrum.  (*, time) -> (*, n_fft // 2 + 1, time // hop_length + 1)

    `power` 1 gives magnitudes, 2 energies, None the complex spectrum. For `normalized` see `functional.spectrogram`.
    """

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Window = flambeau.hann_window,
        power: float | None = 2.0,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ) -> None:
        super().__init__()
        self.n_fft, self.pad, self.power, self.normalized = n_fft, pad, power, normalized
        self.center, self.pad_mode, self.onesided = center, pad_mode, onesided
        self.win_length, self.hop_length = _frame_sizes(n_fft, win_length, hop_length)
        self.register_buffer("window", window_fn(self.win_length, **(wkwargs or {})))

    def forward(self, waveform: Tensor) -> Tensor:
        return F.spectrogram(
            waveform, self.pad, self.window, self.n_fft, self.hop_length, self.win_length, self.power, self.normalized,
            self.center, self.pad_mode, self.onesided,
        )  # fmt: skip


class InverseSpectrogram(Module):
    """The waveform of a complex spectrum.  (*, n_fft // 2 + 1, frames) -> (*, time)

    Give it the arguments of the `Spectrogram` that it undoes, and `forward` the waveform's length.
    """

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Window = flambeau.hann_window,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ) -> None:
        super().__init__()
        self.n_fft, self.pad, self.normalized = n_fft, pad, normalized
        self.center, self.pad_mode, self.onesided = center, pad_mode, onesided
        self.win_length, self.hop_length = _frame_sizes(n_fft, win_length, hop_length)
        self.register_buffer("window", window_fn(self.win_length, **(wkwargs or {})))

    def forward(self, spectrogram: Tensor, length: int | None = None) -> Tensor:
        return F.inverse_spectrogram(
            spectrogram, length, self.pad, self.window, self.n_fft, self.hop_length, self.win_length, self.normalized,
            self.center, self.pad_mode, self.onesided,
        )  # fmt: skip


class GriffinLim(Module):
    """A waveform for a spectrogram without phase.  (*, n_fft // 2 + 1, frames) -> (*, time)

    `power` is the spectrogram's; `momentum` in [0, 1) hastens the iteration; `rand_init` begins from random phases.
    """

    def __init__(
        self,
        n_fft: int = 400,
        n_iter: int = 32,
        win_length: int | None = None,
        hop_length: int | None = None,
        window_fn: Window = flambeau.hann_window,
        power: float = 2.0,
        wkwargs: dict[str, Any] | None = None,
        momentum: float = 0.99,
        length: int | None = None,
        rand_init: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1), got {momentum}")
        self.n_fft, self.n_iter, self.power, self.momentum, self.length, self.rand_init = n_fft, n_iter, power, momentum, length, rand_init
        self.win_length, self.hop_length = _frame_sizes(n_fft, win_length, hop_length)
        self.register_buffer("window", window_fn(self.win_length, **(wkwargs or {})))

    def forward(self, specgram: Tensor) -> Tensor:
        return F.griffinlim(
            specgram, self.window, self.n_fft, self.hop_length, self.win_length, self.power, self.n_iter, self.momentum,
            self.length, self.rand_init,
        )  # fmt: skip


class AmplitudeToDB(Module):
    """Decibels of energies (`stype="power"`) or magnitudes ("magnitude"); `top_db` is the range kept below the loudest value."""

    def __init__(self, stype: str = "power", top_db: float | None = None) -> None:
        super().__init__()
        if stype not in ("power", "magnitude"):
            raise ValueError(f'stype is "power" or "magnitude", got {stype!r}')
        if top_db is not None and top_db < 0:
            raise ValueError(f"top_db must be positive, got {top_db}")
        self.stype, self.top_db = stype, top_db
        self.multiplier = 10.0 if stype == "power" else 20.0
        self.amin, self.ref_value = 1e-10, 1.0
        self.db_multiplier = math.log10(max(self.amin, self.ref_value))

    def forward(self, x: Tensor) -> Tensor:
        return F.amplitude_to_DB(x, self.multiplier, self.amin, self.db_multiplier, self.top_db)
