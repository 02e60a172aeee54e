"""Views: ops that only say anew how memory is read.  No element moves; writing into a view writes into its base.

A formula's gradient that is broader than the input (expand) is summed to the input's shape by autograd.
"""
from __future__ import annotations

from math import prod

import numpy as np
from numpy import ndarray

from .. import front
from ..define import op
from ..dispatch import run, run_one
from ..dtype import INT
from ..fast import ready, seen, view_of
from ..numpy_names import numpy_names
from ..op import CARDS, Card
from ..tensor import Size, Tensor, check_dim, plain

ALL = slice(None)


def view(name: str, vjp, body, samples, doc: str, back=None) -> Card:
    """A card of kind view; the public functions below check their arguments and call `view_of(card, x, attrs)`."""
    return Card(name, "view", body, vjp=vjp, inputs=1, linear=True, samples=samples, doc=doc, back=back and (back,))


def _one(of, **attrs):
    return lambda make: [((make(of, -1.0, 1.0),), attrs)]


def sizes(args) -> tuple:
    """Sizes as PyTorch takes them: f(2, 3), f((2, 3)), f(Size([2, 3]))."""
    if len(args) == 1 and isinstance(args[0], tuple | list):
        args = args[0]
    try:
        return tuple(a if type(a) is int else a.__index__() for a in args)
    except AttributeError:
        raise TypeError(f"sizes must be ints, got {', '.join(type(a).__name__ for a in args)}") from None


# ---- reshape
def infer(shape: tuple, n: int) -> tuple:
    """`shape` with its -1 replaced so that it holds n elements.  RuntimeError where that can't be."""
    if -1 in shape:
        if shape.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        known = prod(s for s in shape if s != -1)
        if known == 0 or n % known:
            if known == 0 and n == 0:
                raise RuntimeError(
                    f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
                    "can be any value and is ambiguous"
                )
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {n}")
        return tuple(n // known if s == -1 else s for s in shape)
    if prod(shape) != n or any(s < 0 for s in shape):
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {n}")
    return shape


VIEW = view("view", lambda g, _y, _x, shape: reshape(g, _x.shape), lambda xp, x, shape: xp.reshape(x, shape, copy=False),
            _one((3, 4), shape=(2, 6)), "The same elements in another shape, as a view.  (*) -> shape",
            back=lambda g, _y, _x, shape: g.reshape(_x.shape))


def view_as_shape(input, *shape, size=None, dtype=None):
    """The same elements in another shape, as a view.  (*) -> shape

    RuntimeError where the memory does not allow it without a copy: use `reshape` then.
    """
    if size is not None or dtype is not None:
        shape = (dtype if size is None else size,)
    if len(shape) == 1 and type(shape[0]) is not int and not isinstance(shape[0], int | tuple | list):
        return input.view_dtype(shape[0])
    array = ready(input)
    if array is not None and array.flags.c_contiguous:
        try:
            array = array.reshape(shape if len(shape) > 1 else shape[0])
        except (ValueError, TypeError, IndexError):
            return reshape(input, *shape)
        return seen(input, array, VIEW, {"shape": array.shape})
    shape = infer(sizes(shape), input.numel())
    try:
        return view_of(VIEW, input, {"shape": shape})
    except ValueError:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
            "subspaces). Use .reshape(...) instead."
        ) from None


def reshape(input, *lengths, shape=None):
    """The same elements in another shape: a view where possible, else a copy.  (*) -> shape

    >>> flambeau.arange(6).reshape(2, -1).shape
    flambeau.Size([2, 3])
    """
    shape = lengths if shape is None else (shape,)
    array = ready(input)
    if array is not None and array.flags.c_contiguous:
        try:
            array = array.reshape(shape if len(shape) > 1 else shape[0])
        except (ValueError, TypeError, IndexError):
            pass  # told in PyTorch's words below
        else:
            return seen(input, array, VIEW, {"shape": array.shape})
    shape = infer(sizes(shape), input.numel())
    try:
        return view_of(VIEW, input, {"shape": shape})
    except ValueError:
        made = view_of(VIEW, input.contiguous(), {"shape": shape})
        if type(made) is Tensor:
            made.base = made.source = None  # of a copy that nobody else sees
        return made


