"""`backward` and `grad`: from what the user names to nodes, and back."""
from __future__ import annotations

from importlib import import_module

from ..context import enable_grad
from ..layout import strided
from ..tensor import Tensor
from .engine import run_backward, seed_gradient
from .graph import GradientEdge, node_of


def _sequence(x) -> tuple:
    return () if x is None else (x,) if isinstance(x, Tensor | GradientEdge) else tuple(x)


def _history(x):
    """The tensor that holds x's history: of a sparse one its values."""
    return x.entries if isinstance(x, Tensor) and x.process is not None and x.layout is not strided else x


def _roots(outputs, grads):
    grads = grads or (None,) * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots = []
    for i, (y, g) in enumerate(zip(outputs, grads, strict=True)):
        if _history(y) is not y:
            y, g = y.entries, None if g is None else y.at_places(g)
        node = node_of(y)
        if node is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        of = y if isinstance(y, Tensor) else node
        roots.append((node, seed_gradient(of.shape, of.dtype, y if isinstance(y, Tensor) else None, g, i)))
    return roots


def backward(
    tensors, grad_tensors=None, retain_graph: bool | None = None, create_graph: bool = False, grad_variables=None, inputs=None
) -> None:
    """Add the gradients of `tensors` to `.grad` of the leaves that they come from (or of `inputs` only).

    RuntimeError for a root that is not a scalar and brings no gradient, a graph already freed, or a changed tensor.
    """
    outputs = _sequence(tensors)
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only use "
                               "`grad_tensors`.")
        grad_tensors = grad_variables
    wanted = None
    if inputs is not None:
        inputs = tuple(map(_history, _sequence(inputs)))
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        wanted = {_wanted(x): None for x in inputs}
        for x in inputs:
            if isinstance(x, Tensor):
                x.retain_grad()
    run_backward(_roots(outputs, _sequence(grad_tensors)), create_graph, create_graph if retain_graph is None else retain_graph, wanted)


def _wanted(x):
    node = node_of(x)
    if node is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return node


def grad(
    outputs,
    inputs=None,
    grad_outputs=None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
    only_inputs: bool = True,
):
    """Gradients of `outputs` with respect to `inputs`, as a tuple.  Of a function: the function that gives its gradient.

    is_grads_batched  the gradients of the outputs have one more axis in front, and so have the answers

    >>> abs_grad = flambeau.autograd.grad(lambda x: x if x > 0 else -x)
    >>> abs_grad(flambeau.tensor(-2.0))
    tensor(-1.)
    """
    if callable(outputs) and not isinstance(outputs, Tensor):
        return gradient_of(outputs)
    outputs, inputs, seeds = _sequence(outputs), _sequence(inputs), _sequence(grad_outputs)
    if not only_inputs:
        from warnings import warn

        warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts of the "
             "graph, please use flambeau.autograd.backward.", FutureWarning, stacklevel=2)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        found = list(import_module(f"{__package__}.batched").gradients(outputs, inputs, seeds, keep, create_graph))
    else:
        roots = _roots(outputs, seeds)
        nodes = [_wanted(_history(x)) for x in inputs]
        wanted = dict.fromkeys(nodes)
        run_backward(roots, create_graph, keep, wanted, accumulate=False)
        found = [wanted[n] for n in nodes]
    for i, (x, g) in enumerate(zip(inputs, found, strict=True)):
        if g is None:
            if materialize_grads:
                if not isinstance(x, Tensor):
                    raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
                found[i] = x.detach().new_zeros(x.shape, requires_grad=True)
            elif not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set allow_unused=True if this is "
                    "the desired behavior."
                )
        elif _history(x) is not x:
            found[i] = x.gradient(g)
    return tuple(found)


def gradient_of(function):
    """The function that gives the gradient of a scalar function with respect to its first argument."""

    def gradient(x, *args, **kwargs):
        with enable_grad():
            leaf = x.detach().requires_grad_()
            return grad(function(leaf, *args, **kwargs), leaf)[0]

    return gradient


