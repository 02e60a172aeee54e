"""Adam, and AdamW, which takes the weight decay out of the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau.optim.optimizer import Optimizer, check_flags, check_range
from flambeau.optim.update import apply, count, counter, zeros_like

NAMES = "exp_avg", "exp_avg_sq", "max_exp_avg_sq"  # of the state, in the rules' order


def adam(xp, p, g, m, v, lr, beta1, part1, beta2, part2, eps, decay, *, maximize, coupled, decoupled):
    """m and v: running means of g and g², of which each new one joins by part1 and part2.  See `numbers` for lr, eps and decay."""
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
    p -= lr * (m / (xp.sqrt(v) + eps))
    return p, m, v


def adam_amsgrad(xp, p, g, m, v, top, lr, beta1, part1, beta2, part2, eps, decay, *, maximize, coupled, decoupled):
    """top: the largest v so far, which stands in its place."""
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
    top = xp.maximum(top, v)
    p -= lr * (m / (xp.sqrt(top) + eps))
    return p, m, v, top


def numbers(group: dict[str, Any], n: float) -> tuple[float, ...]:
    """What the rules take at step n.

    The bias corrections m̂ = m/(1 − β₁ⁿ) and v̂ = v/(1 − β₂ⁿ) are folded in: p − lr·m̂/(√v̂ + eps) = p − (lr·r/(1 − β₁ⁿ))·m/(√v + r·eps),
    r = √(1 − β₂ⁿ). decay: what of p joins the gradient; when decoupled, what is left of p.
    """
    lr, (beta1, beta2), decay = float(group["lr"]), map(float, group["betas"]), float(group["weight_decay"])
    root = (1 - beta2**n) ** 0.5
    if group["decoupled_weight_decay"]:
        decay = 1 - lr * decay
    return lr * root / (1 - beta1**n), beta1, 1 - beta1, beta2, 1 - beta2, group["eps"] * root, decay


class Adam(Optimizer):
    """p ← p − lr·m̂/(√v̂ + eps): steps along the mean gradient, each weight's in proportion to its own gradients' size.

    betas: how long the means of g and g² remember. weight_decay adds weight_decay·p to the gradient, or with
    decoupled_weight_decay shrinks p by lr·weight_decay at once. amsgrad divides by the largest mean of g² so far.
    maximize goes up the gradient. foreach and fused are accepted and give the same numbers.
    Raises ValueError for a negative lr, eps or weight_decay and for betas out of [0, 1).
    Source: Kingma, Ba 2015; Reddi et al. 2018 for amsgrad.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], high=1.0)
        check_range("beta parameter at index 1", betas[1], high=1.0)
        check_range("weight_decay value", weight_decay)
        check_flags(foreach=foreach, fused=fused, differentiable=differentiable, capturable=capturable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("decoupled_weight_decay", self.defaults.get("decoupled_weight_decay", False))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        for group in self.param_groups:
            decays, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
            flags = ("maximize", group["maximize"]), ("coupled", decays and not decoupled), ("decoupled", decays and decoupled)
            rule, names = (adam_amsgrad, NAMES) if group["amsgrad"] else (adam, NAMES[:2])
            last: float = -1
            these: tuple[float, ...] = ()  # parameters mostly step together: computed once
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = counter()
                    state.update((name, zeros_like(p)) for name in names)
                n = count(state["step"])
                if n != last:
                    last, these = n, numbers(group, n)
                apply(rule, p, tuple([state[name] for name in names]), these, flags)
        return loss


class AdamW(Adam):
    """Adam whose weight decay is apart from the gradient: p ← p·(1 − lr·weight_decay), then Adam's step.

    Arguments and errors are Adam's. Source: Loshchilov, Hutter 2019, Decoupled weight decay regularization.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
