"""An axis cut into parts, as views that one call gave: split, chunk, unbind."""
from __future__ import annotations

from .. import front
from ..fast import ready, seen
from ..numpy_names import numpy_names
from ..tensor import Tensor, check_dim
from .view import ALL, SLICE, part


def split(tensor, split_size_or_sections, dim: int = 0) -> tuple:
    """Axis `dim` cut into parts of one size, or of the sizes given.  (*, n, *) -> tuple of (*, k, *), views"""
    dim = check_dim(dim, tensor.ndim)
    n = tensor.array.shape[dim] if type(tensor) is Tensor else tensor.shape[dim]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and n):
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}" if size == 0
                               else f"split expects split_size be non-negative, but got split_size={size}")
        lengths = [min(size, n - s) for s in range(0, n, size)] if n else [0]
    else:
        lengths = list(split_size_or_sections)
        if sum(lengths) != n or any(k < 0 for k in lengths):
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {dim}), "
                               f"but got split_sizes={lengths}")
    parts, start = [], 0
    for k in lengths:
        parts.append((ALL,) * dim + (slice(start, start + k),))
        start += k
    return _parts(tensor, parts, "Split")


def split_method(self, split_size, dim: int = 0) -> tuple:
    """`flambeau.split` as a method, whose argument has another name."""
    return split(self, split_size, dim)


split_method.__name__ = "split"

def _parts(x, keys, name: str) -> tuple:
    array = ready(x)
    if array is None:
        return one_of_many([part(x, key) for key in keys], name)
    if front.module is not None:
        return front.module.pieces(x, array, keys, SLICE, name)
    made = []
    for i, key in enumerate(keys):
        attrs = {"index": key}
        y = seen(x, array[key], SLICE, attrs)
        y.source = (x, SLICE, attrs, name, i)
        made.append(y)
    return tuple(made)


def one_of_many(parts, name: str) -> tuple:
    """Views that one call gave: a recorded write to one of them is refused, as PyTorch refuses it."""
    for i, one in enumerate(parts):
        if one.source is not None:
            one.source = (*one.source[:3], name, i)
    return tuple(parts)


@numpy_names
def chunk(input, chunks: int, dim: int = 0) -> tuple:
    """Axis `dim` cut into at most `chunks` parts of one size.  (*, n, *) -> tuple of (*, k, *), views"""
    array = ready(input)
    if array is not None and dim == 0 and array.ndim and chunks > 0 and array.shape[0] > 1:
        n = array.shape[0]
        size = -(-n // chunks)
        return _parts(input, [(slice(s, min(s + size, n)),) for s in range(0, n, size)], "Split")
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    first = type(input) is Tensor and type(dim) is int and not dim
    n = (input.array.shape or (1,))[0] if first else input.shape[check_dim(dim, input.ndim)]
    size = -(-n // chunks)
    return split(input, [0] * chunks if size == 0 else size, dim)


@numpy_names
def unbind(input, dim: int = 0) -> tuple:
    """The slices along axis `dim`.  (*, n, *) -> n views of (*, *)"""
    array = ready(input)
    if array is not None and dim == 0 and array.ndim:
        return _parts(input, [(i, ...) for i in range(array.shape[0])], "Unbind")
    dim = check_dim(dim, input.ndim)
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return _parts(input, [(ALL,) * dim + (i, ...) for i in range(input.shape[dim])], "Unbind")
