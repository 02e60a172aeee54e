"""Channels last in, channels last out: results that lie in memory as their inputs do."""
from __future__ import annotations

from functools import wraps


def channels_last(x) -> bool:
    """Whether an array (N, C, *S) of two or three spatial axes has its channels nearest to each other, perhaps with gaps, as x[:, ::2] has.

    One that is in order as well, for it has one channel or one pixel, counts as in order.
    """
    if x.flags.c_contiguous or x.ndim not in (4, 5) or not x.strides[1]:
        return False
    step = 0
    for axis in (1, *range(x.ndim - 1, 1, -1), 0):
        if not x.shape[axis] or x.strides[axis] < step:
            return False
        step = x.strides[axis] * x.shape[axis]
    return True


def last(y):
    """A copy of y whose channels lie last; y itself where they do."""
    n = y.ndim
    if n not in (4, 5):
        return y
    turned = y.transpose(0, *range(2, n), 1)
    return y if turned.flags.c_contiguous else turned.copy().transpose(0, n - 1, *range(1, n - 1))


def as_it_lies(x, y, ranks=(4, 5)):
    """y, an array or a tuple of them, in memory as x lies, where x has so many axes."""
    if x.flags.c_contiguous or x.ndim not in ranks or not channels_last(x):
        return y
    return tuple(map(last, y)) if type(y) is tuple else last(y)


def kept(forward, ranks=(4, 5)):
    """A function of an array and more whose results, one or a tuple, lie in memory as the array does, where it has so many axes."""

    @wraps(forward)
    def call(x, *args, **kwargs):
        return as_it_lies(x, forward(x, *args, **kwargs), ranks)

    return call


def kept_by_either(forward):
    """A convolution: its result has its channels last where those of the input or of the weight are."""

    @wraps(forward)
    def call(x, w, *args, **kwargs):
        y = forward(x, w, *args, **kwargs)
        if x.flags.c_contiguous and w.flags.c_contiguous:
            return y
        return last(y) if channels_last(x) or channels_last(w) else y

    return call
