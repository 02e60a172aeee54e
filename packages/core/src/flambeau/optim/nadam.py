"""Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_betas, check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, zeros_like


def nadam(xp, p, g, m, v, beta1, part1, beta2, part2, eps, root, of_g, of_m, decay, *, maximize, coupled, decoupled):
    """m and v: running means of g and g², of which each new one joins by part1 and part2; of_g and of_m: how far p goes along g and m."""
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
    p -= (of_g * g + of_m * m) / (xp.sqrt(v) + eps) * root
    return p, m, v


class NAdam(ByRule):
    """Adam that looks ahead: p ← p − lr·(μₙ₊₁·m̂ + (1 − μₙ)·ĝ)/(√v̂ + eps), with a momentum μₙ = β₁·(1 − 0.96^(n·momentum_decay)/2).

    The corrections of m and g divide by 1 − ∏μ. weight_decay adds weight_decay·p to the gradient, or with decoupled_weight_decay
    shrinks p by lr·weight_decay at once.
    Raises ValueError for negative lr, eps, weight_decay or momentum_decay and for betas out of [0, 1).
    Source: Dozat 2016, Incorporating Nesterov momentum into Adam.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8944], requires_grad=True)
    """

    by_count = False  # the product of momenta is a parameter's own

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_range("momentum_decay value", momentum_decay)
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter(), "mu_product": counter(1.0), "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, beta1, beta2, decay = (number(x, group) for x in (group["lr"], *group["betas"], group["weight_decay"]))
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (n, n + 1))
        if group["differentiable"]:
            product = state["mu_product"] = state["mu_product"] * now
        else:
            state["mu_product"].array *= now
            product = float(state["mu_product"].array)
        root = (1 - beta2**n) ** 0.5  # √v̂ + eps = (√v + root·eps)/root
        decays, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
        numbers = (
            beta1, 1 - beta1, beta2, 1 - beta2, group["eps"] * root, root,
            lr * (1 - now) / (1 - product), lr * following / (1 - product * following), 1 - lr * decay if decoupled else decay,
        )  # fmt: skip
        flags = ("maximize", group["maximize"]), ("coupled", decays and not decoupled), ("decoupled", decays and decoupled)
        return Plan(nadam, ("exp_avg", "exp_avg_sq"), numbers, flags)
