"""What the namespace can do, in the standard's words."""
from __future__ import annotations

from typing import Any

import flambeau as _f

from .kinds import KINDS, isdtype

_ALL = KINDS["bool"] + KINDS["numeric"]


class Info:
    """Capabilities, devices and dtypes of `flambeau.array_api`."""

    def capabilities(self) -> dict[str, Any]:
        """What is optional in the standard, and whether it is here."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> _f.device:
        """Where arrays are made that are told no device."""
        return _f.get_default_device()

    def default_dtypes(self, *, device=None) -> dict[str, _f.dtype]:
        """What Python's numbers become."""
        real = _f.get_default_dtype()
        return {"real floating": real, "complex floating": real.to_complex(), "integral": _f.int64, "indexing": _f.int64}

    def dtypes(self, *, device=None, kind: Any = None) -> dict[str, _f.dtype]:
        """The standard's dtypes, or those of a kind."""
        found = {name: getattr(_f, name) for name in _ALL}
        return found if kind is None else {name: d for name, d in found.items() if isdtype(d, kind)}

    def devices(self) -> list[_f.device]:
        """The devices that hold values."""
        return [_f.device("cpu")]
