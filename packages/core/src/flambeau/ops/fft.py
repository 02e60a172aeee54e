"""Fourier transforms: complex to complex, real to half of a complex spectrum, and back.

Each card's gradient is another card: the adjoint of a transform is the inverse one with the other scale. `dims` are counted from the
end, so leading batch axes change nothing.
"""
from __future__ import annotations

import numpy as np

from ..define import op
from .complex import complex_of
from .create import tensor

# a transform scaled by s has the adjoint "inverse transform scaled by s"; NumPy's names say which direction carries 1/n
ADJOINT = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _samples(make):
    yield (complex_of(make((2, 5), -1.0, 1.0), make((2, 5), -1.0, 1.0)),), {"dims": (-1,), "norm": "backward", "forward": True}
    yield (complex_of(make((3, 4), -1.0, 1.0), make((3, 4), -1.0, 1.0)),), {"dims": (-2, -1), "norm": "ortho", "forward": False}
    yield (make((4, 3), -1.0, 1.0),), {"dims": (-2,), "norm": "forward", "forward": True}


@op("opaque", inputs=1, promote="float", linear=True, samples=_samples,
    vjp=lambda g, _y, _x, dims, norm, forward: fft_c2c(g, dims=dims, norm=ADJOINT[norm], forward=not forward))
def fft_c2c(xp, x, dims, norm, forward):
    """Discrete Fourier transform of real or complex numbers along `dims`.  (*) -> (*), complex"""
    if x.dtype.kind != "c" and x.size:
        return _mirrored(xp, x, dims, norm) if forward else _mirrored(xp, x, dims, ADJOINT[norm]).conj()
    return (xp.fft.fftn if forward else xp.fft.ifftn)(x, axes=dims, norm=norm)


def _mirrored(xp, x, dims, norm):
    """The whole spectrum of real numbers: its second half is the first half's mirror image, conjugated, at half the work."""
    half = xp.fft.rfftn(x, axes=dims, norm=norm)
    rest = x.shape[dims[-1]] - half.shape[dims[-1]]
    at = (..., slice(rest, 0, -1)) + (slice(None),) * (-1 - dims[-1])
    image = half[at].conj()
    for axis in dims[:-1]:
        image = xp.roll(xp.flip(image, axis), 1, axis)
    return xp.concatenate([half, image], axis=dims[-1])


def _real_samples(make):
    yield (make((2, 6), -1.0, 1.0),), {"dims": (-1,), "norm": "backward"}
    yield (make((3, 5), -1.0, 1.0),), {"dims": (-2, -1), "norm": "ortho"}


def _r2c_back(g, n, dims, norm):
    return fft_c2r(g * _weights(g, dims, n, 0.5), dims=dims, norm=ADJOINT[norm], n=n)


@op("opaque", inputs=1, promote="float", linear=True, samples=_real_samples,
    vjp=lambda g, _y, _x, dims, norm: _r2c_back(g, _x.shape[dims[-1]], dims, norm))
def fft_r2c(xp, x, dims, norm):
    """The first half of the transform of real numbers; the rest mirrors it.  (*, n) -> (*, n // 2 + 1), complex"""
    return xp.fft.rfftn(x, axes=dims, norm=norm)


def _half_samples(make):
    yield (complex_of(make((2, 4), -1.0, 1.0), make((2, 4), -1.0, 1.0)),), {"dims": (-1,), "norm": "backward", "n": 6}
    yield (complex_of(make((3, 3), -1.0, 1.0), make((3, 3), -1.0, 1.0)),), {"dims": (-2, -1), "norm": "ortho", "n": 5}


@op("opaque", inputs=1, linear=True, samples=_half_samples,
    vjp=lambda g, _y, _x, dims, norm, n: fft_r2c(g, dims=dims, norm=ADJOINT[norm]) * _weights(g, dims, n, 2.0))
def fft_c2r(xp, x, dims, norm, n):
    """The real numbers, n along the last of `dims`, whose spectrum's first half is given.  (*, n // 2 + 1) -> (*, n)"""
    return xp.fft.irfftn(x, s=tuple(x.shape[d] for d in dims[:-1]) + (n,), axes=dims, norm=norm)


def _weights(like, dims, n: int, inner: float):
    """1 for the frequencies that stand alone (0, and n/2 when n is even), `inner` for those that their mirror image doubles."""
    weights = np.full(n // 2 + 1, inner)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    return tensor(weights.reshape((-1,) + (1,) * (-1 - dims[-1])), dtype=like.dtype.to_real(), device=like.device)
