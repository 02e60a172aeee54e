"""A tensor's memory seen by strides: `as_strided`, new memory of any strides, resizing in place, and copies of views."""
from __future__ import annotations

from math import prod

import numpy as np

from ..backends import namespace
from ..layout import channels_last, channels_last_3d, contiguous_format, follows, packed, preserve_format
from ..tensor import Tensor, is_inference, plain, version_cell
from . import view
from .create import _check_layout, _filled, zeros
from .view import sizes, view_of


# ---- a view by strides
def _place(x: Tensor) -> tuple[int, int]:
    """How many elements lie before x's first one in its memory, and how many there are in all."""
    return namespace(x.array).place(x.array)


def storage_offset(x: Tensor) -> int:
    """How many elements lie before x's first one in its memory.

    >>> flambeau.arange(6)[2:].storage_offset()
    2
    """
    return _place(x)[0]


def _samples(make):
    yield (make((3, 4), -1.0, 1.0),), {"size": (2, 3), "stride": (4, 1), "offset": 1, "own": ((4, 1), 0)}
    yield (make((6,), -1.0, 1.0),), {"size": (4, 3), "stride": (1, 1), "offset": 0, "own": ((1,), 0)}


def _spots(size, stride, offset: int, like: Tensor) -> Tensor:
    """The place in memory of each element.  -> size, int64"""
    spots = np.full(size, offset, np.int64)
    for axis, (n, step) in enumerate(zip(size, stride)):
        spots += (np.arange(n) * step).reshape((-1,) + (1,) * (len(size) - axis - 1))
    return plain(spots)._to_device(like.device)


def _extent(size, stride, offset: int) -> int:
    """How many elements of memory it takes to hold these."""
    return 0 if 0 in size else offset + 1 + sum((n - 1) * s for n, s in zip(size, stride))


def _back(g: Tensor, _y, x: Tensor, size, stride, offset: int, own) -> Tensor:
    """Each place of memory sums what the view's elements there got; an input whose elements share a place shares that."""
    there, here = _spots(size, stride, offset, g), _spots(x.shape, own[0], own[1], g)
    room = max(_extent(size, stride, offset), _extent(x.shape, *own))
    memory = zeros(room, dtype=g.dtype, device=g.device).index_add(0, there.reshape(-1), g.reshape(-1))
    result = memory[here.reshape(-1)].reshape(x.shape)
    if any(step == 0 and n > 1 for step, n in zip(own[0], x.shape)):
        shares = zeros(room, dtype=g.dtype, device=g.device).index_add(0, here.reshape(-1), zeros(prod(x.shape), dtype=g.dtype) + 1)
        result = result / shares[here.reshape(-1)].reshape(x.shape)
    return result


def _window(xp, x, size, stride, offset, own):
    """A gradient, or another tensor that stands for x, lies in memory in its own way: it is laid out as x was first."""
    if (tuple(s // x.itemsize for s in x.strides), xp.place(x)[0]) != own:
        memory = xp.zeros(_extent(x.shape, *own), x.dtype)
        laid = xp.window(memory, x.shape, own[0], own[1])
        laid[...] = x
        x = laid
    return xp.window(x, size, stride, offset)


AS_STRIDED = view.view("as_strided", _back, _window, _samples,
                       "The memory below x seen with this size, stride and offset.  (*) -> size")


def _checked(x: Tensor, size, stride, storage_offset_: int | None, name: str) -> tuple:
    size, stride = sizes((size,)), sizes((stride,))
    offset = storage_offset(x) if storage_offset_ is None else storage_offset_
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape: {name}() got {len(size)} sizes and {len(stride)} strides")
    if any(s < 0 for s in stride):
        raise RuntimeError(f"{name}: Negative strides are not supported at the moment, got strides: {list(stride)}")
    if any(n < 0 for n in size):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(size)}: {list(size)}")
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    need = _extent(size, stride, offset)
    have = _place(x)[1]
    if need > have:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {x.itemsize} requiring a "
            f"storage size of {need * x.itemsize} are out of bounds for storage of size {have * x.itemsize}"
        )
    return size, stride, offset


def as_strided(input: Tensor, size, stride, storage_offset: int | None = None) -> Tensor:
    """The memory below input, seen with a size, strides and an offset in elements, as a view.  (*) -> size

    >>> flambeau.as_strided(flambeau.arange(6), (2, 3), (1, 2))
    tensor([[0, 2, 4],
            [1, 3, 5]])
    """
    size, stride, offset = _checked(input, size, stride, storage_offset, "as_strided")
    return view_of(AS_STRIDED, input, {"size": size, "stride": stride, "offset": offset, "own": _own(input)})


