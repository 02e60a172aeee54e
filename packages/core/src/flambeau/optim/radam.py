"""Adam that waits until it knows the size of gradients."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_betas, check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, zeros_like


def radam(xp, p, g, m, v, lr, beta1, part1, beta2, part2, eps, decay, *, maximize, coupled, decoupled, rectified):
    """m and v: running means of g and g², of which each new one joins by part1 and part2."""
    if maximize:
        g = -g
    if coupled:
        g = g + decay * p
    if decoupled:
        p *= decay
    m *= beta1
    m += part1 * g
    v *= beta2
    v += part2 * g * g
    p -= lr * (m / (xp.sqrt(v) + eps) if rectified else m)
    return p, m, v


class RAdam(ByRule):
    """Adam whose steps are rectified: p ← p − lr·r·m̂/(√v̂), and p ← p − lr·m̂ as long as v̂ says nothing of the gradients' variance.

    ρ = ρ∞ − 2n·β₂ⁿ/(1 − β₂ⁿ), ρ∞ = 2/(1 − β₂) − 1, is how many gradients v̂ stands for; above 5 it is used, with
    r² = (ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ). weight_decay and decoupled_weight_decay are Adam's.
    Raises ValueError for a negative lr, eps or weight_decay and for betas out of [0, 1).
    Source: Liu et al. 2020, On the variance of the adaptive learning rate and beyond.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_range("epsilon value", eps)
        check_betas(betas)
        check_range("weight_decay value", weight_decay)
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter(), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, beta1, beta2, decay = (number(x, group) for x in (group["lr"], *group["betas"], group["weight_decay"]))
        most = 2 / (1 - beta2) - 1
        length = most - 2 * n * beta2**n / (1 - beta2**n)
        rate = lr / (1 - beta1**n)
        if length > 5:
            rectified = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
            rate = rate * (rectified * (1 - beta2**n)) ** 0.5
        decays, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
        numbers = rate, beta1, 1 - beta1, beta2, 1 - beta2, group["eps"], 1 - lr * decay if decoupled else decay
        flags = ("maximize", group["maximize"]), ("coupled", decays and not decoupled), ("decoupled", decays and decoupled)
        return Plan(radam, ("exp_avg", "exp_avg_sq"), numbers, (*flags, ("rectified", bool(length > 5))))
