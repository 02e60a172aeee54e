"""Adam's second moment in a row and a column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau
from flambeau.optim.optimizer import Optimizer
from flambeau.optim.update import count, counter
from flambeau.tensor import Tensor


class Adafactor(Optimizer):
    """p ← p − α·u/max(1, rms(u)/d),  u = g/√v,  α = max(eps[1], rms(p))·min(lr, 1/√n): steps in proportion to the weights themselves.

    v, the running mean of g², is kept for vectors; for more axes only its means over the last one and over the one before are kept,
    whose product over their mean stands for it: state of n + m numbers for a matrix of n·m. The mean's part is n^beta2_decay at step n.
    eps[0] (by default the dtype's epsilon) bounds √v below. weight_decay shrinks p by lr·weight_decay at once.
    Raises ValueError for a negative lr, eps or weight_decay, d < 1 and beta2_decay > 0; RuntimeError for complex parameters.
    Source: Shazeer, Stern 2018, Adafactor: Adaptive learning rates with sublinear memory cost.

    >>> w = flambeau.ones(2, 3, requires_grad=True)
    >>> optimizer = flambeau.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([[0.9000, 0.9000, 0.9000],
            [0.9000, 0.9000, 0.9000]], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        with flambeau.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._move(p, group)
        return loss

    def _move(self, p: Any, group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if getattr(p.grad, "is_sparse", False):
            raise RuntimeError("Adafactor does not support sparse gradients: SparseAdam does")
        g, state, lr = (-p.grad if group["maximize"] else p.grad), self.state[p], float(group["lr"])
        if not state:
            state.update(begin(g))
        if not isinstance(state["step"], flambeau.Tensor):  # of an old checkpoint
            state["step"] = counter(state["step"])
        n = count(state["step"])
        least = flambeau.finfo(p.dtype).eps if group["eps"][0] is None else group["eps"][0]
        rate = max(group["eps"][1], rms(p)) * min(lr, n**-0.5)
        if group["weight_decay"]:
            p.mul_(1 - lr * group["weight_decay"])
        update = g * mean_square(g, state, n ** group["beta2_decay"], least).clamp_(min=least * least).rsqrt_()
        p.sub_(update, alpha=rate / max(1.0, rms(update) / group["d"]))


def begin(g: Tensor) -> dict[str, Any]:
    if g.ndim < 2:
        return {"step": counter(), "variance": flambeau.zeros_like(g)}
    rows, columns = g.new_zeros((*g.shape[:-1], 1)), g.new_zeros((*g.shape[:-2], 1, g.shape[-1]))
    return {"step": counter(), "row_var": rows, "col_var": columns}


def mean_square(g: Tensor, state: dict[str, Any], part: float, least: float) -> Tensor:
    """The running mean of g², after g has joined it by `part`; (*, n, m) as the product of (*, n, 1) and (*, 1, m) over their mean."""
    if g.ndim < 2:
        return state["variance"].lerp_(g * g, part).clone()
    rows = state["row_var"].lerp_((g * g).mean(-1, keepdim=True), part)
    columns = state["col_var"].lerp_((g * g).mean(-2, keepdim=True), part)
    return rows @ columns / rows.mean(-2, keepdim=True).clamp_(min=least)


def rms(x: Tensor) -> float:
    """Root mean square."""
    return x.norm().item() / max(x.numel(), 1) ** 0.5
