"""The step of an optimizer that is one rule, the same for every parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flambeau
from flambeau.optim.optimizer import Optimizer
from flambeau.optim.update import Rule, apply, count, record
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

    def keeps_state(self, group: dict[str, Any]) -> bool:
        return True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        for group in self.param_groups:
            keeps, differentiable = self.keeps_state(group), group.get("differentiable", False)
            known: dict[float, Plan] = {}
            together: dict[Plan, list[tuple[Tensor, tuple[Tensor, ...]]]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.check(p, group)
                state = self.state[p] if keeps else {}
                if keeps and not state:
                    state.update(self.begin(p, group))
                n = count(state["step"]) if "step" in state else 0.0
                plan = known.get(n)
                if plan is None:
                    plan = self.plan(group, n, state, p)
                    if self.by_count:
                        known[n] = plan
                if differentiable:
                    with flambeau.enable_grad():
                        state.update(zip(plan.names, record(plan.rule, p, [state[name] for name in plan.names], plan.numbers, plan.flags)))
                else:
                    together.setdefault(plan, []).append((p, tuple([state[name] for name in plan.names])))
            for plan, members in together.items():
                apply(plan.rule, members, plan.numbers, plan.flags)
        return loss

    def check(self, p: Tensor, group: dict[str, Any]) -> None:
        if group.get("capturable"):
            self.check_capturable(p)
        if getattr(p.grad, "is_sparse", False):
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients: SparseAdam does, and SGD and Adagrad")

    @staticmethod
    def check_capturable(p: Tensor) -> None:
        if p.device.type == "cpu":
            raise AssertionError("capturable=True is for parameters on a GPU, whose steps a graph can replay: got one on the CPU")


def number(value: Any, group: dict[str, Any]) -> Any:
    """A hyperparameter as a float; a tensor stays one where the step is recorded, for gradients with respect to it."""
    if isinstance(value, Tensor) and group.get("differentiable"):
        return value.squeeze() if value.ndim else value
    return float(value)
