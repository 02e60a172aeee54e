"""`flambeau.utils.serialization.config.load.mmap = True`: the switches of `flambeau.serialization`, by PyTorch's names."""

from flambeau.serialization.options import load, save

__all__ = ["load", "save"]
