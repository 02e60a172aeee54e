"""Short-time spectra and their inverse, and the windows that go with them."""

from __future__ import annotations

import math
import warnings

import numpy as np

import flambeau
from flambeau.casting import listed
from flambeau.dtype import FLOAT
from flambeau.ops.complex import view_as_real
from flambeau.ops.fft import fft_c2c, fft_c2r, fft_r2c
from flambeau.ops.frames import overlap_add, unfold
from flambeau.tensor import Tensor

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "istft", "kaiser_window", "stft"]


@listed
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """Short-time Fourier transform: the spectra of overlapping, windowed frames.  (*, time) -> (*, n_fft // 2 + 1, frames), complex

    A frame of n_fft samples begins every `hop_length` (n_fft // 4 unless told). With `center` the signal is padded by n_fft // 2 at
    both ends, so that frame t is about sample t · hop_length. A window shorter than n_fft (`win_length`) stands in the frame's
    middle. `onesided=False`, and complex input, give all n_fft frequencies; `normalized` divides by √n_fft.
    RuntimeError where sizes don't fit.

    >>> flambeau.stft(flambeau.zeros(400), 64, window=flambeau.hann_window(64), return_complex=True).shape
    flambeau.Size([33, 26])
    """
    what = f"stft(input of shape {list(input.shape)}, n_fft={n_fft}, hop_length={hop_length}, win_length={win_length})"
    hop_length, win_length = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        if not is_complex:
            raise RuntimeError("stft requires the return_complex parameter be given for real inputs: give return_complex=True")
        return_complex = True
    if not return_complex:
        warnings.warn("stft with return_complex=False is deprecated: take view_as_real of the complex result", UserWarning, stacklevel=2)
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(f"{what}: expected a tensor of floating point or complex values, got {input.dtype}")
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(f"{what}: expected a 1D or 2D tensor")
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    onesided = not is_complex if onesided is None else onesided
    if onesided and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    _check_window(what, n_fft, hop_length, win_length, window)
    _warn_of_no_window(window, win_length)

    signal = input if input.ndim == 2 else input.unsqueeze(0)  # (N, time)
    if center:
        signal = _padded(signal, n_fft // 2, pad_mode)
    elif align_to_window:
        signal = _padded(signal, (n_fft - win_length) // 2, "constant")
    if not 0 < n_fft <= signal.shape[-1]:
        raise RuntimeError(f"{what}: expected 0 < n_fft <= {signal.shape[-1]}, the signal's length with padding")
    frames = unfold(signal, -1, n_fft, hop_length)  # (N, frames, n_fft)
    if window is not None or win_length < n_fft:
        frames = frames * _full_window(window, n_fft, win_length, input)
    norm = "ortho" if normalized else "backward"
    if onesided:
        spectra = fft_r2c(frames, dims=(-1,), norm=norm)
    else:
        spectra = fft_c2c(frames, dims=(-1,), norm=norm, forward=True)
    spectra = spectra.transpose(1, 2)
    spectra = spectra if input.ndim == 2 else spectra.squeeze(0)
    return spectra if return_complex else view_as_real(spectra)


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal whose `stft`, with the same arguments, comes nearest to `input`.  (*, n_fft // 2 + 1, frames) -> (*, time)

    The frames are windowed again, summed, and divided by the sum of the squared windows; RuntimeError where that is nowhere near 1
    in the wanted stretch. `length` is the signal's, for what `stft` could not fill a frame with.
    Source: Griffin and Lim (1984).

    >>> x, window = flambeau.rand(400), flambeau.hann_window(64)
    >>> flambeau.allclose(flambeau.istft(flambeau.stft(x, 64, window=window, return_complex=True), 64, window=window), x, atol=1e-5)
    True
    """
    what = f"istft(input of shape {list(input.shape)}, n_fft={n_fft}, hop_length={hop_length}, win_length={win_length})"
    hop_length, win_length = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    if not input.is_complex():
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft with return_complex=True.")
    if not 2 <= input.ndim <= 3:
        raise RuntimeError(f"{what}: expected a tensor with 2 or 3 dimensions, but got {input.ndim}")
    if input.numel() == 0:
        raise RuntimeError(f"{what}: input tensor cannot be empty.")
    bins = input.shape[-2]
    onesided = bins != n_fft if onesided is None else onesided
    if bins != (n_fft // 2 + 1 if onesided else n_fft):
        expected = f"n_fft / 2 + 1 = {n_fft // 2 + 1} when onesided=True" if onesided else f"n_fft = {n_fft} when onesided=False"
        raise RuntimeError(f"{what}: expected the frequency dimension of the input tensor to match {expected}, but got {bins}")
    if return_complex and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    _check_window(what, n_fft, hop_length, win_length, window)
    _warn_of_no_window(window, win_length)
    if hop_length > win_length:
        raise RuntimeError(f"{what}: expected 0 < hop_length <= win_length = {win_length}, but got {hop_length}")

    spectra = (input if input.ndim == 3 else input.unsqueeze(0)).transpose(1, 2)  # (N, frames, bins)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        frames = fft_c2c(spectra, dims=(-1,), norm=norm, forward=False)
    else:
        half = spectra if onesided else spectra[..., : n_fft // 2 + 1]
        frames = fft_c2r(half, dims=(-1,), norm=norm, n=n_fft)
    count, full = frames.shape[1], n_fft + hop_length * (frames.shape[1] - 1)
    taper = _full_window(window, n_fft, win_length, frames)
    signal = overlap_add(frames * taper, step=hop_length, length=full)  # (N, full)
    envelope = overlap_add((taper * taper).expand(count, n_fft), step=hop_length, length=full)

    start = n_fft // 2 if center else 0
    end = start + length if length is not None else full - start
    signal, envelope = signal[:, start:end], envelope[start:end]
    lowest = float(envelope.detach().abs().amin()) if envelope.numel() else 0.0
    if lowest < 1e-11:
        raise RuntimeError(f"{what}: window overlap add min: {lowest}: the windows leave gaps, so the signal there is not known")
    signal = signal / envelope
    if length is not None and end > full:
        warnings.warn(
            f"The length of signal is shorter than the length parameter. The frames hold {full - start} samples, fewer than "
            f"length={length}: the rest is zeros. Check center and hop_length.",
            UserWarning,
            stacklevel=2,
        )
        signal = flambeau.nn.functional.pad(signal, (0, end - full))
    return signal if input.ndim == 3 else signal.squeeze(0)


def _warn_of_no_window(window: Tensor | None, win_length: int) -> None:
    if window is None:
        warnings.warn(
            f"A window was not provided: a rectangular one is applied, which smears the spectrum. "
            f"Give window=flambeau.hann_window({win_length}), or flambeau.ones({win_length}) if that is meant.",
            UserWarning,
            stacklevel=3,
        )


def _check_window(what: str, n_fft: int, hop_length: int, win_length: int, window: Tensor | None) -> None:
    if n_fft <= 0:
        raise RuntimeError(f"{what}: expected n_fft > 0")
    if hop_length <= 0:
        raise RuntimeError(f"{what}: expected hop_length > 0, but got {hop_length}")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{what}: expected 0 < win_length <= n_fft, but got win_length={win_length}")
    if window is not None and tuple(window.shape) != (win_length,):
        size = list(window.shape)
        raise RuntimeError(f"{what}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size {size}")


def _full_window(window: Tensor | None, n_fft: int, win_length: int, like: Tensor) -> Tensor:
    """The window in the middle of a frame.  -> (n_fft)"""
    if window is None:
        window = flambeau.ones(win_length, dtype=like.dtype.to_real(), device=like.device)
    if win_length == n_fft:
        return window
    before = (n_fft - win_length) // 2
    return flambeau.nn.functional.pad(window, (before, n_fft - win_length - before))


def _padded(signal: Tensor, amount: int, mode: str) -> Tensor:
    """(N, time) with `amount` samples more at both ends."""
    if amount == 0:
        return signal
    if mode != "reflect":
        return flambeau.nn.functional.pad(signal.unsqueeze(1), (amount, amount), mode).squeeze(1)
    length = signal.shape[-1]
    if amount >= length:
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got: padding ({amount}, {amount}) at dimension "
            f"{signal.ndim - 1} of input {list(signal.shape)}"
        )
    before, after = signal[:, 1 : amount + 1].flip(-1), signal[:, length - amount - 1 : length - 1].flip(-1)
    return flambeau.cat([before, signal, after], -1)


# ---- windows: made in float64; periodic ones leave out the last sample of a window that is one longer, as a spectrum wants it
def hann_window(
    window_length: int, periodic: bool = True, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
) -> Tensor:
    """Raised cosine, ½ − ½ cos(2πn / N).  -> (window_length)

    >>> flambeau.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _cosines("hann_window", (0.5, 0.5), window_length, periodic, dtype, device, requires_grad)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype=None, layout=None, device=None,
    pin_memory=False, requires_grad=False,
) -> Tensor:  # fmt: skip
    """Raised cosine that does not fall to zero, α − β cos(2πn / N).  -> (window_length)"""
    return _cosines("hamming_window", (alpha, beta), window_length, periodic, dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
) -> Tensor:
    """0.42 − ½ cos(2πn / N) + 0.08 cos(4πn / N).  -> (window_length)"""
    return _cosines("blackman_window", (0.42, 0.5, 0.08), window_length, periodic, dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
) -> Tensor:
    """A triangle, 1 − |2n / N − 1|.  -> (window_length)"""
    places = _places("bartlett_window", window_length, periodic, dtype)
    return _made(1.0 - np.abs(2.0 * places - 1.0), dtype, device, requires_grad)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
) -> Tensor:
    """I₀(β √(1 − (2n / N − 1)²)) / I₀(β): the larger β, the narrower the window and the lower its side lobes.  -> (window_length)"""
    places = _places("kaiser_window", window_length, periodic, dtype)
    inside = np.maximum(1.0 - (2.0 * places - 1.0) ** 2, 0.0)
    values = np.i0(beta * np.sqrt(inside)) / np.i0(beta) if window_length > 1 else np.ones(window_length)
    return _made(values, dtype, device, requires_grad)


def _places(name: str, window_length: int, periodic: bool, dtype) -> np.ndarray:
    """n / N for each sample; N is the window's length if periodic, else one less. A window of one sample is at its peak."""
    if dtype is not None and dtype.category != FLOAT:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if not isinstance(window_length, int):
        raise TypeError(f"{name}(): argument 'window_length' must be int, not {type(window_length).__name__}")
    if window_length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
    if window_length == 1:
        return np.full(1, 0.5)
    return np.arange(window_length) / (window_length if periodic else window_length - 1)


def _cosines(name: str, weights: tuple[float, ...], window_length: int, periodic: bool, dtype, device, requires_grad: bool) -> Tensor:
    """Σ (−1)ᵏ wₖ cos(2πk n / N)"""
    places = _places(name, window_length, periodic, dtype)
    values = sum((-1) ** k * weight * np.cos(2 * math.pi * k * places) for k, weight in enumerate(weights))
    return _made(np.ones(1) if window_length == 1 else values, dtype, device, requires_grad)


def _made(values: np.ndarray, dtype, device, requires_grad: bool) -> Tensor:
    return flambeau.tensor(values, dtype=dtype or flambeau.get_default_dtype(), device=device, requires_grad=requires_grad)
