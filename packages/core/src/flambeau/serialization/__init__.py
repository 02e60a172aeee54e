"""Tensors and what holds them, to files and back.  Nothing that is read can run code."""

from flambeau.serialization.allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from flambeau.serialization.checkpoint import get_unsafe_globals_in_checkpoint, load, read_metadata, save
from flambeau.serialization.endianness import LoadEndianness, get_default_load_endianness, set_default_load_endianness
from flambeau.serialization.safetensors import load_file, save_file
from flambeau.serialization.storage import Storage

__all__ = ["LoadEndianness", "Storage", "add_safe_globals", "clear_safe_globals", "get_default_load_endianness", "get_safe_globals",
           "get_unsafe_globals_in_checkpoint", "load", "load_file", "read_metadata", "safe_globals", "save", "save_file",
           "set_default_load_endianness"]  # fmt: skip