def flatten(input, start_dim: int = 0, end_dim: int = -1):
    """Axes start_dim … end_dim made one.  (*, a, b, *) -> (*, a·b, *)"""
    array = ready(input)
    if array is not None and start_dim == 0 and end_dim == -1 and array.ndim > 1 and array.flags.c_contiguous:
        array = array.reshape(-1)
        return seen(input, array, VIEW, {"shape": array.shape})
    if input.ndim == 0:
        return reshape(input, 1)
    start, end = check_dim(start_dim, input.ndim), check_dim(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = input.shape
    if start == end:
        return input
    shape = tuple(shape)
    return reshape(input, (*shape[:start], prod(shape[start:end + 1]), *shape[end + 1:]))


@numpy_names
def unflatten(input, dim: int, sizes):
    """Axis `dim` split into several.  (*, n, *) -> (*, *sizes, *)"""
    if not isinstance(dim, int):
        raise TypeError(f"unflatten(): argument 'dim' (position 1) must be int, not {type(dim).__name__}")
    dim, shape = check_dim(dim, input.ndim), input.shape
    inner = infer(tuple(sizes), shape[dim])
    return reshape(input, *shape[:dim], *inner, *shape[dim + 1:])


# ---- the order of axes
PERMUTE = view("permute", lambda g, _y, _x, dims: view_of(PERMUTE, g, {"dims": _inverse(dims)}), lambda xp, x, dims: x.transpose(dims),
               _one((2, 3, 4), dims=(2, 0, 1)), "Axes in another order.  (a, b, c) -> (c, a, b)",
               back=lambda g, _y, _x, dims: g.transpose(_inverse(dims)))


def _inverse(dims: tuple) -> tuple:
    return tuple(sorted(range(len(dims)), key=[d % len(dims) for d in dims].__getitem__))


def permute(input, *axes, dims=None):
    """Axes in the order `dims`, as a view.  (a, b, c) -> (c, a, b) for dims (2, 0, 1)"""
    dims = axes if dims is None else (dims,)
    array = ready(input)
    if array is not None and len(dims) == array.ndim > 1 and type(dims[0]) is int and min(dims) >= 0:
        try:
            return seen(input, array.transpose(dims), PERMUTE, {"dims": dims})
        except (ValueError, TypeError):
            pass  # told in PyTorch's words below
    dims = sizes(dims)
    if len(dims) != input.ndim:
        raise RuntimeError(f"permute: number of dimensions in the tensor input does not match the length of the desired ordering "
                           f"of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}")
    dims = tuple(check_dim(d, input.ndim) for d in dims)
    if len(set(dims)) != len(dims):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return view_of(PERMUTE, input, {"dims": dims})


SWAP = view(
    "swap",
    lambda g, _y, _x, dim0, dim1: view_of(SWAP, g, {"dim0": dim0, "dim1": dim1}),
    lambda xp, x, dim0, dim1: x.swapaxes(dim0, dim1),
    _one((2, 3, 4), dim0=0, dim1=2),
    "Two axes exchanged.  (a, b, c) -> (c, b, a)",
    back=lambda g, _y, _x, dim0, dim1: g.swapaxes(dim0, dim1),
)


def transpose(input, dim0: int, dim1: int):
    """Two axes exchanged, as a view.  (*, a, *, b, *) -> (*, b, *, a, *)"""
    array = ready(input)
    if array is not None and type(dim0) is int and type(dim1) is int and array.ndim:
        try:
            swapped = array.swapaxes(dim0, dim1)
        except ValueError:
            pass  # told in PyTorch's words below
        else:
            n = array.ndim
            return seen(input, swapped, SWAP, {"dim0": dim0 if dim0 >= 0 else dim0 + n, "dim1": dim1 if dim1 >= 0 else dim1 + n})
    n = input.ndim
    a, b = check_dim(dim0, n), check_dim(dim1, n)
    return view_of(SWAP, input, {"dim0": a, "dim1": b}) if n else input.view_as(input)


TURNED = {"dims": (-1, -2)}  # from the end, which `naming` tells from a `permute`


BACKWARDS = [{"dims": tuple(reversed(range(n)))} for n in range(8)]


def turned(x):
    """All axes in the opposite order, as a view: the attribute `T`.  (a, b, c) -> (c, b, a)"""
    array = ready(x)
    if array is not None and 1 < array.ndim < 8:
        return seen(x, array.T, PERMUTE, BACKWARDS[array.ndim])
    return permute(x, *reversed(range(x.ndim)))


def t(input):
    """A matrix transposed, as a view; vectors and scalars stay.  (a, b) -> (b, a)"""
    array = ready(input)
    if array is not None and array.ndim == 2:
        return seen(input, array.T, PERMUTE, TURNED)
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return view_of(PERMUTE, input, TURNED) if input.ndim == 2 else input.view_as(input)


def flipped(x, name: str):
    """The last two axes exchanged, for the property of that name; a scalar as it is."""
    if x.ndim < 2 or (x.ndim > 2 and name == "H"):
        if not x.ndim:
            return x
        which = "matrices (2-D tensors)" if name == "H" else "matrices or batches of matrices"
        batches = " For batches of matrices, consider using tensor.mH" if x.ndim > 2 else ""
        raise RuntimeError(f"tensor.{name} is only supported on {which}. Got {x.ndim}-D tensor.{batches}")
    return transpose(x, -2, -1)


def movedim(input, source, destination):
    """Axes moved from `source` to `destination`, the others in order, as a view."""
    source = [check_dim(d, input.ndim) for d in ((source,) if isinstance(source, int) else source)]
    destination = [check_dim(d, input.ndim) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source} dims) should contain the same number of dims as "
                           f"destination ({destination} dims)")
    for name, axes in (("source", source), ("destination", destination)):
        if len(set(axes)) < len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({axes})")
    order = [d for d in range(input.ndim) if d not in source]
    for to, d in sorted(zip(destination, source, strict=True)):
        order.insert(to, d)
    return view_of(PERMUTE, input, {"dims": tuple(order)})


