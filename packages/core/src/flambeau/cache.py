"""Where built libraries are kept, and whether a file there may be loaded."""
from __future__ import annotations

import os
import stat


def kernel_directory() -> str:
    """FLAMBEAU_CACHE_DIR, or `flambeau` under XDG_CACHE_HOME or ~/.cache; what is in it for kernels."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(os.environ.get("FLAMBEAU_CACHE_DIR") or os.path.join(home, "flambeau"), "kernels")


def check_owned(path: str | os.PathLike) -> None:
    """RuntimeError for what someone else owns or can write: a library is trusted code."""
    status = os.stat(path)
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise RuntimeError(f"{path} belongs to user {status.st_uid}, not to this process's user: kernels are not loaded from it")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RuntimeError(f"{path} can be written by others: kernels are not loaded from it (chmod go-w {path})")
