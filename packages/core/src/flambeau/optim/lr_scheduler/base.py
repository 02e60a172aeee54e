"""What schedulers share."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import flambeau
from flambeau.optim.optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = "The epoch parameter in `scheduler.step()` is deprecated: call it once an epoch without"
HOW_TO = "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"


def check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def each_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """A value for each parameter group."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [kept(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups: expected {groups} values, got {len(value)}")
    return [kept(v) for v in value]


def kept(value: Any) -> Any:
    """A rate as it is now: a tensor is copied, for its own may be filled anew."""
    return value.clone() if isinstance(value, flambeau.Tensor) else value


def set_lr(group: dict[str, Any], value: Any) -> None:
    if isinstance(group["lr"], flambeau.Tensor):
        group["lr"].fill_(float(value))
    else:
        group["lr"] = kept(value)


class LRScheduler:
    """The base of schedulers: `step()`, once an epoch and after the optimizer's, sets each group's lr to what `get_lr` says.

    last_epoch: the epoch to go on from; -1 begins, and keeps each group's lr as its "initial_lr".
    Raises TypeError for what is not an optimizer, KeyError when it goes on with groups that have no "initial_lr".
    """

    unsaved: tuple[str, ...] = ("optimizer",)  # attributes that state_dict leaves out
    _get_lr_called_within_step = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "get_lr" in cls.__dict__:
            cls.get_lr = called_by_step(cls.__dict__["get_lr"])  # type: ignore[method-assign]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        optimizer.known_step = vars(optimizer).get("step")
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", kept(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with last_epoch >= 0: "
                    "load the optimizer's state_dict first, or begin with last_epoch=-1"
                )
        self.base_lrs = [kept(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _begin(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, whose own state_dict has the rates."""
        return {key: value for key, value in self.__dict__.items() if key not in self.unsaved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.__dict__.update({key: value for key, value in state_dict.items() if key not in self.unsaved})

    def get_last_lr(self) -> list[float]:
        """The rates of the groups, as last set."""
        return self._last_lr

    def get_lr(self) -> list[float]:
        """The rates of `last_epoch`, from those of the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} should implement get_lr")

    def lrs(self) -> list[Any]:
        """The rates that the groups have now; tensors where they are tensors."""
        return [kept(group["lr"]) for group in self.optimizer.param_groups]

    def scaled(self, factor: float) -> list[float]:
        return [lr * factor for lr in self.lrs()]

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch, or (PyTorch's old way, which it warns of) to the given one."""
        if self._step_count == 1 and not self._is_initial:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        """Warn where the first step comes before the optimizer's, or where nobody can tell."""
        if vars(self.optimizer).get("step") is not self.optimizer.known_step:
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization: whether it is called "
                f"before `lr_scheduler.step()`, as it must be, is not known. See {HOW_TO}",
                stacklevel=3,
            )
        elif not self.optimizer.steps_taken:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: call them in the opposite order, "
                f"or the first value of the learning rate schedule is skipped. See {HOW_TO}",
                stacklevel=3,
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            values = self._rates()
        else:
            self.last_epoch = epoch
            values = self._get_closed_form_lr() if hasattr(self, "_get_closed_form_lr") else self._rates()
        self._set(values)

    def _rates(self) -> list[float]:
        self._get_lr_called_within_step = True
        try:
            return self.get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set(self, values: Iterable[float]) -> None:
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            set_lr(group, value)
        self._last_lr = self.lrs()


def called_by_step(get_lr: Callable[..., list[float]]) -> Callable[..., list[float]]:
    """`get_lr`, which counts on the epoch having just begun, with a warning for whoever else calls it."""

    @functools.wraps(get_lr)
    def called(self: LRScheduler) -> list[float]:
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", stacklevel=2)
        return get_lr(self)

    return called


def anneal_cos(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


def anneal_line(start: float, end: float, part: float) -> float:
    return (end - start) * part + start
