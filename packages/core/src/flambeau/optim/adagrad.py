"""Steps that shorten as gradients add up."""

from __future__ import annotations

from typing import Any

from flambeau import no_grad
from flambeau.nn.uninitialized import is_lazy
from flambeau.ops.sharing import share_all
from flambeau.optim.optimizer import check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, full_like


def adagrad(xp, p, g, s, lr, eps, decay, *, maximize, decaying):
    """s: the sum of g² so far."""
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    s += g * g
    p -= lr * (g / (xp.sqrt(s) + eps))
    return p, s


class Adagrad(ByRule):
    """p ← p − lr·g/(√s + eps),  s ← s + g²; at step n lr is lr/(1 + (n − 1)·lr_decay).

    initial_accumulator_value: what s begins with, at once when the optimizer is made. weight_decay adds weight_decay·p to the gradient.
    Raises ValueError for a negative lr, lr_decay, weight_decay, initial_accumulator_value or eps.
    Source: Duchi, Hazan, Singer 2011, Adaptive subgradient methods for online learning and stochastic optimization.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        check_flags(foreach=foreach, fused=fused, differentiable=differentiable)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if is_lazy(p):
                    raise ValueError("Adagrad begins its sums here and got an uninitialized parameter: call the lazy module once before")
                self.state[p].update(self.begin(p, group))

    def share_memory(self) -> None:
        """Move the sums and counts into memory that other processes can see, so that several may train one model."""
        share_all([value for state in self.state.values() for value in state.values()])

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        value = group["initial_accumulator_value"]
        return {"step": counter(), "sum": full_like(p, complex(value, value) if p.is_complex() else value)}

    def sparse_step(self, p: Any, g: Any, group: dict[str, Any]) -> None:
        """The places that the gradient names move; the sums of all others stay."""
        if group["weight_decay"] or group["differentiable"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients, nor is differentiable: leave them 0 and False")
        state = self.state[p]
        if not state:
            state.update(self.begin(p, group))
        n, g = self.nth(state, p), g.coalesce()  # each place once: the step is not linear
        where, values = tuple(g.indices()), g.values().detach()
        with no_grad():
            sums = state["sum"][where] + values * values
            state["sum"][where] = sums
            rate = float(group["lr"]) / (1 + (n - 1) * group["lr_decay"])
            p[where] = p[where] + values / (sums.sqrt() + group["eps"]) * (rate if group["maximize"] else -rate)

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, decay = number(group["lr"], group), number(group["weight_decay"], group)
        flags = ("maximize", group["maximize"]), ("decaying", group["weight_decay"] != 0)
        return Plan(adagrad, ("sum",), (lr / (1 + (n - 1) * group["lr_decay"]), group["eps"], decay), flags)
