"""Rates that fall when a metric stops getting better."""

from __future__ import annotations

import math
import warnings
from typing import Any

from flambeau.optim.lr_scheduler.base import EPOCH_DEPRECATION_WARNING, LRScheduler, check_optimizer, each_group, set_lr
from flambeau.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """lr is multiplied by factor when the metric has not become better for more than `patience` epochs.

    mode: "min" for metrics that should fall (a loss), "max" for those that should rise. Better is better by more than threshold:
    of the best ("rel") or absolutely ("abs"). cooldown: epochs of rest after a reduction. min_lr: where it stops, for all groups or
    each. eps: reductions smaller than this are left out. Raises ValueError for a factor of 1 or more, or an unknown mode.

    >>> scheduler = ReduceLROnPlateau(flambeau.optim.SGD([flambeau.ones(1)], lr=1.0), patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0): scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, got {factor}")
        check_optimizer(optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! Expected 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown! Expected 'rel' or 'abs'")
        self.factor, self.optimizer, self.default_min_lr = factor, optimizer, None if isinstance(min_lr, list | tuple) else min_lr
        self.min_lrs, self.patience, self.cooldown, self.eps = each_group("min_lr", min_lr, optimizer), patience, cooldown, eps
        self.last_epoch, self._last_lr = 0, self.lrs()
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self._reset()

    def _reset(self) -> None:
        """Forget the metrics so far."""
        self.best, self.cooldown_counter, self.num_bad_epochs = self.mode_worse, 0, 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Note the epoch's metric, a number or a one-element tensor."""
        current = float(metrics)
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(current, self.best):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self.lrs()

    def _reduce(self) -> None:
        groups = len(self.optimizer.param_groups)
        if groups != len(self.min_lrs):
            if self.default_min_lr is None:
                count = len(self.min_lrs)
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({groups}) differs from when `ReduceLROnPlateau` was initialized "
                    f"({count}), and each has a min_lr of its own: extend min_lrs"
                )
            self.min_lrs = [self.default_min_lr] * groups
        for group, low in zip(self.optimizer.param_groups, self.min_lrs):
            old = float(group["lr"])
            new = max(old * self.factor, low)
            if old - new > self.eps:
                set_lr(group, new)

    @property
    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        down = self.mode == "min"
        if self.threshold_mode == "rel":
            return a < best * (1.0 - self.threshold) if down else a > best * (1.0 + self.threshold)
        return a < best - self.threshold if down else a > best + self.threshold
