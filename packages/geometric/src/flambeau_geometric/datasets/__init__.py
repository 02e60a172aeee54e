"""Graphs to learn from. Nothing is downloaded, and no file that is read can run code."""

from .dataset import GraphDataset
from .planetoid import Planetoid
from .tu import TUText

__all__ = ["GraphDataset", "Planetoid", "TUText"]
