"""Pictures in folders: the folder's name is the class."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from flambeau_vision.datasets.vision import VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Sample = tuple[str, int]


def has_file_allowed_extension(filename: str, extensions: str | Sequence[str]) -> bool:
    """Whether the name ends with one of the (lower case) extensions, in any case.

    >>> has_file_allowed_extension("a/photo.JPG", (".jpg", ".png"))
    True
    """
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The subfolders' names in order, and the number of each. Raises FileNotFoundError when there is none."""
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}: expected a subfolder for each class.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: str | Sequence[str] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[Sample]:
    """All files below each class's folder that `extensions` or `is_valid_file` (one of them) accepts, in order.  -> [(path, class)]

    Raises ValueError for no or both criteria, or no class; FileNotFoundError for a class without a file unless `allow_empty`.
    """
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    if not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        given = "none" if extensions is None else "both"
        raise ValueError(f"Both extensions and is_valid_file cannot be None or not None at the same time: expected one, got {given}.")

    def accepts(path: str) -> bool:
        return has_file_allowed_extension(path, extensions) if extensions is not None else is_valid_file(path)  # type: ignore[misc]

    samples, filled = [], set()
    for name, index in sorted(class_to_idx.items()):
        for folder, _, files in sorted(os.walk(Path(directory).expanduser() / name, followlinks=True)):
            for file in sorted(files):
                path = os.path.join(folder, file)
                if accepts(path):
                    samples.append((path, index))
                    filled.add(name)
    empty = sorted(set(class_to_idx) - filled)
    if empty and not allow_empty:
        known = "" if extensions is None else f" Supported extensions are: {extensions}"
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(empty)}.{known}")
    return samples


def pil_loader(path: str | os.PathLike[str]) -> Image.Image:
    """The picture in a file, as RGB.

    Raises OSError, naming the file, when it is damaged or no picture, and PIL.Image.DecompressionBombError
    when it has more than PIL.Image.MAX_IMAGE_PIXELS pixels (a limit that you can raise for files that you trust).
    """
    with open(path, "rb") as file:
        try:
            picture = Image.open(file)
            if Image.MAX_IMAGE_PIXELS is not None and picture.width * picture.height > Image.MAX_IMAGE_PIXELS:
                raise Image.DecompressionBombError(
                    f"{path}: {picture.width}×{picture.height} pixels, more than PIL.Image.MAX_IMAGE_PIXELS = {Image.MAX_IMAGE_PIXELS}"
                )
            # a palette with transparency goes by way of RGBA: the same colours, without Pillow's warning
            return (picture.convert("RGBA") if "transparency" in picture.info else picture).convert("RGB")
        except (OSError, SyntaxError) as error:  # a PNG with a wrong checksum is a SyntaxError to Pillow
            raise OSError(f"{path}: expected a picture that Pillow can read: {error}") from error


class DatasetFolder(VisionDataset):
    """Files in `root/<class>/…`, read by `loader(path)`; the classes are numbered in the order of their names.

    `extensions` or `is_valid_file` says which files count. `samples` holds (path, class) pairs, `targets` the classes.
    Raises FileNotFoundError when there is no class, or one without a file (unless `allow_empty`).
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: str | Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        assert self.root is not None
        self.loader = loader
        self.extensions = extensions
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    def find_classes(self, directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """Override to take other folders for classes."""
        return find_classes(directory)

    make_dataset = staticmethod(make_dataset)

    def load(self, index: int) -> tuple[Any, int]:
        path, target = self.samples[index]
        return self.loader(path), target

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Pictures in `root/<class>/…`, as RGB through Pillow.

    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (root / name).mkdir()
    ...     Image.new("RGB", (4, 2)).save(root / name / "1.png")
    >>> data = ImageFolder(root)
    >>> data.classes, len(data), data[1][0].size, data[1][1]
    (['cat', 'dog'], 2, (4, 2), 1)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = pil_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
