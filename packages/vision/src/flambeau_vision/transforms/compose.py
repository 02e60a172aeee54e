"""The transforms as objects, to be chained with `Compose`. Random ones draw as torchvision's do, from the same stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau_vision.transforms import functional as F
from flambeau_vision.transforms.functional import PaddingMode
from flambeau_vision.transforms.resample import InterpolationMode, interpolation_mode


class Compose:
    """Transforms one after the other.

    >>> Compose([Resize(8), Normalize([0.5], [0.5])])(flambeau.zeros(1, 16, 16)).shape
    flambeau.Size([1, 8, 8])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "Compose(\n" + "\n".join(f"    {transform}" for transform in self.transforms) + "\n)"


class Lambda:
    """A function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"


class ToTensor:
    """`functional.to_tensor`: pixels of 0–255 to floats of 0–1.  (H, W, C) -> (C, H, W)"""

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """`functional.pil_to_tensor`: the picture's own numbers.  -> (C, H, W)"""

    def __call__(self, pic: Any) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return "PILToTensor()"


class ToPILImage:
    """`functional.to_pil_image`: numbers to a picture."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return "ToPILImage()" if self.mode is None else f"ToPILImage(mode={self.mode})"


class Transform(nn.Module):
    """A module without parameters, so that transforms of tensors fit into `nn.Sequential`; `shown` names what its repr tells."""

    shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self.shown)})"


class ConvertImageDtype(Transform):
    """`functional.convert_image_dtype`: another dtype, the range with it."""

    def __init__(self, dtype: flambeau.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        return F.convert_image_dtype(image, self.dtype)


class ToDtype(Transform):
    """Another dtype; with `scale` the range goes with it, without it the numbers stay."""

    shown = ("dtype", "scale")

    def __init__(self, dtype: flambeau.dtype, scale: bool = False) -> None:
        super().__init__()
        self.dtype = dtype
        self.scale = scale

    def forward(self, image: Tensor) -> Tensor:
        return F.convert_image_dtype(image, self.dtype) if self.scale else image.to(self.dtype)


class Normalize(Transform):
    """(image - mean) / std, channel by channel.  (*, C, H, W) -> (*, C, H, W)"""

    shown = ("mean", "std")

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        return F.normalize(tensor, self.mean, self.std, self.inplace)


class Resize(Transform):
    """Another size: (h, w), or one number for the shorter edge. See `functional.resize`."""

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        F.check_size(size)
        self.size = size
        self.interpolation = interpolation_mode(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return f"Resize(size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}, antialias={self.antialias})"


class CenterCrop(Transform):
    """The middle of the picture, padded with 0 where the picture is smaller."""

    shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = F.pair(size)

    def forward(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


class Pad(Transform):
    """A border around the picture. See `functional.pad`."""

    shown = ("padding", "fill", "padding_mode")

    def __init__(self, padding: int | Sequence[int], fill: Any = 0, padding_mode: PaddingMode = "constant") -> None:
        super().__init__()
        F.borders(padding)  # says at once what is wrong
        self.padding = padding
        self.fill = fill
        self.padding_mode: PaddingMode = padding_mode

    def forward(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)


class Grayscale(Transform):
    """The picture in grey, once or three times."""

    shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)


class RandomCrop(Transform):
    """A part of the picture of this size, anywhere in it; padded first with `padding`, and with `pad_if_needed` up to the size.

    Raises ValueError when the picture is smaller than the part.
    """

    shown = ("size", "padding")

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: PaddingMode = "constant",
    ) -> None:
        super().__init__()
        self.size = F.pair(size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode: PaddingMode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a random part."""
        _, h, w = F.get_dimensions(img)
        height, width = output_size
        if h < height or w < width:
            raise ValueError(f"Required crop size {output_size} is larger than input image size {(h, w)}")
        if (h, w) == (height, width): return 0, 0, h, w
        top = int(flambeau.randint(0, h - height + 1, size=(1,)).item())
        left = int(flambeau.randint(0, w - width + 1, size=(1,)).item())
        return top, left, height, width

    def forward(self, img: Any) -> Any:
        if self.padding is not None: img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, h, w = F.get_dimensions(img)
        if self.pad_if_needed and w < self.size[1]: img = F.pad(img, (self.size[1] - w, 0), self.fill, self.padding_mode)
        if self.pad_if_needed and h < self.size[0]: img = F.pad(img, (0, self.size[0] - h), self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))


class RandomHorizontalFlip(Transform):
    """Left and right exchanged, with probability p."""

    shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        return F.hflip(img) if flambeau.rand(1) < self.p else img


class RandomVerticalFlip(Transform):
    """Top and bottom exchanged, with probability p."""

    shown = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        return F.vflip(img) if flambeau.rand(1) < self.p else img
