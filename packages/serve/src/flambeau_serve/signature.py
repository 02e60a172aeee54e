"""What a model takes and gives: names, datatypes and shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .datatypes import BYTES_REFUSED, DTYPES
from .errors import bad_request


@dataclass(frozen=True)
class TensorSpec:
    """A named input or output. shape begins with -1, the batch; -1 further on is a size that may vary.

    >>> TensorSpec.parse("image:FP32:-1,1,8,8")
    TensorSpec(name='image', datatype='FP32', shape=(-1, 1, 8, 8))
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if not re.fullmatch(r"[\w.\-/]+", self.name):
            raise ValueError(f"expected a name of letters, digits, _ . - and /, got {self.name!r}")
        if self.datatype == "BYTES":
            raise ValueError(f"tensor {self.name!r}: {BYTES_REFUSED}")
        if self.datatype not in DTYPES:
            raise ValueError(f"tensor {self.name!r}: expected a datatype of {', '.join(DTYPES)}, got {self.datatype!r}")
        if not self.shape or self.shape[0] != -1 or any(type(size) is not int or size < -1 for size in self.shape):
            got = list(self.shape)
            raise ValueError(f"tensor {self.name!r}: expected a shape that begins with -1, the batch, then sizes or -1, got {got}")

    @classmethod
    def parse(cls, text: str) -> TensorSpec:
        """From `name:datatype:shape`, the shape as numbers between commas."""
        parts = text.split(":")
        if len(parts) != 3 or not re.fullmatch(r"-?\d{1,9}(,-?\d{1,9})*", parts[2]):
            raise ValueError(f"expected name:datatype:shape, such as image:FP32:-1,1,8,8, got {text!r}")
        return cls(parts[0], parts[1], tuple(int(size) for size in parts[2].split(",")))

    def check(self, datatype: object, shape: Sequence[int]) -> None:
        """ServeError 400 unless a tensor of this datatype and shape fits."""
        if datatype == "BYTES":
            raise bad_request(f"input {self.name!r}: expected datatype {self.datatype}, got BYTES. {BYTES_REFUSED}")
        if datatype != self.datatype:
            raise bad_request(f"input {self.name!r}: expected datatype {self.datatype}, got {datatype!r:.40}")
        if len(shape) != len(self.shape) or any(want not in (-1, got) for want, got in zip(self.shape, shape)):
            wanted = f"{list(self.shape)} (the first is the batch, and -1 may vary)"
            raise bad_request(f"input {self.name!r}: expected shape {wanted}, got {list(shape)}")

    def metadata(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class Signature:
    """All inputs, in the order of the model's arguments, and all outputs, in the order of its results."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...] = field(default=())

    def __post_init__(self) -> None:
        for kind, specs in (("input", self.inputs), ("output", self.outputs)):
            object.__setattr__(self, f"{kind}s", tuple(specs))
            names = [spec.name for spec in specs]
            if len(set(names)) < len(names):
                raise ValueError(f"expected each {kind} to have a name of its own, got {', '.join(names)}")
        if not self.inputs:
            raise ValueError("expected at least one input: declare it with --input name:datatype:shape, or in the model's factory")


Arrays = dict[str, np.ndarray]
