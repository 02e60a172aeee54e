"""The gradient over its root mean square."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, zeros_like


def rmsprop(xp, p, g, s, *rest, maximize, decaying, centered, moving):
    """s: the running mean of g²; then, where asked for, a: that of g, and b: the running sum of steps."""
    *more, lr, alpha, part, eps, decay, momentum = rest
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    s *= alpha
    s += part * g * g
    size = s
    if centered:
        a = more[0]
        a *= alpha
        a += part * g
        more[0] = a
        size = s - a * a
    step = g / (xp.sqrt(size) + eps)
    if moving:
        b = more[-1]
        b *= momentum
        b += step
        more[-1] = step = b
    p -= lr * step
    return p, s, *more


class RMSprop(ByRule):
    """p ← p − lr·g/(√s + eps),  s the running mean of g²: each weight's steps in proportion to its own gradients' size.

    centered takes the variance for s. momentum: b ← momentum·b + g/(√s + eps), and p goes along b. weight_decay adds weight_decay·p
    to the gradient. Raises ValueError for a negative lr, eps, weight_decay, momentum or alpha.
    Source: Tieleman, Hinton 2012; Graves 2013, Generating sequences with recurrent neural networks, for the centered form.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered, "weight_decay": weight_decay,
            "capturable": capturable, "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", *["grad_avg"] * group["centered"], *["momentum_buffer"] * (group["momentum"] > 0))

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        order = sorted(self.names(group), key=("square_avg", "momentum_buffer", "grad_avg").index)
        return {"step": counter()} | {name: zeros_like(p) for name in order}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, alpha, decay, momentum = (number(group[name], group) for name in ("lr", "alpha", "weight_decay", "momentum"))
        flags = ("maximize", group["maximize"]), ("decaying", group["weight_decay"] != 0)
        kinds = ("centered", group["centered"]), ("moving", group["momentum"] > 0)
        return Plan(rmsprop, self.names(group), (lr, alpha, 1 - alpha, group["eps"], decay, momentum), (*flags, *kinds))