# ---- axes of one
SQUEEZE = view("squeeze", lambda g, _y, _x, dims: reshape(g, _x.shape), lambda xp, x, dims: x.squeeze(dims),
               _one((3, 1, 2), dims=(1,)), "Axes of one taken away.  (a, 1, b) -> (a, b)",
               back=lambda g, _y, _x, dims: g.reshape(_x.shape))
UNSQUEEZE = view(
    "unsqueeze",
    lambda g, _y, _x, dim: view_of(SQUEEZE, g, {"dims": (dim,)}),
    lambda xp, x, dim: x[(slice(None),) * dim + (None,)],
    _one((3, 2), dim=1),
    "An axis of one put in.  (a, b) -> (a, 1, b)",
    back=lambda g, _y, _x, dim: g.reshape(_x.shape),
)


@numpy_names
def squeeze(input, dim=None):
    """Axes of one taken away: all, or those in `dim`.  (a, 1, b) -> (a, b)"""
    array = ready(input)
    if array is not None and type(dim) is int:
        n = array.ndim
        if -n <= dim < n:
            dim = dim if dim >= 0 else dim + n
            if array.shape[dim] == 1:
                return seen(input, array.squeeze(dim), SQUEEZE, {"dims": (dim,)})
            return seen(input, array[...], SQUEEZE, {"dims": ()})
    shape = input.shape
    wanted = range(input.ndim) if dim is None else [check_dim(d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
    return view_of(SQUEEZE, input, {"dims": tuple(d for d in wanted if input.ndim and shape[d] == 1)})


@numpy_names
def unsqueeze(input, dim: int):
    """An axis of one put in before axis `dim`, as a view.  (a, b) -> (a, 1, b)"""
    array = ready(input)
    if array is not None and type(dim) is int:
        n = array.ndim + 1
        if -n <= dim < n:
            dim = dim if dim >= 0 else dim + n
            return seen(input, array[(ALL,) * dim + (None,)] if dim else array[None], UNSQUEEZE, {"dim": dim})
    return view_of(UNSQUEEZE, input, {"dim": check_dim(dim, input.ndim + 1)})


# ---- broadcasting
def _spread(xp, x, shape):
    """broadcast_to; for arrays in order the view is made at once, in a sixth of its time."""
    if type(x) is ndarray and x.flags.c_contiguous and x.flags.writeable:
        lead = len(shape) - x.ndim
        strides = (0,) * lead + tuple(0 if n != have else s for n, have, s in zip(shape[lead:], x.shape, x.strides, strict=True))
        out = ndarray(shape, x.dtype, x, 0, strides)
        if out.size != x.size:
            out.setflags(write=False)  # as broadcast_to does: a write would hit many places at once
        return out
    return xp.broadcast_to(x, shape)


EXPAND = view("expand", lambda g, _y, _x, shape: g, lambda xp, x, shape: _spread(xp, x, shape), _one((3, 1), shape=(2, 3, 4)),
              "Axes of one repeated without a copy.  (a, 1) -> (b, a, c)",
              back=lambda g, _y, _x, shape: g)


def spread_at_once(a, shape):
    """`_spread` to sizes that may hold -1, in one pass; None where they don't fit or an array has its limits."""
    own, strides, full, lead = a.shape, a.strides, list(shape), len(shape) - a.ndim
    if lead < 0 or not a.flags.c_contiguous or not a.flags.writeable or (lead and min(shape[:lead]) < 0):
        return None
    if shape[lead:] == own:  # new axes in front alone
        out = ndarray(shape, a.dtype, a, 0, (0,) * lead + strides)
        out.setflags(False)
        return out
    steps = [0] * lead
    i = lead
    for have, step in zip(own, strides, strict=True):
        n = full[i]
        if n == have:
            steps.append(step)
        elif n == -1:
            full[i] = have
            steps.append(step)
        elif have == 1:
            steps.append(0)
        else:
            return None
        i += 1
    try:
        out = ndarray(full, a.dtype, a, 0, steps)
    except (ValueError, TypeError):
        return None
    out.setflags(False)
    return out


if front.module is not None:
    spread_at_once = front.module.spread


def expand(input, *shape, size=None, implicit: bool = False):
    """Axes of one read again and again, as a view; -1 keeps an axis.  (a, 1) -> (b, a, c)"""
    if size is not None:
        shape = (size,)
    if len(shape) == 1 and type(shape[0]) is not int:
        shape = sizes(shape)
    array = ready(input)
    if array is not None:
        spread = spread_at_once(array, shape)
        if spread is not None:
            return seen(input, spread, EXPAND, {"shape": spread.shape})
    shape, own = sizes(shape), input.shape
    new = len(shape) - len(own)
    if new < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(shape)}) must be greater or equal to "
            f"the number of dimensions in the tensor ({len(own)})"
        )
    full = []
    for i, s in enumerate(shape):
        have = own[i - new] if i >= new else 1
        if s == -1:
            if i < new:
                raise RuntimeError(f"expand: the expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {i}")
            s = have
        if have not in (1, s):
            raise RuntimeError(
                f"The expanded size of the tensor ({s}) must match the existing size ({have}) at non-singleton dimension {i}. "
                f"Target sizes: {list(shape)}.  Tensor sizes: {list(own)}"
            )
        full.append(s)
    return view_of(EXPAND, input, {"shape": tuple(full)})


