"""Steps as long as the last ones."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, zeros_like


def adadelta(xp, p, g, s, d, lr, rho, part, eps, decay, *, maximize, decaying):
    """s and d: running means of g² and of the steps' squares."""
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    s *= rho
    s += part * g * g
    step = xp.sqrt(d + eps) / xp.sqrt(s + eps) * g
    d *= rho
    d += part * step * step
    p -= lr * step
    return p, s, d


class Adadelta(ByRule):
    """p ← p − lr·Δ,  Δ = g·√(d + eps)/√(s + eps): the gradient in units of the steps, by running means of Δ² and g².

    weight_decay adds weight_decay·p to the gradient. Raises ValueError for a negative lr, eps or weight_decay and for rho out of [0, 1].
    Source: Zeiler 2012, ADADELTA: An adaptive learning rate method.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.Adadelta([w])
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9968], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_range("epsilon value", eps)
        check_range("weight_decay value", weight_decay)
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize, "capturable": capturable,
            "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter(), "square_avg": zeros_like(p), "acc_delta": zeros_like(p)}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, rho, decay = (number(group[name], group) for name in ("lr", "rho", "weight_decay"))
        flags = ("maximize", group["maximize"]), ("decaying", group["weight_decay"] != 0)
        return Plan(adadelta, ("square_avg", "acc_delta"), (lr, rho, 1 - rho, group["eps"], decay), flags)
