"""Functions that run around a module's forward, around its backward, and around saving and loading."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from ..autograd import Function
from ..tensor import Tensor

__all__ = [
    "Hooked",
    "RemovableHandle",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

_next_id = count()


class RemovableHandle:
    """What registering a hook returns: `handle.remove()` takes the hook away, and so does leaving a `with handle:` block."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.id = next(_next_id)
        self._hooks = weakref.ref(hooks)

    def remove(self) -> None:
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, int]:
        return self._hooks(), self.id

    def __setstate__(self, state: tuple[Any, int]) -> None:
        hooks, self.id = state
        self._hooks = weakref.ref(HookDict() if hooks is None else hooks)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class HookDict(dict[int, Any]):
    """The hooks of one occasion in calling order, by id; a dict that weak references can point to."""

    __slots__ = ("__weakref__",)

    def add(self, hook: Callable[..., Any], *options: bool, prepend: bool = False) -> RemovableHandle:
        handle = RemovableHandle(self)
        if prepend:
            rest = dict(self)
            self.clear()
            self[handle.id] = (hook, *options)
            self.update(rest)
        else:
            self[handle.id] = (hook, *options)
        return handle


class CallHooks:
    """The hooks around calls: one such record for a module that has hooks, and one for the hooks of all modules."""

    def __init__(self) -> None:
        self.before = HookDict()  # (hook, with_kwargs)
        self.after = HookDict()  # (hook, with_kwargs, always_call)
        self.backward_before = HookDict()  # (hook,)
        self.backward = HookDict()  # (hook,)


