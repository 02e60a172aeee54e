"""Classes and functions of the user's own that a checkpoint may name, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

NEVER = frozenset({"sys", "os", "posix", "nt", "subprocess", "pty", "shutil", "socket", "importlib", "runpy", "code", "ctypes"})
NEVER_BUILTIN = frozenset({"eval", "exec", "compile", "__import__", "open", "getattr", "setattr", "delattr", "globals",
                           "input", "breakpoint"})  # fmt: skip

_allowed: dict[str, Any] = {}


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Let checkpoints name these classes and functions: `load` calls them, `save` writes their instances.

    Each is a class or function, or a pair (it, "module.name that the file has for it").
    ValueError for what runs commands or other code by its nature: os, sys, subprocess, eval, …

    >>> class Settings: pass
    >>> add_safe_globals([Settings])
    >>> get_safe_globals() == [Settings]
    True
    >>> clear_safe_globals()
    """
    _allowed.update(_named(safe_globals))


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` allowed; pairs where it was given pairs."""
    return [(thing, name) if name != full_name(thing) else thing for name, thing in _allowed.items()]


def clear_safe_globals() -> None:
    """Allow nothing again but tensors and plain values."""
    _allowed.clear()


class safe_globals:
    """`add_safe_globals` for a block.

    >>> class Settings: pass
    >>> with safe_globals([Settings]):
    ...     get_safe_globals() == [Settings]
    True
    >>> get_safe_globals()
    []
    """

    def __init__(self, safe_globals: Iterable[Any]) -> None:
        self.wanted = _named(safe_globals)

    def __enter__(self) -> None:
        self.new = {name: thing for name, thing in self.wanted.items() if name not in _allowed}
        _allowed.update(self.new)

    def __exit__(self, *_exc: Any) -> None:
        for name in self.new:
            _allowed.pop(name, None)


def find(name: str) -> Any:
    """What the user allowed under the name, None if nothing."""
    return _allowed.get(name)


def name_of(thing: Any) -> str | None:
    """The name under which `thing` was allowed."""
    return next((name for name, allowed in _allowed.items() if allowed is thing), None)


def is_allowed(thing: Any) -> bool:
    return any(allowed is thing for allowed in _allowed.values())


def full_name(thing: Any) -> str:
    return f"{thing.__module__}.{getattr(thing, '__qualname__', thing.__name__)}"


def _named(things: Iterable[Any]) -> dict[str, Any]:
    found = {}
    for thing in things:
        name = None
        if isinstance(thing, tuple):
            if len(thing) != 2:
                raise ValueError(f"expected a pair of (class or function, its full name), got a tuple of {len(thing)}")
            thing, name = thing
            if not isinstance(name, str):
                raise TypeError(f"expected the second of the pair to be the full name, a str, got {type(name).__name__}")
        if not callable(thing) or not hasattr(thing, "__name__"):
            raise TypeError(f"expected a class or a function, got {thing!r:.80}")
        own = full_name(thing)
        module, _, last = own.rpartition(".")
        if module.partition(".")[0] in NEVER or (module in ("builtins", "io", "_io") and last in NEVER_BUILTIN):
            raise ValueError(f"{own} is never allowed in a checkpoint: whoever writes the file could run anything by it")
        found[name or own] = thing
    return found
