"""How files are written and read where nothing is said at the call: PyTorch's switches, which `utils.serialization.config` shows too."""

from __future__ import annotations

import mmap
import sys
from _thread import _local as local
from collections.abc import Callable
from typing import Any

from .endianness import get_default_load_endianness, set_default_load_endianness
from .storage import UntypedStorage

PRIVATE, SHARED = getattr(mmap, "MAP_PRIVATE", 2), getattr(mmap, "MAP_SHARED", 1)


class _Skipping(local):
    now = False


skipping = _Skipping()


class LoadOptions:
    """mmap: whether files are mapped where `load` is not told; mmap_flags: MAP_PRIVATE (2), so that writes stay here, or MAP_SHARED (1)."""

    mmap = False
    mmap_flags: int | None = None if sys.platform == "win32" else PRIVATE
    calculate_storage_offsets = False  # PyTorch's switch for a quicker look at archives; ours look at the directory alone

    @property
    def endianness(self) -> Any:
        return get_default_load_endianness()

    @endianness.setter
    def endianness(self, value: Any) -> None:
        set_default_load_endianness(value)


class SaveOptions:
    """compute_crc32: whether records' checksums are looked at when a file is read; they are written in any case."""

    compute_crc32 = True
    use_pinned_memory_for_d2h = False  # PyTorch's switch for copies from a GPU; ours go by CuPy
    storage_alignment = 64


load, save = LoadOptions(), SaveOptions()


class skip_data:
    """In this block `save` leaves the places of tensors' bytes empty, to be filled in later, and `load` gives tensors of zeros.

    materialize_fake_tensors is taken as in PyTorch; there are no fake tensors here.

    >>> import io; file = io.BytesIO()
    >>> with skip_data():
    ...     flambeau.save(flambeau.ones(2), file)
    >>> _ = file.seek(0); flambeau.load(file)
    tensor([0., 0.])
    """

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self) -> None:
        self.before, skipping.now = skipping.now, True

    def __exit__(self, *_exc: Any) -> None:
        skipping.now = self.before


def get_default_mmap_options() -> int | None:
    """How `load` maps files: MAP_PRIVATE (2) unless `set_default_mmap_options` said otherwise."""
    return load.mmap_flags


class set_default_mmap_options:
    """Map files privately (`mmap.MAP_PRIVATE`), or so that writes into tensors reach the file (`mmap.MAP_SHARED`); also for a block.

    ValueError for other flags.

    >>> import mmap
    >>> with set_default_mmap_options(mmap.MAP_SHARED):
    ...     get_default_mmap_options() == mmap.MAP_SHARED
    True
    """

    def __init__(self, flags: int) -> None:
        if sys.platform == "win32":
            raise RuntimeError("Changing the default mmap options is currently not supported for Windows")
        if flags not in (PRIVATE, SHARED):
            raise ValueError("Invalid argument in function set_default_mmap_options: expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, "
                             f"got {flags}")  # fmt: skip
        self.before, load.mmap_flags = load.mmap_flags, flags

    def __enter__(self) -> None:
        """The flags hold already."""

    def __exit__(self, *_exc: Any) -> None:
        load.mmap_flags = self.before


def get_crc32_options() -> bool:
    """Whether checksums are looked at."""
    return save.compute_crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Whether checksums are looked at: False for files that PyTorch wrote without them.  Ours have them in any case."""
    save.compute_crc32 = compute_crc32


class SourceChangeWarning(Warning):
    """What PyTorch says when a whole module in a file has changed since: scripts name it to filter it.

    Whole modules are not loaded here (record 0008), so it is never given.
    """


# ---- places of other kinds
_packages: list[tuple[int, Callable[[Any], str | None], Callable[[Any, str], Any]]] = []


def register_package(priority: int, tagger: Callable[[Any], str | None], deserializer: Callable[[Any, str], Any]) -> None:
    """Let `tagger(storage)` name the place that a file tells for a storage, and `deserializer(storage, place)` put one there.

    Both give None for what is not theirs; those of a lower priority are asked first, and the built-in ones last.
    """
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda each: each[0])


def location_tag(storage: Any) -> str:
    """The name of the place of a storage, as files tell it: "cpu", "cuda:0".  RuntimeError for an unknown one."""
    for _, tagger, _ in _packages:
        found = tagger(storage)
        if found:
            return found
    return str(storage.device)


def tag_of(tensor: Any) -> str:
    """`location_tag` of a tensor's memory."""
    return location_tag(tensor.untyped_storage()) if _packages else str(tensor.device)


def by_packages(storage: UntypedStorage, location: str) -> Any:
    """The storage where a registered package puts it; None where there is none for this place."""
    for _, _, deserializer in _packages:
        found = deserializer(storage, location)
        if found is not None:
            return found
    return None


def check_module_version_greater_or_equal(module: Any, req_version_tuple: tuple[int, ...], error_if_malformed: bool = True) -> bool:
    """Whether `module.__version__` is at least this.  RuntimeError, or a warning, where it cannot be read."""
    try:
        told = tuple(type(want)(part) for want, part in zip(req_version_tuple, module.__version__.split(".")))
    except (ValueError, AttributeError) as error:
        message = f"'{module.__name__}' module version string is malformed '{module.__version__}' and cannot be compared with tuple " \
            f"{req_version_tuple}"
        if error_if_malformed:
            raise RuntimeError(message) from error
        from warnings import warn

        warn(f"{message}, but continuing assuming that requirement is met", UserWarning, stacklevel=2)
        return True
    return told >= req_version_tuple
