"""Gradients for several gradients of the outputs at once: the engine run under vmap."""
from __future__ import annotations

from ..func.vmap import vmap
from .engine import run_backward
from .gradients import _roots, _wanted


def gradients(outputs, inputs, seeds, retain_graph: bool, create_graph: bool) -> tuple:
    """For each input its gradients, the axis of the seeds in front; None where the outputs do not depend on it."""
    nodes = [_wanted(x) for x in inputs]
    given = [s for s in seeds if s is not None]
    if not given:
        raise RuntimeError("is_grads_batched=True needs grad_outputs: tensors with an axis more than the outputs, in front")
    used: list = []

    def one(*rows):
        rest = iter(rows)
        wanted = dict.fromkeys(nodes)
        run_backward(_roots(outputs, [None if s is None else next(rest) for s in seeds]), create_graph, retain_graph, wanted, False)
        used[:] = [i for i, n in enumerate(nodes) if wanted[n] is not None]
        return tuple(wanted[nodes[i]] for i in used)

    found = vmap(one)(*given)
    answer: list = [None] * len(nodes)
    for i, g in zip(used, found, strict=True):
        answer[i] = g
    return tuple(answer)
