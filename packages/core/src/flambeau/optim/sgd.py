"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from flambeau.context import no_grad
from flambeau.optim.optimizer import check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import zeros_like


def sgd(xp, p, g, lr, decay, *, maximize, decaying):
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    p -= lr * g
    return (p,)


def sgd_momentum(xp, p, g, b, lr, decay, momentum, part, *, maximize, decaying, nesterov):
    """b: the running sum of gradients, of which each new one joins by `part`."""
    if maximize:
        g = -g
    if decaying:
        g = g + decay * p
    b *= momentum
    b += part * g
    p -= lr * (g + momentum * b if nesterov else b)
    return p, b


class SGD(ByRule):
    """p ← p − lr·b,  b ← momentum·b + (1 − dampening)·(g + weight_decay·p);  nesterov takes g + momentum·b for b.

    maximize goes up the gradient. foreach and fused are accepted and give the same numbers; differentiable records the step.
    Raises ValueError for negative lr, momentum or weight_decay, and for nesterov without momentum or with dampening.
    Source: Sutskever et al. 2013, On the importance of initialization and momentum in deep learning.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_flags(foreach=foreach, fused=fused, differentiable=differentiable)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def keeps_state(self, group: dict[str, Any]) -> bool:
        return group["momentum"] != 0

    def sparse_step(self, p: Any, g: Any, group: dict[str, Any]) -> None:
        """The places that the gradient names move, and with momentum those of all gradients so far: the buffer is sparse too."""
        if group["weight_decay"] or group["differentiable"]:
            raise RuntimeError("SGD takes sparse gradients without weight_decay and differentiable: leave these 0 and False")
        with no_grad():
            g = -g.detach() if group["maximize"] else g.detach()
            if momentum := group["momentum"]:
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = g.coalesce().clone()
                else:
                    buffer = buffer * momentum + g * (1 - group["dampening"])
                    buffer = buffer.coalesce() if buffer.is_sparse else buffer  # else it would grow by a gradient each step
                state["momentum_buffer"] = buffer
                g = g + buffer * momentum if group["nesterov"] else buffer
            if g.is_sparse and g.sparse_dim() == 1:
                p.index_add_(0, g._indices()[0], g._values(), alpha=-float(group["lr"]))
            else:
                p.add_(g, alpha=-float(group["lr"]))

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": None}

    def nth(self, state: dict[str, Any], p: Any) -> float:
        """1 for a first step with momentum, 2 for all others."""
        if "momentum_buffer" not in state or state["momentum_buffer"] is not None:
            return 2.0
        state["momentum_buffer"] = zeros_like(p)
        return 1.0

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        lr, decay, momentum = (number(group[name], group) for name in ("lr", "weight_decay", "momentum"))
        flags = ("maximize", group["maximize"]), ("decaying", group["weight_decay"] != 0)
        if not group["momentum"]:
            return Plan(sgd, (), (lr, decay), flags)
        part = 1.0 if n == 1 else 1.0 - group["dampening"]  # the first gradient joins undampened
        return Plan(sgd_momentum, ("momentum_buffer",), (lr, decay, momentum, part), (*flags, ("nesterov", group["nesterov"])))
