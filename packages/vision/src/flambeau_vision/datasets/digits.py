"""The UCI handwritten digits, carried by this package."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from PIL import Image

import flambeau
from flambeau_vision.datasets.vision import VisionDataset

SHAPE = (1797, 65)  # 64 pixels and the label
MAX_BYTES = 1 << 20


class Digits(VisionDataset):
    """1,797 handwritten digits by 13 people, each a grey picture of 8×8 and a label 0–9; nothing to download.

    Every fifth picture of each digit is held out: 1,437 to train on, 360 to test on, always the same, with all writers in both parts.
    The source counts ink from 0 to 16; here it is spread over 0 to 255, as other grey pictures are.
    `data` is uint8 (n, 8, 8), `targets` int64 (n,).
    Source: Alpaydin and Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository
    (its test part), doi:10.24432/C50P49, licence CC BY 4.0.

    >>> digits = Digits(train=False)
    >>> picture, label = digits[0]
    >>> len(digits), picture.size, label
    (360, (8, 8), 0)
    """

    classes: Sequence[str] = [str(digit) for digit in range(10)]

    def __init__(
        self,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(None, transform, target_transform)
        self.train = train
        numbers = parse((files(__package__) / "data" / "digits.csv.gz").read_bytes())
        held_out = np.zeros(len(numbers), bool)
        held_out[np.argsort(numbers[:, 64], kind="stable")[::5]] = True
        numbers = numbers[held_out != train]
        pixels = (numbers[:, :64] * 255 + 8) // 16  # 0..16 -> 0..255, rounded
        self.data = flambeau.from_numpy(pixels.astype(np.uint8).reshape(-1, 8, 8))
        self.targets = flambeau.from_numpy(numbers[:, 64].copy())

    def load(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.data[index].numpy()), int(self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


def parse(content: bytes, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """The numbers in a gzipped csv of pixels 0–16 and a label 0–9.  -> int64 (n, 65); ValueError when it is anything else"""
    try:
        text = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES + 1)
        if not 0 < len(text) <= MAX_BYTES:
            raise ValueError(f"expected up to {MAX_BYTES} bytes, got {'more' if text else 'none'}")
        numbers = np.loadtxt(io.BytesIO(text), np.int64, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"digits.csv.gz is damaged ({error}); install flambeau-vision again") from error
    pixels, labels = numbers[:, :-1], numbers[:, -1]
    if numbers.shape != shape or pixels.min() < 0 or pixels.max() > 16 or labels.min() < 0 or labels.max() > 9:
        raise ValueError(
            f"digits.csv.gz is damaged: expected {shape} numbers, pixels 0–16, labels 0–9, got {numbers.shape}; "
            "install flambeau-vision again"
        )
    return numbers
