"""Names for annotations: what functions take for numbers, sizes and devices."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

from flambeau import Size, Tensor
from flambeau.device import device as _device
from flambeau.dtype import dtype as _dtype  # noqa: F401
from flambeau.layout import layout as _layout  # noqa: F401
from flambeau.ops.storage import TypedStorage, UntypedStorage

__all__ = ["Device", "FileLike", "Number", "Storage"]

_bool, _bytes, _complex, _float, _int, _str = builtins.bool, builtins.bytes, builtins.complex, builtins.float, builtins.int, builtins.str
Number: TypeAlias = int | float | bool
_Number = (int, float, bool)  # for isinstance
_size: TypeAlias = Size | list[int] | tuple[int, ...]
_symsize = _size
Device: TypeAlias = _device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
Storage: TypeAlias = UntypedStorage | TypedStorage
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_TensorOrTensorsOrGradEdge: TypeAlias = Tensor | Sequence[Any]
_qscheme = Any
IntLikeType, FloatLikeType, BoolLikeType = int, float, bool
