"""Many pictures as one, and tensors as picture files."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from PIL import Image

import flambeau
from flambeau import Tensor


def make_grid(
    tensor: Tensor | list[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Pictures side by side, `nrow` a row, `padding` pixels of `pad_value` between them; grey ones become RGB.

    (B, C, H, W) -> (C, rows · (H + padding) + padding, columns · (W + padding) + padding)
    A single picture, (H, W), (C, H, W) or B = 1, comes back without a border.
    normalize: shift to 0–1 from `value_range`, or from the smallest and largest value, of all or (`scale_each`) of each picture.

    >>> make_grid(flambeau.zeros(10, 1, 8, 8), nrow=5).shape
    flambeau.Size([3, 22, 52])
    """
    for t in tensor if isinstance(tensor, list) else ():
        if not isinstance(t, Tensor):
            raise TypeError(f"tensor or list of tensors expected, got a list containing {type(t)}")
    if not isinstance(tensor, (list, Tensor)):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    pictures: Tensor = flambeau.stack(tensor) if isinstance(tensor, list) else tensor
    if not 2 <= pictures.ndim <= 4:
        raise ValueError(f"expected pictures of shape (B, C, H, W), (C, H, W) or (H, W), got {tuple(pictures.shape)}")
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    if pictures.ndim == 2: pictures = pictures.unsqueeze(0)
    if pictures.ndim == 3: pictures = pictures.unsqueeze(0)
    if pictures.shape[1] == 1: pictures = flambeau.cat([pictures, pictures, pictures], 1)
    if normalize:
        parts = [to_unit(t, value_range) for t in pictures] if scale_each else [to_unit(pictures, value_range)]
        pictures = flambeau.stack(parts) if scale_each else parts[0]
    count, channels, h, w = pictures.shape
    if count == 1: return pictures.squeeze(0)
    columns = min(nrow, count)
    rows = -(-count // columns)
    grid = pictures.new_full((channels, rows * (h + padding) + padding, columns * (w + padding) + padding), pad_value)
    for i in range(count):
        top, left = i // columns * (h + padding) + padding, i % columns * (w + padding) + padding
        grid[:, top : top + h, left : left + w] = pictures[i]
    return grid


def to_unit(t: Tensor, value_range: tuple[float, float] | None) -> Tensor:
    low, high = value_range or (float(t.min()), float(t.max()))
    return (t.clamp(low, high) - low) / max(high - low, 1e-5)


def save_image(tensor: Tensor | list[Tensor], fp: str | os.PathLike[str] | BinaryIO, format: str | None = None, **kwargs: Any) -> None:
    """Write a picture, or a grid of them, of values 0–1; the file's ending or `format` says how. Other arguments go to `make_grid`."""
    grid = make_grid(tensor, **kwargs).detach().cpu()
    # + 0.5 rounds to the nearest of 0..255
    pixels = grid.mul(255).add(0.5).clamp(0, 255).permute(1, 2, 0).to(flambeau.uint8).contiguous().numpy()
    Image.fromarray(pixels).save(fp, format=format)
