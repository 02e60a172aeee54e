"""The standard's Fourier transforms."""
from __future__ import annotations

from typing import Any

from flambeau import Tensor
from flambeau import fft as _fft


def _line(name: str):
    function = getattr(_fft, name)

    def apply(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
        return function(x, n, axis, norm)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"`{name}` along an axis, which is cut or filled with zeros to n."
    return apply


def _axes(name: str):
    function = getattr(_fft, name)

    def apply(x: Tensor, /, *, s: Any = None, axes: Any = None, norm: str = "backward") -> Tensor:
        return function(x, s, axes, norm)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"`{name}` along axes, which are cut or filled with zeros to s."
    return apply


fft, ifft, rfft, irfft, hfft, ihfft = map(_line, "fft ifft rfft irfft hfft ihfft".split())
fftn, ifftn, rfftn, irfftn = map(_axes, "fftn ifftn rfftn irfftn".split())


def fftfreq(n: int, /, *, d: float = 1.0, dtype=None, device=None) -> Tensor:
    """The frequencies of `fft`'s result.  -> (n,)"""
    return _fft.fftfreq(n, d, dtype=dtype, device=device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype=None, device=None) -> Tensor:
    """The frequencies of `rfft`'s result.  -> (n // 2 + 1,)"""
    return _fft.rfftfreq(n, d, dtype=dtype, device=device)


def fftshift(x: Tensor, /, *, axes=None) -> Tensor:
    """Frequency zero in the middle."""
    return _fft.fftshift(x, axes)


def ifftshift(x: Tensor, /, *, axes=None) -> Tensor:
    """Frequency zero at the front again."""
    return _fft.ifftshift(x, axes)


__all__ = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn", "fftfreq", "rfftfreq", "fftshift",
           "ifftshift"]
