"""Old names of `flambeau.amp` for CUDA: each says so in a FutureWarning."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import amp

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


def _deprecated(name: str, instead: str) -> None:
    text = f"`flambeau.cuda.amp.{name}(args...)` is deprecated. Please use `flambeau.amp.{name}({instead})` instead."
    warnings.warn(text, FutureWarning, stacklevel=3)


class autocast(amp.autocast):
    """`flambeau.autocast("cuda")` under its old name."""

    def __init__(self, enabled: bool = True, dtype: flambeau.dtype = flambeau.float16, cache_enabled: bool = True) -> None:
        _deprecated("autocast", "'cuda', args...")
        super().__init__("cuda", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


class GradScaler(amp.GradScaler):
    """`flambeau.amp.GradScaler("cuda")` under its old name."""

    def __init__(self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5, growth_interval: int = 2000,
                 enabled: bool = True) -> None:  # fmt: skip
        _deprecated("GradScaler", "'cuda', args...")
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


def custom_fwd(fwd: Callable | None = None, *, cast_inputs: flambeau.dtype | None = None) -> Callable:
    """`flambeau.amp.custom_fwd(device_type="cuda")` under its old name."""
    _deprecated("custom_fwd", "args..., device_type='cuda'")
    return functools.partial(amp.custom_fwd, device_type="cuda", cast_inputs=cast_inputs)(*(() if fwd is None else (fwd,)))


def custom_bwd(bwd: Callable) -> Any:
    """`flambeau.amp.custom_bwd(device_type="cuda")` under its old name."""
    _deprecated("custom_bwd", "args..., device_type='cuda'")
    return amp.custom_bwd(bwd, device_type="cuda")
