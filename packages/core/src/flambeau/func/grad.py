"""Gradients of functions: grad, vjp, and the Jacobians that nest them in vmap."""
from __future__ import annotations

from functools import wraps

from ..autograd import grad as gradients
from ..context import enable_grad, is_grad_enabled
from ..ops.create import eye
from ..tensor import Tensor
from .jvp import jvp
from .level import Wrapper, lift_for_grad
from .pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten
from .vmap import vmap


def _chosen(args, argnums):
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    picked = (argnums,) if isinstance(argnums, int) else argnums
    if not picked:
        raise RuntimeError("argnums must be non-empty")
    if len(set(picked)) < len(picked):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    for i in picked:
        if not isinstance(i, int):
            raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {argnums}")
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")
    return tuple(i % len(args) for i in picked)


def _lifted(tree):
    leaves, spec = tree_flatten(tree)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(f"expected only tensors in the arguments to differentiate by, got {type(x)}")
    fresh = [lift_for_grad(x) for x in leaves]
    return fresh, spec


def _settled(tree, recording: bool):
    """What leaves a gradient transform: with its history outside, where one is wanted; never with the one inside."""
    return tree if recording else tree_map(lambda x: x.detach() if isinstance(x, Tensor) and not isinstance(x, Wrapper) else x, tree)


def grad_and_value(func, argnums=0, has_aux: bool = False):
    """The function that gives (gradient, value) of a scalar function; with has_aux (gradient, (value, aux))."""

    def both(*args, **kwargs):
        recording = is_grad_enabled()
        picked = _chosen(args, argnums)
        with enable_grad():
            lifted = {i: _lifted(args[i]) for i in picked}
            given = [tree_unflatten(*lifted[i]) if i in lifted else a for i, a in enumerate(args)]
            result = func(*given, **kwargs)
            value, aux = _with_aux("grad_and_value(f)(*args)", result) if has_aux else (result, None)
            if not isinstance(value, Tensor):
                raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(value)}")
            if value.ndim:
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a scalar tensor, got tensor with {value.ndim} dims. "
                    "Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            flat = [x for i in picked for x in lifted[i][0]]
            found = iter(_gradients([value], flat, None))
            grads = tuple(tree_unflatten([next(found) for _ in lifted[i][0]], lifted[i][1]) for i in picked)
        grads = grads[0] if isinstance(argnums, int) else grads
        waiting = recording and _open(flat, [value])
        grads, value, aux = (_settled(t, waiting) for t in (grads, value, aux))
        return (grads, (value, aux)) if has_aux else (grads, value)

    return both


def _with_aux(what: str, result):
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{what}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def _open(lifted, outputs) -> bool:
    """Whether a graph outside is waiting: the inputs come from somewhere, or the outputs from other leaves than these inputs too."""
    if any(isinstance(x, Wrapper) or not x.is_leaf for x in lifted):
        return True
    own, seen, stack = {x.node for x in lifted}, set(), [y.node for y in outputs if isinstance(y, Tensor) and y.node is not None]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.is_leaf and node not in own:
            return True
        stack.extend(p for p in node.parents if p is not None)
    return False


def _gradients(outputs, inputs, seeds, create_graph=True):
    tracked = [(y, s) for y, s in zip(outputs, seeds or [None] * len(outputs), strict=True) if y.node is not None]
    if not tracked:
        return [x.detach() * 0 for x in inputs]
    ys = [y for y, _ in tracked]
    return gradients(ys, inputs, None if seeds is None else [s for _, s in tracked], retain_graph=True, create_graph=create_graph,
                     allow_unused=True, materialize_grads=True)


