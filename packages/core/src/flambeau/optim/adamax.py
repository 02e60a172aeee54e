"""Adam by the largest gradient."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_betas, check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, zeros_like


def adamax(xp, p, g, m, u, lr, beta1, part1, beta2, eps, decay, *, maximize, decaying):
    """m: the running mean of g; u: the largest |g|, which fades by beta2."""
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    m *= beta1
    m += part1 * g
    u = xp.maximum(u * beta2, xp.abs(g) + eps)
    p -= lr * (m / u)
    return p, m, u


class Adamax(ByRule):
    """p ← p − lr·m̂/u,  u ← max(β₂·u, |g| + eps): Adam with the largest gradient in the place of the mean square.

    weight_decay adds weight_decay·p to the gradient. Raises ValueError for a negative lr, eps or weight_decay and for betas out of [0, 1).
    Source: Kingma, Ba 2015, Adam: A method for stochastic optimization.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_range("epsilon value", eps)
        check_betas(betas)
        check_range("weight_decay value", weight_decay)
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter(), "exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, beta1, beta2, decay = (number(x, group) for x in (group["lr"], *group["betas"], group["weight_decay"]))
        numbers = lr / (1 - beta1**n), beta1, 1 - beta1, beta2, group["eps"], decay
        return Plan(adamax, ("exp_avg", "exp_inf"), numbers, (("maximize", group["maximize"]), ("decaying", group["weight_decay"] != 0)))
