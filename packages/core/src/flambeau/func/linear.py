"""linearize: the derivative of a function at a point as a function of its own, without computing the point again."""
from __future__ import annotations

from ..autograd import grad as gradients
from ..context import enable_grad
from ..dtype import FLOAT
from ..ops.create import zeros_like
from ..tensor import Tensor
from .grad import vjp
from .level import zero_leaf
from .pytree import tree_flatten, tree_unflatten


def linearize(func, *primals):
    """func(*primals), and the linear function that sends tangents of the primals to tangents of the outputs.

    The function is run once, here; what is given back only moves tangents. RuntimeError for tangents that do not match the primals.

    >>> y, push = flambeau.func.linearize(flambeau.sin, flambeau.zeros(2))
    >>> push(flambeau.ones(2))
    tensor([1., 1.])
    """
    flat, spec = tree_flatten(primals)
    outputs, back = vjp(func, *primals)
    outs, out_spec = tree_flatten(outputs)
    with enable_grad():  # g ↦ g·J is linear: its derivative along a tangent t is J·t
        seeds = [zero_leaf(y) if y.dtype.category >= FLOAT else zeros_like(y) for y in outs]
        sent = tree_flatten(back(tree_unflatten(seeds, out_spec)))[0]

    def push(*tangents):
        given, given_spec = tree_flatten(tangents)
        if given_spec != spec:
            raise RuntimeError(f"Expected the tangents {given_spec} to have the same argspec as the primals {spec}")
        for i, (t, p) in enumerate(zip(given, flat, strict=True)):
            _check(i, t, p)
        pairs = [(s, t) for s, t in zip(sent, given, strict=True) if s.requires_grad]
        asked = [s for s in seeds if s.requires_grad]
        moved = iter(())
        if pairs and asked:
            moved = iter(gradients([s for s, _ in pairs], asked, [t for _, t in pairs], retain_graph=True,
                                   create_graph=any(t.requires_grad for t in given), allow_unused=True, materialize_grads=True))
        return tree_unflatten([next(moved, None) if s.requires_grad and pairs else zeros_like(s).detach() for s in seeds], out_spec)

    return outputs, push


def _check(i: int, t, p) -> None:
    if not isinstance(t, Tensor):
        raise RuntimeError(f"tangent:{i} in flattened pytree is not a tensor, but a {type(t).__name__}")
    if t.shape != p.shape:
        raise RuntimeError(f"tangent:{i} with shape {t.shape} in flattened pytree doesn't match the shape {p.shape} of the corresponding "
                           "primal.")
    if t.dtype is not p.dtype:
        raise RuntimeError(f"tangent:{i} with dtype {t.dtype} in flattened pytree doesn't match the dtype {p.dtype} of the corresponding "
                           "primal.")
    if t.device != p.device:
        raise RuntimeError(f"tangent:{i} on {t.device} in flattened pytree, but the corresponding primal is on {p.device}.")
