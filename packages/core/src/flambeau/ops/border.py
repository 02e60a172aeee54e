"""Functions and methods whose arguments PyTorch spells in its own way, over the cards."""
from __future__ import annotations

import math
import warnings
from math import prod

import numpy as np

from .. import context, front
from ..backends import network
from ..casting import listed
from ..context import grad as mode
from ..context import no_grad
from ..dispatch import run_one
from ..dtype import FLOAT, INT, bfloat16, float16, promote_types, word
from ..dtype import bool_ as bool_dtype
from ..fast import axes_of, tracked
from ..layout import contiguous_format
from ..numpy_names import numpy_names
from ..op import CARDS
from ..promote import result_type
from ..spelling import factored, older
from ..tensor import PLAIN, Tensor, check_dim, tensors_only, version_cell
from ..write import BY_PLACES, OF_SOME, check_places, check_writable, in_graph, into, old_value, rebase, write, wrote
from . import elementwise, index, masks, nn, reduction, view
from .convert import to
from .create import arange, as_tensor, fitting, ones_like, tensor
from .join import cat
from .view import ready


# ---- normalised exponentials, computed in another dtype where one is asked for
def _normalised(card, name: str):
    """The card's function with PyTorch's `dtype=`."""
    def call(input, dim, dtype=None, *, out=None):
        if dtype is not None:
            input = input.to(dtype)
        elif isinstance(input, Tensor) and input.dtype.category != FLOAT:
            raise NotImplementedError(f"{name}() is not implemented for {input.dtype}: give dtype=flambeau.float32, or use .float()")
        result = card(input, dim)
        return result if out is None else into(out, result, name)

    call.__name__, call.__doc__ = name, card.__doc__
    return numpy_names(call)


softmax, log_softmax = _normalised(nn.softmax, "softmax"), _normalised(nn.log_softmax, "log_softmax")


# ---- arithmetic with PyTorch's extra arguments
NUMBERS = (int, float, complex, bool)


def _scaled(input, other, alpha):
    """alpha · other, where alpha is no number of a higher kind than the sum."""
    if type(other) is Tensor and type(alpha) in (int, float) and type(input) in PLAIN and input.array.dtype is other.array.dtype \
            and other.array.dtype.kind == "f":
        return other * alpha
    kind = _common(input, other)
    if isinstance(alpha, bool):
        if kind is not bool_dtype:
            raise RuntimeError("Boolean alpha only supported for Boolean results.")
    elif isinstance(alpha, float | complex) and kind.category < FLOAT:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    elif isinstance(alpha, complex) and not kind.is_complex:
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
    return other * (bool(alpha) if kind is bool_dtype else alpha)


def add(input, other, *older, alpha=1, out=None):
    """input + alpha · other.  (*), (*) -> (*), broadcast"""
    if older:
        return factored(add, 2, ("alpha",), (input, other, *older), {} if out is None else {"out": out})
    if type(input) in NUMBERS and type(other) in NUMBERS:
        input = tensor(input)
    return elementwise.add(input, other if alpha == 1 and type(alpha) is int else _scaled(input, other, alpha), out=out)


def sub(input, other, *older, alpha=1, out=None):
    """x - alpha · y.  (*), (*) -> (*), broadcast"""
    if older:
        return factored(sub, 2, ("alpha",), (input, other, *older), {} if out is None else {"out": out})
    if isinstance(input, Tensor) and isinstance(other, Tensor | bool) and input.dtype is bool_dtype \
            and (isinstance(other, bool) or other.dtype is bool_dtype):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
        )
    if type(input) in NUMBERS and type(other) in NUMBERS:
        input = tensor(input)
    return elementwise.sub(input, other if alpha == 1 and type(alpha) is int else _scaled(input, other, alpha), out=out)


def mul(input, other, *, out=None):
    """input · other.  (*), (*) -> (*), broadcast"""
    return elementwise.mul(tensor(input) if type(input) in NUMBERS and type(other) in NUMBERS else input, other, out=out)


