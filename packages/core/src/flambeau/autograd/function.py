"""`autograd.Function`: an op whose forward and backward the user writes in Python."""
from __future__ import annotations

from functools import wraps
from inspect import signature
from typing import Any

from .. import context
from ..context import grad as mode
from ..dtype import FLOAT
from ..record import note, saved
from ..tape import FREED, Node, Pick
from ..tensor import Tensor, version_cell
from ..write import check_inference, check_writable, rebase
from .engine import freed, restore


class FunctionCtx(Node):
    """What a Function's forward leaves for its backward.  It is the node of the call itself: `y.grad_fn`."""

    function: Any = None
    _saved: tuple = ()
    _forward: tuple = ()
    _dirty: tuple = ()
    _flat: tuple = ()
    _materialize = True
    _kept: Any = None
    needs_input_grad: tuple = ()
    _places: tuple = ()

    def __init__(self, function=None):
        super().__init__(None, (), None, {}, (), None)
        self.function = function

    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    def __getattr__(self, name: str):
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")

    # ---- called in forward (or in setup_context)
    def save_for_backward(self, *tensors) -> None:
        """Keep these tensors, inputs or outputs, for `saved_tensors` in backward."""
        self._saved = _only_tensors("save_for_backward", tensors)

    def save_for_forward(self, *tensors) -> None:
        """Keep these tensors for `saved_tensors` in jvp."""
        self._forward = _only_tensors("save_for_forward", tensors)

    def mark_dirty(self, *tensors) -> None:
        """Say that forward wrote to these inputs in place; it must return them too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        """Say that no gradient comes from these outputs."""
        self._flat = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward sees zeros (True, the default) or None where an output has no gradient."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """What forward gave to `save_for_backward`.  RuntimeError where one was written to since, or the graph was freed."""
        if self._kept is None:
            return self._saved or self._forward
        if self._kept is FREED:
            raise RuntimeError(freed())
        return tuple(None if k is None else self._restored(*k) for k in self._kept)

    @property
    def saved_variables(self) -> tuple:
        """`saved_tensors` by its name of old."""
        from warnings import warn

        warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2)
        return self.saved_tensors

    def _restored(self, entry, node, own):
        if own is not None:
            node = self if own < 0 else Pick(self, own, *self.kinds[own])
        return restore(entry, node, self)

    def free(self) -> None:
        if self._kept:
            self._kept = FREED

    # ---- the node
    def pull(self, g, create_graph: bool):
        """The gradient for each tensor among the arguments."""
        grads = list(g) if type(g) is list else [g]
        if self._materialize:
            like = next(x for x in grads if x is not None)
            grads = [like.new_zeros(shape, dtype=kind) if x is None else x for x, (shape, kind) in zip(grads, self.kinds, strict=True)]
        if len(grads) != len(self.outputs):  # what forward returned besides tensors has a place too
            rest = iter(grads)
            grads = [next(rest) if is_tensor else None for is_tensor in self.outputs]
        result = _formula(self.function)(self, *grads)
        result = result if isinstance(result, tuple | list) else (result,)
        n = self.arguments
        if len(result) < n or any(r is not None for r in result[n:]):
            raise RuntimeError(f"function {self.name()} returned an incorrect number of gradients (expected {n}, got {len(result)})")
        for i, r in enumerate(result):
            if r is None:
                continue
            if not isinstance(r, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(r).__name__})")
            if i not in self._places:
                raise RuntimeError(f"function {self.name()} returned a gradient different than None at position {i + 1}, but the "
                                   "corresponding forward input was not a Variable")
        for place, parent in zip(self._places, self.parents, strict=True):
            r = result[place]
            if r is not None and parent is not None and r.process is None and r.array.shape != parent.shape:
                _expandable(self, place, tuple(r.shape), tuple(parent.shape))
        return [result[i] for i in self._places]


def _formula(function):
    """A Function's backward, which may be called vjp.  RuntimeError where it has both."""
    if function.vjp is Function.vjp:
        return function.backward
    if function.backward is not Function.backward:
        raise RuntimeError(f"Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of "
                           f"them: {function.__name__} has both.")
    return function.vjp


def _expandable(node, place: int, shape: tuple, wanted: tuple) -> None:
    """A gradient may have more axes or longer ones than its input, along which it is summed."""
    lead = len(shape) - len(wanted)
    if lead < 0 or any(w not in (1, s) for s, w in zip(shape[lead:], wanted, strict=True)):
        raise RuntimeError(f"Function {node.name()} returned an invalid gradient at index {place} - got {list(shape)} but expected shape "
                           f"compatible with {list(wanted)}")


def _only_tensors(what: str, tensors) -> tuple:
    for i, x in enumerate(tensors):
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(f"{what} can only save variables, but argument {i} is of type {type(x).__name__}")
    return tensors


def once_differentiable(backward):
    """Decorate a Function's backward whose own derivative is wrong or unknown: a second derivative is then an error, not a wrong number."""

    @wraps(backward)
    def call(ctx, *grads):
        with context.no_grad():
            result = backward(ctx, *grads)
        if not mode.enabled or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return result
        single = not isinstance(result, tuple)
        outs = [r.detach() if isinstance(r, Tensor) else r for r in ((result,) if single else result)]
        parents = tuple(g.node for g in grads if isinstance(g, Tensor))
        for x in outs:
            if isinstance(x, Tensor) and x.dtype.category >= FLOAT:
                x.node = _Refusal(parents, x.shape, x.dtype)
        return outs[0] if single else tuple(outs)

    return call


