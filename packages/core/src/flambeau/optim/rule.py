"""The step of an optimizer that is one rule, the same for every parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flambeau
from flambeau.optim.optimizer import Optimizer
from flambeau.optim.update import Rule, apply, count, counter, record
from flambeau.tensor import Tensor


class Plan(NamedTuple):
    """What one parameter's step is: a rule (see update.py), the names of the state that it writes, its numbers and its flags."""

    rule: Rule
    names: tuple[str, ...]
    numbers: tuple[Any, ...]
    flags: tuple[tuple[str, Any], ...]


class ByRule(Optimizer):
    """An optimizer that says with `begin` what state a parameter starts with, and with `plan` what its n-th step is.

    Parameters whose plans agree step together, in one call of one kernel. With differentiable=True the rule runs on tensors instead, and
    is recorded: the new values of parameters and state depend on gradients, on the old values, and on numbers that are tensors.
    """

    by_count = True  # whether a plan depends on the group and on n alone

    def begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} should implement begin")

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Tensor) -> Plan:
        raise NotImplementedError(f"{type(self).__name__} should implement plan")

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Old checkpoints count steps by plain numbers."""
        super().__setstate__(state)
        for entries in self.state.values():
            if isinstance(entries.get("step"), int | float):
                entries["step"] = counter(entries["step"])

    def nth(self, state: dict[str, Any], p: Tensor) -> float:
        """Which step of p's this is, from 1 on; counts it."""
        return count(state["step"])

    def sparse_step(self, p: Tensor, g: Any, group: dict[str, Any]) -> None:
        """A step along a sparse gradient, for optimizers that have one."""
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients: SGD without momentum does")

    def keeps_state(self, group: dict[str, Any]) -> bool:
        return True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        for group in self.param_groups:
            self._step_group(group, self.keeps_state(group), bool(group.get("differentiable")))
        return loss

    def _step_group(self, group: dict[str, Any], keeps: bool, differentiable: bool) -> None:
        capturable, by_count, everything = group.get("capturable"), self.by_count, self.state
        plans: dict[Any, Plan] = {}  # by count, or as many as there are different ones
        together: dict[Any, list[tuple[Tensor, dict[str, Any]]]] = {}
        for p in group["params"]:
            g = p._grad
            if g is None:
                continue
            if capturable and p.device.type == "cpu":
                raise AssertionError("capturable=True is for parameters on a GPU, whose steps a graph can replay: got one on the CPU")
            if type(g) is not Tensor and getattr(g, "is_sparse", False):
                self.sparse_step(p, g, group)
                continue
            state = everything[p] if keeps else {}
            if keeps and not state:
                state.update(self.begin(p, group))
            n = self.nth(state, p)
            key: Any = n
            if not by_count:
                key = plan = self.plan(group, n, state, p)
                plans[key] = plan
            elif n not in plans:
                plans[n] = self.plan(group, n, state, p)
            if key in together:
                together[key].append((p, state))
            else:
                together[key] = [(p, state)]
        for key, members in together.items():
            rule, names, numbers, flags = plans[key]
            if not differentiable:
                apply(rule, members, names, numbers, flags)
                continue
            with flambeau.enable_grad():
                for p, state in members:
                    state.update(zip(names, record(rule, p, [state[name] for name in names], numbers, flags)))


def number(value: Any, group: dict[str, Any]) -> Any:
    """A hyperparameter as a float; a tensor stays one where the step is recorded, for gradients with respect to it."""
    if isinstance(value, Tensor) and group.get("differentiable"):
        return value.squeeze() if value.ndim else value
    return float(value)
