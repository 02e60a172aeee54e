"""Adam, and AdamW, which takes the weight decay out of the gradient."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_betas, check_flags, check_lr, check_range
from flambeau.optim.rule import ByRule, Plan, number
from flambeau.optim.update import counter, zeros_like
from flambeau.tensor import Tensor

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


def numbers(group: dict[str, Any], n: float) -> tuple[Any, ...]:
    """What the rules take at step n.

    The bias corrections m̂ = m/(1 − β₁ⁿ) and v̂ = v/(1 − β₂ⁿ) are folded in: p − lr·m̂/(√v̂ + eps) = p − (lr·r/(1 − β₁ⁿ))·m/(√v + r·eps),
    r = √(1 − β₂ⁿ). decay: what of p joins the gradient; when decoupled, what is left of p.
    """
    lr, beta1, beta2, decay = (number(x, group) for x in (group["lr"], *group["betas"], group["weight_decay"]))
    root = (1 - beta2**n) ** 0.5
    if group["decoupled_weight_decay"]:
        decay = 1 - lr * decay
    return lr * root / (1 - beta1**n), beta1, 1 - beta1, beta2, 1 - beta2, group["eps"] * root, decay


class Adam(ByRule):
    """p ← p − lr·m̂/(√v̂ + eps): steps along the mean gradient, each weight's in proportion to its own gradients' size.

    betas: how long the means of g and g² remember. weight_decay adds weight_decay·p to the gradient, or with
    decoupled_weight_decay shrinks p by lr·weight_decay at once. amsgrad divides by the largest mean of g² so far.
    maximize goes up the gradient. foreach and fused are accepted and give the same numbers; differentiable records the step.
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
        check_lr(lr, foreach=foreach, capturable=capturable)
        check_range("epsilon value", eps)
        check_betas(betas)
        check_range("weight_decay value", weight_decay)
        check_tensor_betas(betas, foreach=foreach, capturable=capturable)
        check_flags(foreach=foreach, fused=fused, differentiable=differentiable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": counter()} | {name: zeros_like(p) for name in (NAMES if group["amsgrad"] else NAMES[:2])}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        decays, decoupled = group["weight_decay"] != 0, group["decoupled_weight_decay"]
        flags = ("maximize", group["maximize"]), ("coupled", decays and not decoupled), ("decoupled", decays and decoupled)
        rule, names = (adam_amsgrad, NAMES) if group["amsgrad"] else (adam, NAMES[:2])
        return Plan(rule, names, numbers(group, n), flags)


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


def check_tensor_betas(betas: tuple[Any, Any], *, foreach: bool | None, capturable: bool) -> None:
    """ValueError for one tensor among numbers, for more than one element, and where PyTorch's foreach would have to wait for the value."""
    kinds = [isinstance(beta, Tensor) for beta in betas]
    if kinds[0] != kinds[1]:
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if kinds[i] and not capturable and foreach:
            raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
        if kinds[i] and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element")
