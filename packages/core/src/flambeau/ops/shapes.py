"""Shapes, joined and cut in PyTorch's many ways: short compositions of views, `cat` and `stack`."""
from __future__ import annotations

from itertools import combinations as choose
from itertools import combinations_with_replacement as choose_again

from ..casting import listed
from ..dtype import int64, word
from ..layout import contiguous_format
from ..numpy_names import numpy_names
from ..tensor import Tensor, check_dim
from .create import arange, meshgrid, zeros
from .join import cat, stack
from .splits import chunk, split
from .view import (
    _diagonal_into,
    diagonal,
    expand,
    flip,
    flipped,
    narrow,
    part,
    permute,
    reshape,
    sizes,
    squeeze,
    transpose,
    unsqueeze,
)


def _each(tensors, change):
    """One tensor changed, or all of several, given in a row or as a sequence."""
    if len(tensors) == 1:
        return change(tensors[0]) if isinstance(tensors[0], Tensor) else tuple(change(x) for x in tensors[0])
    return tuple(change(x) for x in tensors)


def atleast_1d(*tensors):
    """Scalars as vectors; the rest as it is."""
    return _each(tensors, lambda x: reshape(x, 1) if x.ndim == 0 else x)


def atleast_2d(*tensors):
    """Scalars and vectors as matrices of one row; the rest as it is."""
    return _each(tensors, lambda x: reshape(x, 1, -1) if x.ndim < 2 else x)


def atleast_3d(*tensors):
    """At least three axes: (n) -> (1, n, 1), (n, m) -> (n, m, 1)"""
    return _each(tensors, lambda x: reshape(x, 1, -1, 1) if x.ndim < 2 else unsqueeze(x, 2) if x.ndim == 2 else x)


def _some(name: str, tensors) -> list:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


def hstack(tensors, *, out=None):
    """Side by side: along axis 1, vectors along axis 0."""
    tensors = list(atleast_1d(_some("hstack", tensors)))
    return cat(tensors, 0 if tensors and tensors[0].ndim == 1 else 1, out=out)


def vstack(tensors, *, out=None):
    """On top of each other, vectors as rows."""
    return cat(list(atleast_2d(_some("vstack", tensors))), 0, out=out)


row_stack = vstack


def dstack(tensors, *, out=None):
    """Behind each other, along axis 2."""
    return cat(list(atleast_3d(_some("dstack", tensors))), 2, out=out)


def column_stack(tensors, *, out=None):
    """Side by side, vectors as columns."""
    return cat([reshape(x, -1, 1) if x.ndim < 2 else x for x in _some("column_stack", tensors)], 1, out=out)


