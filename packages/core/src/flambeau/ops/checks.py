"""Conditions that a program says must hold, each with the kind of error that it is where they do not."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any
from warnings import warn

from ..dtype import bool_
from ..tensor import Tensor

Message = Callable[[], object] | None


def _check_with(error_type: type[Exception], cond: Any, message: Message = None) -> None:
    """error_type, with what `message()` gives, unless cond.  TypeError for a cond that is no bool, and a message that is no function."""
    if type(cond) is not bool:
        if isinstance(cond, Tensor):
            raise TypeError("cond must be a bool, but got a Tensor. For tensor conditions, use flambeau._check_tensor_all() to assert that "
                            "all elements are true.")
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error_type("Expected cond to be True, but got False.")
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(str(message()))


def _check(cond: Any, message: Message = None) -> None:
    """RuntimeError unless cond.

    >>> flambeau._check(1 < 2, lambda: "numbers have no order")
    """
    _check_with(RuntimeError, cond, message)


def _check_index(cond: Any, message: Message = None) -> None:
    """IndexError unless cond."""
    _check_with(IndexError, cond, message)


def _check_value(cond: Any, message: Message = None) -> None:
    """ValueError unless cond."""
    _check_with(ValueError, cond, message)


def _check_type(cond: Any, message: Message = None) -> None:
    """TypeError unless cond."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: Any, message: Message = None) -> None:
    """NotImplementedError unless cond."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i: Any, message: Message = None, *, max: int | None = None) -> None:
    """RuntimeError unless 0 <= i, and i <= max where that is given.  PyTorch is giving it up for `_check`."""
    warn("_check_is_size will be removed; use _check(i >= 0) instead.", FutureWarning, stacklevel=2)
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


def _check_tensor_all_with(error_type: type[Exception], cond: Any, message: Message = None) -> None:
    """error_type unless all of cond, a tensor of bools, is true."""
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype is not bool_:
        raise TypeError(f"cond tensor must have dtype flambeau.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.all()), message)


def _check_tensor_all(cond: Any, message: Message = None) -> None:
    """RuntimeError unless all of cond, a tensor of bools, is true.

    >>> flambeau._check_tensor_all(flambeau.tensor([True, True]))
    """
    _check_tensor_all_with(RuntimeError, cond, message)


def _assert(condition: Any, message: object) -> None:
    """AssertionError with the message unless condition, a bool or a tensor of one element."""
    if not condition:
        raise AssertionError(message)
