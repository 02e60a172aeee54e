"""Newton's method with what the last gradients tell of the curvature."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau.optim.line_search import strong_wolfe
from flambeau.optim.optimizer import Optimizer, check_lr
from flambeau.tensor import Tensor

HISTORY = "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss"  # of the state, in PyTorch's order
CURVED = 1e-10  # yᵀs from which a pair joins the history: the approximation stays positive definite


class LBFGS(Optimizer):
    """Up to max_iter steps along −H·g, H made of the last history_size changes of parameters and gradients: `step(closure)`.

    The closure zeroes the gradients, computes the loss, calls backward and returns the loss; it is called at most max_eval times
    (by default max_iter·5/4). line_search_fn: None goes lr far each time (the first time lr/|g|₁ at most), "strong_wolfe" searches how far.
    A step ends early when no gradient is above tolerance_grad, or loss and parameters change by less than tolerance_change.
    Raises ValueError for a negative lr and for more than one group; RuntimeError for another line_search_fn.
    Source: Nocedal, Wright 2006, Numerical optimization, algorithms 7.4 and 7.5.

    >>> w = flambeau.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = flambeau.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w - 3).pow(2).sum()
    ...     loss.backward()
    ...     return loss
    >>> loss = optimizer.step(closure); [round(x, 3) for x in w.tolist()]
    [3.0, 3.0]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Steps until one of the bounds is met; returns the loss before the first."""
        group = self.param_groups[0]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(f"only 'strong_wolfe' is supported, got {group['line_search_fn']!r}")
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with flambeau.no_grad():
            first = self.evaluate(closure)
            state["func_evals"] += 1
            loss, g = float(first), self._gradient()
            if g.abs().max() > group["tolerance_grad"]:
                history = {name: state.get(name) for name in HISTORY}
                self._walk(closure, group, state, history, loss, g)
                state.update(history)
        return first

    def _walk(self, closure: Any, group: dict[str, Any], state: dict[str, Any], history: dict[str, Any], loss: float, g: Tensor) -> None:
        lr, small, evaluations = float(group["lr"]), group["tolerance_change"], 1
        for i in range(group["max_iter"]):
            state["n_iter"] += 1
            d = direction(g, state, history, group["history_size"])
            before = loss
            t = lr / max(1.0, g.abs().sum().item()) if state["n_iter"] == 1 else lr
            slope = g.dot(d)
            history.update(d=d, t=t, prev_flat_grad=g.clone(), prev_loss=before)
            if slope > -small:
                return
            tried, last = 0, i + 1 == group["max_iter"]
            if group["line_search_fn"]:
                start = [p.clone() for p in group["params"]]
                evaluate = partial(self._evaluate, closure, start, d)
                loss, g, t, tried = strong_wolfe(evaluate, t, d, loss, g, slope, small, group["max_eval"] - evaluations)
                self._move(t, d)
            else:
                self._move(t, d)
                if not last:
                    loss, tried = float(self.evaluate(closure)), 1
                    g = self._gradient()
            history["t"] = t
            evaluations += tried
            state["func_evals"] += tried
            flat = g.abs().max() <= group["tolerance_grad"]
            if last or evaluations >= group["max_eval"] or flat or (d * t).abs().max() <= small or abs(loss - before) < small:
                return

    def _gradient(self) -> Tensor:
        """All gradients in one vector; complex ones as pairs."""
        found = []
        for p in self.param_groups[0]["params"]:
            g = flambeau.zeros_like(p) if p.grad is None else p.grad
            g = g.to_dense() if getattr(g, "is_sparse", False) else g
            found.append((flambeau.view_as_real(g) if g.is_complex() else g).reshape(-1))
        return flambeau.cat(found)

    def _move(self, t: Any, d: Tensor) -> None:
        """Go t times d."""
        at = 0
        for p in self.param_groups[0]["params"]:
            p = flambeau.view_as_real(p) if p.is_complex() else p
            p.add_(d[at : at + p.numel()].view_as(p), alpha=float(t))
            at += p.numel()

    def _evaluate(self, closure: Callable[[], Any], start: list[Tensor], d: Tensor, t: Any) -> tuple[float, Tensor]:
        """Loss and gradient t times d away; the parameters are then back at `start`."""
        self._move(t, d)
        loss, g = float(self.evaluate(closure)), self._gradient()
        for p, value in zip(self.param_groups[0]["params"], start):
            p.copy_(value)
        return loss, g


def direction(g: Tensor, state: dict[str, Any], history: dict[str, Any], history_size: int) -> Tensor:
    """−H·g by the two loops over the history, after the last step has joined it."""
    if state["n_iter"] == 1:
        history.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return -g
    y, s = g - history["prev_flat_grad"], history["d"] * history["t"]
    changes, steps, inverse = history["old_dirs"], history["old_stps"], history["ro"]
    curvature = y.dot(s)
    if curvature > CURVED:
        if len(changes) == history_size:
            for kept in (changes, steps, inverse):
                kept.pop(0)
        changes.append(y)
        steps.append(s)
        inverse.append(1.0 / curvature)
        history["H_diag"] = curvature / y.dot(y)
    weights = state.setdefault("al", [None] * history_size)
    d = -g
    for i in reversed(range(len(changes))):
        weights[i] = steps[i].dot(d) * inverse[i]
        d.sub_(changes[i] * weights[i])
    d = d * history["H_diag"]
    for i, (change, step) in enumerate(zip(changes, steps)):
        d.add_(step * (weights[i] - change.dot(d) * inverse[i]))
    return d
