"""How a tensor lies in memory: layouts (strided, sparse), memory formats (the order of its axes), and the strides that follow from them."""
from __future__ import annotations


class _Named:
    """A constant that shows its name: `flambeau.strided`."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"flambeau.{self.name}"

    def __reduce__(self):
        return _constant, (self.name,)

    def __deepcopy__(self, _memo):
        return self


class layout(_Named):
    """Whether a tensor is a block of memory with strides or lists what is not zero.

    >>> flambeau.zeros(2).layout
    flambeau.strided
    """

    __slots__ = ()


class memory_format(_Named):
    """The order in which a tensor's axes lie in memory.

    >>> flambeau.zeros(2, 3, 4, 5).contiguous(memory_format=flambeau.channels_last).stride()
    (60, 1, 15, 3)
    """

    __slots__ = ()


LAYOUTS = strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc = (
    *map(layout, ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc")),
)
FORMATS = contiguous_format, preserve_format, channels_last, channels_last_3d = (
    *map(memory_format, ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")),
)
AXES = {channels_last: 4, channels_last_3d: 5}


def _constant(name: str) -> _Named:
    return next(c for c in (*LAYOUTS, *FORMATS) if c.name == name)


def packed(shape, order=None) -> tuple[int, ...]:
    """Strides without gaps, the axes in `order` from the slowest to the fastest (as they come when None)."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(range(len(shape)) if order is None else order):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def order_of(form: memory_format, ndim: int) -> tuple[int, ...]:
    """The axes from the slowest to the fastest.  RuntimeError where the format is of another number of axes."""
    if form is contiguous_format:
        return tuple(range(ndim))
    if form not in AXES:
        raise RuntimeError(f"{form!r} names no order of axes; give contiguous_format, channels_last or channels_last_3d")
    if ndim != AXES[form]:
        raise RuntimeError(f"required rank {AXES[form]} tensor to use {form.name} format")
    return (0, *range(2, ndim), 1)


def follows(shape, strides, form: memory_format) -> bool:
    """Whether memory of these strides lies in the format; axes of one element may have any stride."""
    if form in AXES and len(shape) != AXES[form]:
        return False
    wanted = packed(shape, order_of(form, len(shape)))
    return 0 in shape or all(a == b for n, a, b in zip(shape, strides, wanted) if n > 1)


def dense(shape, strides) -> bool:
    """Whether no two elements overlap and there are no gaps."""
    step = 1
    for stride, n in sorted((stride, n) for stride, n in zip(strides, shape) if n != 1):
        if stride != step and n:
            return False
        step *= n
    return True


def order_in_memory(array) -> list[int]:
    """The axes from the widest step in memory to the narrowest.  Expanded axes, which have none, stay where they are among the others.

    As PyTorch finds it, by insertion: the answer for several expanded axes hangs on the way of sorting.
    """
    order = list(range(array.ndim))
    for last in reversed(range(array.ndim - 1)):
        place = last
        for other in range(last + 1, array.ndim):
            step, beside = array.strides[order[place]], array.strides[order[other]]
            if not step or not beside:
                continue
            if step > beside or (step == beside and array.shape[order[place]] <= array.shape[order[other]]):
                break
            order[place], order[other] = order[other], order[place]
            place = other
    return order
