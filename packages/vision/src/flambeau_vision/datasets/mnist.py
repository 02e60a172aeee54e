"""MNIST and its twin in clothes: 70,000 grey pictures of 28×28 in ten classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

import flambeau
from flambeau import Tensor
from flambeau.utils.download import download as fetch
from flambeau_vision.datasets.idx import read_idx
from flambeau_vision.datasets.vision import VisionDataset


class MNIST(VisionDataset):
    """Handwritten digits: 60,000 to train on, 10,000 to test on; each a grey picture of 28×28 and a label 0–9.

    The files lie in `root/MNIST/raw`, as torchvision puts them, plain or gzip. `download=True` fetches those that are missing,
    goes on where an earlier download broke off, and checks their sha256.
    `data` is uint8 (n, 28, 28), `targets` int64 (n,).
    Raises RuntimeError when files are missing or cannot be fetched, ValueError when one is damaged.
    Source: LeCun, Cortes, Burges (1998), http://yann.lecun.com/exdb/mnist/.
    """

    mirrors: tuple[str, ...] = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
    sha256: Mapping[str, str] = {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }
    classes = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine"]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        self.train = train
        if download: self.download()
        part = "train" if train else "t10k"
        self.data: Tensor = self.read(f"{part}-images-idx3-ubyte", axes=3)
        labels = self.read(f"{part}-labels-idx1-ubyte", axes=1)
        if len(labels) != len(self.data):
            raise ValueError(f"{self.raw_folder}: expected a label for each of {len(self.data)} pictures, got {len(labels)} labels")
        if len(labels) and int(labels.max()) >= len(self.classes):
            raise ValueError(f"{self.raw_folder}: expected labels from 0 to {len(self.classes) - 1}, got {int(labels.max())}")
        self.targets: Tensor = labels.to(flambeau.int64)

    @property
    def raw_folder(self) -> Path:
        assert self.root is not None
        return self.root / type(self).__name__ / "raw"

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.classes)}

    def find(self, name: str) -> Path | None:
        """Where the file lies, plain or gzip; None when it is missing."""
        return next((path for path in (self.raw_folder / name, self.raw_folder / f"{name}.gz") if path.is_file()), None)

    def read(self, name: str, axes: int) -> Tensor:
        path = self.find(name)
        if path is None:
            expected = self.raw_folder / name
            raise RuntimeError(f"Dataset not found. You can use download=True to download it; expected {expected} or the same with .gz")
        numbers = read_idx(path)
        if numbers.dtype != flambeau.uint8 or numbers.ndim != axes:
            raise ValueError(f"{path}: expected uint8 with {axes} axes, got {numbers.dtype} of shape {tuple(numbers.shape)}")
        return numbers

    def download(self) -> None:
        """Fetch what is missing into `raw_folder`, from the first mirror that answers."""
        for name, sha256 in self.sha256.items():
            if self.find(name.removesuffix(".gz")) is not None: continue
            errors = []
            for mirror in self.mirrors:
                try:
                    fetch(mirror + name, self.raw_folder / name, sha256=sha256, max_bytes=64 << 20)
                    break
                except (OSError, RuntimeError) as error:
                    errors.append(f"{mirror}{name}: {error}")
            else:
                raise RuntimeError("Error downloading " + name + ":\n" + "\n".join(errors))

    def load(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.data[index].numpy()), int(self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """Pictures of clothes in MNIST's form and sizes, in `root/FashionMNIST/raw`.

    Source: Xiao, Rasul, Vollgraf (2017), "Fashion-MNIST", arXiv:1708.07747; MIT licence.
    """

    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    sha256 = {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
