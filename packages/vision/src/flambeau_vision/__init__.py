"""Images for Flambeau: data sets, transforms, models."""

from flambeau_vision import datasets, models, transforms, utils

__version__ = "0.1.0"
__all__ = ["datasets", "models", "transforms", "utils"]
