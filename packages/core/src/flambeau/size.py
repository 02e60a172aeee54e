"""The shape of a tensor: a tuple of ints with a few questions of its own."""
from __future__ import annotations


def _extent(n) -> int:
    if not hasattr(n, "__index__"):
        raise TypeError(f"flambeau.Size() takes an iterable of 'int', got {type(n).__name__}")
    return n.__index__()


class Size(tuple):
    """The shape of a tensor: a tuple of ints.

    >>> flambeau.zeros(2, 3).shape.numel()
    6
    """

    __slots__ = ()

    def __new__(cls, extents=()):
        size = tuple.__new__(cls, extents)
        for n in size:
            if type(n) is not int:
                return tuple.__new__(cls, map(_extent, size))
        return size

    def numel(self) -> int:
        n = 1
        for extent in self:
            n *= extent
        return n

    def __getitem__(self, i):
        got = tuple.__getitem__(self, i)
        return Size(got) if isinstance(i, slice) else got

    def __add__(self, other):
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other):
        return Size(tuple.__add__(tuple(other), self))

    def __mul__(self, n):
        return Size(tuple.__mul__(self, n))

    def __repr__(self) -> str:
        return f"flambeau.Size([{', '.join(map(str, self))}])"


class _Sizes(dict):
    """The sizes met last, for a look-up takes a third of the time of making one."""

    def __missing__(self, shape: tuple) -> Size:
        if len(self) >= 4096:
            self.clear()
        made = self[shape] = Size(shape)
        return made


SIZES = _Sizes()
