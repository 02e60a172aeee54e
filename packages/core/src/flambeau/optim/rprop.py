"""Steps by the sign of the gradient."""

from __future__ import annotations

from typing import Any

from flambeau.optim.optimizer import check_flags, check_lr
from flambeau.optim.rule import ByRule, Plan
from flambeau.optim.update import counter, full_like, zeros_like


def rprop(xp, p, g, before, size, down, up, least, most, *, maximize):
    """before: the last gradient; size: how far each weight goes, up when the gradient keeps its sign, down and no step when it turned."""
    if maximize:
        g = -g
    turn = g * before
    size = xp.where(turn > 0, size * up, xp.where(turn < 0, size * down, size))
    size = xp.minimum(xp.maximum(size, least), most)
    g = xp.where(turn < 0, g * 0.0, g)
    p -= xp.sign(g) * size
    return p, g, size


class Rprop(ByRule):
    """p ← p − size·sign(g): each weight's size grows by etas[1] while its gradient keeps its sign, and shrinks by etas[0] when that turns.

    For whole batches: the gradients' size has no say. A turn makes no step itself. lr: the first size; step_sizes: the least and largest.
    Raises ValueError for a negative lr and for etas that are not 0 < etas[0] < 1 < etas[1].
    Source: Riedmiller, Braun 1993, A direct adaptive method for faster backpropagation learning.

    >>> w = flambeau.tensor([1.0], requires_grad=True)
    >>> optimizer = flambeau.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        check_flags(foreach=foreach, differentiable=differentiable)
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def begin(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        lr = float(group["lr"])
        return {"step": counter(), "prev": zeros_like(p), "step_size": full_like(p, complex(lr, lr) if p.is_complex() else lr)}

    def plan(self, group: dict[str, Any], n: float, state: dict[str, Any], p: Any) -> Plan:
        numbers = (*map(float, group["etas"]), *map(float, group["step_sizes"]))
        return Plan(rprop, ("prev", "step_size"), numbers, (("maximize", group["maximize"]),))
