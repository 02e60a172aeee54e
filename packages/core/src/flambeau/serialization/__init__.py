"""Tensors and what holds them, to files and back.  Nothing that is read can run code."""

from flambeau.serialization.allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from flambeau.serialization.checkpoint import get_unsafe_globals_in_checkpoint, load, read_metadata, save
from flambeau.serialization.checkpoint import restore as default_restore_location
from flambeau.serialization.endianness import LoadEndianness, get_default_load_endianness, set_default_load_endianness
from flambeau.serialization.options import (
    SourceChangeWarning,
    check_module_version_greater_or_equal,
    get_crc32_options,
    get_default_mmap_options,
    location_tag,
    register_package,
    set_crc32_options,
    set_default_mmap_options,
    skip_data,
)
from flambeau.serialization.safetensors import load_file, save_file

__all__ = [
    "LoadEndianness", "SourceChangeWarning", "add_safe_globals", "check_module_version_greater_or_equal", "clear_safe_globals",
    "default_restore_location", "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options", "get_safe_globals",
    "get_unsafe_globals_in_checkpoint", "load", "load_file", "location_tag", "read_metadata", "register_package", "safe_globals", "save",
    "save_file", "set_crc32_options", "set_default_load_endianness", "set_default_mmap_options", "skip_data",
]  # fmt: skip
