"""Every transform, in one place: of numbers (`maps.py`), and of vectors and matrices (`maps_of_vectors.py`)."""

from . import maps, maps_of_vectors
from .maps import *  # noqa: F403
from .maps_of_vectors import *  # noqa: F403

__all__ = [*maps.__all__, *maps_of_vectors.__all__]
