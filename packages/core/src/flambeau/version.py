"""What runs: Flambeau's version, and CUDA's where CuPy is there (`cuda`, None without)."""

from __future__ import annotations

from flambeau import __version__

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "xpu"]  # noqa: F822 (cuda is asked for by __getattr__)

debug = False
git_version: str | None = None  # a release does not tell its commit
hip: str | None = None
xpu: str | None = None


def __getattr__(name: str):
    if name == "cuda":  # CuPy is not loaded before somebody asks
        from flambeau.cuda.runtime import toolkit

        return toolkit()
    raise AttributeError(f"module 'flambeau.version' has no attribute '{name}'")
