"""Switches of cuDNN that programs set. Flambeau's convolutions do not use cuDNN: they are kept, and change nothing.

Results never vary between runs, whatever `benchmark` and `deterministic` say, and float32 is never shortened, whatever `allow_tf32` says.

>>> flambeau.backends.cudnn.benchmark = True
>>> with flambeau.backends.cudnn.flags(deterministic=True):
...     flambeau.backends.cudnn.benchmark, flambeau.backends.cudnn.deterministic
(False, True)
>>> flambeau.backends.cudnn.set_flags(_benchmark=False)[1]
True
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import flags as kept

conv, rnn = kept.cuda_conv, kept.cuda_rnn
benchmark_limit: int | None = None  # how many ways cuDNN would try
_SWITCHES = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32", "fp32_precision")


def version() -> int | None:
    """cuDNN's version: None, it is not used."""
    return None


def is_available() -> bool:
    """Whether cuDNN is used: never."""
    return False


def is_acceptable(tensor: Any) -> bool:
    """Whether cuDNN would take this tensor: never."""
    return False


def set_flags(_enabled: bool | None = None, _benchmark: bool | None = None, _benchmark_limit: int | None = None,
              _deterministic: bool | None = None, _allow_tf32: bool | None = None, _fp32_precision: str | None = None) -> tuple:
    """Set what is not None; gives all as they were before."""
    here = sys.modules[__name__]
    before = tuple(getattr(here, name) for name in _SWITCHES)
    for name, value in zip(_SWITCHES, (_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32, _fp32_precision), strict=True):
        if value is not None:
            setattr(here, name, value)
    return before


@contextmanager
def flags(enabled: bool = False, benchmark: bool = False, benchmark_limit: int | None = 10, deterministic: bool = False,
          allow_tf32: bool = True, fp32_precision: str = "none") -> Iterator[None]:
    """A block with these switches; what is not named takes the default here, as in PyTorch (enabled=False!)."""
    before = set_flags(enabled, benchmark, benchmark_limit, deterministic, allow_tf32, fp32_precision)
    try:
        yield
    finally:
        set_flags(*before)
        sys.modules[__name__].benchmark_limit = before[2]  # type: ignore[attr-defined]  # set_flags leaves out None


kept.switches(
    __name__,
    enabled=kept.Flag(True, "set_enabled_cudnn"),
    benchmark=kept.Flag(False, "set_benchmark_cudnn"),
    deterministic=kept.Flag(False, "set_deterministic_cudnn"),
    allow_tf32=kept.Flag(True, "set_allow_tf32_cudnn"),
    fp32_precision=kept.Words(kept.cuda_all),
)
