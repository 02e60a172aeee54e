"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau.optim.optimizer import Optimizer, check_flags, check_range
from flambeau.optim.update import apply, zeros_like


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


class SGD(Optimizer):
    """p ← p − lr·b,  b ← momentum·b + (1 − dampening)·(g + weight_decay·p);  nesterov takes g + momentum·b for b.

    maximize goes up the gradient. foreach and fused are accepted and give the same numbers.
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
        check_range("learning rate", lr)
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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        for group in self.param_groups:
            lr, decay, momentum = float(group["lr"]), float(group["weight_decay"]), float(group["momentum"])
            flags: tuple[tuple[str, Any], ...] = ("maximize", group["maximize"]), ("decaying", decay != 0)
            if momentum:
                flags = *flags, ("nesterov", group["nesterov"])
            for p in group["params"]:
                if p.grad is None:
                    continue
                if not momentum:
                    apply(sgd, p, (), (lr, decay), flags)
                    continue
                state, part = self.state[p], 1.0 - group["dampening"]
                if state.get("momentum_buffer") is None:  # the first gradient joins undampened
                    state["momentum_buffer"], part = zeros_like(p), 1.0
                apply(sgd_momentum, p, (state["momentum_buffer"],), (lr, decay, momentum, part), flags)
        return loss