def sum_to_size(input, *shape, size=None):
    """Summed over the axes along which a tensor of `shape` would be broadcast to x's.  (*) -> shape"""
    shape, own = sizes(shape if size is None else (size,)), input.shape
    if not shape:
        return input.sum()  # of PyTorch's kind too: whole numbers for booleans
    if own == shape:
        return input
    lead = len(own) - len(shape)
    dims = tuple(range(lead)) + tuple(i for i in range(lead, len(own)) if shape[i - lead] == 1 and own[i] != 1)
    if lead < 0 or any(shape[i - lead] not in (1, own[i]) for i in range(lead, len(own))):
        raise RuntimeError(f"size {{{list(own)}}} is not expandable to size {{{list(shape)}}}.")
    out = input.sum(dims, keepdim=True) if dims else input
    return reshape(out, shape) if lead else out


# ---- parts
SLICE = view("slice", lambda g, _y, _x, index: _put_back(g, _x.shape, index), lambda xp, x, index: x[index],
             _one((4, 5), index=(slice(1, 3), None, slice(None, None, 2))), "A part named by integers, slices and None.  (*) -> (*)",
             back=lambda g, _y, _x, index: _unslice(np, g, _x.shape, index))
UNSLICE = Card("unslice", "index", lambda xp, g, shape, index: _unslice(xp, g, shape, index), linear=True, inputs=1,
               vjp=lambda g, _y, _x, shape, index: view_of(SLICE, g, {"index": index}),
               samples=lambda make: [((make((2, 3), -1.0, 1.0),), {"shape": (4, 5), "index": (slice(1, 3), slice(0, 3))})],
               doc="Zeros of `shape` with the tensor at `index`: what `slice` does, the other way round.")


def _put_back(g, shape, index):
    return run(UNSLICE, (g,), {"shape": shape, "index": index})


def _unslice(xp, g, shape, index):
    out = xp.zeros(shape, g.dtype)
    out[index] = g
    return out


def part(x, index: tuple):
    return view_of(SLICE, x, {"index": index})


@numpy_names
def select(input, dim: int, index: int):
    """The slice at place `index` of axis `dim`, as a view.  (*, n, *) -> (*, *)"""
    array = ready(input)
    if array is not None and dim == 0 and type(index) is int:
        try:
            return seen(input, array[index, ...], SLICE, {"index": (index, ...)})
        except IndexError:
            pass  # told in PyTorch's words below
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, n = check_dim(dim, input.ndim), input.shape[dim]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}")
    return part(input, (slice(None),) * dim + (int(index), ...))