_every_module = CallHooks()


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with everything that was hooked on it or on all modules."""
    own = module.__dict__.get("_call_hooks") or CallHooks()
    tap = BackwardTap(module, own) if _wants_backward(own) else None
    after = {**_every_module.after, **own.after}
    called: set[int] = set()
    result = None
    try:
        for hook, with_kwargs in (*_every_module.before.values(), *own.before.values()):
            args, kwargs = _run_before(hook, with_kwargs, module, args, kwargs)
        if tap is not None:
            args = tap.watch_inputs(args)
        result = module.forward(*args, **kwargs)
        for key, (hook, with_kwargs, _always) in after.items():
            called.add(key)
            changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if changed is not None:
                result = changed
        return result if tap is None else tap.watch_outputs(result)
    except BaseException:
        # always_call hooks still see the call that failed; the failure itself is what the caller gets
        for key, (hook, with_kwargs, always_call) in after.items():
            if always_call and key not in called:
                hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
        raise


def _run_before(hook: Any, with_kwargs: bool, module: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    if with_kwargs:
        changed = hook(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if isinstance(changed, tuple) and len(changed) == 2:
            return changed
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}")
    changed = hook(module, args)
    if changed is None:
        return args, kwargs
    return (changed if isinstance(changed, tuple) else (changed,)), kwargs


def _wants_backward(own: CallHooks) -> bool:
    return bool(own.backward or own.backward_before or _every_module.backward or _every_module.backward_before)


class BackwardTap:
    """Identity nodes around one call: gradients that pass them are shown to the module's backward hooks."""

    def __init__(self, module: Any, own: CallHooks) -> None:
        sources = (_every_module, own)
        self.module = module
        self.before = [hook for source in sources for (hook,) in source.backward_before.values()]
        self.after = [hook for source in sources for (hook,) in source.backward.values()]
        self.grad_output: tuple[Any, ...] | None = None
        self.watches_inputs = False

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        if not any(args[i].requires_grad for i in places):
            return args

        def seen(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            full: list[Any] = [None] * len(args)
            for place, grad in zip(places, grads, strict=True):
                full[place] = grad
            changed = self._show(tuple(full))
            return tuple(changed[place] for place in places)

        self.watches_inputs = True
        fresh = list(args)
        for place, tensor in zip(places, _tap(seen, [args[i] for i in places]), strict=True):
            fresh[place] = tensor
        return tuple(fresh)

    def watch_outputs(self, result: Any) -> Any:
        single = isinstance(result, Tensor)
        items = [result] if single else list(result) if isinstance(result, (tuple, list)) else []
        places = [i for i, item in enumerate(items) if isinstance(item, Tensor)]
        if not any(items[i].requires_grad for i in places):
            return result

        def seen(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            full: tuple[Any, ...] = tuple(dict(zip(places, grads, strict=True)).get(i) for i in range(len(items)))
            for hook in self.before:
                changed = hook(self.module, full)
                if changed is not None:
                    full = _same_length(changed, full, "full_backward_pre_hook")
            self.grad_output = full
            if not self.watches_inputs:  # nothing before this module needs gradients: its backward ends here
                self._show(())
            return tuple(full[place] for place in places)

        for place, tensor in zip(places, _tap(seen, [items[i] for i in places]), strict=True):
            items[place] = tensor
        return items[0] if single else type(result)(items) if type(result) in (tuple, list) else type(result)(*items)

    def _show(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.after:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = _same_length(changed, grad_input, "full_backward_hook")
        return grad_input


def _same_length(changed: Any, expected: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(expected):
        raise RuntimeError(f"{name} returned {len(changed)} gradients, expected {len(expected)} (or None to leave them)")
    return changed


class _Tap(Function):
    """The identity; its backward lets `seen` look at the gradients, and change them."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.seen = seen
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.seen(grads))


def _tap(seen: Callable[..., Any], tensors: list[Tensor]) -> tuple[Tensor, ...]:
    return _Tap.apply(seen, *tensors)


class Hooked:
    """The registering half: what a module offers to hook on."""

    # None on the class until somebody hooks all modules: one read tells a call that it has nothing to do
    _call_hooks: CallHooks | None = None
    _state_hooks: dict[str, HookDict] | None = None

    def _hooks(self) -> CallHooks:
        return self.__dict__.setdefault("_call_hooks", CallHooks())

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns, if not None, replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)` and returns None or `(args, kwargs)`.
        """
        return self._hooks().before.add(hook, with_kwargs, prepend=prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each forward; what it returns, if not None, replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`; with `always_call` it runs even when forward raised.

        >>> layer = nn.ReLU()
        >>> with layer.register_forward_hook(lambda module, args, output: output + 1):
        ...     layer(flambeau.tensor([-1.0, 2.0]))
        tensor([1., 3.])
        """
        return self._hooks().after.add(hook, with_kwargs, always_call, prepend=prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        What it returns, if not None, replaces grad_input. Both are tuples, one entry an argument or output.
        """
        return self._hooks().backward.add(hook, prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the module's backward; what it returns, if not None, replaces grad_output."""
        return self._hooks().backward_before.add(hook, prepend=prepend)

    def _state_hook(self, occasion: str, hook: Callable[..., Any], *options: bool) -> RemovableHandle:
        if self._state_hooks is None:
            self.__dict__["_state_hooks"] = {}
        return self._state_hooks.setdefault(occasion, HookDict()).add(hook, *options)  # type: ignore[union-attr]

    def _hooks_at(self, occasion: str) -> list[tuple[Any, ...]]:
        return list(self._state_hooks.get(occasion, {}).values()) if self._state_hooks else []

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the module's state is collected."""
        return self._state_hook("before_save", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after; it changes the state_dict in place."""
        return self._state_hook("after_save", hook, False)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return self._state_hook("after_save", hook, True)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)` before loading."""
        return self._state_hook("before_load", hook, True)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any], with_module: bool = False) -> RemovableHandle:
        return self._state_hook("before_load", hook, with_module)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; clearing the lists in it silences strict loading's complaint."""
        return self._state_hook("after_load", hook)


def _hooks_of_all() -> CallHooks:
    Hooked._call_hooks = _every_module
    return _every_module


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module."""
    return _hooks_of_all().before.add(hook, False)


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module."""
    return _hooks_of_all().after.add(hook, with_kwargs, always_call)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` in the backward of every module."""
    return _hooks_of_all().backward.add(hook)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the backward of every module."""
    return _hooks_of_all().backward_before.add(hook)
