"""Graphs for Flambeau: data, message passing, layers, data sets."""

from . import data, datasets, nn, transforms, utils

__version__ = "0.1.0"
__all__ = ["data", "datasets", "nn", "transforms", "utils"]
