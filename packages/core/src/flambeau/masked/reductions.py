"""Reductions, scans and normalisations over the elements that a mask lets through: True is in, False is out.

A mask of bools is broadcast to the input. What it leaves out is replaced by the identity of the reduction (0 for a sum, −∞ for a
maximum), so a slice without any element has that identity as its result; statistics count what is in.

    >>> x, mask = flambeau.tensor([[1.0, 2.0, 3.0]]), flambeau.tensor([[True, False, True]])
    >>> flambeau.masked.mean(x, 1, mask=mask)
    tensor([2.])
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import flambeau
from flambeau.dtype import FLOAT
from flambeau.dtype import dtype as Dtype
from flambeau.layout import sparse_coo, strided
from flambeau.tensor import Tensor, check_dim

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median", "norm", "normalize",
    "prod", "softmax", "softmin", "std", "sum", "var",
]
Dims = int | Sequence[int] | None


# ---- arguments
def _dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """Every axis that is meant; none given means all."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return tuple(range(ndim))
    dims = tuple(check_dim(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"dim={dim} appears multiple times in the list of dims")
    return tuple(sorted(dims)) if ndim else ()


def _fitting(input: Tensor, mask: Tensor | None) -> Tensor | None:
    """The mask, broadcast to the input."""
    if mask is None:
        return None
    if not isinstance(mask, Tensor):
        raise TypeError(f"masked functions expect mask to be a Tensor of bools, not {type(mask).__name__}")
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return mask.to(flambeau.bool).expand(input.shape)


def _filled(input: Tensor, mask: Tensor | None, value: float | int) -> Tensor:
    """The input with `value` wherever the mask is False."""
    mask = _fitting(input, mask)
    return input if mask is None else flambeau.where(mask, input, flambeau.tensor(value, dtype=input.dtype, device=input.device))


def _cast(input: Tensor, dtype: Dtype | None) -> Tensor:
    if not isinstance(input, Tensor):
        raise TypeError(f"masked functions expect input to be a Tensor, not {type(input).__name__}")
    return input if dtype is None else input.to(dtype)


def _bounds(dtype: Dtype) -> tuple[Any, Any]:
    """The least and the greatest number of a dtype."""
    if dtype.category >= FLOAT:
        return -math.inf, math.inf
    if dtype is flambeau.bool:
        return False, True
    limits = flambeau.iinfo(dtype)
    return limits.min, limits.max


def _own_mask(function: Callable) -> Callable:
    """Let the function take a MaskedTensor, whose mask is meant unless another one is given."""

    @wraps(function)
    def call(input: Any, *args: Any, mask: Tensor | None = None, **kwargs: Any) -> Any:
        own = getattr(input, "_masked_mask", None)
        return function(input if own is None else input.get_data(), *args, mask=own if mask is None else mask, **kwargs)

    return call


def _of_stored(how: str, input: Any, dims: tuple[int, ...], keepdim: bool | None, mask: Any) -> Tensor:
    """A reduction of a COO tensor, over the places that the mask names; without one, over those that are stored."""
    from flambeau.ops.sparse_axes import grouped
    from flambeau.ops.sparse_tensor import made

    if input.layout is not sparse_coo:
        raise NotImplementedError(f"masked.{how} is there for the layouts strided and sparse_coo, got {input.layout}")
    if mask is None and how != "sum":
        raise ValueError(f"masked {how} expects explicit mask for sparse_coo tensor input")
    if mask is not None:
        mask = mask.coalesce() if mask.layout is sparse_coo else _fitting(input, mask).to_sparse(input.sparse_dim())  # type: ignore
        if mask.dense_dim():
            raise NotImplementedError(f"masked.{how} of a tensor with dense axes takes no mask")
        kept = mask.values().to(flambeau.bool)
        input = input.coalesce().sparse_mask(made(sparse_coo, mask.shape, (mask.indices()[:, kept],), mask.values()[kept]))
    input = input.coalesce()
    if len(dims) < input.ndim:
        return grouped(input, dims, bool(keepdim), how)
    values = input.values()
    if not values.numel():
        identity = dict(zip(("sum", "prod", "amax", "amin"), (0, 1, *_bounds(input.dtype)), strict=True))[how]
        values = flambeau.full((1,), identity, dtype=input.dtype, device=input.device)
    whole = globals()[how](values)
    return (whole.reshape((1,) * input.ndim) if keepdim else whole).to_sparse()


# ---- reductions
@_own_mask
def sum(input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The sum along `dim` of what the mask lets through; 0 where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.sum(flambeau.tensor([1, 2, 3]), mask=flambeau.tensor([True, False, True]))
    tensor(4)
    """
    input = _cast(input, dtype)
    dims = _dims(dim, input.ndim)
    if input.layout is not strided:
        return _of_stored("sum", input, dims, keepdim, mask)
    return flambeau.sum(_filled(input, mask, 0), dims, bool(keepdim)) if dims else _whole(_filled(input, mask, 0))


@_own_mask
def prod(input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The product along `dim` of what the mask lets through; 1 where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.prod(flambeau.tensor([2, 5, 7]), mask=flambeau.tensor([True, False, True]))
    tensor(14)
    """
    input = _cast(input, dtype)
    dims = _dims(dim, input.ndim)
    if input.layout is not strided:
        return _of_stored("prod", input, dims, keepdim, mask)
    result = _filled(input, mask, 1)
    if not dims:
        return _whole(result)
    for d in reversed(dims):  # from the last, so that the others keep their numbers
        result = result.prod(d, bool(keepdim))
    return result


def _whole(x: Tensor) -> Tensor:
    """A scalar reduced over no axis: small integers become int64, as sums of theirs do."""
    return x.to(flambeau.int64) if x.dtype.category < FLOAT else x


@_own_mask
def amax(input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The greatest along `dim` of what the mask lets through; −∞, or the least integer, where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.amax(flambeau.tensor([1.0, 9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(3.)
    """
    input = _cast(input, dtype)
    if input.layout is not strided:
        return _of_stored("amax", input, _dims(dim, input.ndim), keepdim, mask)
    return flambeau.amax(_filled(input, mask, _bounds(input.dtype)[0]), _dims(dim, input.ndim), bool(keepdim))


@_own_mask
def amin(input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The smallest along `dim` of what the mask lets through; ∞, or the greatest integer, where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.amin(flambeau.tensor([1.0, -9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(1.)
    """
    input = _cast(input, dtype)
    if input.layout is not strided:
        return _of_stored("amin", input, _dims(dim, input.ndim), keepdim, mask)
    return flambeau.amin(_filled(input, mask, _bounds(input.dtype)[1]), _dims(dim, input.ndim), bool(keepdim))


@_own_mask
def argmax(input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """Where the greatest along `dim` is of what the mask lets through, in the input's dtype, as in PyTorch.  (*) -> (* without dim)

    >>> flambeau.masked.argmax(flambeau.tensor([1.0, 9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(2.)
    """
    input = _cast(input, dtype)
    return flambeau.argmax(_filled(input, mask, _bounds(input.dtype)[0]), dim, bool(keepdim)).to(input.dtype)


@_own_mask
def argmin(input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """Where the smallest along `dim` is of what the mask lets through, in the input's dtype, as in PyTorch.  (*) -> (* without dim)

    >>> flambeau.masked.argmin(flambeau.tensor([1.0, -9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(0.)
    """
    input = _cast(input, dtype)
    return flambeau.argmin(_filled(input, mask, _bounds(input.dtype)[1]), dim, bool(keepdim)).to(input.dtype)


@_own_mask
def median(input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The lower median along `dim` of what the mask lets through; NaN where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.median(flambeau.tensor([1.0, 9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(1.)
    """
    input = _cast(input, dtype)
    if input.dtype.category < FLOAT and mask is not None and not bool(mask.all()):
        raise ValueError(f"masked median expects no fully masked out rows for integral and boolean dtypes, got {input.dtype}: use .float()")
    if mask is None:
        return flambeau.median(input, dim, bool(keepdim))[0]
    return flambeau.nanmedian(_filled(input, mask, math.nan) if input.dtype.category >= FLOAT else input, dim, bool(keepdim))[0]


@_own_mask
def norm(
    input: Tensor, ord: float | None = 2.0, dim: Dims = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None
) -> Tensor:
    """The vector norm of order `ord` along `dim` of what the mask lets through.  (*) -> (* without dim)

    >>> flambeau.masked.norm(flambeau.tensor([3.0, 7.0, 4.0]), 2, mask=flambeau.tensor([True, False, True]))
    tensor(5.)
    """
    input = _cast(input, dtype)
    order = 2.0 if ord is None else float(ord)
    filled = _filled(input, mask, math.inf if order < 0 else 0)
    return flambeau.linalg.vector_norm(filled, order, _dims(dim, input.ndim), bool(keepdim))


# ---- statistics
def _count(input: Tensor, dims: tuple[int, ...], mask: Tensor | None, dtype: Dtype) -> Tensor:
    """How many elements are in, kept as axes of one."""
    mask = _fitting(input, mask)
    seen = flambeau.ones(input.shape, dtype=dtype, device=input.device) if mask is None else mask.to(dtype)
    return flambeau.sum(seen, dims, True) if dims else seen


def _total(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    return flambeau.sum(x, dims, keepdim) if dims else x


@_own_mask
def mean(input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The mean along `dim` of what the mask lets through; NaN where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.mean(flambeau.tensor([1.0, 9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(2.)
    """
    input = _cast(input, dtype)
    if input.dtype.category < FLOAT:
        raise ValueError("mean(): Could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: "
                         f"{input.dtype}: give dtype=flambeau.float32")
    dims = _dims(dim, input.ndim)
    count = _count(input, dims, mask, input.dtype)
    total = _total(_filled(input, mask, 0), dims, bool(keepdim))
    return total / count.reshape(total.shape)


@_own_mask
def var(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: float | None = None, keepdim: bool | None = False,
    dtype=None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The variance along `dim` of what the mask lets through, over their number less `correction` (1).  (*) -> (* without dim)

    >>> flambeau.masked.var(flambeau.tensor([1.0, 9.0, 3.0]), mask=flambeau.tensor([True, False, True]))
    tensor(2.)
    """
    if unbiased is not None and correction is not None:
        raise ValueError("Only one of unbiased and correction may be given")
    less = correction if correction is not None else float(unbiased is not False)
    input = _cast(input, dtype)
    if input.dtype.category < FLOAT:
        input = input.to(flambeau.float32)
    dims = _dims(dim, input.ndim)
    count = _count(input, dims, mask, input.dtype.to_real())
    centre = _total(_filled(input, mask, 0), dims, True) / count
    apart = _filled(input - centre, mask, 0)
    square = apart * apart if not apart.is_complex() else (apart * apart.conj()).real
    total = _total(square, dims, bool(keepdim))
    return (total / (count - less).clamp(min=0).reshape(total.shape)).to(input.dtype)


@_own_mask
def std(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: int | None = None, keepdim: bool | None = False,
    dtype=None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The square root of `var`.  (*) -> (* without dim)

    >>> flambeau.masked.std(flambeau.tensor([1.0, 9.0, 5.0]), correction=0, mask=flambeau.tensor([True, False, True]))
    tensor(2.)
    """
    return var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask).sqrt()


@_own_mask
def logsumexp(input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype=None, mask: Tensor | None = None) -> Tensor:
    """log Σ exp along `dim` over what the mask lets through; −∞ where it lets nothing.  (*) -> (* without dim)

    >>> flambeau.masked.logsumexp(flambeau.tensor([0.0, 9.0, 0.0]), mask=flambeau.tensor([True, False, True]))
    tensor(0.6931)
    """
    input = _cast(input, dtype)
    return flambeau.logsumexp(_filled(input, mask, _bounds(input.dtype)[0]), _dims(dim, input.ndim), bool(keepdim)).to(input.dtype)


# ---- scans and normalisations: the shape stays
@_own_mask
def cumsum(input: Tensor, dim: int, *, dtype=None, mask: Tensor | None = None) -> Tensor:
    """Running sums along `dim`; what the mask leaves out counts as 0.  (*) -> (*)

    >>> flambeau.masked.cumsum(flambeau.tensor([1, 2, 3]), 0, mask=flambeau.tensor([True, False, True]))
    tensor([1, 1, 4])
    """
    return flambeau.cumsum(_filled(_cast(input, dtype), mask, 0), check_dim(dim, input.ndim), dtype=dtype or input.dtype)


@_own_mask
def cumprod(input: Tensor, dim: int, *, dtype=None, mask: Tensor | None = None) -> Tensor:
    """Running products along `dim`; what the mask leaves out counts as 1.  (*) -> (*)

    >>> flambeau.masked.cumprod(flambeau.tensor([2, 5, 3]), 0, mask=flambeau.tensor([True, False, True]))
    tensor([2, 2, 6])
    """
    return flambeau.cumprod(_filled(_cast(input, dtype), mask, 1), check_dim(dim, input.ndim), dtype=dtype or input.dtype)


@_own_mask
def softmax(input: Tensor, dim: int, *, dtype=None, mask: Tensor | None = None) -> Tensor:
    """Softmax along `dim` of what the mask lets through; the others have probability 0.  (*) -> (*)

    >>> flambeau.masked.softmax(flambeau.tensor([1.0, 9.0, 1.0]), 0, mask=flambeau.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    return flambeau.softmax(_filled(_cast(input, dtype), mask, -math.inf), dim)


@_own_mask
def log_softmax(input: Tensor, dim: int, *, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of `softmax`.  (*) -> (*)

    >>> flambeau.masked.log_softmax(flambeau.tensor([1.0, 9.0, 1.0]), 0, mask=flambeau.tensor([True, False, True]))
    tensor([-0.6931,    -inf, -0.6931])
    """
    return flambeau.log_softmax(_filled(_cast(input, dtype), mask, -math.inf), dim)


@_own_mask
def softmin(input: Tensor, dim: int, *, dtype=None, mask: Tensor | None = None) -> Tensor:
    """Softmax of the negated input, along `dim`, of what the mask lets through.  (*) -> (*)

    >>> flambeau.masked.softmin(flambeau.tensor([1.0, -9.0, 1.0]), 0, mask=flambeau.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    return flambeau.softmax(-_filled(_cast(input, dtype), mask, math.inf), dim)


@_own_mask
def normalize(input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype=None, mask: Tensor | None = None) -> Tensor:
    """The input over its norm along `dim`, at least eps; what the mask leaves out counts as 0.  (*) -> (*)

    >>> flambeau.masked.normalize(flambeau.tensor([3.0, 7.0, 4.0]), 2, 0, mask=flambeau.tensor([True, False, True]))
    tensor([0.6000, 0.0000, 0.8000])
    """
    input = _cast(input, dtype)
    length = norm(input, ord, dim, keepdim=True, mask=mask)
    return _filled(input, mask, 0) / length.clamp(min=eps)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype=None, input_mask: Tensor | None = None, other_mask: Tensor | None = None
) -> Tensor:
    """log(exp(input) + exp(other)), each −∞ where its mask is False.  (*), (*) -> (*)

    >>> flambeau.masked.logaddexp(flambeau.zeros(2), flambeau.zeros(2), other_mask=flambeau.tensor([True, False]))
    tensor([0.6931, 0.0000])
    """
    return flambeau.logaddexp(_filled(_cast(input, dtype), input_mask, -math.inf), _filled(_cast(other, dtype), other_mask, -math.inf))
