"""Stochastic gradient descent, and the mean of where it was."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan
from flambeau.optim.update import counter, zeros_like


def asgd(xp, p, g, mean, rate, keep, part, decay, *, maximize, decaying, averaging):
    """keep: what the rate leaves of p; part: how much the new p moves the mean."""
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    p *= keep
    p -= rate * g
    if averaging:
        mean += part * (p - mean)
    else:
        mean = p * 1.0
    return p, mean


class ASGD(ByRule):
    """p ← (1 − lambd·η)·p − η·g,  η = lr/(1 + lambd·lr·n)^alpha; state "ax" is the mean of the parameters from step t0 on.

    weight_decay adds weight_decay·p to the gradient. Raises ValueError for a negative lr or weight_decay.
    Source: Polyak, Juditsky 1992, Acceleration of stochastic approximation by averaging.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    by_count = False  # η and the mean's part are a parameter's own

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_range("weight_decay value", weight_decay)
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter(), "eta": counter(float(group["lr"])), "mu": counter(1.0), "ax": zeros_like(p)}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, lambd, decay = (float(group[name]) for name in ("lr", "lambd", "weight_decay"))
        eta, mu = float(state["eta"].array), float(state["mu"].array)
        state["eta"].array[...] = lr / (1 + lambd * lr * n) ** group["alpha"]
        state["mu"].array[...] = 1 / max(1.0, n - group["t0"])
        flags = ("maximize", group["maximize"]), ("decaying", group["weight_decay"] != 0), ("averaging", mu != 1)
        return Plan(asgd, ("ax",), (eta, 1 - lambd * eta, mu, decay), flags)
