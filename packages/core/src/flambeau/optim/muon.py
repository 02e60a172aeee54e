"""Momentum made orthogonal, for matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau.optim.optimizer import Optimizer
from flambeau.tensor import Tensor

MOST_STEPS = 100


class Muon(Optimizer):
    """p ← (1 − lr·weight_decay)·p − lr·s·orthogonal(b),  b the running mean of g (with nesterov g moved to it by momentum once more).

    For the matrices inside of a network: (n, m) parameters alone. orthogonal: ns_steps of Newton and Schulz's iteration in bfloat16, which
    brings all singular values near one. s: √max(1, n/m) for adjust_lr_fn None or "original", 0.2·√max(n, m) for "match_rms_adamw".
    Raises ValueError for a negative lr, momentum or weight_decay, another adjust_lr_fn, and parameters that are not matrices;
    RuntimeError for complex ones. Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.

    >>> w = flambeau.eye(2).requires_grad_()
    >>> optimizer = flambeau.optim.Muon([w], lr=0.1, weight_decay=0)
    >>> (w * w).sum().backward(); optimizer.step(); (w.diagonal() < 1).tolist(), w[0, 1].item() == 0
    ([True, True], True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in {"Learning rate": lr, "momentum": momentum, "weight decay": weight_decay}.items():
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported: give 'original' or 'match_rms_adamw'")
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov, "ns_coefficients": ns_coefficients,
            "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for p in self.parameters():
            if p.ndim != 2:
                raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        with flambeau.no_grad():
            for group in self.param_groups:
                lr, momentum = float(group["lr"]), group["momentum"]
                for p in group["params"]:
                    g = p.grad
                    if g is None:
                        continue
                    if p.is_complex():
                        raise RuntimeError("Muon does not support complex parameters")
                    if getattr(g, "is_sparse", False):
                        raise RuntimeError("Muon does not support sparse gradients: SparseAdam does")
                    state = self.state[p]
                    if not state:
                        state["momentum_buffer"] = flambeau.zeros_like(g)
                    mean = state["momentum_buffer"].lerp_(g, 1 - momentum)
                    update = orthogonal(g.lerp(mean, momentum) if group["nesterov"] else mean, group)
                    p.mul_(1 - lr * group["weight_decay"])
                    p.sub_(update.to(p.dtype), alpha=lr * scale(group["adjust_lr_fn"], *p.shape))
        return loss


def orthogonal(g: Tensor, group: dict[str, Any]) -> Tensor:
    """g with all its singular values near one.  (n, m) -> (n, m), float32 of bfloat16's digits

    X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ takes every singular value x to a·x + b·x³ + c·x⁵, whose slope at zero is steep.
    """
    if group["ns_steps"] >= MOST_STEPS:
        raise ValueError(f"Number of steps must be less than {MOST_STEPS} for computational efficiency, got {group['ns_steps']}")
    if len(group["ns_coefficients"]) != 3:
        raise ValueError(f"Coefficients must be a tuple of exactly 3 values, got {group['ns_coefficients']}")
    a, b, c = group["ns_coefficients"]
    tall = g.shape[0] > g.shape[1]
    x = g.to(flambeau.bfloat16)
    x = x.T if tall else x
    x = (x / x.norm().clamp(min=group["eps"])).float()
    for _ in range(group["ns_steps"]):
        square = rounded(x @ x.T)
        x = rounded(a * x + rounded(b * square + c * (square @ square)) @ x)
    return x.T if tall else x


def rounded(x: Tensor) -> Tensor:
    """float32 with bfloat16's digits: each line of the iteration is summed in float32 and rounded once."""
    return x.to(flambeau.bfloat16).float()


def scale(adjust_lr_fn: str | None, n: int, m: int) -> float:
    return 0.2 * math.sqrt(max(n, m)) if adjust_lr_fn == "match_rms_adamw" else math.sqrt(max(1, n / m))
