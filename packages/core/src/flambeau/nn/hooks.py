"""Functions that run around a module's forward, around its backward, and around saving and loading."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from warnings import warn

from .backward_hooks import BackwardTap, hook_output_node

__all__ = [
    "Hooked",
    "RemovableHandle",
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

_next_id = count()


class RemovableHandle:
    """What registering a hook returns: `handle.remove()` takes the hook away, and so does leaving a `with handle:` block.

    hooks_dict: where the hook lies, under `handle.id`. extra_dict: a dict or a list of dicts that lose the id with it.
    """

    id: int

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = next(_next_id)
        self._refer(hooks_dict, [extra_dict] if isinstance(extra_dict, dict) else extra_dict or ())

    def _refer(self, hooks_dict: Any, extra: Any) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra)

    def remove(self) -> None:
        for kept in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = kept()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.hooks_dict_ref(), self.id, tuple(kept() for kept in self.extra_dict_ref)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        hooks, self.id, extra = state
        self._refer(OrderedDict() if hooks is None else hooks, [OrderedDict() if d is None else d for d in extra])

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class HookDict(OrderedDict[int, Any]):
    """The hooks of one occasion in calling order, by id. `marks[option]` has the ids of those that were registered with an option."""

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.marks: dict[str, OrderedDict[int, bool]] = {name: OrderedDict() for name in options}

    def add(self, hook: Callable[..., Any], *, prepend: bool = False, **options: bool) -> RemovableHandle:
        handle = RemovableHandle(self, extra_dict=list(self.marks.values()))
        self[handle.id] = hook
        for name, wanted in options.items():
            if wanted:
                self.marks[name][handle.id] = True
        if prepend:
            self.move_to_end(handle.id, last=False)
        return handle

    def marked(self) -> Iterator[tuple[Any, ...]]:
        """(id, hook, *whether each option) of each: a hook may remove itself meanwhile."""
        marks = list(self.marks.values())
        return iter([(key, hook, *(key in mark for mark in marks)) for key, hook in self.items()])


class CallHooks:
    """The hooks around calls: one such record for a module that has hooks, and one for the hooks of all modules."""

    def __init__(self) -> None:
        self.before = HookDict("with_kwargs")
        self.after = HookDict("with_kwargs", "always_called")
        self.backward_before = HookDict()
        self.backward = HookDict()
        self.full_backward: bool | None = None  # whether `backward` has hooks on the module's inputs, or on its output's node

    def add_backward(self, hook: Callable[..., Any], full: bool, whose: str, prepend: bool = False) -> RemovableHandle:
        if self.backward and self.full_backward is (not full):
            kinds = ("full", "regular") if full else ("regular", "full")
            raise RuntimeError(f"Cannot use both regular backward hooks and full backward hooks {whose}: a {kinds[0]} one came after "
                               f"{kinds[1]} ones. Please use only one of them.")
        self.full_backward = full
        return self.backward.add(hook, prepend=prepend)

    def backward_of(self, full: bool) -> list[Any]:
        return list(self.backward.values()) if self.full_backward is full else []


class StateHooks:
    """The hooks of one module around saving and loading."""

    def __init__(self) -> None:
        self.before_save = HookDict()
        self.after_save = HookDict("in_place")
        self.before_load = HookDict("with_module")
        self.after_load = HookDict()


_every_module = CallHooks()
_none = CallHooks()


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with everything that was hooked on it or on all modules."""
    own = module.__dict__.get("_call_hooks") or _none
    sources = (_every_module, own)
    tap = None
    if own.backward or own.backward_before or _every_module.backward or _every_module.backward_before:
        before = [hook for source in sources for hook in source.backward_before.values()]
        full = [hook for source in sources for hook in source.backward_of(full=True)]
        tap = BackwardTap(module, before, full) if before or full else None
    called: set[int] = set()
    result = None
    try:
        for _key, hook, with_kwargs in (*_every_module.before.marked(), *own.before.marked()):
            args, kwargs = _run_before(hook, with_kwargs, module, args, kwargs)
        if tap is not None:
            args = tap.watch_inputs(args)
        result = module.forward(*args, **kwargs)
        for key, hook, with_kwargs, _always in (*_every_module.after.marked(), *own.after.marked()):
            called.add(key)
            changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            if changed is not None:
                result = changed
        if tap is not None:
            result = tap.watch_outputs(result)
        for source in sources:
            for hook in source.backward_of(full=False):
                hook_output_node(module, hook, args, result)
        return result
    except Exception:
        # always_call hooks still see the call that failed; the failure itself is what the caller gets
        for key, hook, with_kwargs, always_called in (*_every_module.after.marked(), *own.after.marked()):
            if always_called and key not in called:
                try:
                    hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
                except Exception as error:
                    warn("module forward hook with ``always_call=True`` raised an exception that was silenced as another error was "
                         f"raised in forward: {error}", stacklevel=3)
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


