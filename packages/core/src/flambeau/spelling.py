"""NumPy's names of arguments, which PyTorch takes for its own: `axis` for `dim`, `keepdims` for `keepdim`."""
from __future__ import annotations

from functools import wraps

from .front import SPELLED, before

# the functions and methods that have an axis, but for those that know both names by themselves (sum, cat, squeeze …)
AXES = """aminmax argmax argmin argsort chunk count_nonzero cross cummax cummin cumprod cumsum diff gather index_add index_copy index_fill
index_reduce index_select kthvalue log_softmax logcumsumexp logsumexp max median min mode nanmean nanmedian nanquantile nansum narrow norm
quantile renorm repeat_interleave scatter scatter_add select softmax sort split stack std std_mean take_along_dim tensor_split topk
unbind unflatten unique unique_consecutive var var_mean""".split()
OURS = {"axis": "dim", "keepdims": "keepdim"}


def ours(kwargs: dict) -> dict:
    """The arguments under PyTorch's names.  TypeError where one is given twice."""
    named = {OURS.get(name, name): value for name, value in kwargs.items()}
    if len(named) < len(kwargs):
        twice = next(mine for other, mine in OURS.items() if other in kwargs and mine in kwargs)
        raise TypeError(f"got multiple values for argument '{twice}'")
    return named


def spelled(function):
    """The function, which takes NumPy's names too.  A call that uses none of them goes straight to it."""

    def call(*args, **kwargs):
        return function(*args, **ours(kwargs))

    return before(SPELLED, wraps(function)(call), function)
