"""Switches of oneDNN, which Flambeau does not use: they are kept, and change nothing."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import flags as kept

matmul, conv, rnn = kept.mkldnn_matmul, kept.mkldnn_conv, kept.mkldnn_rnn
_SWITCHES = ("enabled", "deterministic", "allow_tf32", "fp32_precision")


def is_available() -> bool:
    """Whether oneDNN is used: never."""
    return False


def is_acl_available() -> bool:
    """Whether Arm's Compute Library is used: never."""
    return False


def set_flags(_enabled: bool | None = None, _deterministic: bool | None = None, _allow_tf32: bool | None = None,
              _fp32_precision: str | None = None) -> tuple:
    """Set what is not None; gives all as they were before."""
    here = sys.modules[__name__]
    before = tuple(getattr(here, name) for name in _SWITCHES)
    for name, value in zip(_SWITCHES, (_enabled, _deterministic, _allow_tf32, _fp32_precision), strict=True):
        if value is not None:
            setattr(here, name, value)
    return before


@contextmanager
def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True, fp32_precision: str = "none") -> Iterator[None]:
    """A block with these switches; what is not named takes the default here, as in PyTorch (enabled=False!)."""
    before = set_flags(enabled, deterministic, allow_tf32, fp32_precision)
    try:
        yield
    finally:
        set_flags(*before)


class _NoTF32(kept.Flag):
    """oneDNN's TF32: takes a bool, and is None because there is none."""

    def __get__(self, _module, _owner=None):
        return None


kept.switches(
    __name__,
    enabled=kept.Flag(True, "set_enabled_mkldnn"),
    deterministic=kept.Flag(False, "set_deterministic_mkldnn"),
    allow_tf32=_NoTF32(True, "_set_onednn_allow_tf32"),
    fp32_precision=kept.Words(kept.mkldnn_all),
)
