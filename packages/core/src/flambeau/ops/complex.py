"""Complex numbers: taken apart, put together, conjugated.

The gradient of a real loss with respect to z = a + ib is dL/da + i·dL/db, as PyTorch has it.
"""
from __future__ import annotations

import builtins
import math

from ..casting import listed
from ..define import elementwise, op
from ..dtype import BY_NUMPY, COMPLEX, float16, float32, float64, word
from ..fast import view_of
from ..tensor import Tensor, tensors_only
from .elementwise import cos, sin
from .view import part, view


def _pairs(make):
    yield (make((2, 3), -1.0, 1.0), make((2, 3), -1.0, 1.0)), {}
    yield (make((2, 1), -1.0, 1.0), make((3,), -1.0, 1.0)), {}
    yield (make((), -1.0, 1.0), make((), -1.0, 1.0)), {}


@op("opaque", linear=True, samples=_pairs, vjp=(lambda g, _y, _a, _b: real(g), lambda g, _y, _a, _b: imag(g)))
def complex_of(xp, real, imag):
    """real + i · imag.  (*), (*) -> (*), broadcast, complex"""
    real, imag = xp.broadcast_arrays(real, imag)
    out = xp.empty(real.shape, BY_NUMPY[real.dtype].to_complex().numpy)
    out.real, out.imag = real, imag
    return out


def _check_parts(first, second) -> None:
    if first.dtype not in (float16, float32, float64) or second.dtype not in (float16, float32, float64):
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {word(first.dtype)} and {word(second.dtype)}")
    if first.dtype is not second.dtype:
        raise RuntimeError(f"Expected object of scalar type {word(first.dtype)} but got scalar type {word(second.dtype)} "
                           "for second argument")


def complex(real, imag, *, out=None):
    """real + i · imag, from floats of one dtype.  (*), (*) -> (*), broadcast

    >>> flambeau.complex(flambeau.tensor([1.0]), flambeau.tensor([2.0])).dtype
    flambeau.complex64
    """
    tensors_only("complex", real=real, imag=imag)
    _check_parts(real, imag)
    return complex_of(real, imag, out=out)


@listed
def polar(abs, angle, *, out=None):
    """abs · (cos(angle) + i · sin(angle)), from floats of one dtype.  (*), (*) -> (*), broadcast"""
    tensors_only("polar", abs=abs, angle=angle)
    _check_parts(abs, angle)
    return complex(abs * cos(angle), abs * sin(angle), out=out)


def _complex_sample(make):
    yield (complex(make((2, 3), -1.0, 1.0), make((2, 3), -1.0, 1.0)),), {}


VIEW_AS_REAL = view("view_as_real", lambda g, _y, _x: view_of(VIEW_AS_COMPLEX, g.contiguous(), {}),
                    lambda xp, x: x[..., None].view(BY_NUMPY[x.dtype].to_real().numpy), _complex_sample,
                    "Complex numbers as pairs of reals.  (*) -> (*, 2)")
VIEW_AS_COMPLEX = view("view_as_complex", lambda g, _y, _x: view_of(VIEW_AS_REAL, g, {}),
                       lambda xp, x: x.view(BY_NUMPY[x.dtype].to_complex().numpy)[..., 0],
                       lambda make: [((make((2, 3, 2), -1.0, 1.0),), {})], "Pairs of reals as complex numbers.  (*, 2) -> (*)")


def view_as_real(input):
    """Complex numbers as pairs of reals that share their memory.  (*) -> (*, 2)"""
    if input.dtype.category != COMPLEX:
        raise RuntimeError(f"view_as_real is only supported for complex tensors, got {input.dtype.name}")
    return view_of(VIEW_AS_REAL, input, {})


@listed
def view_as_complex(input):
    """Pairs of reals as complex numbers that share their memory.  (*, 2) -> (*)

    RuntimeError where the pairs do not lie side by side in memory: make x contiguous then.
    """
    if input.dtype not in (float32, float64):
        raise RuntimeError(f"view_as_complex is only supported for float32 and float64 tensors, got {input.dtype.name}")
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2, got shape {list(input.shape)}")
    if input.process is not None:  # how its memory lies shows where it is plain
        return view_of(VIEW_AS_COMPLEX, input, {})
    strides = input.stride()
    if strides[-1] != 1:
        raise RuntimeError(f"Tensor must have a last dimension with stride 1, got strides {list(strides)}: call contiguous() first")
    if any(s % 2 for s, n in zip(strides[:-1], input.shape, strict=False) if n > 1):
        raise RuntimeError(f"Tensor must have a stride divisible by 2 for all but last dimension, got strides {list(strides)}")
    return view_of(VIEW_AS_COMPLEX, input, {})


def real(input):
    """The real parts, as a view; of real numbers, themselves.  (*) -> (*)"""
    return part(view_as_real(input), (..., 0)) if input.dtype.category == COMPLEX else input


def imag(input):
    """The imaginary parts, as a view.  (*) -> (*)  RuntimeError for real numbers."""
    if input.dtype.category != COMPLEX:
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, got {input.dtype.name}")
    return part(view_as_real(input), (..., 1))


_conj = elementwise("conj", lambda g, _y, _x: _conj(g), c="{0}", numpy="conjugate", promote="same", linear=True, doc="Complex conjugate.")


def conj(input):
    """The complex conjugate; of real numbers, themselves.  (*) -> (*)"""
    return _conj(input) if input.dtype.category == COMPLEX else input


def resolve_conj(input):
    """input itself: conjugates are always worked out here."""
    return input


def _angle_back(g, x):
    if x.dtype.category != COMPLEX:
        return g * 0
    a, b = real(x), imag(x)
    share = g / (a * a + b * b)
    return complex(-b * share, a * share)


@op("opaque", inputs=1, promote="float", vjp=lambda g, _y, x: _angle_back(g, x), samples=_complex_sample)
def angle(xp, x):
    """The angle of a complex number, in radians; of reals 0 or π.  (*) -> (*)"""
    if x.dtype.kind == "c":
        return xp.arctan2(x.imag, x.real)
    half_turn, none = x.dtype.type(math.pi), x.dtype.type(0)
    return xp.where(x != x, x, xp.where(x < 0, half_turn, none)).astype(x.dtype)




def mirrored(card, y, values):
    """The output and inputs of a call as its formula is to see them: conjugated where the op has a complex derivative.

    For a real loss the gradient of z -> f(z) is g · conj(f'(z)). Formulas say g · f'(z), and their coefficients are real.
    """
    if not card.holomorphic:
        return y, values
    return _mirror(y), [_mirror(v) for v in values]


def _mirror(x):
    if isinstance(x, Tensor):
        return conj(x)
    return x.conjugate() if type(x) is builtins.complex else x
