"""From pictures to tensors, and small changes on the way."""

from flambeau_vision.transforms import functional
from flambeau_vision.transforms.compose import (
    CenterCrop,
    Compose,
    ConvertImageDtype,
    Grayscale,
    Lambda,
    Normalize,
    Pad,
    PILToTensor,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    Resize,
    ToDtype,
    ToPILImage,
    ToTensor,
)
from flambeau_vision.transforms.resample import InterpolationMode

__all__ = [
    "Compose", "Lambda",
    "ToTensor", "PILToTensor", "ToPILImage", "ConvertImageDtype", "ToDtype",
    "Normalize", "Resize", "CenterCrop", "Pad", "Grayscale",
    "RandomCrop", "RandomHorizontalFlip", "RandomVerticalFlip",
    "InterpolationMode", "functional",
]  # fmt: skip
