"""Adam for gradients that name a few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau
from flambeau.optim.optimizer import Optimizer, check_betas, check_lr
from flambeau.tensor import Tensor


class SparseAdam(Optimizer):
    """Adam's step at the places that the sparse gradient names; all others, and their means, stay as they are.

    For gradients of sparse layout, such as those of a large table of embeddings. maximize goes up the gradient.
    Raises ValueError for lr or eps that are not positive, betas out of [0, 1), sparse or complex parameters; RuntimeError for a dense
    gradient. Source: Kingma, Ba 2015, Adam: A method for stochastic optimization.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, maximize: bool = False
    ) -> None:
        check_lr(lr)
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        places = [([i, j], p) for i, group in enumerate(self.param_groups) for j, p in enumerate(group["params"])]
        if found := [place for place, p in places if getattr(p, "is_sparse", False)]:
            raise ValueError(f"Sparse params at indices {found}: SparseAdam requires dense parameter tensors")
        if found := [place for place, p in places if p.is_complex()]:
            raise ValueError(f"Complex params at indices {found}: SparseAdam does not support complex parameters")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns the closure's loss, where one is given."""
        loss = self.evaluate(closure)
        with flambeau.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    if not getattr(p.grad, "is_sparse", False):
                        raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
                    state = self.state[p]
                    if not state:
                        state.update(step=0, exp_avg=flambeau.zeros_like(p), exp_avg_sq=flambeau.zeros_like(p))
                    state["step"] += 1
                    g = p.grad.coalesce()  # each place once: the step is not linear
                    values = g.values()
                    if values.numel():
                        move(p, tuple(g.indices()), -values if group["maximize"] else values, state, group)
        return loss


def move(p: Tensor, where: tuple[Tensor, ...], g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Adam's step at the places `where` of p, along their gradients g (n, *)."""
    beta1, beta2 = map(float, group["betas"])
    n, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
    mean = m[where] + (g - m[where]) * (1 - beta1)
    square = v[where] + (g * g - v[where]) * (1 - beta2)
    m[where], v[where] = mean, square
    size = float(group["lr"]) * (1 - beta2**n) ** 0.5 / (1 - beta1**n)
    p[where] = p[where] - size * mean / (square.sqrt() + group["eps"])
