"""The largest or the mean of each window."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

import flambeau

from ...backends.pool import FLOATS, mean_plan
from ...casting import listed
from ...dispatch import run_one
from ...dtype import FLOAT
from ...ops.view import ready
from ...ops.window import avg_pool, max_pool
from ...tensor import Tensor, plain
from .order import in_order_of
from .precision import rounded_once
from .sizes import ints
from .unpooling import greatest

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
]


def _batched(input: Tensor, axes: int, name: str) -> tuple[Tensor, bool]:
    batched = input.dim() == axes + 2
    if (batched or input.dim() == axes + 1) and 0 not in input.shape[int(batched):]:
        return (input, True) if batched else (input.unsqueeze(0), False)
    if batched or input.dim() == axes + 1:
        raise RuntimeError(f"{name}: Expected {axes + 1}D or {axes + 2}D (batch mode) tensor with optional 0 dim batch size for input, but "
                           f"got: {list(input.shape)}")
    raise RuntimeError(f"{name}: Expected {axes + 1}D or {axes + 2}D (batch mode) tensor, got input of shape {tuple(input.shape)}")


def _window(axes: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> tuple[tuple[int, ...], ...]:
    kernel = ints(kernel_size, axes, "kernel_size")
    given = stride is not None and stride != ()
    stride = ints(stride, axes, "stride") if given else kernel
    padding, dilation = ints(padding, axes, "padding"), ints(dilation, axes, "dilation")
    for name, values, least in (("kernel size", kernel, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
        if min(values) < least:
            if name == "stride":
                raise RuntimeError(f"pooling: stride should not be zero, nor less, got {values}")
            raise RuntimeError(f"pooling: {name} must be at least {least} along each axis, got {values}")
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise RuntimeError(f"pad should be at most half of effective kernel size, but got pad={padding}, kernel_size={kernel}")
    return kernel, stride, padding, dilation


@lru_cache(256, typed=True)
def _max_pool_attrs(axes: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> dict[str, Any]:
    names = ("kernel", "stride", "padding", "dilation")
    return dict(zip(names, _window(axes, kernel, stride, padding, dilation), strict=True)) | {"ceil_mode": ceil_mode}


@lru_cache(256, typed=True)
def _avg_pool_attrs(axes: int, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, whole: bool) -> dict[str, Any]:
    window = zip(("kernel", "stride", "padding"), _window(axes, kernel, stride, padding, 1), strict=False)
    return dict(window) | {"ceil_mode": bool(ceil_mode), "count_include_pad": bool(whole)}


@lru_cache(512)
def _mean_plan(axes: int, shape: tuple[int, ...], kernel: int, padding: int, ceil_mode: bool, whole: bool) -> Any:
    """The kernel for windows that touch, the result's shape and the geometry; None where another way must go or say what is wrong."""
    if len(shape) != axes + 2 or 0 in shape or kernel < 1 or not 0 <= 2 * padding <= kernel:
        return None
    return mean_plan(shape, (kernel,) * axes, (kernel,) * axes, (padding,) * axes, ceil_mode, bool(whole))


