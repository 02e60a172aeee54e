"""`GradScaler`: multiplies a loss so that float16's small gradients do not vanish, and finds by trial how much it may."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.cuda.runtime import is_available

from .state import check


class OptState(Enum):
    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf": None}


class GradScaler:
    """Scale the loss, unscale the gradients, leave a step out where they overflowed, and learn the scale from that.

    device: "cuda" or "cpu". After growth_interval steps without inf or nan the scale grows by growth_factor; a step with one takes it
    down by backoff_factor. enabled=False makes every call do nothing but what it would without a scaler.

    >>> w = flambeau.nn.Parameter(flambeau.ones(1))
    >>> optimizer, scaler = flambeau.optim.SGD([w], lr=0.5), GradScaler("cpu", init_scale=8.0)
    >>> scaler.scale((w * 2).sum()).backward()
    >>> w.grad.item()
    16.0
    >>> _ = scaler.step(optimizer); scaler.update(); w.item()
    0.0
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True) -> None:  # fmt: skip
        self._device, self._enabled = check(device), enabled
        if enabled and device == "cuda" and not is_available():
            warnings.warn("GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2)
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale, self._init_growth_tracker = init_scale, 0
        self._growth_factor, self._backoff_factor, self._growth_interval = growth_factor, backoff_factor, growth_interval
        self._scale: Tensor | None = None  # made on the first loss's device
        self._growth_tracker: Tensor | None = None
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def _made(self, what: str) -> Tensor:
        if self._scale is None:
            raise AssertionError(f"Attempted {what} but _scale is None.  This may indicate your script did not use scaler.scale(loss) "
                                 "earlier in the iteration.")  # fmt: skip
        return self._scale

    def scale(self, outputs: Any) -> Any:
        """A loss, or losses in a list or tuple, times the scale.  ValueError for what is no tensor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._begin(outputs.device)
            return outputs * self._made("scale").to(device=outputs.device)
        if isinstance(outputs, list | tuple):
            return type(outputs)(map(self.scale, outputs))
        if isinstance(outputs, Iterable):
            return map(self.scale, outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _begin(self, where: Any) -> None:
        self._scale = flambeau.full((), self._init_scale, dtype=flambeau.float32, device=where)
        self._growth_tracker = flambeau.full((), self._init_growth_tracker, dtype=flambeau.int32, device=where)

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the scale: before you clip them.  `step` does it otherwise.

        RuntimeError when called twice in a step or after it; ValueError for float16 gradients, which would lose what was saved.
        """
        if not self._enabled:
            return
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = self._made("unscale_").double().reciprocal().float()
        found = None
        with flambeau.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    grad = parameter.grad
                    if grad is None:
                        continue
                    if grad.dtype is flambeau.float16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    bad = (~flambeau.isfinite(grad)).any()
                    found = bad if found is None else found | bad.to(found.device)
                    grad.mul_(inverse.to(device=grad.device))
        state["found_inf"] = found
        state["stage"] = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(...)`, left out when a gradient is inf or nan.  What step returned, None when left out."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs or (args and callable(args[0])):
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._made("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state["stage"] is OptState.READY:
            self.unscale_(optimizer)
        if state["found_inf"] is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None if bool(state["found_inf"]) else optimizer.step(*args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Take the scale up or down by what the steps since the last update found; or set it to `new_scale`."""
        if not self._enabled:
            return
        scale = self._made("update")
        if new_scale is not None:
            if isinstance(new_scale, Tensor) and (new_scale.numel() != 1 or new_scale.requires_grad or not new_scale.is_floating_point()):
                raise AssertionError("new_scale should be a float or a 1-element floating point Tensor with requires_grad=False.")
            scale.fill_(float(new_scale))
        else:
            found = [state["found_inf"] for state in self._per_optimizer_states.values() if state["found_inf"] is not None]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._adapt(any(bool(bad) for bad in found))
        self._per_optimizer_states = defaultdict(_fresh)

    def _adapt(self, bad: bool) -> None:
        scale, tracker = self._made("update"), self._growth_tracker
        assert tracker is not None
        if bad:
            scale.mul_(self._backoff_factor)
            tracker.fill_(0)
        elif int(tracker) + 1 == self._growth_interval:
            grown = scale * self._growth_factor
            if bool(flambeau.isfinite(grown)):  # float32 has an end, too
                scale.copy_(grown)
            tracker.fill_(0)
        else:
            tracker.add_(1)

    # ---- settings
    def get_scale(self) -> float:
        """The scale now; 1.0 when disabled."""
        return 1.0 if not self._enabled else self._init_scale if self._scale is None else float(self._scale)

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else int(self._growth_tracker)

    def is_enabled(self) -> bool:
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors, interval and tracker; {} when disabled."""
        if not self._enabled:
            return {}
        return {"scale": self.get_scale(), "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval, "_growth_tracker": self._get_growth_tracker()}  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.  RuntimeError for {}, which a disabled scaler gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler.")
        self._init_scale = state_dict["scale"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        if self._scale is not None and self._growth_tracker is not None:
            self._scale.fill_(self._init_scale)
            self._growth_tracker.fill_(self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError("A GradScaler instance may only be pickled at the beginning of an iteration, or at the end after "
                                     "scaler.update().")  # fmt: skip
            state |= {"_init_scale": self.get_scale(), "_init_growth_tracker": self._get_growth_tracker(), "_scale": None,
                      "_growth_tracker": None}  # fmt: skip
        return state