@numpy_names
def tensor_split(input, indices_or_sections=None, dim: int = 0, *, sections=None, indices=None) -> tuple:
    """Axis `dim` cut at places, or into n parts as even as can be, as views."""
    indices_or_sections = _cuts("tensor_split", indices_or_sections, sections, indices)
    dim = check_dim(dim, input.ndim)
    if input.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    n = input.shape[dim]
    if isinstance(indices_or_sections, Tensor):
        if indices_or_sections.dtype is not int64:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                               f"{word(indices_or_sections.dtype)}")
        if indices_or_sections.ndim > 1:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
                               f"got a tensor with {indices_or_sections.ndim} dims")
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        if k <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {k}")
        return split(input, [n // k + (i < n % k) for i in range(k)], dim)
    edges = [slice(a, b).indices(n)[:2] for a, b in zip([0, *indices_or_sections], [*indices_or_sections, None], strict=True)]
    return tuple(narrow(input, dim, a, max(b - a, 0)) for a, b in edges)


def _cuts(name: str, either, sections, indices):
    given = [cuts for cuts in (either, sections, indices) if cuts is not None]
    if len(given) != 1:
        raise TypeError(f"{name}(): expected places or a number of parts, got {len(given)} arguments")
    return given[0]


def _cut(name: str, dim: int, least: int):
    def call(input, indices_or_sections=None, *, sections=None, indices=None):
        indices_or_sections = _cuts(name, indices_or_sections, sections, indices)
        if input.ndim < least:
            raise RuntimeError(f"{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} dimensions!")
        axis = 0 if name == "hsplit" and input.ndim == 1 else dim
        if isinstance(indices_or_sections, int) and (indices_or_sections == 0 or input.shape[axis] % indices_or_sections):
            raise RuntimeError(
                f"{name} attempted to split along dimension {axis}, but the size of the dimension {input.shape[axis]} is not divisible by "
                f"the split_size {indices_or_sections}!"
            )
        return tensor_split(input, indices_or_sections, axis)

    call.__name__, call.__doc__ = name, f"Axis {dim} cut at places, or into equal parts."
    return call


hsplit, vsplit, dsplit = _cut("hsplit", 1, 1), _cut("vsplit", 0, 2), _cut("dsplit", 2, 3)


def split_with_sizes(input, split_sizes, dim: int = 0) -> tuple:
    """Axis `dim` cut into parts of the sizes given."""
    return split(input, list(split_sizes), dim)


def _unmarked(function, name: str):
    """The views of `function`, which may be written to with a graph: each is on its own then, as in PyTorch."""

    def call(input, *args, **kwargs):
        parts = function(input, *args, **kwargs)
        for view in parts:
            if view.source is not None:
                view.source = view.source[:3]
        return parts

    call.__name__, call.__doc__ = name, f"`{function.__name__}` whose results may each be written to in place."
    return call


unsafe_split, unsafe_chunk = _unmarked(split, "unsafe_split"), _unmarked(chunk, "unsafe_chunk")


def ravel(input):
    """All elements in a vector that lies in order: a view where possible.  (*) -> (n)"""
    out = reshape(input, -1)
    return out if out.is_contiguous() else out.contiguous()


def broadcast_to(input, *shape, size=None):
    """`expand` by another name."""
    return expand(input, *sizes(shape if size is None else (size,)))


def swapdims(input, dim0: int, dim1: int):
    """`transpose` by another name."""
    return transpose(input, dim0, dim1)


def adjoint(input):
    """Matrices transposed and conjugated.  (*, n, m) -> (*, m, n)"""
    return flipped(input, "adjoint()").conj()


def fliplr(input):
    """Columns in reverse order.  (n, m, *) -> (n, m, *)"""
    if input.ndim < 2:
        raise RuntimeError(f"Input must be >= 2-d, got {input.ndim}-d")
    return flip(input, (1,))


def flipud(input):
    """Rows in reverse order.  (n, *) -> (n, *)"""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d, got 0-d")
    return flip(input, (0,))


def rot90(input, k: int = 1, dims=(0, 1)):
    """Turned by k right angles in the plane of two axes."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (check_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"expected two different rotation dims of a tensor with at least two, got {tuple(dims)} and {input.ndim} dims")
    k %= 4
    return (
        input.clone() if k == 0 else flip(input, (a, b)) if k == 2
        else transpose(flip(input, (b,)), a, b) if k == 1 else flip(transpose(input, a, b), (b,))
    )


# ---- diagonals
def diag_embed(input, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """The last axis as a diagonal of two new axes.  (*, n) -> (*, n, n)"""
    a, b = check_dim(dim1, input.ndim + 1), check_dim(dim2, input.ndim + 1)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, n)
    return _diagonal_into(input, shape, offset, a, b)


def diag(input, diagonal: int = 0):
    """A vector as the diagonal of a matrix, or a matrix's diagonal.  (n) -> (n, n), (n, m) -> (min(n, m))"""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return _diagonal(input, diagonal).clone()


_diagonal = diagonal


def diagflat(input, offset: int = 0):
    """All elements as the diagonal of a matrix.  (*) -> (n, n)"""
    return diag_embed(ravel(input), offset)


@listed
def trace(input):
    """Sum of a matrix's diagonal.  (n, m) -> ()"""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return _diagonal(input).sum()


def block_diag(*tensors):
    """Matrices along the diagonal of one large matrix, zeros elsewhere."""
    blocks = [reshape(x, 1, -1) if x.ndim < 2 else x for x in tensors]
    for i, x in enumerate(blocks):
        if x.ndim > 2:
            raise RuntimeError(f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.ndim} dimensions")
    if not blocks:
        return zeros(1, 0)
    width = sum(x.shape[1] for x in blocks)
    rows, left = [], 0
    for x in blocks:
        n, m = x.shape
        rows.append(cat([x.new_zeros(n, left), x, x.new_zeros(n, width - left - m)], 1))
        left += m
    return cat(rows, 0)


# ---- products of sets
def cartesian_prod(*tensors):
    """All tuples of one element of each vector, a row each.  n vectors -> (Π lengths, n)"""
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(g, -1) for g in meshgrid(*tensors)], 1)


