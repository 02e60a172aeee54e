"""PyTorch's way to name a device of one's own: here a device is an array namespace, and is added in `flambeau.backends`."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["generate_methods_for_privateuse1_backend", "rename_privateuse1_backend"]


def rename_privateuse1_backend(backend_name: str) -> NoReturn:
    """Always a RuntimeError: PyTorch's `privateuseone` is a place in its dispatcher, and there is none here."""
    raise RuntimeError(f"rename_privateuse1_backend({backend_name!r}): Flambeau has no privateuse1 device; a device is an array namespace "
                       "with a few functions, see flambeau/backends/base.py")  # fmt: skip


def generate_methods_for_privateuse1_backend(for_tensor: bool = True, for_module: bool = True, for_packed_sequence: bool = True,
                                             for_storage: bool = False, unsupported_dtype: Any = None) -> NoReturn:  # fmt: skip
    """Always a RuntimeError: see `rename_privateuse1_backend`."""
    raise RuntimeError("generate_methods_for_privateuse1_backend: Flambeau has no privateuse1 device, see flambeau/backends/base.py")
