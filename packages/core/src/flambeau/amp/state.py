"""What autocast does in this thread: for each device whether, and to which dtype; and the casting itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flambeau
from flambeau import Tensor, context
from flambeau.casting import state
from flambeau.dispatch import run

from .lists import END, FULL, KEEP, LIKE, LOWER, POLICIES, REFUSED, SPARED, WIDEST

DEFAULTS = {"cpu": flambeau.bfloat16, "cuda": flambeau.float16}


class Autocast:
    """The mode that sees every card while autocast runs in some thread."""

    def instead(self, card: Any, inputs: Any, attrs: dict) -> Any:
        """The op on cast inputs, None where autocast has no rule for it here."""
        if not state.active:
            return None
        where = place_of(inputs)
        policy = POLICIES[where].get(card.name) if where in enabled() else None
        if policy is None or policy is KEEP:
            return None
        if policy is LIKE:
            with suspended():
                return like(run(card, inputs, attrs), inputs)
        inputs = cast(tuple(inputs), policy, where)
        with suspended():
            return run(card, inputs, attrs)

    def before(self, card: Any, inputs: Any, attrs: dict) -> tuple[Any, dict]:
        return inputs, attrs


MODE = Autocast()


def call(function: Any, name: str, args: tuple, kwargs: dict) -> Any:
    """A function that autocast sees as one op."""
    where = place_of((*args, *kwargs.values()))
    policy = POLICIES[where].get(name) if where in enabled() else None
    if (where, name) in REFUSED and where in enabled():
        raise RuntimeError(REFUSED[where, name])
    if policy is None:
        return function(*args, **kwargs)
    if policy is LIKE or policy is END:
        with suspended():
            result = function(*args, **kwargs)
            return like(result, args) if policy is LIKE else result.to(enabled()[where]) if fits(result, where) else result
    spared = SPARED.get((where, name))
    if policy is not KEEP and not (spared and spared(*args, **kwargs)):
        args = cast(args, policy, where)
        kwargs = dict(zip(kwargs, cast(tuple(kwargs.values()), policy, where)))
    with suspended():
        return function(*args, **kwargs)


@contextmanager
def suspended() -> Iterator[None]:
    """Inside of an op that autocast has cast for, nothing more is cast."""
    state.active = False
    try:
        yield
    finally:
        state.active = True


# ---- casting
def tensors_in(args: Any) -> Iterator[Tensor]:
    for x in args:
        if isinstance(x, Tensor):
            yield x
        elif type(x) in (tuple, list):
            yield from tensors_in(x)


def place_of(args: Any) -> str:
    """The device type that the call is about."""
    return next((x.device.type for x in tensors_in(args)), "cpu")


def fits(x: Tensor, where: str) -> bool:
    """Whether autocast may cast it: floating, no float64, on that device."""
    return x.is_floating_point() and x.dtype is not flambeau.float64 and x.device.type == where


def cast(args: tuple, policy: str, where: str) -> tuple:
    """The arguments with their tensors, those in lists too, in the dtype that the policy says."""
    if policy is FULL:
        wanted = flambeau.float32
    elif policy is LOWER:
        wanted = enabled()[where]
    else:
        assert policy is WIDEST
        found = [x.dtype for x in tensors_in(args) if fits(x, where)]
        wanted = flambeau.float32 if flambeau.float32 in found else enabled()[where]
        if not found or all(dtype is found[0] for dtype in found):
            return args

    def one(x: Any) -> Any:
        if isinstance(x, Tensor):
            return cached(x, wanted) if fits(x, where) else x
        return type(x)(map(one, x)) if type(x) in (tuple, list) else x

    return tuple(map(one, args))


def like(result: Any, args: Any) -> Any:
    """Results in the dtype of the first tensor, where that is a floating one."""
    kind = next(tensors_in(args)).dtype
    if isinstance(result, Tensor):
        return result.to(kind) if kind.is_floating_point and result.is_floating_point() else result
    return type(result)(like(r, args) for r in result) if type(result) in (tuple, list) else result


def cached(x: Tensor, wanted: flambeau.dtype) -> Tensor:
    """x in that dtype. A weight is cast once while autocast lasts, unless it is written to."""
    if x.dtype is wanted:
        return x
    keeps = cache_enabled() and wanted is not flambeau.float32 and x.requires_grad and x.is_leaf and x.base is None and x.process is None
    if not keeps:
        return x.to(wanted)
    known = weights().get(id(x))
    now = (flambeau.is_grad_enabled(), x._version, wanted)
    if known is None or known[0] is not x or known[1] != now:
        known = weights()[id(x)] = (x, now, x.to(wanted))
    return known[2]


# ---- the thread's own
def enabled() -> dict[str, flambeau.dtype]:
    """The devices that autocast runs for, with its dtype there."""
    return state.__dict__.setdefault("enabled", {})


def dtypes() -> dict[str, flambeau.dtype]:
    return state.__dict__.setdefault("dtypes", dict(DEFAULTS))


def weights() -> dict[int, tuple]:
    return state.__dict__.setdefault("weights", {})


def cache_enabled() -> bool:
    return state.__dict__.get("cache_enabled", True)


def check(device_type: str) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in DEFAULTS:
        raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'; expected one of {', '.join(DEFAULTS)}")
    return device_type


def refresh() -> None:
    """Watch every call as long as autocast runs for some device in this thread."""
    on = bool(enabled())
    if on and not state.__dict__.get("watching"):
        context.push_mode(MODE)
    elif not on and state.__dict__.get("watching"):
        context.pop_mode(MODE)
    state.__dict__["watching"] = on
    state.active, state.hook = on, call


def put(found: dict[str, flambeau.dtype]) -> None:
    """Let autocast run as `enabled()` told at some time: for a part that is computed once more."""
    enabled().clear()
    enabled().update(found)
    refresh()
    if not found:
        clear_autocast_cache()


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast runs for the device type in this thread."""
    return check(device_type) in enabled()


