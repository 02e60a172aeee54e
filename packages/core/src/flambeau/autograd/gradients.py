"""`backward` and `grad`: from what the user names to nodes, and back."""
from __future__ import annotations

from ..context import enable_grad
from ..ops.join import stack
from ..tensor import Tensor
from .engine import run_backward, seed_gradient


def _sequence(x):
    return () if x is None else (x,) if isinstance(x, Tensor) else tuple(x)


def _roots(outputs, grads):
    grads = grads or (None,) * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots = []
    for i, (y, g) in enumerate(zip(outputs, grads, strict=True)):
        if y.node is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        roots.append((y.node, seed_gradient(y, g)))
    return roots


def backward(tensors, grad_tensors=None, retain_graph: bool | None = None, create_graph: bool = False, inputs=None) -> None:
    """Add the gradients of `tensors` to `.grad` of the leaves that they come from (or of `inputs` only).

    RuntimeError for a root that is not a scalar and brings no gradient, a graph already freed, or a changed tensor.
    """
    outputs = _sequence(tensors)
    wanted = None
    if inputs is not None:
        inputs = _sequence(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to 'backward' cannot be empty.")
        wanted = {_node_of(x): None for x in inputs}
    run_backward(_roots(outputs, _sequence(grad_tensors)), create_graph, create_graph if retain_graph is None else retain_graph, wanted)


def _node_of(x: Tensor):
    if x.node is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return x.node


def grad(
    outputs,
    inputs=None,
    grad_outputs=None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
):
    """Gradients of `outputs` with respect to `inputs`, as a tuple.  Of a function: the function that gives its gradient.

    >>> abs_grad = flambeau.autograd.grad(lambda x: x if x > 0 else -x)
    >>> abs_grad(flambeau.tensor(-2.0))
    tensor(-1.)
    """
    if callable(outputs) and not isinstance(outputs, Tensor):
        return gradient_of(outputs)
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    if is_grads_batched:
        return _one_by_one(
            _sequence(grad_outputs),
            lambda seeds: grad(
                outputs, inputs, seeds, True if retain_graph is None else retain_graph, create_graph, allow_unused, False, materialize_grads
            ),
        )
    roots = _roots(outputs, _sequence(grad_outputs))
    wanted = {_node_of(x): None for x in inputs}
    run_backward(roots, create_graph, create_graph if retain_graph is None else retain_graph, wanted, accumulate=False)
    found = [wanted[x.node] for x in inputs]
    for i, (x, g) in enumerate(zip(inputs, found, strict=True)):
        if g is None:
            if materialize_grads:
                found[i] = x.new_zeros(x.shape)
            elif not allow_unused:
                raise RuntimeError(
                    "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is "
                    "the desired behavior."
                )
    return tuple(found)


def gradient_of(function):
    """The function that gives the gradient of a scalar function with respect to its first argument."""

    def gradient(x, *args, **kwargs):
        with enable_grad():
            leaf = x.detach().requires_grad_()
            return grad(function(leaf, *args, **kwargs), leaf)[0]

    return gradient


def _one_by_one(seeds, gradients) -> tuple:
    """Gradients for each entry along the leading axis of `seeds`, stacked."""
    rows = [gradients([None if s is None else s[i] for s in seeds]) for i in range(len(seeds[0]))]
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows, strict=True))
