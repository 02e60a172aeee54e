"""Anomaly detection: a failing or NaN gradient is traced to the line of the forward pass that it comes from."""
from __future__ import annotations

from warnings import warn

from .. import context


def _set(enabled: bool, check_nan: bool) -> None:
    state = context.anomaly
    if enabled != state.enabled:
        context.watch(1 if enabled else -1)
    state.enabled, state.check_nan = enabled, check_nan


class set_detect_anomaly:
    """Switch anomaly detection on or off: at once when called, until the end of the block when used with `with`."""

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = context.anomaly.enabled, context.anomaly.check_nan
        _set(bool(mode), check_nan)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        _set(*self.before)


class detect_anomaly:
    """With it on, a backward that fails, or gives NaN, also shows where the forward call was written.  Slow: for debugging.

    >>> x = flambeau.tensor([-1.0], requires_grad=True)
    >>> with flambeau.autograd.set_detect_anomaly(True):
    ...     x.exp().sum().backward()
    """

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan
        warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.",
             stacklevel=2)

    def __enter__(self):
        self.before = context.anomaly.enabled, context.anomaly.check_nan
        _set(True, self.check_nan)

    def __exit__(self, *_exc):
        _set(*self.before)


class set_multithreading_enabled:
    """Taken for PyTorch's sake: backward runs in the thread that called it, with or without this."""

    def __init__(self, mode: bool):
        self.mode = bool(mode)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        return None
