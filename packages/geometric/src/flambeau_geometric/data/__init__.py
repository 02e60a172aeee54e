"""Graphs, batches of graphs, and the loader that makes batches."""

from .batch import Batch
from .data import Data
from .loader import DataLoader

__all__ = ["Batch", "Data", "DataLoader"]
