"""Between PIL images, arrays and tensors, and between ranges of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

import flambeau
from flambeau import Tensor


def from_array(pixels: np.ndarray) -> Tensor:
    """(H, W) or (H, W, C) -> (C, H, W), contiguous"""
    return flambeau.from_numpy(np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)))


def to_tensor(pic: Image.Image | np.ndarray) -> Tensor:
    """A picture as numbers: 8-bit pixels become floats from 0 to 1; 16-bit ones int16, I int32, F float32, arrays as they are.

    (H, W) or (H, W, C) -> (C, H, W)

    >>> to_tensor(np.full((1, 2), 255, np.uint8))
    tensor([[[1., 1.]]])
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        numbers = from_array(pic)
    elif isinstance(pic, Image.Image):
        pixels = np.array(pic)
        if pic.mode == "1": pixels = pixels * np.uint8(255)
        if pic.mode.startswith("I;16"): pixels = pixels.astype(np.int16)  # torchvision's choice: 40000 becomes -25536
        numbers = from_array(pixels)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    return numbers.to(flambeau.get_default_dtype()).div(255) if numbers.dtype == flambeau.uint8 else numbers


def pil_to_tensor(pic: Image.Image) -> Tensor:
    """A picture's own numbers, unscaled.  -> (C, H, W)

    >>> pil_to_tensor(Image.new("RGB", (4, 2), (1, 2, 3)))[:, 0, 0]
    tensor([1, 2, 3], dtype=flambeau.uint8)
    """
    if not isinstance(pic, Image.Image):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return from_array(np.array(pic))


# (channels, dtype) -> the modes that a PIL image of these numbers may have, the usual one first
MODES = {
    (1, "uint8"): ("L",),
    (1, "int16"): ("I;16",),
    (1, "int32"): ("I",),
    (1, "float32"): ("F",),
    (2, "uint8"): ("LA",),
    (3, "uint8"): ("RGB", "YCbCr", "HSV"),
    (4, "uint8"): ("RGBA", "CMYK", "RGBX"),
}


def to_pil_image(pic: Tensor | np.ndarray, mode: str | None = None) -> Image.Image:
    """Numbers as a picture; floats count from 0 to 1 (unless mode is "F").  (C, H, W) tensor, (H, W, C) array or (H, W) -> PIL image

    >>> to_pil_image(flambeau.ones(3, 2, 4)).getpixel((0, 0))
    (255, 255, 255)
    """
    if isinstance(pic, Tensor):
        pixels = (pic.permute(1, 2, 0) if pic.ndim == 3 else pic).detach().cpu().numpy()
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pixels.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if np.issubdtype(pixels.dtype, np.floating) and mode != "F": pixels = (pixels * 255).astype(np.uint8)
    modes = MODES.get((channels, pixels.dtype.name))
    if modes is None:
        raise TypeError(f"Input type {pixels.dtype} is not supported with {channels} channels")
    if mode is not None and mode not in modes:
        raise ValueError(f"Incorrect mode ({mode}) supplied for {channels} channels of {pixels.dtype}. Should be {' or '.join(modes)}")
    pixels = np.ascontiguousarray(pixels[:, :, 0] if pixels.ndim == 3 and channels == 1 else pixels)
    return Image.frombytes(mode or modes[0], (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


LARGEST = {flambeau.uint8: 255, flambeau.int8: 127, flambeau.int16: 32767, flambeau.int32: 2**31 - 1, flambeau.int64: 2**63 - 1}


def convert_image_dtype(image: Tensor, dtype: flambeau.dtype = flambeau.float32) -> Tensor:
    """The picture in another dtype, its range with it: floats count from 0 to 1, integers up to their largest number.

    Raises RuntimeError where floats cannot tell the integers apart (float32 to int32 or int64, float64 to int64).

    >>> convert_image_dtype(flambeau.tensor([0, 255], dtype=flambeau.uint8))
    tensor([0., 1.])
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Input img should be Tensor Image. Got {type(image)}")
    old: Any = image.dtype
    if old == dtype: return image
    if old.is_floating_point:
        if dtype.is_floating_point: return image.to(dtype)
        if (old, dtype) in ((flambeau.float32, flambeau.int32), (flambeau.float32, flambeau.int64), (flambeau.float64, flambeau.int64)):
            raise RuntimeError(f"The cast from {old} to {dtype} cannot be performed safely.")
        # just below the next number, so that each integer takes an equal share of 0..1
        return image.mul(LARGEST.get(dtype, 1) + 1.0 - 1e-3).to(dtype)
    if dtype.is_floating_point: return image.to(dtype) / LARGEST.get(old, 1)
    have, want = LARGEST.get(old, 1) + 1, LARGEST.get(dtype, 1) + 1
    if have > want: return flambeau.div(image, have // want, rounding_mode="floor").to(dtype)
    return image.to(dtype) * (want // have)