class _Named:
    """One dict of hooks of a module under PyTorch's name for it: scripts look into it, clear it, and assign an empty one."""

    def __init__(self, record: str, occasion: str, mark: str | None = None) -> None:
        self.record, self.occasion, self.mark = record, occasion, mark

    def __get__(self, module: Any, owner: Any = None) -> Any:
        if module is None:
            return self
        hooks = getattr(getattr(module, self.record)(), self.occasion)
        return hooks if self.mark is None else hooks.marks[self.mark]

    def __set__(self, module: Any, hooks: Any) -> None:
        own = self.__get__(module)
        kept = list(hooks.items())
        own.clear()
        own.update(kept)

    def __delete__(self, module: Any) -> None:
        self.__get__(module).clear()


class Hooked:
    """The registering half: what a module offers to hook on."""

    # None on the class until somebody hooks all modules: one read tells a call that it has nothing to do
    _call_hooks: CallHooks | None = None
    _state_hooks: StateHooks | None = None
    _forward_pre_hooks = _Named("_hooks", "before")
    _forward_pre_hooks_with_kwargs = _Named("_hooks", "before", "with_kwargs")
    _forward_hooks = _Named("_hooks", "after")
    _forward_hooks_with_kwargs = _Named("_hooks", "after", "with_kwargs")
    _forward_hooks_always_called = _Named("_hooks", "after", "always_called")
    _backward_hooks = _Named("_hooks", "backward")
    _backward_pre_hooks = _Named("_hooks", "backward_before")
    _state_dict_pre_hooks = _Named("_saving", "before_save")
    _state_dict_hooks = _Named("_saving", "after_save")
    _load_state_dict_pre_hooks = _Named("_saving", "before_load")
    _load_state_dict_post_hooks = _Named("_saving", "after_load")

    def _hooks(self) -> CallHooks:
        if "_call_hooks" not in self.__dict__:
            self.__dict__["_call_hooks"] = CallHooks()
        return self.__dict__["_call_hooks"]

    def _saving(self) -> StateHooks:
        if self._state_hooks is None:
            self.__dict__["_state_hooks"] = StateHooks()
        return self.__dict__["_state_hooks"]

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns, if not None, replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)` and returns None or `(args, kwargs)`.
        """
        return self._hooks().before.add(hook, prepend=prepend, with_kwargs=with_kwargs)

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
        return self._hooks().after.add(hook, prepend=prepend, with_kwargs=with_kwargs, always_called=always_call)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        What it returns, if not None, replaces grad_input. Both are tuples, one entry an argument or output.
        """
        return self._hooks().add_backward(hook, True, "on a single Module", prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the node that made the output has run: the older kind of backward hook.

        Where forward is more than one op, grad_input is that of the last one. Raises RuntimeError beside full backward hooks.
        """
        return self._hooks().add_backward(hook, False, "on a single Module")

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the module's backward; what it returns, if not None, replaces grad_output."""
        return self._hooks().backward_before.add(hook, prepend=prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the module's state is collected."""
        return self._saving().before_save.add(hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after; it changes the state_dict in place."""
        return self._saving().after_save.add(hook, in_place=True)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return self._saving().after_save.add(hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)` before loading."""
        return self._saving().before_load.add(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any], with_module: bool = False) -> RemovableHandle:
        return self._saving().before_load.add(hook, with_module=with_module)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; clearing the lists in it silences strict loading's complaint."""
        return self._saving().after_load.add(hook)


def _hooks_of_all() -> CallHooks:
    Hooked._call_hooks = _every_module
    return _every_module


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module."""
    return _hooks_of_all().before.add(hook)


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module."""
    return _hooks_of_all().after.add(hook, with_kwargs=with_kwargs, always_called=always_call)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` in the backward of every module."""
    return _hooks_of_all().add_backward(hook, True, "as global Module hooks")


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` for every module when its output's node has run: the older kind of backward hook."""
    return _hooks_of_all().add_backward(hook, False, "as global Module hooks")


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the backward of every module."""
    return _hooks_of_all().backward_before.add(hook)
