"""Discrete Fourier transforms, with PyTorch's names.

`norm` says which direction is scaled: "backward" (the default) divides the inverse by n, "forward" the forward one, "ortho" both by √n.
A real transform keeps the first n // 2 + 1 frequencies of its last axis, since the others are their mirror images.
"""

from __future__ import annotations

from collections.abc import Sequence
from warnings import warn

from flambeau import dtype as _dtype
from flambeau.casting import listed
from flambeau.context import get_default_dtype
from flambeau.dtype import COMPLEX, bfloat16, float16
from flambeau.numpy_names import numpy_names as _numpy_names
from flambeau.ops.border import roll
from flambeau.ops.complex import conj
from flambeau.ops.create import arange
from flambeau.ops.fft import ADJOINT, fft_c2c, fft_c2r, fft_r2c
from flambeau.ops.view import narrow
from flambeau.ops.window import constant_pad
from flambeau.overriding.asking import published
from flambeau.tensor import Tensor, check_dim
from flambeau.write import into

__all__ = [
    "fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2", "fftn", "ifftn", "rfftn",
    "irfftn", "hfftn", "ihfftn", "fftfreq", "rfftfreq", "fftshift", "ifftshift",
]  # fmt: skip

Sizes = Sequence[int] | int | None


# ---- what all of them share
def _checked(input: Tensor, norm: str | None, real_name: str | None = None) -> tuple[Tensor, str]:
    """The input, and the name of its scaling.  RuntimeError for half floats, and for complex numbers where real ones are asked for."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"; expected "backward", "forward" or "ortho"')
    if input.dtype in (float16, bfloat16):
        raise RuntimeError(f"Unsupported dtype {input.dtype.name}: convert to float32 or float64")
    if real_name is not None and input.dtype.category == COMPLEX:
        kind = "-valued" if real_name.endswith("n") else ""
        raise RuntimeError(f"{real_name} expects a real{kind} input tensor, but got {input.dtype.name}")
    if input.dtype.category < _dtype_float:
        input = input.to(get_default_dtype())
    return input, norm or "backward"


_dtype_float = float16.category


def _axes(input: Tensor, s: Sizes, dim: Sizes) -> tuple[tuple[int, ...], list[int]]:
    """The axes, counted from the end, and the size of each (-1: its own)."""
    s = (s,) if isinstance(s, int) else s
    dim = (dim,) if isinstance(dim, int) else dim
    if dim is None:
        if s is not None and len(s) > input.ndim:
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {input.ndim} dimensions.")
        axes = tuple(range(-(input.ndim if s is None else len(s)), 0))
    elif dim and not input.ndim:
        raise IndexError(f"Dimension specified as {dim[0]} but tensor has no dimensions")
    else:
        axes = tuple(check_dim(d, input.ndim) - input.ndim for d in dim)
    if len(set(axes)) < len(axes):
        raise RuntimeError("FFT dims must be unique")
    if s is not None and len(s) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return axes, [-1] * len(axes) if s is None else list(s)


def _sized(input: Tensor, axes: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Axes cut, or filled up with zeros, at their end."""
    for axis, size in zip(axes, sizes):
        have = input.shape[axis]
        if size == -1:
            size = have
        if size < 1:
            raise RuntimeError(f"Invalid number of data points ({size}) specified")
        if size < have:
            input = narrow(input, axis, 0, size)
        elif size > have:
            pads = [(0, 0)] * input.ndim
            pads[axis] = (0, size - have)
            input = constant_pad(input, pads=tuple(pads), value=0.0)
    return input


def _one(n: int | None) -> int | None:
    if n is not None and n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return n


def _given(result: Tensor, out: Tensor | None, name: str) -> Tensor:
    return result if out is None else into(out, result, name)


