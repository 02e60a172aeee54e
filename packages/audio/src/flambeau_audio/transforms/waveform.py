"""Waveform to waveform (or to codes), as modules."""

from __future__ import annotations

import flambeau
from flambeau import Tensor
from flambeau.nn import Module
from flambeau_audio import functional as F
from flambeau_audio.functional.resampling import apply_kernel, reduced_rates, sinc_kernel

__all__ = ["MuLawDecoding", "MuLawEncoding", "Preemphasis", "Resample"]


class Resample(Module):
    """Change the sampling rate.  (*, time) -> (*, ceil(time · new_freq / orig_freq))

    The filters are made once, here, in float64, and kept as `dtype` (float32 unless told), which the waveforms must have
    too. For the other arguments see `functional.resample`.
    """

    def __init__(
        self,
        orig_freq: int = 16000,
        new_freq: int = 16000,
        resampling_method: str = "sinc_interp_hann",
        lowpass_filter_width: int = 6,
        rolloff: float = 0.99,
        beta: float | None = None,
        *,
        dtype: flambeau.dtype | None = None,
    ) -> None:
        super().__init__()
        self.orig_freq, self.new_freq, self.resampling_method = orig_freq, new_freq, resampling_method
        self.lowpass_filter_width, self.rolloff, self.beta = lowpass_filter_width, rolloff, beta
        self._rates = reduced_rates(orig_freq, new_freq)
        if orig_freq != new_freq:
            kernel = sinc_kernel(*self._rates, lowpass_filter_width, rolloff, resampling_method, beta)
            self.register_buffer("kernel", kernel.to(flambeau.float32 if dtype is None else dtype))

    def forward(self, waveform: Tensor) -> Tensor:
        if self.orig_freq == self.new_freq:
            return waveform
        if waveform.dtype != self.kernel.dtype:
            raise TypeError(f"Resample expected a waveform of {self.kernel.dtype}, got {waveform.dtype}; give dtype= on construction")
        return apply_kernel(waveform, *self._rates, self.kernel)


class MuLawEncoding(Module):
    """Samples in [-1, 1] to int64 codes; see `functional.mu_law_encoding`."""

    def __init__(self, quantization_channels: int = 256) -> None:
        super().__init__()
        self.quantization_channels = quantization_channels

    def forward(self, x: Tensor) -> Tensor:
        return F.mu_law_encoding(x, self.quantization_channels)


class MuLawDecoding(Module):
    """Codes back to samples in [-1, 1]; see `functional.mu_law_decoding`."""

    def __init__(self, quantization_channels: int = 256) -> None:
        super().__init__()
        self.quantization_channels = quantization_channels

    def forward(self, x_mu: Tensor) -> Tensor:
        return F.mu_law_decoding(x_mu, self.quantization_channels)


class Preemphasis(Module):
    """y[t] = x[t] − coeff · x[t−1].  (*, time) -> (*, time)"""

    def __init__(self, coeff: float = 0.97) -> None:
        super().__init__()
        self.coeff = coeff

    def forward(self, waveform: Tensor) -> Tensor:
        return F.preemphasis(waveform, self.coeff)
