"""Windows: M weights by which a stretch of signal fades in and out, so that its spectrum smears less.

Symmetric windows (`sym=True`) suit the design of filters; a periodic one (`sym=False`) is a symmetric one of M + 1 without its last
sample, which a Fourier transform repeats. Values are computed in float64 and then rounded.

Source: F. J. Harris, On the use of windows for harmonic analysis with the discrete Fourier transform, 1978; A. Nuttall, Some windows
with very good sidelobe behavior, 1981; J. Kaiser and R. Schafer, On the use of the I₀-sinh window for spectrum analysis, 1980.
"""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np

import flambeau
from flambeau.aliases import alias
from flambeau.tensor import Tensor

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann", "kaiser",
    "nuttall",
]


def _places(name: str, M: int, sym: bool, dtype, layout) -> np.ndarray:
    """0 … M − 1, once the arguments are checked."""
    if isinstance(M, bool) or not isinstance(M, int):
        raise TypeError(f"{name}(): argument 'M' must be int, not {type(M).__name__}")
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout not in (None, getattr(flambeau, "strided", None)):
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (None, flambeau.float32, flambeau.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return np.arange(M, dtype=np.float64)


def _last(M: int, sym: bool) -> float:
    """The place of the last sample of the symmetric window."""
    return max(M - 1 if sym else M, 1)


def _made(values: np.ndarray, dtype, device, requires_grad: bool) -> Tensor:
    if len(values) == 1:
        values = np.ones(1)  # a window of one sample is at its peak
    return flambeau.tensor(values, dtype=dtype or flambeau.get_default_dtype(), device=device, requires_grad=requires_grad)


def bartlett(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """A triangle, 1 − |2n / N − 1|.  -> (M)

    >>> flambeau.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    n = _places("bartlett", M, sym, dtype, layout)
    return _made(1.0 - np.abs(2.0 * n / _last(M, sym) - 1.0), dtype, device, requires_grad)


def cosine(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """Half a wave, sin(π (n + ½) / M).  -> (M)

    >>> flambeau.signal.windows.cosine(4)
    tensor([0.3827, 0.9239, 0.9239, 0.3827])
    """
    n = _places("cosine", M, sym, dtype, layout)
    return _made(np.sin(np.pi * (n + 0.5) / (M if sym else M + 1)), dtype, device, requires_grad)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype=None, layout=None, device=None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """exp(−|n − center| / τ).  -> (M)

    center  where it peaks; the middle when None, as a symmetric window must have it
    tau     τ, in samples: how fast it decays

    >>> flambeau.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    n = _places("exponential", M, sym, dtype, layout)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _last(M, sym) / 2 if center is None else center
    return _made(np.exp(-np.abs(n - middle) / tau), dtype, device, requires_grad)


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False
) -> Tensor:
    """exp(−((n − middle) / std)² / 2), std in samples.  -> (M)

    >>> flambeau.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    n = _places("gaussian", M, sym, dtype, layout)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _made(np.exp(-(((n - _last(M, sym) / 2) / std) ** 2) / 2), dtype, device, requires_grad)


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False
) -> Tensor:
    """I₀(β √(1 − (2n / N − 1)²)) / I₀(β): the larger β, the lower the side lobes and the wider the main one.  -> (M)

    >>> flambeau.signal.windows.kaiser(3, beta=2.0)
    tensor([0.4387, 1.0000, 0.4387])
    """
    n = _places("kaiser", M, sym, dtype, layout)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    inside = np.maximum(1.0 - (2.0 * n / _last(M, sym) - 1.0) ** 2, 0.0)
    return _made(np.i0(beta * np.sqrt(inside)) / np.i0(beta), dtype, device, requires_grad)


def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False
) -> Tensor:
    """Σ (−1)ᵏ aₖ cos(2πk n / N).  -> (M)

    >>> flambeau.signal.windows.general_cosine(4, a=[0.5, 0.5], sym=False)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    n = _places("general_cosine", M, sym, dtype, layout)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    turns = 2.0 * np.pi * n / _last(M, sym)
    waves = np.cos(np.arange(len(weights))[:, None] * turns)
    return _made(np.array([(-1) ** k * w for k, w in enumerate(weights)]) @ waves, dtype, device, requires_grad)


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False
) -> Tensor:
    """α − (1 − α) cos(2πn / N).  -> (M)

    >>> flambeau.signal.windows.general_hamming(3, alpha=0.6)
    tensor([0.2000, 1.0000, 0.2000])
    """
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hamming(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """A raised cosine that does not fall to zero, 0.54 − 0.46 cos(2πn / N).  -> (M)

    >>> flambeau.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """A raised cosine, ½ − ½ cos(2πn / N).  -> (M)

    >>> flambeau.signal.windows.hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def blackman(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """0.42 − ½ cos(2πn / N) + 0.08 cos(4πn / N).  -> (M)

    >>> flambeau.signal.windows.blackman(4, sym=False).round(decimals=4) + 0.0
    tensor([0.0000, 0.3400, 1.0000, 0.3400])
    """
    _places("blackman", M, sym, dtype, layout)
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def nuttall(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """Four cosines with side lobes below −98 dB.  -> (M)

    >>> flambeau.signal.windows.nuttall(3)
    tensor([3.6280e-04, 1.0000e+00, 3.6280e-04])
    """
    weights = [0.3635819, 0.4891775, 0.1365995, 0.0106411]
    return general_cosine(M, a=weights, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)

alias(__name__, {"windows": "signal.windows: " + " ".join(__all__)})