def _c2c(input: Tensor, s: Sizes, dim: Sizes, norm: str | None, forward: bool, out: Tensor | None, name: str) -> Tensor:
    input, norm = _checked(input, norm)
    axes, sizes = _axes(input, s, dim)
    input = _sized(input, axes, sizes)
    if not axes:
        return _given(input.to(input.dtype.to_complex()), out, name)
    if name == "ifftn":
        input = input.to(input.dtype.to_complex())  # as PyTorch: their zeros are positive, those of the mirrored `ifft` are not
    return _given(fft_c2c(input, dims=axes, norm=norm, forward=forward), out, name)


def _r2c(input: Tensor, s: Sizes, dim: Sizes, norm: str | None, out: Tensor | None, name: str, hermitian: bool = False) -> Tensor:
    """`hermitian`: the inverse direction, so the spectrum is conjugated and the scale is the other one."""
    input, norm = _checked(input, norm, name)
    axes, sizes = _axes(input, s, dim)
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")
    input = _sized(input, axes, sizes)
    if hermitian:
        return _given(conj(fft_r2c(input, dims=axes, norm=ADJOINT[norm])), out, name)
    return _given(fft_r2c(input, dims=axes, norm=norm), out, name)


def _c2r(input: Tensor, s: Sizes, dim: Sizes, norm: str | None, out: Tensor | None, name: str, hermitian: bool = False) -> Tensor:
    input, norm = _checked(input, norm)
    axes, sizes = _axes(input, s, dim)
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")
    n = 2 * (input.shape[axes[-1]] - 1) if sizes[-1] == -1 else sizes[-1]
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    input = _sized(input, axes, [*sizes[:-1], n // 2 + 1])
    input = input.to(input.dtype.to_complex())
    if hermitian:
        return _given(fft_c2r(conj(input), dims=axes, norm=ADJOINT[norm], n=n), out, name)
    return _given(fft_c2r(input, dims=axes, norm=norm, n=n), out, name)


# ---- along one axis
@listed
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """Discrete Fourier transform along `dim`, cut or filled up to n.  (*, m, *) -> (*, n, *), complex

    >>> flambeau.fft.fft(flambeau.tensor([1.0, 0.0, 0.0, 0.0]))
    tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.-0.j])
    """
    return _c2c(input, _one(n), dim, norm, True, out, "fft")


@listed
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """What `fft` does, undone.  (*, m, *) -> (*, n, *), complex"""
    return _c2c(input, _one(n), dim, norm, False, out, "ifft")


@listed
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """Transform of real numbers: the first half of the spectrum.  (*, n, *) -> (*, n // 2 + 1, *), complex

    >>> flambeau.fft.rfft(flambeau.ones(8)).shape
    flambeau.Size([5])
    """
    return _r2c(input, _one(n), dim, norm, out, "rfft")


@listed
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """The n real numbers whose half spectrum is given; n is even unless told.  (*, m, *) -> (*, n, *), n = 2 (m - 1)"""
    return _c2r(input, _one(n), dim, norm, out, "irfft")


@listed
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """The real spectrum of a signal that mirrors itself, of which the first half is given.  (*, m, *) -> (*, n, *), n = 2 (m - 1)"""
    return _c2r(input, _one(n), dim, norm, out, "hfft", hermitian=True)


@listed
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """What `hfft` does, undone.  (*, n, *) -> (*, n // 2 + 1, *), complex"""
    return _r2c(input, _one(n), dim, norm, out, "ihfft", hermitian=True)


# ---- along several axes: all of them, unless `s` (sizes) or `dim` say which
@listed
def fftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """Transform along several axes, each cut or filled up to its size in `s` (-1 keeps it).  (*) -> (*), complex"""
    return _c2c(input, s, dim, norm, True, out, "fftn")


@listed
def ifftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """What `fftn` does, undone.  (*) -> (*), complex"""
    return _c2c(input, s, dim, norm, False, out, "ifftn")


@listed
def rfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """Transform of real numbers along several axes, half of it along the last.  (*, n) -> (*, n // 2 + 1), complex"""
    return _r2c(input, s, dim, norm, out, "rfftn")


@listed
def irfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """What `rfftn` does, undone.  (*, m) -> (*, n), n = 2 (m - 1) unless `s` says otherwise"""
    return _c2r(input, s, dim, norm, out, "irfftn")


@listed
def hfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """`hfft` along several axes.  (*, m) -> (*, n)"""
    return _c2r(input, s, dim, norm, out, "hfftn", hermitian=True)


@listed
def ihfftn(input: Tensor, s: Sizes = None, dim: Sizes = None, norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
    """What `hfftn` does, undone.  (*, n) -> (*, n // 2 + 1), complex"""
    return _r2c(input, s, dim, norm, out, "ihfftn", hermitian=True)


def _plane(call, name: str):
    def transform(input: Tensor, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None, *, out: Tensor | None = None) -> Tensor:
        return call(input, s, dim, norm, out=out)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"`{call.__name__}` along two axes, the last two unless told."
    return transform


fft2, ifft2, rfft2 = _plane(fftn, "fft2"), _plane(ifftn, "ifft2"), _plane(rfftn, "rfft2")
irfft2, hfft2, ihfft2 = _plane(irfftn, "irfft2"), _plane(hfftn, "hfft2"), _plane(ihfftn, "ihfft2")


# ---- helpers
def fftfreq(
    n: int, d: float = 1.0, *, out=None, dtype: _dtype | None = None, layout=None, device=None, requires_grad: bool = False
) -> Tensor:
    """The frequency of each place of `fft`, in cycles a unit of the sample distance d: 0, 1, …, -1, over n·d.  -> (n)

    >>> flambeau.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    places = roll(arange(-(n // 2), n - n // 2, device=device), -(n // 2)) if n > 0 else arange(n, device=device)
    return _frequencies(places, n, d, out, dtype, requires_grad)


def rfftfreq(
    n: int, d: float = 1.0, *, out=None, dtype: _dtype | None = None, layout=None, device=None, requires_grad: bool = False
) -> Tensor:
    """The frequency of each place of `rfft`: 0, 1, …, n // 2, over n·d.  -> (n // 2 + 1)"""
    return _frequencies(arange(n // 2 + 1, device=device), n, d, out, dtype, requires_grad)


def _frequencies(places: Tensor, n: int, d: float, out: Tensor | None, dtype: _dtype | None, requires_grad: bool) -> Tensor:
    scaled = places.to(dtype or get_default_dtype()) * (1.0 / (n * d) if n * d else float("inf"))
    if out is not None and out.shape != scaled.shape:
        if out.numel() != scaled.numel():
            n = scaled.numel()
            warn(f"The number of elements in the out tensor of shape {list(out.shape)} is {out.numel()} which does not match the computed "
                 f"number of elements {n}. The out tensor will be resized to a tensor of shape ({n},).", stacklevel=3)
        out.resize_(0)
    return _given(scaled.requires_grad_() if requires_grad else scaled, out, "fftfreq")


def fftshift(input: Tensor, dim: Sizes = None) -> Tensor:
    """Frequency 0 moved from the front to the middle, along all axes or `dim`.  (*) -> (*)"""
    dims = _shifted(input, dim)
    return roll(input, tuple(input.shape[d] // 2 for d in dims), dims) if dims else input


def ifftshift(input: Tensor, dim: Sizes = None) -> Tensor:
    """What `fftshift` does, undone.  (*) -> (*)"""
    dims = _shifted(input, dim)
    return roll(input, tuple(-(input.shape[d] // 2) for d in dims), dims) if dims else input


def _shifted(input: Tensor, dim: Sizes) -> tuple[int, ...]:
    return tuple(range(input.ndim)) if dim is None else tuple(check_dim(d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim))

globals().update({name: _numpy_names(globals()[name]) for name in __all__ if "freq" not in name})
published([name for name in __all__ if not name.endswith("freq")], globals())
