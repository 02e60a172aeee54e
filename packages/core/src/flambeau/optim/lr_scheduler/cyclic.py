"""Rates that rise and fall again and again."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from flambeau.optim.lr_scheduler.base import LRScheduler, check_optimizer, each_group, set_lr
from flambeau.optim.optimizer import Optimizer

MODES = "triangular", "triangular2", "exp_range"


class CyclicLR(LRScheduler):
    """lr rises from base_lr to max_lr in step_size_up steps and falls back in step_size_down, on lines; call step after every batch.

    mode: "triangular" keeps the height, "triangular2" halves it each cycle, "exp_range" scales it by gamma^step; or scale_fn(cycle), from
    1 on, with scale_mode="iterations" scale_fn(step). cycle_momentum moves momentum (or beta1) the other way, between max_momentum and
    base_momentum. Raises ValueError for an unknown mode without scale_fn, and for an optimizer that has neither momentum nor betas.
    Source: Smith 2017, Cyclical learning rates for training neural networks.

    >>> scheduler = CyclicLR(flambeau.optim.SGD([flambeau.ones(1)], momentum=0.9), 0.1, 0.5, step_size_up=2)
    >>> for _ in range(2): scheduler.optimizer.step(); scheduler.step(); print(scheduler.get_last_lr())
    [0.30000000000000004]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        base_lrs = each_group("base_lr", base_lr, optimizer)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups):
                set_lr(group, lr)
        self.max_lrs = each_group("max_lr", max_lr, optimizer)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in MODES and scale_fn is None:
            raise ValueError(f"mode is invalid and scale_fn is None: expected one of {MODES}, got {mode!r}")
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
                raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
            self.use_beta1 = "betas" in optimizer.defaults
            self.base_momentums = each_group("base_momentum", base_momentum, optimizer)
            self.max_momentums = each_group("max_momentum", max_momentum, optimizer)
            if last_epoch == -1:
                for high, low, group in zip(self.max_momentums, self.base_momentums, optimizer.param_groups):
                    self._set_momentum(group, high)
                    group.update(max_momentum=high, base_momentum=low)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    def scale_fn(self, x: float) -> float:
        """What a cycle's height is multiplied by."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1)}.get(self.mode, self.gamma**x)

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                self._set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def state_dict(self) -> dict[str, Any]:
        """A scale_fn is not saved when it is a function; of a callable object the attributes are."""
        function = self._scale_fn_custom
        saved = None if function is None or isinstance(function, types.FunctionType) else dict(function.__dict__)
        return super().state_dict() | {"_scale_fn_custom": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        function, saved = self._scale_fn_custom, state_dict["_scale_fn_custom"]
        super().load_state_dict(state_dict)
        self._scale_fn_custom = function
        if saved is not None and function is not None:
            function.__dict__.update(saved)
