"""What the image data sets share: a root, a transform of the picture, a transform of the target."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flambeau.utils.data import Dataset


class VisionDataset(Dataset):
    """Pairs (picture, target), each through its transform. A subclass gives `__len__` and `load(index)`."""

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.root = None if root is None else Path(root).expanduser()
        self.transform = transform
        self.target_transform = target_transform

    def load(self, index: int) -> tuple[Any, Any]:
        """The picture and target at `index`, before any transform."""
        raise NotImplementedError(f"{type(self).__name__} must define load(index) -> (picture, target)")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture, target = self.load(index)
        if self.transform is not None: picture = self.transform(picture)
        if self.target_transform is not None: target = self.target_transform(target)
        return picture, target

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __repr__(self) -> str:
        lines = [f"Dataset {type(self).__name__}", f"    Number of datapoints: {len(self)}"]
        if self.root is not None: lines.append(f"    Root location: {self.root}")
        if self.extra_repr(): lines.append(f"    {self.extra_repr()}")
        if self.transform is not None: lines.append(f"    Transform: {indent(self.transform)}")
        if self.target_transform is not None: lines.append(f"    Target transform: {indent(self.target_transform)}")
        return "\n".join(lines)

    def extra_repr(self) -> str:
        return ""


def indent(transform: object) -> str:
    return repr(transform).replace("\n", "\n    ")
