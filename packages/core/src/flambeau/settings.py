"""Switches of a whole program that PyTorch has: what they mean here, where results never depend on order and float32 is never shortened."""
from __future__ import annotations

from typing import Any

from . import context
from .backends import flags
from .context import deterministic as _deterministic

_debug_modes = {"default": 0, "warn": 1, "error": 2}
_warn_always = [False]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for results that never vary between runs: they never do here, in either mode, on the CPU and by our kernels on a GPU.

    >>> flambeau.use_deterministic_algorithms(True)
    >>> flambeau.are_deterministic_algorithms_enabled()
    True
    >>> flambeau.use_deterministic_algorithms(False)
    """
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}")
    _deterministic.update(on=mode, warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was asked for."""
    return _deterministic["on"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was asked for with warn_only."""
    return _deterministic["warn_only"]


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """'default' (0), 'warn' (1) or 'error' (2): another spelling of `use_deterministic_algorithms`."""
    if isinstance(debug_mode, str):
        if debug_mode not in _debug_modes:
            raise RuntimeError(f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}")
        debug_mode = _debug_modes[debug_mode]
    elif not isinstance(debug_mode, int):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2, as `set_deterministic_debug_mode` counts."""
    return 0 if not _deterministic["on"] else 1 if _deterministic["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """'highest', 'high' or 'medium': how far products of float32 may be shortened. Here they never are; the word is kept."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"float32 matmul precision is one of 'highest', 'high' and 'medium', got {precision!r}")
    flags.shorten(precision)


def get_float32_matmul_precision() -> str:
    """The word that `set_float32_matmul_precision` was given."""
    return flags.shortened()


def set_flush_denormal(mode: bool) -> bool:
    """Whether numbers below the normal range are to become zero: NumPy cannot ask the processor for it, so nothing changes: False."""
    return False


def set_warn_always(b: bool, /) -> None:
    """Whether warnings that come once a program are to come every time."""
    if not isinstance(b, bool):
        raise TypeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _warn_always[0] = b


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was given."""
    return _warn_always[0]


def set_default_tensor_type(t: Any, /) -> None:
    """The dtype of new tensors by an old name such as 'flambeau.DoubleTensor' or flambeau.DoubleTensor: use `set_default_dtype`."""
    from . import set_default_dtype
    from .dtype import BY_NAME, FLOAT
    from .ops.questions import OLD_NAMES

    name = t.rpartition(".")[2] if isinstance(t, str) else getattr(t, "__name__", "")
    found = next((BY_NAME[new] for new, old in OLD_NAMES.items() if old == name), None)
    if found is None:
        raise TypeError(f"invalid type object: {t!r}")
    if found.category != FLOAT:
        raise TypeError(f"only floating-point types are supported as the default type, got {t!r}")
    set_default_dtype(found)


def get_num_interop_threads() -> int:
    """Threads that run independent operations of one program: one, the caller's."""
    return 1


def set_num_interop_threads(num: int) -> None:
    """Operations of one program run one after the other here; RuntimeError where there is to be less than one thread."""
    if num < 1:
        raise RuntimeError(f"Expected positive number of threads, got {num}")


def is_anomaly_enabled() -> bool:
    """Whether `autograd.detect_anomaly` is on."""
    return bool(context.anomaly.enabled)


def is_anomaly_check_nan_enabled() -> bool:
    """Whether it also looks for NaN."""
    return bool(context.anomaly.check_nan)


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Turn the detection of anomalies on or off, without a warning."""
    from .autograd.anomaly import _set

    _set(bool(mode), bool(check_nan))


has_lapack = has_spectral = True  # NumPy brings both


def __getattr__(name: str) -> bool:
    """has_mkl and has_openmp: whether what computes here was built with them."""
    if name in ("has_mkl", "has_openmp"):
        from importlib import import_module

        return import_module(f"flambeau.backends.{name.removeprefix('has_')}").is_available()
    raise AttributeError(f"module 'flambeau.settings' has no attribute {name!r}")


def is_vulkan_available() -> bool:
    """Whether there is a Vulkan device: never here."""
    return False
