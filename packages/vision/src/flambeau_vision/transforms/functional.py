"""The transforms as functions of a PIL image or of a tensor image (*, C, H, W)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from PIL import Image, ImageOps

import flambeau
from flambeau import Tensor
from flambeau.nn import functional as F
from flambeau_vision.transforms.convert import convert_image_dtype, pil_to_tensor, to_pil_image, to_tensor
from flambeau_vision.transforms.resample import PIL_FILTERS, InterpolationMode, interpolation_mode, resample

__all__ = [
    "to_tensor", "pil_to_tensor", "to_pil_image", "convert_image_dtype", "get_dimensions", "normalize", "resize", "pad", "crop",
    "center_crop", "hflip", "vflip", "to_grayscale", "rgb_to_grayscale",
]  # fmt: skip

Picture: TypeAlias = Any  # a PIL image or a tensor image; a function gives back the kind that it got
PaddingMode = Literal["constant", "edge", "reflect", "symmetric"]


def is_pil(img: Any) -> bool:
    """Whether this is a PIL image (True) or a tensor image (False); TypeError for anything else."""
    if isinstance(img, Image.Image): return True
    if isinstance(img, Tensor):
        if img.ndim < 2:
            raise TypeError(f"Tensor is not a picture: expected (*, H, W), got shape {tuple(img.shape)}")
        return False
    raise TypeError(f"img should be a PIL Image or a Tensor. Got {type(img)}")


def get_dimensions(img: Picture) -> list[int]:
    """[channels, height, width].

    >>> get_dimensions(Image.new("RGB", (4, 2)))
    [3, 2, 4]
    """
    if is_pil(img): return [len(img.getbands()), img.height, img.width]
    return [img.shape[-3] if img.ndim > 2 else 1, *img.shape[-2:]]


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """(tensor - mean) / std, channel by channel.  (*, C, H, W) -> (*, C, H, W)

    Raises TypeError for what is no float tensor, ValueError for too few axes or a std of zero.

    >>> normalize(flambeau.ones(1, 1, 2), mean=[0.5], std=[0.5])
    tensor([[[1., 1.]]])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tensor.size()}")
    middle, spread = (flambeau.as_tensor(v, dtype=tensor.dtype, device=tensor.device) for v in (mean, std))
    if (spread == 0).any():
        raise ValueError(f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero.")
    middle, spread = (v.view(-1, 1, 1) if v.ndim == 1 else v for v in (middle, spread))
    return tensor.sub_(middle).div_(spread) if inplace else (tensor - middle) / spread


def output_size(h: int, w: int, size: int | Sequence[int], max_size: int | None) -> tuple[int, int]:
    """(height, width) after a resize: `size` itself, or the shorter edge when it is one number."""
    if isinstance(size, Sequence) and len(size) == 2:
        if max_size is not None:
            raise ValueError("max_size should only be passed if size is an int, or a sequence of length 1: the smaller edge")
        return int(size[0]), int(size[1])
    short = size if isinstance(size, int) else size[0]
    long = int(short * max(h, w) / min(h, w))
    if max_size is not None:
        if max_size <= short:
            raise ValueError(f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge size = {size}")
        if long > max_size: short, long = int(max_size * short / long), max_size
    return (long, short) if w <= h else (short, long)


def resize(
    img: Picture,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Picture:
    """The picture at another size: (h, w), or one number for the shorter edge, the longer kept in proportion and below `max_size`.

    A PIL image is always antialiased; a tensor is unless `antialias` is false.

    >>> resize(Image.new("L", (40, 20)), 10).size
    (20, 10)
    """
    mode = interpolation_mode(interpolation)
    check_size(size)
    _, h, w = get_dimensions(img)
    new = output_size(h, w, size, max_size)
    if min(new) < 1:
        raise ValueError(f"expected a size of at least 1×1, got {new[0]}×{new[1]} from {h}×{w} and size={size}")
    if new == (h, w): return img
    if is_pil(img):
        if antialias is False:
            warnings.warn("antialias=False is ignored: Pillow always smooths when it shrinks", stacklevel=2)
        return img.resize((new[1], new[0]), PIL_FILTERS[mode])
    return resample(img, new, mode, bool(antialias))


def check_size(size: Any) -> None:
    if not isinstance(size, (int, Sequence)):
        raise TypeError(f"Size should be int or sequence. Got {type(size)}")
    if isinstance(size, Sequence) and len(size) not in (1, 2):
        raise ValueError(f"If size is a sequence, it should have 1 or 2 values, got {len(size)}")


def borders(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) from one number, (left and right, top and bottom), or all four."""
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError(f"Got inappropriate padding arg: expected an int or 1, 2 or 4 of them, got {type(padding)}")
    if isinstance(padding, int): padding = [padding]
    if len(padding) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
    left, top, right, bottom = (*padding,) * (4 // len(padding))
    return left, top, right, bottom


def pad(img: Picture, padding: int | Sequence[int], fill: Any = 0, padding_mode: PaddingMode = "constant") -> Picture:
    """A border around the picture: of `fill`, of the edge pixel, or of the mirror image without (reflect) or with (symmetric) the edge.

    padding: pixels for all sides, (left and right, top and bottom), or (left, top, right, bottom).
    fill: a number, or for a PIL image one number a channel.

    >>> pad(flambeau.arange(3.0).reshape(1, 3), (1, 0), padding_mode="reflect")
    tensor([[1., 0., 1., 2., 1.]])
    """
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}")
    left, top, right, bottom = borders(padding)
    if is_pil(img):
        if padding_mode == "constant":
            return ImageOps.expand(img, (left, top, right, bottom), fill=channel_fill(fill, img))
        rows, columns = mirror(img.height, top, bottom, padding_mode), mirror(img.width, left, right, padding_mode)
        padded = Image.fromarray(np.asarray(img)[rows][:, columns])
        if img.mode == "P": padded.putpalette(img.getpalette())
        return padded
    if padding_mode == "constant":
        if not isinstance(fill, (int, float)):
            raise TypeError(f"Got inappropriate fill arg: a tensor takes one number, got {fill!r}")
        return F.pad(img, (left, right, top, bottom), value=fill)
    if padding_mode == "reflect" and (max(top, bottom) >= img.shape[-2] or max(left, right) >= img.shape[-1]):
        border, size = (left, top, right, bottom), tuple(img.shape[-2:])
        raise RuntimeError(f"Padding size should be less than the corresponding input dimension, got {border} for a picture of {size}")
    rows, columns = (
        flambeau.from_numpy(mirror(old, before, after, padding_mode))
        for old, before, after in ((img.shape[-2], top, bottom), (img.shape[-1], left, right))
    )
    return img.index_select(-2, rows.to(img.device)).index_select(-1, columns.to(img.device))


def mirror(old: int, before: int, after: int, mode: PaddingMode) -> np.ndarray:
    """Which old line each line of the padded picture shows; a negative border cuts off.  -> int64 (new,)"""
    lines = np.pad(np.arange(old), (max(before, 0), max(after, 0)), mode)
    return lines[max(-before, 0) : len(lines) - max(-after, 0)]


def channel_fill(fill: Any, img: Image.Image) -> Any:
    """`fill` as Pillow wants it: one number a channel, whole unless the picture is of floats."""
    channels = len(img.getbands())
    values = list(fill) if isinstance(fill, (tuple, list)) else [0 if fill is None else fill]
    if len(values) not in (1, channels):
        raise ValueError(f"The number of elements in 'fill' does not match the number of channels: {len(values)} != {channels}")
    if img.mode != "F": values = [int(v) for v in values]
    return values[0] if channels == 1 else tuple(values * (channels // len(values)))


def crop(img: Picture, top: int, left: int, height: int, width: int) -> Picture:
    """The part of the picture from (top, left) on; what lies outside it is 0."""
    if is_pil(img): return img.crop((left, top, left + width, top + height))
    _, h, w = get_dimensions(img)
    bottom, right = top + height, left + width
    inside = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if top >= 0 and left >= 0 and bottom <= h and right <= w: return inside
    above, before = min(max(-top, 0), height), min(max(-left, 0), width)
    missing = (before, above, width - before - inside.shape[-1], height - above - inside.shape[-2])
    return pad(inside, missing)


def center_crop(img: Picture, output_size: int | Sequence[int]) -> Picture:
    """The middle of the picture; where it is smaller than that, it is padded with 0.

    >>> center_crop(Image.new("L", (10, 10)), (4, 6)).size
    (6, 4)
    """
    height, width = pair(output_size)
    _, h, w = get_dimensions(img)
    if height > h or width > w:
        tall, wide = max(height - h, 0), max(width - w, 0)
        img = pad(img, (wide // 2, tall // 2, (wide + 1) // 2, (tall + 1) // 2))
        h, w = max(h, height), max(w, width)
    return crop(img, round((h - height) / 2), round((w - width) / 2), height, width)


def pair(size: int | Sequence[int]) -> tuple[int, int]:
    """(h, w) from one number, a sequence of one, or a sequence of two."""
    if isinstance(size, int): return size, size
    if not isinstance(size, Sequence) or len(size) not in (1, 2):
        raise ValueError(f"Please provide only two dimensions (h, w) for size, got {size!r}")
    return int(size[0]), int(size[-1])


def hflip(img: Picture) -> Picture:
    """The picture with left and right exchanged."""
    return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_pil(img) else img.flip(-1)


def vflip(img: Picture) -> Picture:
    """The picture with top and bottom exchanged."""
    return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if is_pil(img) else img.flip(-2)


def to_grayscale(img: Image.Image, num_output_channels: int = 1) -> Image.Image:
    """A PIL image in grey (ITU-R 601 luma), as L, or three times the same as RGB."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if not isinstance(img, Image.Image):
        raise TypeError(f"Input should be PIL Image. Got {type(img)}")
    grey = img.convert("L")
    return grey if num_output_channels == 1 else Image.merge("RGB", (grey, grey, grey))


def rgb_to_grayscale(img: Picture, num_output_channels: int = 1) -> Picture:
    """A picture in grey: 0.2989 R + 0.587 G + 0.114 B.  (*, 1 or 3, H, W) -> (*, num_output_channels, H, W)"""
    if is_pil(img): return to_grayscale(img, num_output_channels)
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if img.ndim < 3 or img.shape[-3] not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are [1, 3]: expected (*, 1 or 3, H, W), got {tuple(img.shape)}")
    if img.shape[-3] == 3:
        red, green, blue = img.unbind(-3)
        grey = (0.2989 * red + 0.587 * green + 0.114 * blue).to(img.dtype).unsqueeze(-3)
    else:
        grey = img.clone()
    return grey if num_output_channels == 1 else grey.expand(*img.shape[:-3], 3, *img.shape[-2:])