def _own(x: Tensor) -> tuple:
    """x's strides and offset, in elements."""
    return tuple(s // x.array.itemsize for s in x.array.strides), storage_offset(x)


def as_strided_copy(input: Tensor, size, stride, storage_offset: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """`as_strided` with memory of its own.  (*) -> size"""
    return _given(as_strided(input, size, stride, storage_offset).contiguous().clone(), out, "as_strided_copy")


def as_strided_scatter(input: Tensor, src: Tensor, size, stride, storage_offset: int | None = None) -> Tensor:
    """A copy of input in which the elements that `as_strided` would show are src's.  (*), size -> (*)"""
    size, stride, offset = _checked(input, size, stride, storage_offset, "as_strided_scatter")
    if tuple(src.shape) != size:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(size)}"
        )
    out = _as_in_memory(input)
    as_strided(out, size, stride, offset).copy_(src)
    return out


def _as_in_memory(x: Tensor) -> Tensor:
    """A copy of x that has x's strides and offset."""
    shape, (stride, offset) = tuple(x.shape), _own(x)
    there = _spots(shape, stride, offset, x)
    memory = zeros(_extent(shape, stride, offset), dtype=x.dtype, device=x.device).index_put((there.reshape(-1),), x.reshape(-1))
    return as_strided(memory, shape, stride, offset)


def _given(result: Tensor, out: Tensor | None, name: str) -> Tensor:
    from ..write import into

    return result if out is None else into(out, result, name)


