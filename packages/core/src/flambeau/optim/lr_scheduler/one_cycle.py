"""One rise and one fall for the whole training."""

from __future__ import annotations

from typing import Any

from flambeau.optim.lr_scheduler.base import LRScheduler, anneal_cos, anneal_line, check_optimizer, each_group
from flambeau.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """lr rises from max_lr/div_factor to max_lr in the first pct_start of total_steps, then falls to 1/final_div_factor of its start.

    Call step after every batch. The steps are total_steps, or epochs · steps_per_epoch. anneal_strategy: "cos" or "linear".
    cycle_momentum moves momentum (or beta1) the other way, between base_momentum and max_momentum. three_phase falls to the start first,
    as long as it rose, and then below. Raises ValueError for arguments that cannot be, and for more steps than total_steps.
    Source: Smith, Topin 2019, Super-convergence.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = steps_in_all(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if cycle_momentum and "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        rise, last = float(pct_start * self.total_steps), self.total_steps - 1
        high, low = "max_momentum", "base_momentum"  # by the names of the groups' entries
        self._schedule_phases = [phase(rise - 1, "initial_lr", "max_lr", high, low), phase(last, "max_lr", "min_lr", low, high)]
        if three_phase:
            fall = phase(2 * rise - 2, "max_lr", "initial_lr", low, high)
            self._schedule_phases[1:] = [fall, phase(last, "initial_lr", "min_lr", high, high)]
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum, self.use_beta1 = cycle_momentum, "betas" in optimizer.defaults
        maxima = each_group("max_lr", max_lr, optimizer)
        highs, lows = each_group("max_momentum", max_momentum, optimizer), each_group("base_momentum", base_momentum, optimizer)
        if last_epoch == -1:
            for group, top, high, low in zip(optimizer.param_groups, maxima, highs, lows):
                group.update(initial_lr=top / div_factor, max_lr=top, min_lr=top / div_factor / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=high, base_momentum=low)
                    self._set_momentum(group, high)
        super().__init__(optimizer, last_epoch)

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    def get_lr(self) -> list[float]:
        n = self.last_epoch
        if n > self.total_steps:
            raise ValueError(f"Tried to step {n} times. The specified number of total steps is {self.total_steps}")
        anneal, phases = anneal_cos if self._anneal_func_type == "cos" else anneal_line, self._schedule_phases
        now = next((i for i, phase in enumerate(phases) if n <= phase["end_step"]), len(phases) - 1)
        end, lr_from, lr_to, momentum_from, momentum_to = phases[now].values()
        begin = phases[now - 1]["end_step"] if now else 0.0
        part = (n - begin) / (end - begin)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                self._set_momentum(group, anneal(group[momentum_from], group[momentum_to], part))
        return [anneal(group[lr_from], group[lr_to], part) for group in self.optimizer.param_groups]


def phase(end_step: float, *names: str) -> dict[str, Any]:
    return {"end_step": end_step, **dict(zip(("start_lr", "end_lr", "start_momentum", "end_momentum"), names, strict=True))}


def steps_in_all(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    given = {"total_steps": total_steps} if total_steps is not None else {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    product = 1
    for name, value in given.items():
        if value is None:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
        product *= value
    return product
