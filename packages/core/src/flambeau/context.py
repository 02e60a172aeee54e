"""What holds for a thread: is a graph recorded, which dtype do floats take, does some unusual mode run."""
from __future__ import annotations

from _thread import _local as local  # threading.local, without the 1 ms of threading

from .dtype import dtype as _dtype_class
from .dtype import float32 as _float32


class _Grad(local):
    enabled = True
    inference = False


grad = _Grad()
# Where True, every call takes the slow road, which asks `modes` who wants to see it (profiler, anomaly, autocast, saved-tensor hooks).
unusual = False
modes: list = []
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
        self.before: list[bool] = []

    def __enter__(self):
        self.before.append(grad.enabled)
        grad.enabled = self.value
        return self

    def __exit__(self, *_exc):
        grad.enabled = self.before.pop()

    def __call__(self, function):
        from functools import wraps
        from inspect import isgeneratorfunction

        if isgeneratorfunction(function):
            return _wrap_generator(function, type(self), self.value)

        @wraps(function)
        def call(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return call


def _wrap_generator(function, mode, value):
    """A generator runs under the mode, its caller does not: the mode is left at every yield."""
    from functools import wraps

    @wraps(function)
    def call(*args, **kwargs):
        generator, sent = function(*args, **kwargs), None
        while True:
            try:
                with mode(value):
                    item = generator.send(sent)
            except StopIteration as stop:
                return stop.value
            sent = yield item

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
        return _Mode(self.value)(function)


def is_grad_enabled() -> bool:
    """Whether operations in this thread are recorded."""
    return grad.enabled
