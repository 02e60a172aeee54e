"""Images read at places of a grid: `affine_grid` makes the places, `grid_sample` reads there, between pixels."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import flambeau

from ...casting import listed
from ...tensor import Tensor

__all__ = ["affine_grid", "grid_sample"]

MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def _aligned(name: str, align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            f"Default {name} and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify align_corners=True if "
            "the old behavior is desired. See the documentation of grid_sample for details.",
            UserWarning,
            stacklevel=3,
        )
    return bool(align_corners)


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Where each pixel of an image of `size` comes from, by an affine map of coordinates from -1 to 1.  (N, d, d + 1) -> (N, *S, d)

    size is (N, C, H, W) or (N, C, D, H, W), and d its number of spatial axes. Coordinates are in the order x, y(, z).

    >>> F.affine_grid(flambeau.eye(2, 3)[None], (1, 1, 2, 2), align_corners=True)[0, 0]
    tensor([[-1., -1.],
            [ 1., -1.]])
    """
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    size = tuple(int(n) for n in size)
    axes = len(size) - 2
    if axes not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
                                  f"{size}.")  # fmt: skip
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (axes, axes + 1):
        raise ValueError(f"Expected a batch of {axes}D affine matrices of shape Nx{axes}x{axes + 1} for size {size}. Got "
                         f"{tuple(theta.shape)}.")  # fmt: skip
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    aligned = _aligned("grid_sample", align_corners)
    if aligned and min(size[2:]) == 1:
        warnings.warn("affine_grid puts the one pixel of an axis in its middle if align_corners=True. See the documentation of affine_grid "
                      "for details.", stacklevel=2)  # fmt: skip
    lines = []
    for n in size[2:]:
        line = flambeau.linspace(-1, 1, n, dtype=theta.dtype, device=theta.device) if n > 1 else theta.new_zeros(1)
        lines.append(line if aligned else line * ((n - 1) / n))
    mesh = flambeau.meshgrid(*lines, indexing="ij")
    places = flambeau.stack([*reversed(mesh), flambeau.ones_like(mesh[0])], -1).reshape(1, -1, axes + 1)
    return (places @ theta.mT).reshape(size[0], *size[2:], axes)


@listed
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """The image read at places between its pixels.  (N, C, *S), (N, *out, d) -> (N, C, *out)

    grid          coordinates x, y(, z) from -1 to 1, from one edge to the other
    mode          "bilinear" (trilinear for volumes), "nearest", or "bicubic" (images alone)
    padding_mode  what lies outside: "zeros", the "border"'s pixels, or the image's "reflection"
    align_corners whether -1 and 1 are the centres of the outermost pixels, or their outer edges

    >>> F.grid_sample(flambeau.tensor([[[[1.0, 3.0]]]]), flambeau.zeros(1, 1, 1, 2), align_corners=False)
    tensor([[[[2.]]]])
    """
    if mode not in MODES:
        raise ValueError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in PADDINGS:
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
                         f"'{padding_mode}'")  # fmt: skip
    axes = input.dim() - 2
    sizes = f"input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
    if grid.shape[-1] != axes:
        raise RuntimeError(f"grid_sampler(): expected grid to have size {axes} in last dimension, but got grid with sizes "
                           f"{list(grid.shape)}")  # fmt: skip
    if axes not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got {sizes}")
    if grid.shape[0] != input.shape[0]:
        raise RuntimeError(f"grid_sampler(): expected grid and input to have same batch size, but got {sizes}")
    if any(n == 0 for n in input.shape[2:]):
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes {list(input.shape)}")
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"grid_sampler(): expected input and grid to have same dtype, got {input.dtype} and {grid.dtype}")
    if mode == "bicubic" and axes == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    aligned = _aligned("grid_sample", align_corners)
    size, lead = tuple(input.shape[2:]), tuple(input.shape[:2])
    out = tuple(grid.shape[1:-1])
    count = prod(out)
    flat = input.reshape(*lead, prod(size))
    places = grid.reshape(grid.shape[0], count, axes)
    # coordinates in pixels, the first spatial axis first
    spots = [_pixels(places[..., axes - 1 - axis], size[axis], aligned) for axis in range(axes)]
    fits = [_inside(n, padding_mode, aligned) for n in size]
    if mode == "bicubic":
        taps = [_cubic(spot, n, fit, padding_mode) for spot, n, fit in zip(spots, size, fits, strict=True)]
    else:
        held = [fit(spot) for spot, fit in zip(spots, fits, strict=True)]
        taps = [(_nearest if mode == "nearest" else _linear)(spot, n) for spot, n in zip(held, size, strict=True)]
    result: Any = 0.0
    for corner in product(*taps):
        place: Any = None
        weight: Any = None
        seen: Any = None
        for (index, share, within), n in zip(corner, size, strict=True):
            place = index if place is None else place * n + index
            weight = share if weight is None else weight if share is None else weight * share
            seen = within if seen is None else seen & within
        index = flambeau.where(seen, place, 0).unsqueeze(1).expand(lead[0], lead[1], count)
        value = flat.gather(2, index)
        kept = seen.unsqueeze(1).to(input.dtype) if weight is None else flambeau.where(seen, weight, 0.0).unsqueeze(1)
        result = result + value * kept
    return result.reshape(*lead, *out)