@numpy_names
def narrow(input, dim: int, start: int, length: int):
    """`length` slices of axis `dim` from `start` on, as a view.  (*, n, *) -> (*, length, *)"""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim, n = check_dim(dim, input.ndim), input.shape[dim]
    if isinstance(start, Tensor) and (start.ndim or start.dtype.category != INT or start.dtype.name == "bool"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start = int(start)
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    begin = start + n if start < 0 else start
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not 0 <= begin <= n or begin + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return part(input, (ALL,) * dim + (slice(begin, begin + length),))


DIAGONAL = view("diagonal", lambda g, _y, _x, offset, dim1, dim2: _diagonal_into(g, _x.shape, offset, dim1, dim2),
                lambda xp, x, offset, dim1, dim2: _writable_diagonal(xp, x, offset, dim1, dim2),
                _one((3, 4), offset=1, dim1=0, dim2=1), "The diagonal of two axes, as the last axis.")


def _writable_diagonal(xp, x, offset, dim1, dim2):
    out = xp.diagonal(x, offset, dim1, dim2)
    if isinstance(out, np.ndarray) and x.flags.writeable:
        out.flags.writeable = True
    return out


def _diagonal_into(g, shape, offset, dim1, dim2):
    step = (DIAGONAL, {"offset": offset, "dim1": check_dim(dim1, len(shape)), "dim2": check_dim(dim2, len(shape))})
    return run(CARDS["view_write"], (g.new_zeros(shape), g), {"steps": (step,)})


def diagonal(input, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """The diagonal of axes dim1 and dim2, put last, as a view.  (*, n, m) -> (*, min(n, m))"""
    a, b = check_dim(dim1, input.ndim), check_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return view_of(DIAGONAL, input, {"offset": offset, "dim1": a, "dim2": b})


# ---- the write through a view, as seen from its base
def _view_write(xp, base, value, steps):
    out = base.copy()
    place = out
    for card, attrs in steps:
        place = card.body(xp, place, **attrs)
    place[...] = value
    return out


def _read(x, steps):
    for card, attrs in steps:
        x = run(card, (x,), attrs)
    return x


Card(
    "view_write",
    "index",
    _view_write,
    inputs=2,
    linear=True,
    vjp=(lambda g, _y, _b, _v, steps: run(CARDS["view_write"], (g, 0.0), {"steps": steps}), lambda g, _y, _b, _v, steps: _read(g, steps)),
    samples=lambda make: [
        ((make((3, 4), -1.0, 1.0), make((3, 2), -1.0, 1.0)), {"steps": ((SLICE, {"index": (slice(None), slice(1, 3))}),)})
    ],
    doc="A base with a value written into one of its views.",
)


@op("index", inputs=1, linear=True, samples=_one((3, 4), dims=(0,)), vjp=lambda g, _y, _x, dims: flip(g, dims))
def flip_(xp, x, dims):
    """The order of elements turned along `dims`, as a copy.  (*) -> (*)"""
    dims = tuple(check_dim(d, x.ndim) for d in ((dims,) if isinstance(dims, int) else dims))
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return xp.flip(x, axis=dims).copy() if x.ndim else x.copy()


BACK = slice(None, None, -1)


def flip(input, *axes, dims=None):
    """The order of elements turned along the axes `dims`, as a copy.  (*) -> (*)

    >>> flambeau.arange(3).flip(0)
    tensor([2, 1, 0])
    """
    array = ready(input)
    if array is not None and len(axes) == 1 and type(axes[0]) is int and -array.ndim <= axes[0] < array.ndim and input.node is None:
        return plain(array[(ALL,) * (axes[0] % array.ndim) + (BACK,)].copy())
    axes = axes if dims is None else (dims,)
    if not axes:
        raise TypeError("flip() missing 1 required positional argument: 'dims'")
    return run_one(CARDS["flip"], input, {"dims": sizes(axes)})


def broadcast_shapes(*shapes) -> Size:
    """The shape that tensors of these shapes are broadcast to.  RuntimeError where they don't fit together."""
    shapes = tuple((s,) if isinstance(s, int) else tuple(s) for s in shapes)
    if any(n < 0 for s in shapes for n in s):
        raise ValueError(f"Attempting to broadcast a dimension with negative length: {shapes}")
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError:
        raise RuntimeError(f"Shape mismatch: objects cannot be broadcast to a single shape: {list(shapes)}") from None


def broadcast_tensors(*tensors: Tensor) -> tuple:
    """Tensors expanded to one shape."""
    shape = broadcast_shapes(*(x.shape for x in tensors))
    return tuple(expand(x, shape) for x in tensors)


