"""`autocast`: a block, or a function, in which each op runs in the dtype that suits it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import Tensor, context
from flambeau.cuda.runtime import is_available

from . import state


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast knows the device type: "cpu" and "cuda".  ValueError for what is no str."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    return device_type in state.DEFAULTS


class autocast:
    """Run products in a lower precision and what needs the range in float32, each op by PyTorch's lists; as a block or a decorator.

    device_type: "cpu" or "cuda". dtype: bfloat16 (the CPU's default) or float16 (CUDA's). enabled=False switches it off inside of another.
    cache_enabled: weights that ask for gradients are cast once, until the outermost block ends.
    Raises RuntimeError for another device type; a dtype that it does not know, or "cuda" without a GPU, warns, and nothing is cast.

    >>> a = flambeau.ones(2, 2)
    >>> with flambeau.autocast("cpu"):
    ...     (a @ a).dtype, (a + a).dtype
    (flambeau.bfloat16, flambeau.float32)
    """

    def __init__(self, device_type: str, dtype: flambeau.dtype | None = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:  # fmt: skip
        self.device = state.check(device_type)
        self.fast_dtype = state.get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = state.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if enabled and self.fast_dtype not in (flambeau.bfloat16, flambeau.float16):
            warnings.warn(
                f"In {device_type.upper()} autocast, but the target dtype {self.fast_dtype} is not supported. Disabling autocast.\n"
                f"{device_type.upper()} Autocast only supports dtypes of flambeau.bfloat16, flambeau.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        if enabled and device_type == "cuda" and not is_available():
            warnings.warn("CUDA is not available. Disabling autocast.", stacklevel=2)
            enabled = False
        self._enabled = bool(enabled)
        self._before: list[tuple] = []

    def __enter__(self) -> autocast:
        where = self.device
        self._before.append((state.is_autocast_enabled(where), state.get_autocast_dtype(where), state.is_autocast_cache_enabled()))
        state.set_autocast_dtype(where, self.fast_dtype)
        state.set_autocast_enabled(where, self._enabled)
        state.set_autocast_cache_enabled(self._cache_enabled)
        state.autocast_increment_nesting()
        return self

    def __exit__(self, *_exc: Any) -> None:
        if state.autocast_decrement_nesting() == 0:
            state.clear_autocast_cache()
        enabled, dtype, cache = self._before.pop()
        state.set_autocast_dtype(self.device, dtype)
        state.set_autocast_enabled(self.device, enabled)
        state.set_autocast_cache_enabled(cache)

    def __call__(self, function: Callable) -> Callable:
        if not callable(function):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(function).__name__}. "
                "Did you mean to use autocast as a context manager? For example: with flambeau.autocast(device_type=...):"
            )
        return context.decorated(function, lambda: self)


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: flambeau.dtype | None = None) -> Callable:
    """Decorate the forward of an `autograd.Function` for autocast.

    cast_inputs: cast the floating tensors of the device to this dtype, and run forward without autocast. None: run it as it is called.
    """
    state.check(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    forward = fwd

    @functools.wraps(forward)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        args[0]._dtype = state.get_autocast_dtype(device_type)
        on = state.is_autocast_enabled(device_type)
        if cast_inputs is None or not on:
            args[0]._fwd_used_autocast = on
            return forward(*args, **kwargs)
        args[0]._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return forward(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return decorated


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """Decorate the backward of an `autograd.Function`: it runs under the autocast that its forward ran under."""
    state.check(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    backward = bwd

    @functools.wraps(backward)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return backward(*args, **kwargs)

    return decorated


def _cast(value: Any, where: str, dtype: flambeau.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if state.fits(value, where) else value
    if isinstance(value, dict):
        return {_cast(k, where, dtype): _cast(v, where, dtype) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cast(v, where, dtype) for v in value)
    return value