def _pixels(x: Tensor, n: int, aligned: bool) -> Tensor:
    """Coordinates from -1 to 1 as places among n pixels."""
    return (x + 1) * ((n - 1) / 2) if aligned else ((x + 1) * n - 1) / 2


def _inside(n: int, padding_mode: str, aligned: bool) -> Callable[[Tensor], Tensor]:
    """What the padding mode makes of places outside."""
    if padding_mode == "zeros":
        return lambda x: x
    if padding_mode == "border":
        return lambda x: x.clamp(0, n - 1)
    low, high = (0.0, n - 1.0) if aligned else (-0.5, n - 0.5)
    return lambda x: _reflected(x, low, high).clamp(0, n - 1)


def _reflected(x: Tensor, low: float, high: float) -> Tensor:
    """Folded back at both ends as often as it takes."""
    span = high - low
    if span == 0:
        return x * 0
    away = (x - low).abs()
    turns = (away.detach() / span).floor()
    rest = away - turns * span
    return flambeau.where(turns % 2 == 0, rest + low, span - rest + low)


def _within(index: Tensor, n: int) -> tuple[Tensor, Tensor]:
    seen = (index >= 0) & (index < n)
    return flambeau.where(seen, index, 0).to(flambeau.int64), seen


def _nearest(x: Tensor, n: int) -> list[tuple]:
    """(index, weight, whether it is inside) of the nearest pixel; halves go to the even one."""
    index, seen = _within(x.detach().round(), n)
    return [(index, None, seen)]


def _linear(x: Tensor, n: int) -> list[tuple]:
    floor = x.detach().floor()
    share = x - floor
    return [(*_with(1 - share, *_within(floor, n)),), (*_with(share, *_within(floor + 1, n)),)]


def _with(share: Tensor, index: Tensor, seen: Tensor) -> tuple:
    return index, share, seen


def _cubic(x: Tensor, n: int, fit: Callable[[Tensor], Tensor], padding_mode: str) -> list[tuple]:
    floor = x.detach().floor()
    taps = []
    for step, share in zip((-1, 0, 1, 2), cubic_weights(x - floor), strict=True):
        taps.append(_with(share, *_within((fit(floor + step)).round() if padding_mode != "zeros" else floor + step, n)))
    return taps


def cubic_weights(t: Tensor, a: float = -0.75) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Keys's weights of the four pixels around a place t behind the second.  Source: R. Keys, Cubic convolution interpolation, 1981."""
    far = lambda s: ((a * s - 5 * a) * s + 8 * a) * s - 4 * a
    near = lambda s: ((a + 2) * s - (a + 3)) * s * s + 1
    return far(t + 1), near(t), near(1 - t), far(2 - t)


def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """`grid_sample` with the modes by number, in the order in which its docstring names them.  (N, C, *S), (N, *out, d) -> (N, C, *out)"""
    if interpolation_mode not in (0, 1, 2) or padding_mode not in (0, 1, 2):
        raise RuntimeError(f"grid_sampler(): modes are 0, 1 or 2, got {interpolation_mode} and {padding_mode}")
    return grid_sample(input, grid, MODES[interpolation_mode], PADDINGS[padding_mode], bool(align_corners))


def grid_sampler_2d(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """`grid_sampler` of images.  (N, C, H, W), (N, H', W', 2) -> (N, C, H', W')"""
    if input.dim() != 4:
        raise RuntimeError(f"grid_sampler_2d(): expected images (N, C, H, W), got {list(input.shape)}")
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """`grid_sampler` of volumes.  (N, C, D, H, W), (N, D', H', W', 3) -> (N, C, D', H', W')"""
    if input.dim() != 5:
        raise RuntimeError(f"grid_sampler_3d(): expected volumes (N, C, D, H, W), got {list(input.shape)}")
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)