def grad(func, argnums=0, has_aux: bool = False):
    """The function that gives the gradient of a scalar function with respect to one argument, or several.

    >>> flambeau.func.grad(flambeau.func.grad(lambda x: x**3))(flambeau.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    def gradient(*args, **kwargs):
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return gradient


def vjp(func, *primals, has_aux: bool = False):
    """func(*primals), and the function that sends output gradients back to the inputs.

    >>> y, back = flambeau.func.vjp(flambeau.sin, flambeau.zeros(2))
    >>> back(flambeau.ones(2))[0]
    tensor([1., 1.])
    """
    recording = is_grad_enabled()
    with enable_grad():
        flat, spec = _lifted(primals)
        result = func(*tree_unflatten(flat, spec))
    result, aux = _with_aux("vjp(f, *primals)", result) if has_aux else (result, None)
    outs, out_spec = tree_flatten(result)
    for y in outs:
        if not isinstance(y, Tensor):
            raise RuntimeError(f"vjp(f, *primals): expected f(*primals) to return only tensors, got unsupported type {type(y)}")

    waiting = recording and _open(flat, outs)

    def back(*cotangents, retain_graph: bool = True, create_graph: bool | None = None):
        given, given_spec = tree_flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        if given_spec != out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {given_spec}, primal output: {out_spec}"
            )
        with enable_grad():
            grads = _gradients(outs, flat, given)
        return _settled(tree_unflatten(grads, spec), waiting or _carries(given))

    back.waiting = waiting  # type: ignore[attr-defined]
    values = _settled(tree_unflatten(outs, out_spec), waiting)
    return (values, back, aux) if has_aux else (values, back)


def _carries(tensors) -> bool:
    return any(isinstance(x, Tensor) and x.requires_grad for x in tensors)


def _basis(leaves):
    """For each leaf the unit tensors of all leaves together: leaf of shape s -> (Σ numel, *s)."""
    sizes = [x.numel() for x in leaves]
    unit = eye(sum(sizes), dtype=leaves[0].dtype)
    start, parts = 0, []
    for x, n in zip(leaves, sizes, strict=True):
        parts.append(unit[:, start:start + n].to(x.dtype).reshape(-1, *x.shape))
        start += n
    return parts, sizes


def _expect_real(what: str, tree, word: str) -> None:
    for i, x in enumerate(tree_leaves(tree)):
        if isinstance(x, Tensor) and x.is_complex():
            raise RuntimeError(f"{what}: Expected all {word} to be real but received complex tensor at flattened input idx: {i}")


def jacrev(func, argnums=0, *, has_aux: bool = False, chunk_size: int | None = None):
    """The Jacobian by reverse mode, a row at a time in one vmap.  (out), (in) -> (*out, *in)"""

    if chunk_size is not None and chunk_size < 1:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @wraps(func)
    def jacobian(*args):
        picked = _chosen(args, argnums)

        def of(*chosen):
            given = list(args)
            for i, x in zip(picked, chosen, strict=True):
                given[i] = x
            return func(*given)

        _expect_real("jacrev", [args[i] for i in picked], "inputs")

        result = vjp(of, *(args[i] for i in picked), has_aux=has_aux)
        value, back = result[:2]
        outs, out_spec = tree_flatten(value)
        _expect_real("jacrev", outs, "outputs")
        basis, sizes = _basis(outs)
        rows = vmap(lambda *b: back(tree_unflatten(b, out_spec)), chunk_size=chunk_size)(*basis)  # for each input (Σ out, *in)
        rows = _settled(rows, back.waiting)  # inside the vmap their history was that of its values
        per_out, start = [], 0
        for y, n in zip(outs, sizes, strict=True):
            block = tree_map(lambda r, y=y, start=start, n=n: r.narrow(0, start, n).reshape(*y.shape, *r.shape[1:]), rows)
            per_out.append(block[0] if isinstance(argnums, int) else block)
            start += n
        table = tree_unflatten(per_out, out_spec)
        return (table, result[2]) if has_aux else table

    return jacobian


def jacfwd(func, argnums=0, has_aux: bool = False, *, randomness: str = "error"):
    """The Jacobian by forward mode, a column at a time in one vmap.  (out), (in) -> (*out, *in)"""

    @wraps(func)
    def jacobian(*args):
        picked = _chosen(args, argnums)
        _expect_real("jacfwd", [args[i] for i in picked], "inputs")
        flat, spec = tree_flatten(tuple(args[i] for i in picked))

        def of(*leaves):
            given = list(args)
            for i, x in zip(picked, tree_unflatten(leaves, spec), strict=True):
                given[i] = x
            return func(*given)

        basis, sizes = _basis(flat)
        aux = None

        def column(*tangents):
            nonlocal aux
            result = jvp(of, tuple(flat), tuple(tangents), has_aux=has_aux)
            if has_aux:
                aux = result[2]
            return result[1]

        columns = vmap(column, out_dims=-1, randomness=randomness)(*basis)  # for each output (*out, Σ in)
        outs, out_spec = tree_flatten(columns)
        _expect_real("jacfwd", outs, "outputs")
        blocks = []
        for c in outs:
            parts, start = [], 0
            for x, n in zip(flat, sizes, strict=True):
                parts.append(c.narrow(-1, start, n).reshape(*c.shape[:-1], *x.shape))
                start += n
            block = tree_unflatten(parts, spec)
            blocks.append(block[0] if isinstance(argnums, int) else block)
        table = tree_unflatten(blocks, out_spec)
        return (table, aux) if has_aux else table

    return jacobian


def hessian(func, argnums=0):
    """Second derivatives of a scalar function: forward over reverse.  (in) -> (*in, *in)"""
    return jacfwd(jacrev(func, argnums), argnums)
