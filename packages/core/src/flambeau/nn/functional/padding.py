"""Making tensors larger at their edges."""

from __future__ import annotations

from collections.abc import Sequence

import flambeau

from ...casting import listed
from ...ops.window import constant_pad
from ...tensor import Tensor
from .order import in_order_of

__all__ = ["pad"]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Add elements before and after: pad = (last axis before, last axis after, the axis before it …).

    mode is "constant" (with `value`, 0 by default; negative numbers crop), "reflect", "replicate" or "circular".
    The last three take one, two or three axes after the channel axis.

    >>> F.pad(flambeau.tensor([[1, 2, 3]]), (2, 1), mode="reflect")
    tensor([[3, 2, 1, 2, 3, 2]])
    """
    sides = list(pad)
    if len(sides) % 2 or len(sides) > 2 * input.dim():
        raise RuntimeError(f"pad must hold two numbers for each of up to {input.dim()} axes, got {tuple(sides)}")
    if mode == "constant":
        return _constant(input, sides, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f"Padding mode '{mode}' doesn't take in value argument, got {value}")
    if mode not in _INDEX:
        raise NotImplementedError(f"Unrecognised padding mode {mode!r}: expected constant, reflect, replicate or circular")
    result = padded(input, sides, mode)
    return result if mode == "circular" else in_order_of(result, input)


@listed
def padded(input: Tensor, sides: list[int], mode: str) -> Tensor:
    """Elements from inside, beside the edges."""
    axes = len(sides) // 2
    given = input
    if input.dim() not in (axes + 1, axes + 2) or axes > 3:
        raise NotImplementedError(
            f"Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: mode {mode!r} pads the last 1, 2 or 3 axes "
            f"of an input with one or two more, got shape {tuple(input.shape)} and pad {tuple(sides)}"
        )
    if mode != "circular" and 0 in input.shape[input.dim() - axes - 1:]:
        raise RuntimeError(f"Expected {axes + 1}D or {axes + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero "
                           f"dimensions for input, but got: {list(input.shape)}")
    for i in range(axes):
        before, after = sides[2 * i : 2 * i + 2]
        if before or after:
            axis = input.dim() - 1 - i
            index = _INDEX[mode](input.shape[axis], before, after)
            input = input.index_select(axis, flambeau.tensor(index, dtype=flambeau.int64, device=input.device))
    return input.clone() if input is given else input


def _constant(input: Tensor, sides: list[int], value: float) -> Tensor:
    n = input.dim()
    pads = [(0, 0)] * n
    for i in range(len(sides) // 2):
        before, after = pads[n - 1 - i] = (sides[2 * i], sides[2 * i + 1])
        size = input.shape[n - 1 - i]
        if size + before + after < 0:
            raise RuntimeError(f"The input size {size}, plus negative padding {before} and {after}, resulted in a negative output size")
    return in_order_of(constant_pad(input, pads=tuple(pads), value=value), input)


def _check_left(size: int, before: int, after: int) -> None:
    if size + before + after < 0:
        raise RuntimeError(f"input (size: {size}) is too small for padding ({before}, {after}). Calculated output size: "
                           f"{size + before + after}")


def _reflect(size: int, before: int, after: int) -> list[int]:
    _check_left(size, before, after)
    if max(before, after) >= size:
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got: padding ({before}, {after}) "
            f"at dimension of size {size}"
        )
    return [abs(i) if i < size else 2 * (size - 1) - i for i in range(-before, size + after)]


def _replicate(size: int, before: int, after: int) -> list[int]:
    _check_left(size, before, after)
    return [min(max(i, 0), size - 1) for i in range(-before, size + after)]


def _circular(size: int, before: int, after: int) -> list[int]:
    if max(before, after) > size:
        raise RuntimeError(f"Padding value causes wrapping around more than once: ({before}, {after}) at dimension of size {size}")
    if size + before + after < 0:
        raise RuntimeError(f"Negative padding value is resulting in an empty dimension: ({before}, {after}) at dimension of size {size}")
    first, kept = max(0, -before), size - max(0, -before) - max(0, -after)  # negative padding cuts off before anything wraps
    return [first + i % kept for i in range(-max(0, before), kept + max(0, after))]


_INDEX = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}
