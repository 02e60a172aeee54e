"""Signal processing: `windows`, the shapes by which a stretch of signal fades in and out."""
from __future__ import annotations

from . import windows

__all__ = ["windows"]
