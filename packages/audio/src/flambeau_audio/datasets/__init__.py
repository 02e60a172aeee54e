"""Data sets of sound."""

from flambeau_audio.datasets.fsdd import FSDD

__all__ = ["FSDD"]
