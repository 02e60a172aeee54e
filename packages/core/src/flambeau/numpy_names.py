"""Names of arguments that PyTorch takes from NumPy: `axis` for `dim`, `keepdims` for `keepdim`."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from .front import NAMED, before


def numpy_names(function: Callable) -> Callable:
    """The function, which may be called by NumPy's names too."""

    @wraps(function)
    def call(*args, **kwargs):
        for own, numpys in (("dim", "axis"), ("keepdim", "keepdims")):
            if numpys in kwargs:
                if own in kwargs:
                    raise TypeError(f"{function.__name__}() got both '{own}' and '{numpys}'")
                kwargs[own] = kwargs.pop(numpys)
        return function(*args, **kwargs)

    return before(NAMED, call, function)