class _Refusal(Node):
    def __init__(self, parents, shape, dtype):
        super().__init__(None, parents, None, {}, shape, dtype)

    def name(self) -> str:
        return "Error"

    def pull(self, g, create_graph: bool):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


class Function:
    """A differentiable op: `forward(ctx, *args)` computes, `backward(ctx, *grads)` gives a gradient (or None) for each argument.

    With `setup_context(ctx, inputs, output)` forward takes no ctx. `jvp(ctx, *tangents)` serves forward mode, and
    `vmap(info, in_dims, *args)`, or `generate_vmap_rule = True`, serves vmap.

    >>> class Double(flambeau.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> Double.apply(flambeau.ones(1))
    tensor([2.])
    """

    generate_vmap_rule = False
    _backward_cls: type = FunctionCtx

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls._backward_cls = type(cls.__name__ + "Backward", (FunctionCtx,), {"__module__": cls.__module__, "__doc__": FunctionCtx.__doc__})

    def __init__(self, *args, **kwargs):
        from warnings import warn

        name = type(self).__name__
        warn(f"{name} should not be instantiated. Methods on autograd functions are all static, so you should invoke them on the class "
             f"itself. Instantiating an autograd function is of no use: call {name}.apply(...)", DeprecationWarning, stacklevel=2)

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx, *grads):
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it with "
                                  "backward mode AD.")

    vjp = backward  # its other name

    @staticmethod
    def jvp(ctx, *tangents):
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode AD.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run forward, and record that backward is to be called."""
        top = _innermost(args)
        if top is not None and top.function_rule is not None:
            return top.function_rule(cls, args, kwargs)
        return call(cls, args, kwargs)[0]


class InplaceFunction(Function):
    """A `Function` whose older programs say by `inplace` whether it writes into its input."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace


def _innermost(args):
    top = None
    for a in args:
        if isinstance(a, Tensor) and a.process is not None and (top is None or a.level > top.level):
            top = a
    return top


def call(cls, args, kwargs):
    """forward's result with its history, and the ctx."""
    ctx = cls._backward_cls(cls)
    inputs = [a for a in args if isinstance(a, Tensor)]
    ctx.needs_input_grad = needs = tuple([isinstance(a, Tensor) and a.node is not None for a in args])
    before = mode.enabled
    recording = before and True in needs and not mode.inference
    mode.enabled = False
    try:
        if hasattr(cls, "setup_context"):
            result = cls.forward(*args, **kwargs)
            cls.setup_context(ctx, complete(cls.forward, args, kwargs), result)
        else:
            result = cls.forward(ctx, *args, **kwargs)
    finally:
        mode.enabled = before
    single = not isinstance(result, tuple | list)
    outs = [result] if single else list(result)
    for i, o in enumerate(outs):
        for x in inputs:
            if o is x:
                outs[i] = _own(o, ctx)
    if single and not isinstance(result, Tensor):
        raise TypeError(f"expected Variable or tuple of Variables from {cls.__name__}.forward (got {type(result).__name__})")
    for x in ctx._dirty:
        if not _among(x, outs):
            raise RuntimeError("Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
                               "modified inplace must all be outputs of the Function.")
    if recording:
        _record(ctx, args, inputs, outs)
    else:
        for x in ctx._dirty:
            check_inference(x)
            version_cell(x)[0] += 1
    return (outs[0] if single else tuple(outs)), ctx


def complete(forward, args: tuple, kwargs: dict) -> tuple:
    """The arguments with forward's defaults for those that were left out, as setup_context sees them."""
    code = getattr(forward, "__code__", None)
    if code is None or (len(args) >= code.co_argcount and not kwargs):
        return args
    bound = signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _own(out, ctx):
    """An output that is an input, unchanged, becomes a tensor of its own; a dirty one stays itself."""
    if _among(out, ctx._dirty):
        return out
    with context.no_grad():
        return out.view_as(out)


def _among(x, tensors) -> bool:
    return any(x is t for t in tensors)


def _record(ctx, args, inputs, outs) -> None:
    wanted = [o for o in outs if isinstance(o, Tensor)]
    ctx._places = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
    ctx.arguments, ctx.outputs = len(args), [isinstance(o, Tensor) for o in outs]
    ctx.parents = tuple(x.node for x in inputs)
    ctx.kinds = [(tuple(o.shape), o.dtype) for o in wanted]
    if context.unusual:
        note(ctx)
    single = len(wanted) == 1
    ctx.shape, ctx.dtype = ctx.kinds[0] if single else (tuple(k[0] for k in ctx.kinds), tuple(k[1] for k in ctx.kinds))
    for i, o in enumerate(wanted):
        if ctx.kinds[i][1].category < FLOAT or (ctx._flat and _among(o, ctx._flat)):
            continue
        made = ctx if single else Pick(ctx, i, *ctx.kinds[i])
        if ctx._dirty and _among(o, ctx._dirty):
            check_inference(o)
            check_writable(o)
            version_cell(o)[0] += 1
            rebase(o, made)
        else:
            o.node = made
            if o.base is not None and o.source is not None:
                o.source = (*o.source[:3], ctx.function.__name__, i, *(() if len(wanted) > 1 else (True,)))
    # a node that held itself, or an output's Pick, would be a cycle: of its own outputs it keeps the number
    ctx._kept = [None if x is None else (saved(x), *_origin(x.node, ctx)) for x in ctx._saved]
    ctx._saved = ()


def _origin(node, ctx) -> tuple:
    if node is ctx:
        return None, -1
    return (None, node.index) if type(node) is Pick and node.parents[0] is ctx else (node, None)
