"""The two kinds of backward hooks: on the module's own inputs and outputs, and, older, on the node that made its output."""

from __future__ import annotations

from typing import Any
from warnings import warn

from ..autograd import Function, is_grad_enabled
from ..tensor import Tensor

__all__ = ["BackwardTap", "hook_output_node"]


class BackwardTap:
    """Identity nodes around one call: gradients that pass them are shown to the module's full backward hooks."""

    def __init__(self, module: Any, before: list[Any], after: list[Any]) -> None:
        self.module = module
        self.before = before
        self.after = after
        self.grad_output: tuple[Any, ...] | None = None
        self.inputs = 0
        self.watches_inputs = False

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.inputs = len(args)
        places = _places(args)
        if not places:
            return args

        def seen(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            if self.grad_output is None:  # this gradient came by another way than the module's output
                return grads
            full: list[Any] = [None] * len(args)
            for place, grad in zip(places, grads, strict=True):
                full[place] = grad
            changed = self._show(tuple(full))
            return tuple(changed[place] for place in places)

        self.watches_inputs = True
        fresh = list(args)
        for place, tensor in zip(places, BackwardHookFunction.apply(seen, *(args[i] for i in places)), strict=True):
            fresh[place] = tensor
        return tuple(fresh)

    def watch_outputs(self, result: Any) -> Any:
        if not isinstance(result, (Tensor, tuple)):
            warn(f"For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received {type(result)}",
                 stacklevel=4)
            return result
        single = isinstance(result, Tensor)
        items: list[Any] = [result] if single else list(result)
        places = _places(items)
        if not places:
            return result

        def seen(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            found = dict(zip(places, grads, strict=True))
            full: tuple[Any, ...] = tuple(found.get(i) for i in range(len(items)))
            for hook in self.before:
                changed = hook(self.module, full)
                if changed is not None:
                    full = _same_length(changed, full, "pre hook returned an invalid number of grad_output")
            self.grad_output = full
            if not self.watches_inputs:  # nothing before this module needs gradients: its backward ends here
                self._show_end()
            return tuple(full[place] for place in places)

        for place, tensor in zip(places, BackwardHookFunction.apply(seen, *(items[i] for i in places)), strict=True):
            items[place] = tensor
        return items[0] if single else tuple(items) if type(result) is tuple else type(result)(*items)

    def _show(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.after:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = _same_length(changed, grad_input, "hook returned an invalid number of grad_input")
        self.grad_output = None
        return grad_input

    def _show_end(self) -> None:
        for hook in self.after:
            changed = hook(self.module, (None,) * self.inputs, self.grad_output)
            if changed is not None and not (isinstance(changed, tuple) and all(g is None for g in changed)):
                raise RuntimeError("Backward hook for Modules where no input requires gradient should always return None or None for all "
                                   "gradients.")
        self.grad_output = None


def _places(items: Any) -> list[int]:
    """Where the tensors are, if some of them has a gradient to be seen."""
    places = [i for i, item in enumerate(items) if isinstance(item, Tensor)]
    return places if is_grad_enabled() and any(items[i].requires_grad for i in places) else []


def _same_length(changed: Any, expected: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(expected):
        raise RuntimeError(f"Backward {what}, got {len(changed)}, but expected {len(expected)}")
    return changed


class BackwardHookFunction(Function):
    """The identity; its backward lets `seen` look at the gradients, and change them."""

    @staticmethod
    def forward(ctx: Any, seen: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.seen = seen
        views = tuple(t.view_as(t) for t in tensors)
        ctx.mark_non_differentiable(*(view for view, t in zip(views, tensors, strict=True) if not t.requires_grad))
        return views

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.seen(grads))


def hook_output_node(module: Any, hook: Any, args: Any, result: Any) -> None:
    """Hang an older kind of hook on the node that made (the first tensor of) the result, with a warning where that shows only a part."""
    first = result
    while not isinstance(first, Tensor):
        first = next(v for v in first.values() if isinstance(v, Tensor)) if isinstance(first, dict) else first[0]
    node = first.grad_fn
    if node is not None:
        node.register_hook(lambda grad_input, grad_output: hook(module, grad_input, grad_output))
        lack = _lack(node, args, result)
        if lack:
            warn(f"Using a non-full backward hook when {lack}: use register_full_backward_hook, which sees all of it", FutureWarning,
                 stacklevel=4)


def _lack(node: Any, args: Any, result: Any) -> str | None:
    """What a hook on this node does not see, in words."""
    outputs = (result,) if isinstance(result, Tensor) else result
    if not (isinstance(outputs, tuple) and all(isinstance(x, Tensor) for x in outputs)):
        return "the module does not return a single Tensor or a tuple of Tensors misses some grad_output"
    if not all(isinstance(x, Tensor) for x in args):
        return "the module does not take as input a single Tensor or a tuple of Tensors misses some grad_input"
    made = {x.grad_fn for x in outputs if x.grad_fn is not None}
    if len(made) > 1:
        return "outputs are generated by different autograd Nodes misses some grad_output"
    if {x.grad_fn for x in args if x.grad_fn is not None} != {follower for follower, _ in node.next_functions}:
        return "the forward contains multiple autograd Nodes misses some grad_input"
    return None