def div(input, other, *, rounding_mode: str | None = None, out=None):
    """input / other; `rounding_mode` "floor" or "trunc" rounds the quotient.  (*), (*) -> (*), broadcast"""
    if type(input) in NUMBERS and type(other) in NUMBERS:
        input = tensor(input)
    if rounding_mode is None:
        return elementwise.div(input, other, out=out)
    if rounding_mode == "floor":
        quotient = elementwise.floor_divide(input, other, out=out)
        return quotient if out is not None else without_slope(quotient, input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")
    target = _common(input, other)
    with no_grad():
        if target.category == INT:
            given = input if isinstance(input, Tensor) else tensor(input, dtype=target, device=other.device)
            quotient = elementwise.floor_divide(elementwise.sub(given, elementwise.fmod(given, other)), other)
        else:
            quotient = elementwise.trunc(elementwise.div(input, other))
    quotient = quotient if quotient.dtype is target else quotient.to(target)
    return into(out, quotient, "div") if out is not None else without_slope(quotient, input, other)


def without_slope(value: Tensor, *sources) -> Tensor:
    """A value that its sources do not move, such as a step or a draw: it belongs to their graph, and their gradient is zero."""
    for source in sources:
        if isinstance(source, Tensor) and source.requires_grad:
            value = elementwise.where(ones_like(value, dtype=bool_dtype), value, source.to(value.dtype))
    return value


def _common(x, y):
    return result_type(x, y)


multiply, divide, true_divide, subtract = mul, div, div, sub
arctan2 = elementwise.atan2


def rsub(input, other, *, alpha=1):
    """y - alpha · x."""
    tensors_only("rsub", input=input)
    return sub(other, input, alpha=alpha)


def _update(name):
    write_into = CARDS[name].inplace

    def call(input, other, *older, alpha=1, rounding_mode=None):
        if older:
            return factored(call, 2, ("alpha",) if name in ("add", "sub") else (), (input, other, *older), {})
        if rounding_mode is not None:
            return write(input, div(input, other, rounding_mode=rounding_mode), name)
        return write_into(input, other if alpha == 1 and type(alpha) is int else _scaled(input, other, alpha))

    call.__name__, call.__doc__ = name + "_", f"`{name}`, written into the tensor itself."
    return call


add_, sub_, mul_, div_ = (_update(n) for n in ("add", "sub", "mul", "div"))


@older(3, "value")
@listed
def addcmul(input, tensor1, tensor2, old=None, *, value=1):
    """input + value · tensor1 · tensor2; the value may come second, as once in PyTorch.  (*), (*), (*) -> (*), broadcast"""
    if old is not None:
        value, tensor1, tensor2 = tensor1, tensor2, old
    if input.dtype in (float16, bfloat16) and value != 1:  # computed in float32, rounded once
        return addcmul(input.float(), tensor1.float(), tensor2.float(), value=value).to(input.dtype)
    product = tensor1 * tensor2
    if type(value) is float and product.dtype.category <= INT and input.dtype.category <= INT:
        value = int(value)  # as PyTorch cuts it for integers
    return input + (product if value == 1 else product * value)


@older(3, "value")
@listed
def addcdiv(input, tensor1, tensor2, old=None, *, value=1):
    """input + value · tensor1 / tensor2; the value may come second, as once in PyTorch.  (*), (*), (*) -> (*), broadcast"""
    if old is not None:
        value, tensor1, tensor2 = tensor1, tensor2, old
    if tensor1.dtype.category < FLOAT and tensor2.dtype.category < FLOAT:
        raise RuntimeError("Integer division with addcdiv is no longer supported: use (input + value * flambeau.trunc(tensor1 / tensor2))"
                           ".to(input.dtype) for whole quotients, or tensors of floating point numbers for true ones")
    if input.dtype in (float16, bfloat16):  # computed in float32, rounded once
        return addcdiv(input.float(), tensor1.float(), tensor2.float(), value=value).to(input.dtype)
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


# whose other inputs' gradients do not ask what the tensor was
LINEAR = frozenset("addcmul addcdiv masked_fill scatter_add index_add tril triu index_copy index_fill index_put put scatter".split())


def _in_place(function):
    apart, not_linear, whole = function.__name__ not in OF_SOME, function.__name__ not in LINEAR, function.__name__ in BY_PLACES

    def call(input, *args, **kwargs):
        check_places(input, (*args, *kwargs.values()) if whole else args, apart, whole)
        wrote(input)
        if mode.enabled and in_graph(input):
            check_writable(input)
        kept = _keeps_input(input) or not_linear and mode.enabled and any(isinstance(x, Tensor) and in_graph(x)
                                                                          for x in (*args, *kwargs.values()))
        return write(input, function(old_value(input) if kept else input, *args, **kwargs), function.__name__)

    call.__name__, call.__doc__ = function.__name__ + "_", f"`{function.__name__}`, written into the tensor itself."
    return older(*function.older)(call) if hasattr(function, "older") else call


def _keeps_input(x) -> bool:
    return mode.enabled and (x.node is not None or x.process is not None)


addcmul_, addcdiv_ = _in_place(addcmul), _in_place(addcdiv)
masked_fill_, scatter_add_, index_add_ = (_in_place(f) for f in (masks.masked_fill, index.scatter_add, index.index_add))
tril_, triu_ = _in_place(masks.tril), _in_place(masks.triu)


def clamp_min(input, min):
    """x, but no smaller than `min`.  (*) -> (*)"""
    if min is None:
        raise TypeError("clamp_min(): argument 'min' must be Tensor or a number, not None")
    tensors_only("clamp_min", input=input)
    return elementwise.maximum(input, min) if isinstance(min, Tensor) else elementwise.clamp(_wide_enough(input, min), min, None)


def clamp_max(input, max):
    """x, but no greater than `max`.  (*) -> (*)"""
    if max is None:
        raise TypeError("clamp_max(): argument 'max' must be Tensor or a number, not None")
    tensors_only("clamp_max", input=input)
    return elementwise.minimum(input, max) if isinstance(max, Tensor) else elementwise.clamp(_wide_enough(input, max), None, max)


def clamp(input, min=None, max=None, *, out=None):
    """x, but no smaller than `min` and no greater than `max`, numbers or tensors.  (*) -> (*)"""
    if type(min) is float and (max is None or type(max) is float) and out is None and type(input) in PLAIN \
            and input.array.dtype.kind == "f":
        return run_one(CLAMP, input, {"min": min, "max": max})
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        kind = result_type(input, *(x for x in (min, max) if x is not None))
        input = input if input.dtype is kind else input.to(kind)
        low, high = (x if x is None else x.to(kind) if isinstance(x, Tensor) else tensor(x, dtype=kind, device=input.device)
                     for x in (min, max))
        if low is not None:
            input = elementwise.maximum(input, low, out=out if high is None else None)
        return input if high is None else elementwise.minimum(input, high, out=out)
    return elementwise.clamp(_wide_enough(input, min, max), min, max, out=out)


def _wide_enough(x, *bounds):
    """x in the dtype that it has in common with the bounds."""
    kind = x.dtype
    for bound in bounds:
        if bound is not None:
            kind = promote_types(kind, _common(x, bound))
    return x if kind is x.dtype else x.to(kind)


def clamp_(input, min=None, max=None):
    """`clamp`, written into the tensor itself."""
    array = ready(input)
    if array is not None and array.dtype.kind == "f" and type(min) in (float, int) and type(max) in (float, int) and not tracked(input):
        try:
            network.clip(array, min, max, array)
        except (RuntimeWarning, TypeError, ValueError):
            return _clamped_(input, min, max)
        version_cell(input)[0] += 1
        return input
    return _clamped_(input, min, max)


_clamped_ = _in_place(clamp)
clamp_.__qualname__ = "Tensor.clamp_"
CARDS["clamp"].inplace = clamp_


CLAMP = CARDS["clamp"]
clip = clamp


def round(input, *, decimals: int = 0):
    """Rounded to the nearest integer (or to `decimals` places), halves to the even one.  (*) -> (*)"""
    return elementwise.round(input) if not decimals else elementwise.round(input * 10.0**decimals) / 10.0**decimals


_rounded_whole_, _rounded_ = CARDS["round"].inplace, _in_place(round)


def round_(input, *, decimals: int = 0):
    """`round`, written into the tensor itself."""
    return _rounded_(input, decimals=decimals) if decimals else _rounded_whole_(input)


round_.__qualname__ = "Tensor.round_"
CARDS["round"].inplace = round_


# ---- statistics
def _dims(dim):
    return tuple(dim) if isinstance(dim, list) else dim


@numpy_names
def var(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=1):
    """Variance over `dim`, divided by n - correction.  (*, n, *) -> (*, *)"""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = int(unbiased)
    return _var("var", input, dim, keepdim, correction)


def _var(name: str, input, dim, keepdim: bool, correction):
    correction, dim = 1 if correction is None else correction, _dims(dim)
    if correction and input.process is None:
        shape = input.array.shape
        if type(dim) is int and 0 <= dim < len(shape):
            n = shape[dim]
        else:
            axes = () if dim is None or not shape else (dim,) if isinstance(dim, int) else dim
            n = prod(shape[check_dim(d, len(shape))] for d in axes) if axes else input.array.size
        if n <= correction:
            warnings.warn(f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input "
                          "numel divided by output numel).", UserWarning, stacklevel=3)
    if input.is_complex():
        real, imaginary = (reduction.var(part, dim=dim, correction=correction, keepdim=keepdim) for part in (input.real, input.imag))
        return real + imaginary
    return reduction.var(input, dim=dim, correction=correction, keepdim=keepdim)


@numpy_names
def std(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=1):
    """Standard deviation over `dim`.  (*, n, *) -> (*, *)"""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return _var("std", input, dim, keepdim, correction if unbiased is None else int(unbiased)).sqrt()


@numpy_names
def var_mean(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=1):
    """Variance and mean over `dim`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    correction = correction if unbiased is None else int(unbiased)
    return _var("var_mean", input, dim, keepdim, correction), input.mean(_dims(dim), keepdim)


@numpy_names
def std_mean(input, dim=None, unbiased=None, keepdim: bool = False, *, correction=1):
    """Standard deviation and mean over `dim`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    correction = correction if unbiased is None else int(unbiased)
    return _var("std_mean", input, dim, keepdim, correction).sqrt(), input.mean(_dims(dim), keepdim)


@numpy_names
@listed
def norm(input, p=2, dim=None, keepdim: bool = False, dtype=None):
    """Vector norm of order p over `dim` (all elements by default); "fro" is 2, "nuc" the nuclear norm of matrices.  (*, n, *) -> (*, *)"""
    input = input if dtype is None else input.to(dtype)
    if p == "nuc":
        from .norms import matrix_norm  # a family that is read when it is used

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    input = input.abs() if input.is_complex() else input
    if p in ("fro", 2, 2.0, None):
        return _root_of_squares(input, dim if dim is None else axes_of(dim, input), keepdim)
    if not isinstance(p, int | float):
        raise RuntimeError(f"norm: expected p as a number or 'fro', got {p!r}")
    from .norms import folded

    size, dim = input.abs(), folded(input, p, dim)
    if p == math.inf:
        return size.amax(dim, keepdim)
    if p == -math.inf:
        return size.amin(dim, keepdim)
    if p == 0:
        return (input != 0).to(input.dtype).sum(dim, keepdim)
    return size.sum(dim, keepdim) if p == 1 else (size**p).sum(dim, keepdim) ** (1.0 / p)


def _root_of_squares(x, dim, keepdim):
    return run_one(CARDS["l2_norm"], x, {"dim": dim, "keepdim": keepdim})


@numpy_names
def count_nonzero(input, dim=None):
    """How many elements are not zero.  (*, n, *) -> (*, *)"""
    return (input != 0).sum(_dims(dim))


@listed
def dist(input, other, p=2):
    """Norm of input - other."""
    return norm(input - other, p)


# ---- shapes
def view_as(x, other):
    return view.view_as_shape(x, *other.shape) if other is not x else view.part(x, (...,))


def reshape_as(x, other):
    return view.reshape(x, *other.shape)


def expand_as(x, other):
    return view.expand(x, *other.shape)


def repeat(input, *counts, repeats=None):
    """The tensor laid side by side with itself, `repeats` times along each axis.  (a, b) -> (r₀·a, r₁·b)"""
    repeats = counts if repeats is None else (repeats,)
    repeats = view.sizes(repeats)
    if len(repeats) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (1,) * (len(repeats) - input.ndim) + tuple(input.shape)
    spread = [v for pair in zip(repeats, shape, strict=True) for v in pair]
    split = [v for n in shape for v in (1, n)]
    out = view.reshape(view.expand(view.reshape(input, *split), *spread), *(r * n for r, n in zip(repeats, shape, strict=True)))
    return out.clone(memory_format=contiguous_format) if out._is_view() else out


def tile(input, *counts, dims=None):
    """`repeat`, with ones put in front where axes are missing."""
    dims = counts if dims is None else (dims,)
    dims = view.sizes(dims)
    return repeat(input, *(1,) * (input.ndim - len(dims)), *dims)


@numpy_names
def repeat_interleave(input, repeats=None, dim: int | None = None, *, output_size: int | None = None):
    """Each element repeated, one after the other.  (*, n, *) -> (*, Σ repeats, *)

    Of one vector of counts alone: the place of each element, as often as it says. `output_size` is Σ repeats, if it is known.
    """
    if repeats is None:
        input, repeats = arange(input.numel(), device=input.device), input
        if repeats.ndim != 1:
            raise RuntimeError(f"repeat_interleave only accepts 1D vector as repeat, got {repeats.ndim} axes")
    if dim is None:
        input, dim = view.reshape(input, -1), 0
    dim = check_dim(dim, input.ndim)
    n = input.shape[dim]
    if isinstance(repeats, Tensor) and repeats.is_meta:
        if output_size is None:
            raise RuntimeError("repeat_interleave: counts on meta have no values: tell output_size, their sum")
        return index.index_select(input, dim, repeats.detach().reshape(-1)[:1].expand(output_size))
    if isinstance(repeats, Tensor) and repeats.dtype.name not in ("int32", "int64"):
        raise NotImplementedError(f"repeat_interleave is not implemented for counts of {repeats.dtype.name}: they are int32 or int64")
    if isinstance(repeats, Tensor) and repeats.ndim and repeats.numel() not in (1, n):
        raise RuntimeError("repeats must have the same size as input along dim, "
                           f"but got repeats.size(0) = {repeats.numel()} and input.size({dim}) = {n}")
    counts = np.broadcast_to(np.asarray(repeats.detach().cpu().numpy() if isinstance(repeats, Tensor) else repeats), (n,))
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    if output_size is not None and output_size != counts.sum():
        raise RuntimeError(f"repeat_interleave: allocated size does not match required size: output_size={output_size}, not {counts.sum()}")
    return index.index_select(input, dim, as_tensor(np.repeat(np.arange(n), counts), device=input.device))


def swapaxes(input, axis0: int, axis1: int):
    return view.transpose(input, axis0, axis1)


def roll(input, shifts, dims=None):
    """Elements moved round along `dims`; without dims, in the flattened tensor.  (*) -> (*)"""
    if not isinstance(shifts, int) and not len(shifts):
        raise RuntimeError("`shifts` required")
    if dims is None:
        return view.reshape(roll(view.reshape(input, -1), shifts, 0), *input.shape)
    shifts, dims = ((v,) if isinstance(v, int) else v for v in (shifts, dims))
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims: {len(dims)}")
    for shift, dim in zip(shifts, dims, strict=True):
        n = input.shape[check_dim(dim, input.ndim)]
        if n and shift % n:
            input = cat([view.narrow(input, dim, n - shift % n, shift % n), view.narrow(input, dim, 0, n - shift % n)], dim)
    return input.clone() if input.base is not None else input


# ---- comparison of whole tensors
def equal(input, other) -> bool:
    """Whether shapes and all elements are the same."""
    return input.shape == other.shape and bool((input == other).all())


def isclose(input, other, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False):
    """|input - other| ≤ atol + rtol · |other|, element by element.  (*), (*) -> (*) bool"""
    tensors_only("isclose", input=input, other=other)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{word(input.dtype)} did not match {word(other.dtype)}")
    for name, bound in (("rtol", rtol), ("atol", atol)):
        if bound < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {bound}")
    equal = input == other
    if input.dtype.category < FLOAT:  # whose differences and absolute values may not fit them
        input, other = to(input, context.get_default_dtype()), to(other, context.get_default_dtype())
    close = equal if rtol == atol == 0 else \
        equal | (((input - other).abs() <= atol + rtol * other.abs()) & elementwise.isfinite(other))
    return close | (elementwise.isnan(input) & elementwise.isnan(other)) if equal_nan else close


def allclose(input, other, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


# ---- writing
def copy_(input, other, non_blocking: bool = False):
    """Write another tensor's values, broadcast and cast, into this one."""
    if front.module is not None and front.module.copied(input, other):
        return input
    if type(other) is Tensor and type(input) is Tensor and not context.unusual and _unwatched(input) \
            and (other.node is None or not mode.enabled):
        a, b = input.array, other.array
        if type(a) is np.ndarray and type(b) is np.ndarray and a.dtype is b.dtype and a.shape == b.shape and a.flags.writeable:
            if b.base is not None or a.base is not None:
                check_places(input, (other,))
            a[...] = b
            version_cell(input)[0] += 1
            return input
    if isinstance(other, NUMBERS):
        other = tensor(other, device=input.device)
    if not isinstance(other, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}")
    if input.process is not None or other.process is not None:
        value = other if other.shape == input.shape else view.expand(other, *input.shape)
        return write(input, value if value.dtype is input.dtype else value.to(input.dtype), "copy")
    check_places(input, (other,))
    wrote(input)
    recording = mode.enabled and not mode.inference and (other.node is not None or in_graph(input))
    if recording:
        check_writable(input)
    value = other.to(device=input.device)
    if value.shape != input.shape:
        value = view.expand(value, *input.shape)
    if not recording:
        _writable(input.array)[...] = value.array
        version_cell(input)[0] += 1
        return input
    value = value if value.dtype is input.dtype else value.to(input.dtype)
    input.array[...] = value.array
    version_cell(input)[0] += 1
    rebase(input, value.node)
    return input


def _unwatched(x) -> bool:
    """Whether a write into x needs no node: it has no history, and neither has what it is a view of."""
    return not mode.enabled or (x.node is None and (x.base is None or x.base.node is None))


def _writable(array):
    """The memory of an expanded tensor, or of a part of one, which NumPy holds for read-only: one value may be written again and again."""
    if type(array) is not np.ndarray or array.flags.writeable:
        return array
    array = array.view()
    array.flags.writeable = True
    return array


def fill_(input, value):
    """Write one value everywhere."""
    kind = type(value)
    if (kind is float or kind is int) and type(input) is Tensor and not context.unusual and _unwatched(input):
        array = input.array
        if type(array) is np.ndarray and (array.dtype.kind == "f" or kind is int and value == 0) and array.flags.writeable:
            array.fill(value)
            version_cell(input)[0] += 1
            return input
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
        return copy_(input, value)
    if input.process is not None:
        return write(input, view.expand(tensor(value, dtype=input.dtype, device=input.device), *input.shape), "fill")
    wrote(input)
    if mode.enabled and in_graph(input):
        check_writable(input)
    _writable(input.array)[...] = fitting(value, input.dtype)
    version_cell(input)[0] += 1
    if mode.enabled and in_graph(input):
        rebase(input, None)
    return input


def zero_(input):
    """Write zeros."""
    if type(input) is Tensor and not context.unusual and _unwatched(input):
        array = input.array
        if type(array) is np.ndarray and array.flags.writeable:
            array.fill(0)
            version_cell(input)[0] += 1
            return input
    return fill_(input, 0)