def _max_pool(
    axes: int, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool
) -> Any:
    if type(kernel) is type(padding) is type(dilation) is int and (stride is None or type(stride) is int) and type(ceil_mode) is bool:
        attrs = _max_pool_attrs(axes, kernel, stride, padding, dilation, ceil_mode)
    else:
        attrs = _max_pool_attrs.__wrapped__(axes, kernel, stride, padding, dilation, ceil_mode)
    input, batched = _batched(input, axes, f"max_pool{axes}d")
    values, indices = run_one(max_pool.card, input, attrs)
    if not batched:
        values, indices = values.squeeze(0), indices.squeeze(0)
    return (values, indices) if return_indices else values


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window.  (N, C, L) or (C, L) -> (N, C, L')

    stride defaults to kernel_size. With return_indices also the places of the largest in the flattened spatial axes.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window.  (N, C, H, W) or (C, H, W) -> (N, C, H', W')

    stride defaults to kernel_size. With return_indices also the places of the largest in the flattened spatial axes.

    >>> F.max_pool2d(flambeau.arange(16.0).reshape(1, 1, 4, 4), 2).squeeze()
    tensor([[ 5.,  7.],
            [13., 15.]])
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@listed
def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window.  (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')"""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(
    axes: int, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool, divisor: int | None
) -> Tensor:
    array = ready(input)
    if array is not None and input.node is stride is divisor is None and type(kernel) is type(padding) is int and type(ceil_mode) is bool:
        planned = _mean_plan(axes, array.shape, kernel, padding, ceil_mode, count_include_pad)
        if planned is not None and array.dtype in FLOATS and array.flags.c_contiguous:  # nothing is recorded: straight to the kernel
            pool, shape, geometry = planned
            return plain(pool(array, geometry, shape))
    elif array is not None and array.ndim == axes + 2 and array.size and array.dtype in FLOATS and stride is divisor is None \
            and type(kernel) is type(padding) is int:
        return run_one(avg_pool.card, input, _avg_pool_attrs(axes, kernel, None, padding, ceil_mode, count_include_pad))
    if input.dtype.category < FLOAT:  # the quotient of integers is cut off
        mean = _avg_pool(axes, input.double(), kernel, stride, padding, ceil_mode, count_include_pad, divisor)
        return (mean + mean.sign() * 1e-9).trunc().to(input.dtype)
    if type(kernel) is type(padding) is int and (stride is None or type(stride) is int) and divisor is None and type(ceil_mode) is bool:
        attrs = _avg_pool_attrs(axes, kernel, stride, padding, ceil_mode, count_include_pad)
        input, batched = _batched(input, axes, f"avg_pool{axes}d")
        result = run_one(avg_pool.card, input, attrs)
        return result if batched else result.squeeze(0)
    kernel, stride, padding, _ = _window(axes, kernel, stride, padding, 1)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    input, batched = _batched(input, axes, f"avg_pool{axes}d")
    whole = count_include_pad or divisor is not None
    result = avg_pool(input, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=whole)
    if divisor is not None:
        for axis, (size, k, step, edge) in enumerate(zip(input.shape[2:], kernel, stride, padding, strict=True)):
            counts = [min(k, size + 2 * edge - i * step) for i in range(result.shape[axis + 2])]  # a last window may stick out
            divisors = flambeau.tensor(counts, dtype=result.dtype, device=result.device)
            result = result * divisors.reshape(-1, *[1] * (axes - 1 - axis))
        result = result / divisor
    return result if batched else result.squeeze(0)


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:
    """The mean of each window; stride defaults to kernel_size.  (N, C, L) or (C, L) -> (N, C, L')"""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window; stride defaults to kernel_size.  (N, C, H, W) or (C, H, W) -> (N, C, H', W')

    The sum is divided by the window's elements (those inside the image only, when count_include_pad is False), or by divisor_override.
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@listed
def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window; stride defaults to kernel_size.  (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')"""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(axes: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    kernel = ints(kernel_size, axes, "kernel_size")
    count = 1
    for k in kernel:
        count *= k
    mean = _avg_pool(axes, input.pow(norm_type), kernel, stride, 0, ceil_mode, True, None)
    return (mean.sign() * mean.abs().relu() * count).pow(1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The norm of each window: (Σ x^p)^(1/p).  (N, C, L) or (C, L) -> (N, C, L')"""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The norm of each window: (Σ x^p)^(1/p).  (N, C, H, W) or (C, H, W) -> (N, C, H', W')"""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The norm of each window: (Σ x^p)^(1/p).  (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')"""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def _sizes(axes: int, input: Tensor, output_size: Any, name: str) -> tuple[int, ...]:
    """The asked-for extents; None keeps the input's."""
    if input.dim() <= axes and axes > 1:
        raise ValueError(f"Input dimension should be at least {axes + 1}, got {input.dim()}: {name} takes (C, *S) or (N, C, *S)")
    if input.dim() not in (axes + 1, axes + 2):
        raise RuntimeError(f"{name}: Expected {axes + 1}D or {axes + 2}D tensor, but got input of shape {tuple(input.shape)}")
    asked = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * axes
    if len(asked) != axes:
        raise RuntimeError(f"{name}: output_size must be {axes} numbers, got {output_size!r}")
    sizes = tuple(have if want is None else want for want, have in zip(asked, input.shape[-axes:], strict=True))
    if min(sizes) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0, got {sizes}")
    if prod(sizes) > _MOST:
        raise RuntimeError(f"{name}: an output of size {sizes} is more than memory can hold")
    if 0 in input.shape[-axes:]:
        raise RuntimeError(f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                           f"{list(input.shape)}")  # fmt: skip
    return sizes


_MOST = 2**44  # elements of one output: more than any memory


def _only_floats(input: Tensor, name: str) -> None:
    if input.dtype.category < FLOAT:
        raise NotImplementedError(f'"{name}" not implemented for {input.dtype}: convert the input with .float()')


def _bounds(size: int, out: int) -> list[tuple[int, int]]:
    """Window i covers floor(i size / out) up to ceil((i + 1) size / out)."""
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


@rounded_once
def _adaptive_means(input: Tensor, axes: int, output_size: Any) -> Tensor:
    sizes = _sizes(axes, input, output_size, f"adaptive_avg_pool{axes}d")
    if all(out == 1 for out in sizes):
        return input.mean(tuple(range(-axes, 0)), keepdim=True)
    _only_floats(input, f"adaptive_avg_pool{axes}d")
    have = tuple(input.shape[-axes:])
    if not input.numel():  # nothing to look at: means of nothing, as many as were asked for
        return input.mean(tuple(range(-axes, 0)), keepdim=True).expand(*input.shape[:-axes], *sizes).contiguous()
    if all(out > 0 and size % out == 0 for size, out in zip(have, sizes, strict=True)):
        kernel = tuple(size // out for size, out in zip(have, sizes, strict=True))
        return _avg_pool(axes, input, kernel, None, 0, False, True, None)
    for axis, size, out in zip(range(-axes, 0), have, sizes, strict=True):
        if size != out:
            rows = [[1 / (end - start) if start <= j < end else 0.0 for j in range(size)] for start, end in _bounds(size, out)]
            weights = flambeau.tensor(rows, dtype=input.dtype, device=input.device).reshape(out, size)
            input = (input.transpose(axis, -1) @ weights.mT).transpose(axis, -1)  # (*, size, *) -> (*, out, *)
    return input.contiguous()


def _adaptive_avg_pool(input: Tensor, axes: int, output_size: Any) -> Tensor:
    result = _adaptive_means(input, axes, output_size)
    return in_order_of(result, input) if axes == 2 else result


@listed
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means of `output_size` windows that cover the axis evenly.  (N, C, L) or (C, L) -> (N, C, output_size)"""
    return _adaptive_avg_pool(input, 1, output_size)


@listed
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows that cover the image evenly; None keeps an extent.  (N, C, H, W) or (C, H, W) -> (N, C, *output_size)"""
    return _adaptive_avg_pool(input, 2, output_size)


@listed
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows that cover the volume evenly; None keeps an extent.  (N, C, D, H, W) -> (N, C, *output_size)"""
    return _adaptive_avg_pool(input, 3, output_size)


def _adaptive_max_pool(axes: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    sizes = _sizes(axes, input, output_size, f"adaptive_max_pool{axes}d")
    have = tuple(input.shape[-axes:])
    _only_floats(input, f"adaptive_max_pool{axes}d")
    if all(out > 0 and size % out == 0 for size, out in zip(have, sizes, strict=True)):
        kernel = tuple(size // out for size, out in zip(have, sizes, strict=True))
        return _max_pool(axes, input, kernel, None, 0, 1, False, return_indices)
    x, batched = _batched(input, axes, f"adaptive_max_pool{axes}d")
    bounds = [np.array(_bounds(size, out)).reshape(-1, 2) for size, out in zip(have, sizes, strict=True)]
    values, indices = greatest(x, [b[:, 0] for b in bounds], [b[:, 1] for b in bounds])
    if not batched:
        values, indices = values.squeeze(0), indices.squeeze(0)
    if axes == 2:
        values, indices = in_order_of(values, input), in_order_of(indices, input)
    return (values, indices) if return_indices else values


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of `output_size` windows that cover the axis evenly.  (N, C, L) or (C, L) -> (N, C, output_size)"""
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of windows that cover the image evenly; None keeps an extent.  (N, C, H, W) -> (N, C, *output_size)"""
    return _adaptive_max_pool(2, input, output_size, return_indices)


@listed
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of windows that cover the volume evenly; None keeps an extent.  (N, C, D, H, W) -> (N, C, *output_size)"""
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _with_indices(pool: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return pool(*args, **kwargs | {"return_indices": True})

    call.__name__ = call.__qualname__ = pool.__name__ + "_with_indices"
    call.__doc__ = f"`{pool.__name__}` with the places of the largest."
    return call


max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = map(_with_indices, (max_pool1d, max_pool2d, max_pool3d))
adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices = map(
    _with_indices, (adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d)
)