def combinations(input, r: int = 2, with_replacement: bool = False):
    """All choices of r elements of a vector, a row each.  (n) -> (n over r, r)"""
    if input.ndim != 1:
        raise RuntimeError(f"combinations: expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: expect a non-negative number, but got {r}")
    rows = list((choose_again if with_replacement else choose)(range(input.shape[0]), r))
    if r == 0:
        return input.new_empty(0)
    places = input.new_tensor(rows, dtype=arange(0).dtype) if rows else arange(0, device=input.device).reshape(0, r)
    return input[places]


def tril_indices(row: int, col: int, offset: int = 0, *, dtype=None, device=None):
    """Rows and columns of the places in the lower triangle of a (row, col) matrix.  -> (2, n)"""
    return _triangle(row, col, lambda i, j: j - i <= offset, dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype=None, device=None):
    """Rows and columns of the places in the upper triangle of a (row, col) matrix.  -> (2, n)"""
    return _triangle(row, col, lambda i, j: j - i >= offset, dtype, device)


def _triangle(row, col, inside, dtype, device):
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got {row} and {col}")
    i, j = arange(row).reshape(-1, 1), arange(col).reshape(1, -1)
    places = transpose(inside(i, j).nonzero(), 0, 1).contiguous()
    return places.to(dtype=dtype, device=device)


# ---- views written as copies
def _copied(name: str, view):
    def call(input, *args, **kwargs):
        result = view(input, *args, **kwargs)
        return tuple(r.clone(memory_format=contiguous_format) for r in result) if isinstance(result, tuple) else result.clone(
            memory_format=contiguous_format)

    call.__name__, call.__doc__ = name, f"`{name.removesuffix('_copy')}`, as a copy."
    return call


def _alias(x):
    return part(x, (...,))


alias_copy, narrow_copy = _copied("alias_copy", _alias), _copied("narrow_copy", narrow)
permute_copy, squeeze_copy = _copied("permute_copy", permute), _copied("squeeze_copy", squeeze)
unsqueeze_copy, transpose_copy = _copied("unsqueeze_copy", unsqueeze), _copied("transpose_copy", transpose)
expand_copy, diagonal_copy = _copied("expand_copy", expand), _copied("diagonal_copy", diagonal)
split_with_sizes_copy, view_copy = _copied("split_with_sizes_copy", split_with_sizes), _copied("view_copy", reshape)


@numpy_names
def select_scatter(input, src, dim: int, index: int):
    """input with `src` in place of the slice at `index` of axis `dim`."""
    return _written(input, src, lambda y: y.select(dim, index))


@numpy_names
def slice_scatter(input, src, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    """input with `src` in place of the slices start:end:step of axis `dim`."""
    return _written(input, src, lambda y: part(y, (slice(None),) * check_dim(dim, input.ndim) + (slice(start, end, step),)))


def diagonal_scatter(input, src, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """input with `src` in place of a diagonal."""
    return _written(input, src, lambda y: diagonal(y, offset, dim1, dim2))


def _written(x, src, place):
    out = x.clone()
    target = place(out)
    if target.shape != src.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(target.shape)}"
        )
    target.copy_(src)
    return out


