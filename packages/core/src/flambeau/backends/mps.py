"""Apple's GPUs, which Flambeau does not use: never built, never available."""
from __future__ import annotations


def is_built() -> bool:
    """False."""
    return False


def is_available() -> bool:
    """False.

    >>> "mps" if flambeau.backends.mps.is_available() else "cpu"
    'cpu'
    """
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """RuntimeError: only a build for Apple's GPUs can tell."""
    raise RuntimeError("Cannot execute is_macos_or_newer() without an MPS backend: Flambeau has none; use platform.mac_ver()")


def is_macos13_or_newer(minor: int = 0) -> bool:
    """RuntimeError, as `is_macos_or_newer`."""
    return is_macos_or_newer(13, minor)
