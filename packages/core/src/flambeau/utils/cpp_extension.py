"""PyTorch's builder of C++ extensions.  What it builds is made for PyTorch's own C++ classes, so every builder here refuses, and says so.

An op with a C spelling is built from Python here: see `flambeau.op`.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, NoReturn

__all__ = ["BuildExtension", "CUDAExtension", "CUDA_HOME", "CppExtension", "get_compiler_abi_compatibility_and_version", "include_paths",
           "is_ninja_available", "library_paths", "load", "load_inline", "verify_ninja_availability"]  # fmt: skip

_nvcc = shutil.which("nvcc")
_toolkit = os.path.dirname(os.path.dirname(_nvcc)) if _nvcc else None
CUDA_HOME: str | None = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or _toolkit


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(f"{what}: C++ extensions are built against PyTorch's headers, which Flambeau does not have. Write the op in Python "
                       "with flambeau.op, which builds its C spelling, or call your library by ctypes on x.data_ptr()")  # fmt: skip


def load(name: str, sources: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Always a RuntimeError, with what to do instead."""
    _refuse(f"cpp_extension.load({name!r})")


def load_inline(name: str, cpp_sources: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Always a RuntimeError, with what to do instead."""
    _refuse(f"cpp_extension.load_inline({name!r})")


def CppExtension(name: str, sources: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Always a RuntimeError, with what to do instead."""
    _refuse(f"CppExtension({name!r})")


def CUDAExtension(name: str, sources: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Always a RuntimeError, with what to do instead."""
    _refuse(f"CUDAExtension({name!r})")


class BuildExtension:
    """setuptools' command for PyTorch's extensions: a RuntimeError when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("BuildExtension")

    @classmethod
    def with_options(cls, **options: Any) -> type[BuildExtension]:
        return cls


def include_paths(device_type: str = "cpu", torch_include_dirs: bool = True) -> list[str]:
    """Directories with headers: none."""
    return []


def library_paths(device_type: str = "cpu", torch_include_dirs: bool = True, cross_target_platform: str | None = None) -> list[str]:
    """Directories with libraries: none."""
    return []


def is_ninja_available() -> bool:
    """Whether the program ninja is there."""
    return shutil.which("ninja") is not None


def verify_ninja_availability() -> None:
    """RuntimeError where `is_ninja_available()` is False."""
    if not is_ninja_available():
        raise RuntimeError("Ninja is required to load C++ extensions (pip install ninja to get it)")


def get_compiler_abi_compatibility_and_version(compiler: str) -> NoReturn:
    """Always a RuntimeError: there is no ABI to be compatible with."""
    _refuse(f"get_compiler_abi_compatibility_and_version({compiler!r})")
