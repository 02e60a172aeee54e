"""`config`: how `save` and `load` do where nothing is said at the call."""

from . import config

__all__ = ["config"]
