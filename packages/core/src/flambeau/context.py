"""What holds for a thread: is a graph recorded, which dtype do floats take, does some unusual mode run."""
from __future__ import annotations

from _thread import _local as local  # threading.local, without the 1 ms of threading
from _thread import allocate_lock
from typing import Any

from .dtype import dtype as _dtype_class
from .dtype import float32 as _float32


class _Grad(local):
    enabled = True
    inference = False
    packing: tuple = ()  # pairs (pack, unpack) of `graph.saved_tensors_hooks`, the innermost last
    writing: Any = None  # the card whose in-place form is about to call it, while modes look on
    noticed: Any = None  # where `graph.allow_mutation_on_saved_tensors` keeps what is about to be written over


grad = _Grad()
# Where True, every call takes the slow road, which asks `modes` who wants to see it (profiler, anomaly, autocast, saved-tensor hooks).
unusual = False
modes: list = []
_watchers = 0
_lock = allocate_lock()


def watch(more: int = 1) -> None:
    """Send every call of every thread down the slow road, until the same number is taken back (`watch(-1)`)."""
    global unusual, _watchers
    with _lock:
        _watchers += more
        unusual = _watchers > 0 or bool(modes)


def push_mode(mode) -> None:
    """Let `mode.before(card, inputs, attrs)` see and change every call until `pop_mode`."""
    modes.append(mode)
    watch()


def pop_mode(mode) -> None:
    modes.remove(mode)
    watch(-1)


class part:
    """A named part of a program, for the modes that have a `part(name)` and an `end` of what it gives; entered where there are modes."""

    __slots__ = ("name", "open")

    def __init__(self, name: str):
        self.name = name

    def __enter__(self):
        self.open = [(mode, mode.part(self.name)) for mode in modes if hasattr(mode, "part")]
        return self

    def __exit__(self, *_exc):
        for mode, begun in reversed(self.open):
            mode.end(begun)


deterministic = {"on": False, "warn_only": False, "fill": True}  # what `use_deterministic_algorithms` and its kin were told
default_device: Any = None  # where tensors are made that are told no device; None for the CPU


class _Anomaly:
    enabled = False
    check_nan = True


anomaly = _Anomaly()
_default_dtype = _float32


def get_default_dtype() -> _dtype_class:
    """The dtype that Python floats become; float32 unless `set_default_dtype` changed it."""
    return _default_dtype


def set_default_dtype(d: _dtype_class) -> None:
    """Make `d`, a floating dtype, what Python floats become.  TypeError for any other."""
    global _default_dtype
    if not (isinstance(d, _dtype_class) and d.is_floating_point):
        raise TypeError(f"only floating-point types are supported as the default type, got {d}")
    _default_dtype = d


def default_complex() -> _dtype_class:
    return _default_dtype.to_complex()


class _Mode:
    """A context manager and decorator that sets `grad.enabled` and puts it back."""

    __slots__ = ("value", "before")
    fixed: bool | None = None

    def __init__(self, value: bool = True):
        self.value: bool = value if self.fixed is None else self.fixed
        self.before: list = []

    def again(self):
        """The same mode, not entered: a decorated function may run in itself and in many threads."""
        return _Mode(self.value)

    def __enter__(self):
        self.before.append(grad.enabled)
        grad.enabled = self.value
        return self

    def __exit__(self, *_exc):
        grad.enabled = self.before.pop()

    def __call__(self, function):
        return decorated(function, self.again)


def decorated(function, mode):
    """`function` run under a context that `mode()` makes for each call; of a class, its `__init__`."""
    from functools import wraps
    from inspect import isclass, isgeneratorfunction

    if isclass(function):
        from warnings import warn

        warn("Decorating classes is deprecated: only its __init__ runs under the mode. Decorate functions or methods instead.",
             FutureWarning, stacklevel=3)
        setattr(function, "__init__", decorated(function.__init__, mode))  # noqa: B010 (mypy takes no assignment to a method)
        return function
    if isgeneratorfunction(function):
        return _wrap_generator(function, mode)

    @wraps(function)
    def call(*args, **kwargs):
        with mode():
            return function(*args, **kwargs)

    return call


def _wrap_generator(function, mode):
    """A generator runs under the mode, its caller does not: the mode is left at every yield."""
    from functools import wraps

    @wraps(function)
    def call(*args, **kwargs):
        with mode():
            generator = function(*args, **kwargs)
        resume, sent = generator.send, None
        try:
            while True:
                with mode():
                    item = resume(sent)
                resume, sent = generator.send, None
                try:
                    sent = yield item
                except GeneratorExit:
                    with mode():
                        generator.close()
                    raise
                except BaseException as error:  # what the caller throws in is the generator's to handle
                    resume, sent = generator.throw, error
        except StopIteration as stop:
            return stop.value

    return call


class no_grad(_Mode):
    """Record no graph inside: as a context manager or a decorator.

    >>> x = flambeau.ones(2, requires_grad=True)
    >>> with flambeau.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    __slots__ = ()
    fixed = False

    def __new__(cls, function=None):
        return object.__new__(cls) if function is None else cls()(function)

    def __init__(self, function=None):
        super().__init__()


class enable_grad(no_grad):
    """Record a graph inside, also within `no_grad`."""

    __slots__ = ()
    fixed = True


class set_grad_enabled(_Mode):
    """Set recording on or off: at once when called, until the end of the block when used with `with`."""

    __slots__ = ()

    def __init__(self, mode: bool):
        super().__init__(bool(mode))
        self.before = [grad.enabled]
        grad.enabled = self.value

    def __enter__(self):
        grad.enabled = self.value
        return self

    def __call__(self, function):
        grad.enabled = self.before.pop()
        return decorated(function, self.again)


def is_grad_enabled() -> bool:
    """Whether operations in this thread are recorded."""
    return grad.enabled


class inference_mode(_Mode):
    """No graph, and tensors that never will be part of one: they keep no version, and cannot be saved for backward.

    >>> with flambeau.inference_mode():
    ...     y = flambeau.ones(2) * 2
    >>> y.is_inference(), y.requires_grad
    (True, False)
    """

    __slots__ = ()

    def __new__(cls, mode=True):
        return object.__new__(cls) if isinstance(mode, bool) else cls()(mode)

    def __init__(self, mode=True):
        super().__init__(mode if isinstance(mode, bool) else True)

    def again(self):
        return inference_mode(self.value)

    def __enter__(self):
        self.before.append((grad.enabled, grad.inference))
        grad.enabled, grad.inference = not self.value, self.value
        if self.value:
            watch()
        return self

    def __exit__(self, *_exc):
        if self.value:
            watch(-1)
        grad.enabled, grad.inference = self.before.pop()


def is_inference_mode_enabled() -> bool:
    """Whether tensors made now in this thread are inference tensors."""
    return grad.inference
