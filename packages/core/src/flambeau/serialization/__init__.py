"""Tensors and what holds them, to files and back.  Nothing that is read can run code."""

from flambeau.serialization.checkpoint import load, read_metadata, save
from flambeau.serialization.safetensors import load_file, save_file

__all__ = ["save", "load", "read_metadata", "save_file", "load_file"]
