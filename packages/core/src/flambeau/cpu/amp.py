"""Old names of `flambeau.amp` for the CPU: each says so in a FutureWarning."""

from __future__ import annotations

import warnings

import flambeau
from flambeau import amp

__all__ = ["GradScaler", "autocast"]


def _deprecated(name: str) -> None:
    text = f"`flambeau.cpu.amp.{name}(args...)` is deprecated. Please use `flambeau.amp.{name}('cpu', args...)` instead."
    warnings.warn(text, FutureWarning, stacklevel=3)


class autocast(amp.autocast):
    """`flambeau.autocast("cpu")` under its old name."""

    def __init__(self, enabled: bool = True, dtype: flambeau.dtype = flambeau.bfloat16, cache_enabled: bool = True) -> None:
        _deprecated("autocast")
        super().__init__("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


class GradScaler(amp.GradScaler):
    """`flambeau.amp.GradScaler("cpu")` under its old name."""

    def __init__(self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5, growth_interval: int = 2000,
                 enabled: bool = True) -> None:  # fmt: skip
        _deprecated("GradScaler")
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
