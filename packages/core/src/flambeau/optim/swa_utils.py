"""Means of a model's weights over the training, and what goes with them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import flambeau
from flambeau.nn import Module
from flambeau.nn.norm import _BatchNorm
from flambeau.optim.lr_scheduler.base import LRScheduler, anneal_line, check_optimizer, each_group
from flambeau.optim.optimizer import Optimizer
from flambeau.tensor import Tensor

__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn", "update_bn"]

Mean = Callable[[Tensor, Tensor, Any], Tensor]
Means = Callable[[list[Tensor], list[Tensor], Any], None]


def check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> Mean:
    """f(mean, new, n) = decay·mean + (1 − decay)·new.  ValueError for a decay out of [0, 1]."""
    check_decay(decay)

    @flambeau.no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Mean:
    """f(mean, new, n) = mean + (new − mean)/(n + 1): the mean of all."""

    @flambeau.no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Means:
    """f(means, news, n) moves each mean to decay·mean + (1 − decay)·new, in place.  ValueError for a decay out of [0, 1]."""
    check_decay(decay)

    @flambeau.no_grad()
    def ema_update(ema_param_list: list[Tensor], current_param_list: list[Tensor], _: Any) -> None:
        for mean, new in zip(ema_param_list, current_param_list, strict=True):
            move(mean, new, 1 - decay)

    return ema_update


def get_swa_multi_avg_fn() -> Means:
    """f(means, news, n) moves each mean by (new − mean)/(n + 1), in place."""

    @flambeau.no_grad()
    def swa_update(averaged_param_list: list[Tensor], current_param_list: list[Tensor], num_averaged: Any) -> None:
        for mean, new in zip(averaged_param_list, current_param_list, strict=True):
            move(mean, new, 1.0 / (float(num_averaged) + 1))

    return swa_update


def move(mean: Tensor, new: Tensor, part: float) -> None:
    """Move `mean` by a part of the way to `new`; whole numbers (counts of batches) are rounded towards zero."""
    if mean.is_floating_point() or mean.is_complex():
        mean.lerp_(new, part)
    else:
        mean.copy_(mean * (1 - part) + new * part)


class AveragedModel(Module):
    """A copy of `model` whose weights are means: `update_parameters(model)` after each epoch, or each step, moves them on.

    avg_fn(mean, new, n): the next mean of one tensor, or multi_avg_fn(means, news, n): moves those of a list in place; by default the mean
    of all (get_swa_avg_fn). n_averaged: how many so far; the first is copied. Buffers are copied each time, with use_buffers averaged too.
    Raises AssertionError for both functions. Source: Izmailov et al. 2018, Averaging weights leads to wider optima; Polyak, Juditsky 1992.

    >>> model = flambeau.nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = model.weight.data.fill_(value); averaged.update_parameters(model)
    >>> averaged.module.weight.item(), averaged.n_averaged.item()
    (3.0, 3)
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Mean | None = None, multi_avg_fn: Means | None = None, use_buffers: bool = False
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", flambeau.tensor(0, dtype=flambeau.int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Move the means on by the weights that `model` has now."""
        tensors = lambda m: list(itertools.chain(m.parameters(), m.buffers()) if self.use_buffers else m.parameters())
        means = [p.detach() for p in tensors(self.module)]
        news = [p.detach().to(mean.device) for p, mean in zip(tensors(model), means)]
        with flambeau.no_grad():
            if not self.n_averaged:
                for mean, new in zip(means, news):
                    mean.copy_(new)
            elif self.avg_fn is not None:
                for mean, new in zip(means, news):
                    mean.copy_(self.avg_fn(mean, new, self.n_averaged.to(mean.device)))
            else:
                update = self.multi_avg_fn or get_swa_multi_avg_fn()
                for alike in by_kind(means, news):
                    update(*alike, self.n_averaged.to(alike[0][0].device))
            if not self.use_buffers:
                for mine, theirs in zip(self.module.buffers(), model.buffers()):
                    mine.copy_(theirs.to(mine.device))
            self.n_averaged += 1


def by_kind(means: list[Tensor], news: list[Tensor]) -> Iterable[tuple[list[Tensor], list[Tensor]]]:
    """Lists of tensors of one device and dtype each: what a function of lists may count on."""
    found: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
    for mean, new in zip(means, news):
        alike = found.setdefault((str(mean.device), mean.dtype), ([], []))
        alike[0].append(mean)
        alike[1].append(new)
    return found.values()


@flambeau.no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of the model's BatchNorm layers anew, in one pass over the batches: those of means are their own.

    A batch is a tensor, or a list or tuple whose first element is the model's input. device: where the batches are moved first.
    """
    momenta = {module: module.momentum for module in model.modules() if isinstance(module, _BatchNorm)}
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.reset_running_stats()
        module.momentum = None  # the plain mean of all batches
    for batch in loader:
        batch = batch[0] if isinstance(batch, list | tuple) else batch
        model(batch if device is None else batch.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """lr goes from where it is to swa_lr in anneal_epochs, along half a cosine ("cos") or a line ("linear"), and stays there.

    swa_lr: for all groups, or a list with one for each. Raises ValueError for another anneal_strategy and for negative anneal_epochs.
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10, anneal_strategy: str = "cos", last_epoch: int = -1
    ) -> None:
        check_optimizer(optimizer)
        for value, group in zip(each_group("swa_lr", swa_lr, optimizer), optimizer.param_groups):
            group["swa_lr"] = value
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _part(self, step: int) -> float:
        """How much of the way is gone."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before, now = self._part(step - 1), self._part(step)
        ends = [group["swa_lr"] for group in self.optimizer.param_groups]
        starts = [end if before == 1 else (lr - before * end) / (1 - before) for lr, end in zip(self.lrs(), ends)]
        return [anneal_line(start, end, now) for start, end in zip(starts, ends)]
