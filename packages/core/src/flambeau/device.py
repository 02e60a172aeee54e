"""Devices: a name for an array namespace and the place where its arrays lie."""
from __future__ import annotations

from . import context

_TYPES = ("cpu", "cuda", "meta")


class device:
    """Where a tensor lies: `device("cpu")`, `device("cuda:1")`, `device("cuda", 1)`.

    Raises RuntimeError for a type that Flambeau does not know.

    >>> flambeau.device("cuda:1").index
    1
    """

    __slots__ = ("type", "index")
    type: str
    index: int | None

    def __new__(cls, type: str | int | device, index: int | None = None):
        if isinstance(type, device):
            return type
        if isinstance(type, int):
            index, type = type, "cuda"
        name, colon, number = type.partition(":")
        if name not in _TYPES:
            raise RuntimeError(f"Expected one of {', '.join(_TYPES)} device type at start of device string: {name}")
        if colon:
            if not number.isdigit() or number[0] == "0" and number != "0":
                raise RuntimeError(f"Invalid device string: '{type}': expected a number after the colon")
            if index is not None:
                raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {type}")
            index = int(number)
        if index is not None and index < 0:
            raise RuntimeError(f"Device index must not be negative, got {index}")
        self = object.__new__(cls)
        object.__setattr__(self, "type", name)
        object.__setattr__(self, "index", index)
        return self

    def __setattr__(self, name, value):
        raise AttributeError(f"a device can't be changed (attribute {name})")

    def __eq__(self, other) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __reduce__(self):
        return (device, (self.type, self.index))

    def __enter__(self) -> device:
        """Make tensors here that are told no device: `with flambeau.device("meta"):`, in this thread and the others."""
        _before.append(context.default_device)
        context.default_device = self
        return self

    def __exit__(self, *_exc) -> None:
        context.default_device = _before.pop()

    def __call__(self, function):
        return context.decorated(function, lambda: self)


_before: list = []
CPU = device("cpu")


def set_default_device(where: device | str | int | None) -> None:
    """Make tensors on this device that are told none; None for the CPU."""
    context.default_device = None if where is None else device(where)


def get_default_device() -> device:
    """Where tensors are made that are told no device."""
    return CPU if context.default_device is None else context.default_device