def set_autocast_enabled(device_type: str | bool, enabled_: bool | None = None) -> None:
    """Turn autocast on or off for a device type; with one argument for CUDA."""
    if enabled_ is None:
        device_type, enabled_ = "cuda", bool(device_type)
    where = check(device_type)  # type: ignore[arg-type]
    enabled().pop(where, None)
    if enabled_:
        enabled()[where] = dtypes()[where]
    refresh()


def get_autocast_dtype(device_type: str) -> flambeau.dtype:
    """The dtype that autocast lowers to on the device type."""
    return dtypes()[check(device_type)]


def set_autocast_dtype(device_type: str, dtype: flambeau.dtype) -> None:
    """Choose the dtype that autocast lowers to on the device type."""
    dtypes()[check(device_type)] = dtype
    if device_type in enabled():
        enabled()[device_type] = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether weights are cast once for as long as autocast lasts."""
    return cache_enabled()


def set_autocast_cache_enabled(enabled: bool) -> None:
    state.__dict__["cache_enabled"] = bool(enabled)


def clear_autocast_cache() -> None:
    """Forget the weights that were cast."""
    weights().clear()


def autocast_increment_nesting() -> int:
    state.__dict__["nesting"] = state.__dict__.get("nesting", 0) + 1
    return state.__dict__["nesting"]


def autocast_decrement_nesting() -> int:
    state.__dict__["nesting"] = state.__dict__.get("nesting", 0) - 1
    return state.__dict__["nesting"]


def is_autocast_cpu_enabled() -> bool:
    return is_autocast_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> flambeau.dtype:
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype: flambeau.dtype) -> None:
    set_autocast_dtype("cpu", dtype)


def get_autocast_gpu_dtype() -> flambeau.dtype:
    return get_autocast_dtype("cuda")


def set_autocast_gpu_dtype(dtype: flambeau.dtype) -> None:
    set_autocast_dtype("cuda", dtype)