# ---- new memory
def empty_strided(
    size, stride, *, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """Memory as it was found, with these strides.  -> size

    >>> flambeau.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    _check_layout(layout, pin_memory)
    size, stride = sizes((size,)), sizes((stride,))
    if len(size) != len(stride):
        raise RuntimeError(f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})")
    if any(s < 0 for s in (*size, *stride)):
        raise RuntimeError(f"empty_strided: sizes and strides must not be negative, got {list(size)} and {list(stride)}")
    from ..context import get_default_dtype

    if _extent(size, stride, 0) >= 1 << 60:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}")
    memory = _filled((_extent(size, stride, 0),), None, dtype or get_default_dtype(), device, False)
    made = plain(view_of(AS_STRIDED, memory, {"size": size, "stride": stride, "offset": 0, "own": ((1,), 0)}).array)
    return made.requires_grad_() if requires_grad else made


def new_empty_strided(x: Tensor, size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """`empty_strided` in x's dtype and on its device.  -> size"""
    return empty_strided(size, stride, dtype=dtype or x.dtype, layout=layout, device=device or x.device, requires_grad=requires_grad,
                         pin_memory=pin_memory)


def empty_permuted(
    size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """Memory without gaps whose axes lie in the order `physical_layout`, from the slowest to the fastest.  -> size

    >>> flambeau.empty_permuted((2, 3, 5), (0, 2, 1)).stride()
    (15, 1, 3)
    """
    size, order = sizes((size,)), sizes((physical_layout,))
    if len(order) != len(size):
        raise RuntimeError(f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = {len(size)} "
                           f"is not equal to len(physical_layout) = {len(order)}")
    if any(not 0 <= d < len(size) for d in order):
        bad = next(d for d in order if not 0 <= d < len(size))
        raise RuntimeError(f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {bad}). NB: negative dims not "
                           "currently supported; file an issue if you want it.")
    if len(set(order)) < len(order):
        raise RuntimeError("Duplicate dim not allowed in physical_layout")
    return empty_strided(size, packed(size, order), dtype=dtype, layout=layout, device=device, requires_grad=requires_grad,
                         pin_memory=pin_memory)


# ---- in place
def resize_(x: Tensor, *lengths, size=None, memory_format=None) -> Tensor:
    """x with another size over the same memory, which grows where it must; new elements are as they were found.

    >>> flambeau.arange(4).resize_(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    size = lengths if size is None else (size,)
    shape = sizes(size)
    if x.node is not None:
        raise RuntimeError("cannot resize variables that require grad")
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    if prod(max(n, 1) for n in shape) * x.itemsize >= 1 << 63:
        raise RuntimeError(f"{'Storage size' if prod(shape) else 'Stride'} calculation overflowed with sizes={list(shape)}")
    if memory_format is preserve_format:
        raise RuntimeError(f"Unsupported memory format {memory_format!r}")
    if is_inference(x):
        raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed. Make a copy, x.clone(), first.")
    if shape != tuple(x.shape):
        offset, have = _place(x)
        memory = plain(x.array)
        if offset + prod(shape) > have:
            grown = _filled((offset + prod(shape),), None, x.dtype, x.device, False)
            if have:
                grown.array[:have] = view_of(AS_STRIDED, memory, {"size": (have,), "stride": (1,), "offset": 0, "own": _own(memory)}).array
            memory = grown
        x.array = view_of(AS_STRIDED, memory, {"size": shape, "stride": packed(shape), "offset": offset, "own": _own(memory)}).array
        version_cell(x)[0] += 1
    if memory_format is not None and not x.is_contiguous(memory_format=memory_format):
        x.array = x.contiguous(memory_format=memory_format).array
    return x


def resize_as_(input: Tensor, the_template: Tensor, *, memory_format=None) -> Tensor:
    """`resize_` to the template's size, and with preserve_format to its order in memory."""
    if memory_format is preserve_format:
        shape, stride = the_template.shape, the_template.stride()
        memory_format = next((f for f in (contiguous_format, channels_last, channels_last_3d) if follows(shape, stride, f)), None)
    return resize_(input, *the_template.shape, memory_format=memory_format)


def as_strided_(input: Tensor, size, stride, storage_offset: int | None = None) -> Tensor:
    """x itself seen by other strides over its memory.  RuntimeError where x asks for gradients."""
    if input.node is not None:
        raise RuntimeError("as_strided_(): a tensor that asks for gradients keeps its strides; use as_strided")
    size, stride, offset = _checked(input, size, stride, storage_offset, "as_strided_")
    input.array = view_of(AS_STRIDED, plain(input.array), {"size": size, "stride": stride, "offset": offset, "own": _own(input)}).array
    return input


# ---- what a view shows, with memory of its own
def unfold_copy(input: Tensor, dimension: int, size: int, step: int, *, out: Tensor | None = None) -> Tensor:
    """`Tensor.unfold` with memory of its own.  (*, n, *) -> (*, windows, *, size)"""
    return _given(input.unfold(dimension, size, step).contiguous().clone(), out, "unfold_copy")


def t_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`t` with memory of its own.  (a, b) -> (b, a)"""
    return _given(input.t().contiguous().clone(), out, "t_copy")


def unbind_copy(input: Tensor, dim: int = 0, *, out=None) -> tuple[Tensor, ...] | None:
    """`unbind` with memory of its own.  (n, *) -> n × (*)"""
    parts = tuple(part.clone() for part in input.unbind(dim))
    if out is None:
        return parts
    for place, part in zip(out, parts, strict=True):
        _given(part, place, "unbind_copy")
    return None


def dim_order(x: Tensor, *, ambiguity_check=False) -> tuple[int, ...]:
    """The axes from the slowest in memory to the fastest.

    >>> flambeau.ones(2, 3).t().dim_order()
    (1, 0)

    `ambiguity_check=True`, or a list of memory formats of which only one may fit: RuntimeError where the memory has no single order.
    """
    formats = isinstance(ambiguity_check, list) and all(isinstance(form, type(preserve_format)) for form in ambiguity_check)
    if not formats and not isinstance(ambiguity_check, bool):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    stride = x.stride()
    if ambiguity_check is True and len({s for s, n in zip(stride, x.shape) if n > 1}) < sum(n > 1 for n in x.shape) \
            or ambiguity_check is True and 1 in x.shape:
        raise RuntimeError(f"The tensor does not have unique dim order, or cannot map to exact one of the given memory formats: {stride}")
    if isinstance(ambiguity_check, list) and sum(x.is_contiguous(memory_format=form) for form in ambiguity_check) > 1:
        raise RuntimeError("The tensor does not have unique dim order, or cannot map to exact one of the given memory formats.")
    return tuple(sorted(range(x.ndim), key=lambda axis: (-stride[axis], axis)))


def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements in order along the first axis.  (n, *) -> (n, *)

    >>> flambeau.msort(flambeau.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    return _given(input.sort(0, stable=True)[0], out, "msort")


def is_set_to(x: Tensor, tensor: Tensor) -> bool:
    """Whether both see the same memory in the same way."""
    return bool(x.data_ptr()) and x.data_ptr() == tensor.data_ptr() and x.shape == tensor.shape and x.stride() == tensor.stride()


