"""From one layout to another: all go through coordinates, one an axis."""
from __future__ import annotations

from math import prod
from typing import Any

from ..backends import namespace
from ..dtype import int64
from ..layout import layout as layout_class
from ..layout import sparse_coo, sparse_csr, strided
from ..tensor import Tensor, check_dim, plain
from .sparse_tensor import ANSWERS, BLOCKS, COMPRESSED, NAMES, ROWS, TURNED, SparseTensor, made


def flat_places(coordinates, heads, like: Tensor):
    """Each place as its number in row order.  IndexError where one is outside."""
    xp = namespace(like.array)
    flat: Any = xp.zeros(like.shape[0], dtype="int64")
    for c, n in zip(coordinates, heads, strict=True):
        if c.size and not (int(c.min()) >= 0 and int(c.max()) < n):
            raise IndexError(f"a sparse tensor names place {int(c.max() if c.max() >= n else c.min())} of an axis of size {n}")
        flat = flat * n + c
    return flat


def flat(x: SparseTensor):
    """The places of `x.numbers()` as numbers in row order."""
    return flat_places(x.coordinates(), x.extent[:x.heads()], x.numbers())


def merged(coordinates, numbers: Tensor, extent) -> SparseTensor:
    """A coalesced tensor: each place once, in order, with the sum of its values."""
    heads = extent[:len(coordinates)]
    places = flat_places(coordinates, heads, numbers)
    xp = namespace(places)
    if not places.size or bool((places[1:] > places[:-1]).all()):
        return made(sparse_coo, extent, (plain(stacked(xp, coordinates, places)),), numbers, True)
    kept, group = xp.unique(places, return_inverse=True)
    group = plain(group.reshape(-1))
    if kept.size == places.size:
        values = numbers.new_zeros(numbers.shape).index_copy(0, group, numbers)
    else:
        values = numbers.new_zeros((kept.size, *numbers.shape[1:])).index_add(0, group, numbers)
    return made(sparse_coo, extent, (plain(apart(xp, kept, heads)),), values, True)


def apart(xp, places, heads):
    """Places in row order as coordinates.  (nnz) -> (sparse_dim, nnz)"""
    found = []
    for n in reversed(heads):
        found.append(places % n if n else places)
        places = places // n if n else places
    return stacked(xp, found[::-1], places)


def stacked(xp, coordinates, places):
    return xp.stack([c.astype("int64", copy=False) for c in coordinates]) if len(coordinates) else xp.zeros((0, places.size), "int64")


def compressed(coordinates, numbers: Tensor, extent, kind, batch: int = 0, block=None, places: Any = int64) -> SparseTensor:
    """Values at places that are named once, as lines; `batch` axes stand before, and zeros fill up the blocks."""
    *before, rows, cols = coordinates
    inner: Any = None  # where a value lies in its block
    xp, grid = namespace(rows), extent[batch:batch + 2]
    if block is not None:
        if any(n % b for n, b in zip(grid, block, strict=True)):
            raise RuntimeError(f"to_sparse: tensor sparse size ({grid[0]},{grid[1]}) must be divisible by given blocksize "
                               f"({block[0]},{block[1]})")
        grid = tuple(n // b for n, b in zip(grid, block, strict=True))
        inner = rows % block[0] * block[1] + cols % block[1]
        rows, cols = rows // block[0], cols // block[1]
    (line, other), (lines, others) = ((rows, cols), grid) if kind in ROWS else ((cols, rows), grid[::-1])
    whole = flat_places((*before, line, other), (*extent[:batch], lines, others), numbers)
    if block is not None:
        size = prod(block)
        whole, group = xp.unique(whole, return_inverse=True)
        blocks = numbers.new_zeros((whole.size * size, *numbers.shape[1:]))
        entries = blocks.index_copy(0, plain(group.reshape(-1) * size + inner), numbers).reshape(whole.size, *block, *numbers.shape[1:])
    elif bool((whole[1:] > whole[:-1]).all()):
        entries = numbers
    else:
        order = xp.argsort(whole)
        whole, entries = whole[order], numbers[plain(order)]
    count = prod(extent[:batch])
    if others:
        held = xp.bincount(whole // others, minlength=count * lines).reshape(count, lines)
    else:
        held = xp.zeros((count, lines), "int64")
    ends = xp.cumsum(held, axis=1)
    each = int(ends[0, -1]) if count and lines else 0
    if batch and lines and count and not bool((ends[:, -1] == each).all()):
        raise RuntimeError("Expect the same number of specified elements per batch.")
    pointers = xp.concatenate([xp.zeros((count, 1), "int64"), ends], axis=1).reshape(*extent[:batch], lines + 1)
    kept = (whole % others if others else whole).reshape(*extent[:batch], each)
    entries = entries.reshape(*extent[:batch], each, *entries.shape[1:]) if batch else entries
    return made(kind, extent, (plain(pointers.astype(places.numpy)), plain(kept.astype(places.numpy))), entries)


def empty(kind, extent, entries: Tensor, heads: int, batch: int = 0, block=None, places=int64) -> SparseTensor:
    """A tensor with nothing stored, whose dtype and device are those of `entries`."""
    values = entries.detach().new_zeros((*extent[:batch], 0, *(block or ()), *extent[heads:]))
    as_places = lambda *shape: values.new_zeros(shape, dtype=places)
    if kind is sparse_coo:
        return made(kind, extent, (as_places(heads, 0),), values, True)
    at = 0 if kind in ROWS else 1
    lines = extent[batch + at] // (block[at] if block else 1)
    return made(kind, extent, (as_places(*extent[:batch], lines + 1), as_places(*extent[:batch], 0)), values)


def blank(extent, dtype, layout, device, name: str, requires_grad: bool = False) -> SparseTensor:
    """`zeros` and `empty` with a sparse layout: nothing is stored."""
    from .create import zeros

    if layout in BLOCKS:
        raise RuntimeError(f"{name}_sparse_compressed expected sparse compressed (non-block) tensor layout but got {NAMES[layout]}")
    if layout is not sparse_coo and len(extent) < 2:
        raise RuntimeError("torch.empty: Only batched sparse compressed (non-block) tensors are supported, but got size "
                           f"{list(extent)}")
    batch = 0 if layout is sparse_coo else len(extent) - 2
    return empty(layout, tuple(extent), zeros(0, dtype=dtype, device=device), len(extent), batch).requires_grad_(requires_grad)


def alike(x: Tensor, value, dtype, device, requires_grad: bool, layout=None):
    """`zeros_like` and its neighbours where x is sparse, or is to be; of COO there are zeros alone."""
    from .create import _filled

    wanted = layout or x.layout
    full = lambda shape: _filled(shape, value or 0, dtype or x.dtype, device or x.device, requires_grad)
    if wanted is strided:
        return full(tuple(x.shape))
    if not isinstance(x, SparseTensor):
        return blank(x.shape, dtype or x.dtype, wanted, device or x.device, "empty", requires_grad)
    if wanted is not x.kind and value is None:
        raise RuntimeError(f"empty_like with different sparse layout is not supported (self is {NAMES[x.kind]} but you requested "
                           f"{NAMES[wanted]})")
    if value is None and x.kind is not sparse_coo:
        out = made(x.kind, x.extent, x.places, x.entries.detach()).to(dtype=dtype or x.dtype, device=device or x.device).clone()
        return out.requires_grad_(requires_grad)
    if not value:
        block = x.block() or (1, 1) if wanted in BLOCKS else None
        batch = 0 if wanted is sparse_coo else x.batch_ndim() if x.kind is not sparse_coo else x.sparse_dim() - 2
        if batch < 0:
            raise RuntimeError(f"zeros_like: a tensor with {x.sparse_dim()} sparse axes has no rows and columns for the layout {wanted}")
        places = x.places[0].dtype if wanted is not sparse_coo else int64
        return empty(wanted, x.extent, full((0,)).detach(), x.heads(), batch, block, places).requires_grad_(requires_grad)
    if sparse_coo in (x.kind, wanted) or wanted is not x.kind:
        raise NotImplementedError("a sparse tensor full of one value is not there: only zeros_like and empty_like are")
    places = [p.to(device or x.device) for p in x.places]
    return made(x.kind, x.extent, places, full(tuple(x.entries.shape)))


def of_shape(x: SparseTensor, shape, value: Tensor) -> SparseTensor:
    """`new_zeros` and `new_empty`: a tensor of x's layout and another shape, with nothing stored."""
    if value.item() != 0:
        raise NotImplementedError("a sparse tensor full of one value is not there: only new_zeros and new_empty are")
    return blank(shape, value.dtype, x.kind, value.device, "empty")


def _unmasked(_gradient):
    raise NotImplementedError("to_dense(masked_grad=False): gradients of places that are not stored are not there")


# ---- methods of sparse tensors
def to_dense(x: SparseTensor, dtype=None, masked_grad: bool | None = None) -> Tensor:
    """The same values with all the zeros.  -> (*size)"""
    numbers = x.numbers() if dtype is None else x.numbers().to(dtype)
    heads = x.extent[:x.heads()]
    if masked_grad is False and x.origin is not None:
        return x.origin.clone() if dtype is None else x.origin.to(dtype)
    if masked_grad is False and x.requires_grad and numbers.shape[0] < prod(heads):
        numbers = numbers.clone()
        numbers.register_hook(_unmasked)
    out = numbers.new_zeros((prod(heads), *numbers.shape[1:]))
    return out.index_add(0, plain(flat(x)), numbers).reshape(x.extent)


def convert(x: SparseTensor, sparse_dim=None, layout=None, blocksize=None, dense_dim=None):
    if isinstance(sparse_dim, layout_class):
        sparse_dim, layout = None, sparse_dim
    wanted = sparse_coo if layout is None else layout
    if wanted is strided:
        raise RuntimeError(f"to_sparse: conversion from {NAMES[x.kind]} to Strided is not supported: use to_dense()")
    _check_conversion(wanted, blocksize)
    if dense_dim not in (None, x.dense_dim()):
        raise RuntimeError(f"to_sparse: conversion from {NAMES[x.kind]} to {NAMES[wanted]} with dense_dim argument !=self.dense_dim() is "
                           "not supported")
    if sparse_dim not in (None, x.sparse_dim()):
        told = "to_sparse" if x.kind is sparse_coo else "sparse_compressed_to_sparse"
        said = "self.sparse_dim()" if x.kind is sparse_coo else "2"
        raise RuntimeError(f"{told}: conversion from {NAMES[x.kind]} to {NAMES[wanted]} with sparse_dim argument !={said} is not supported")
    if wanted is x.kind and (blocksize is None or tuple(blocksize) == x.block()):
        return x
    if wanted is sparse_coo:
        places = plain(stacked(namespace(x.places[0].array), x.coordinates(), x.numbers()))
        return made(sparse_coo, x.extent, (places,), x.numbers(), x.kind in ROWS and (x.kind is sparse_csr or _in_order(x)))
    block = tuple(blocksize) if blocksize is not None else x.block()
    if wanted in BLOCKS and block is None:
        raise RuntimeError(f"to_sparse: conversion from {NAMES[x.kind]} to {NAMES[wanted]} requires blocksize")
    if x.kind is sparse_coo and x.sparse_dim() != 2:
        raise RuntimeError(f"to_sparse: conversion from Sparse to {NAMES[wanted]} for input tensors with sparse_dim()!=2 is not supported")
    x = x.once()
    return compressed(x.coordinates(), x.numbers(), x.extent, wanted, x.batch_ndim(), block if wanted in BLOCKS else None,
                      int64 if x.kind is sparse_coo else x.places[0].dtype)


def _in_order(x: SparseTensor) -> bool:
    places = flat(x)
    return bool((places[1:] > places[:-1]).all())


def _check_conversion(wanted, blocksize) -> None:
    if blocksize is not None and (len(blocksize) != 2 or min(blocksize) <= 0):
        raise RuntimeError(f"to_sparse: blocksize needs to be a tuple of two positive numbers, but got {len(blocksize)}: "
                           f"{tuple(blocksize)}")
    if wanted not in BLOCKS and blocksize is not None:
        raise RuntimeError(f"to_sparse: conversion to {NAMES[wanted]} takes no blocksize: only sparse_bsr and sparse_bsc have blocks")


def transpose(x: SparseTensor, dim0: int, dim1: int):
    a, b = sorted((check_dim(dim0, x.ndim), check_dim(dim1, x.ndim)))
    if a == b:
        return x
    heads, batch = x.heads(), x.batch_ndim()
    part = lambda d: "Batch" if d < batch else "Sparse" if d < heads else "Dense"
    if part(a) != part(b):
        if x.kind is sparse_coo:
            raise RuntimeError(f"transpose: sparse axes and dense ones are not exchanged: there are {heads} sparse, got {dim0} and {dim1}")
        raise RuntimeError(f"transpose(): can only transpose dimensions of the same type (Batch, Sparse, Dense), got {dim0}({part(a)}) and "
                           f"{dim1}({part(b)})")
    extent = list(x.extent)
    extent[a], extent[b] = extent[b], extent[a]
    if part(a) == "Dense":
        shift = x.entries.ndim - x.ndim
        return made(x.kind, extent, x.places, x.entries.transpose(a + shift, b + shift), x.unique)
    if part(a) == "Batch":
        return made(x.kind, extent, [p.transpose(a, b) for p in x.places], x.entries.transpose(a, b))
    if x.kind is not sparse_coo:
        entries = x.entries.transpose(batch + 1, batch + 2) if x.kind in BLOCKS else x.entries
        return made(TURNED[x.kind], extent, x.places, entries)
    order = list(range(heads))
    order[a], order[b] = order[b], order[a]
    return made(sparse_coo, extent, (x.places[0][order],), x.entries, x._nnz() < 2)


# ---- methods of dense tensors
def to_sparse(x: Tensor, sparse_dim: int | None = None, *, layout=None, blocksize=None, dense_dim=None) -> Tensor:
    """What is not zero of x, as a sparse tensor; its first `sparse_dim` axes (all) become coordinates.  (*) -> (*)

    The compressed layouts take the two axes before the last `dense_dim` (0) as rows and columns, and those before as a batch.
    """
    if isinstance(x, SparseTensor):  # by its name in Tensor
        return convert(x, sparse_dim, layout, blocksize, dense_dim)
    if isinstance(sparse_dim, layout_class):
        sparse_dim, layout = None, sparse_dim
    if layout is strided:
        if sparse_dim is not None or blocksize is not None or dense_dim is not None:
            raise RuntimeError("to_sparse: conversion from Strided to Strided takes no sparse_dim, blocksize or dense_dim")
        return x
    wanted = sparse_coo if layout is None else layout
    _check_conversion(wanted, blocksize)
    dense = 0 if dense_dim is None else dense_dim
    if wanted is sparse_coo:
        if dense_dim is not None and sparse_dim is not None:
            raise RuntimeError("to_sparse: give sparse_dim or dense_dim, not both")
        axes = x.ndim - dense if sparse_dim is None else sparse_dim
        if not (0 < axes <= x.ndim or axes == x.ndim == 0):
            raise RuntimeError(f"sparse_dim must be in [1, {x.ndim}] range, but {axes} is given")
    else:
        if sparse_dim not in (None, 2):
            raise RuntimeError(f"to_sparse: sparse_dim of a tensor of the layout {wanted} is 2, got {sparse_dim}")
        if wanted in BLOCKS and blocksize is None:
            raise RuntimeError(f"to_sparse: conversion from Strided to {NAMES[wanted]} requires blocksize")
        axes = x.ndim - dense
        if not 2 <= axes <= x.ndim:
            said = f"dense_dim argument must be in [0,{x.ndim - 2}] range, but {dense} is given" if x.ndim >= 2 else \
                f"dense_to_sparse_{NAMES[wanted][6:].lower()}: expected a tensor with at least two axes, got {x.ndim}"
            raise RuntimeError(said)
    array = x.array
    xp, heads = namespace(array), array.shape[:axes]
    used = array.reshape(*heads, prod(array.shape[axes:])) != 0
    places = xp.flatnonzero(used.any(axis=-1))
    if wanted in BLOCKS and not prod(heads):
        places = places[:0]
    numbers = x.reshape(prod(heads), *x.shape[axes:]).index_select(0, plain(places))
    coordinates = apart(xp, places, heads)
    if wanted is sparse_coo:
        out = made(sparse_coo, x.shape, (plain(coordinates),), numbers, True)
    else:
        out = compressed(tuple(coordinates), numbers, tuple(x.shape), wanted, axes - 2, blocksize and tuple(blocksize))
    if numbers.requires_grad:
        out.made_of = x, x._version
    return out


def sparse_mask(x: Tensor, mask: Tensor) -> Tensor:
    """The values of x at the places of a sparse tensor.  (*), sparse (*) -> sparse (*)"""
    if not isinstance(mask, SparseTensor):
        raise RuntimeError("sparse_mask: expected a sparse tensor as mask, got a dense one")
    if x.shape != mask.shape:
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes; self has size {list(x.shape)} but mask has size "
                           f"{list(mask.shape)}")
    if not isinstance(x, SparseTensor):
        return mask.with_values(at_places(mask, x))
    if x.heads() != mask.heads():
        raise RuntimeError(f"sparse_mask(): self has {x.sparse_dim()} sparse axes, and mask has {mask.sparse_dim()}")
    x = x.once()
    numbers, places = x.numbers(), flat(mask)
    theirs, mine = met(places, flat(x))
    found = numbers.new_zeros((places.size, *numbers.shape[1:])).index_copy(0, plain(theirs), numbers[plain(mine)])
    return mask.with_values(found.reshape(mask.entries.shape))


def at_places(x: SparseTensor, other: Tensor) -> Tensor:
    """The values of a tensor of x's size at x's places.  (*) -> those of x.entries"""
    other = other.to_dense().expand(x.extent)
    numbers = other.reshape(prod(x.extent[:x.heads()]), *x.extent[x.heads():]).index_select(0, plain(flat(x)))
    return numbers.reshape(x.entries.shape)


def first(x: SparseTensor) -> SparseTensor:
    """A coalesced tensor of the first value at each place."""
    kept, at = namespace(x.places[0].array).unique(flat(x), return_index=True)
    places = apart(namespace(kept), kept, x.extent[:x.heads()])
    return made(sparse_coo, x.extent, (plain(places),), x.entries[plain(at)], True)


def full_places(x: SparseTensor) -> SparseTensor:
    """A tensor of ones in x's layout that stores each place."""
    from .create import ones

    whole = ones(x.extent, dtype=x.dtype, device=x.device)
    return whole.to_sparse(layout=x.kind, blocksize=x.block(), dense_dim=x.dense_dim())


def met(first, second):
    """Where two lists of places meet, the second without repetition: indices into the first, and into the second."""
    xp = namespace(first)
    if not second.size or not first.size:
        none = xp.zeros(0, "int64")
        return none, none
    order = None if bool((second[1:] > second[:-1]).all()) else xp.argsort(second)
    ranked = second if order is None else second[order]
    at = xp.minimum(xp.searchsorted(ranked, first), second.size - 1)
    mine = xp.flatnonzero(ranked[at] == first)
    return mine, at[mine] if order is None else order[at[mine]]


def to_layout(layout):
    """The method that turns any tensor into one of the layout."""
    if layout in BLOCKS:
        def call(x: Tensor, blocksize, dense_dim=None) -> Tensor:
            return x.to_sparse(layout=layout, blocksize=blocksize, dense_dim=dense_dim)
    else:
        def call(x: Tensor, dense_dim=None) -> Tensor:
            return x.to_sparse(layout=layout, dense_dim=dense_dim)

    call.__name__ = f"to_{layout.name}"
    call.__doc__ = f"The values of a tensor, in the layout {layout.name}.  (*) -> (*)"
    return call


def to_sparse_coo(x: Tensor) -> Tensor:
    """The values of a tensor, in the layout sparse_coo.  (*) -> (*)"""
    return x.to_sparse()


to_sparse_csr, to_sparse_csc, to_sparse_bsr, to_sparse_bsc = map(to_layout, COMPRESSED)


# ---- in place
def check_copy(x: SparseTensor, src) -> None:
    """RuntimeError where compressed tensors differ in more than their values."""
    if x.kind is sparse_coo:
        return
    said = "torch.copy_: "
    if src.layout is not x.kind:
        raise RuntimeError(f"{said}copy of sparse compressed tensors having different layouts is not supported. self layout is "
                           f"{NAMES[x.kind]} and src layout is {NAMES[src.layout]}")
    if x._nnz() != src._nnz():
        raise RuntimeError(f"{said}only sparse compressed tensors with the same number of specified elements are supported.")
    for d, (n, m) in enumerate(zip(x.extent, src.extent, strict=True)):
        if n != m:
            raise RuntimeError(f"{said}expected shapes of self and src to match along dimension {d} but got {n} and {m}")
    if x.block() != src.block():
        raise RuntimeError(f"{said}copy of sparse compressed tensors having different block sizes is not supported. self and src block "
                           f"sizes are {x.block()} and {src.block()}, respectively")


def sparse_resize_(x: SparseTensor, size, sparse_dim: int, dense_dim: int):
    """Another size; places and values stay where they fit."""
    x._only("sparse_resize_", sparse_coo)
    size, heads = tuple(size), x.sparse_dim()
    if sparse_dim + dense_dim != len(size):
        raise RuntimeError(f"number of dimensions must be sparse_dim ({sparse_dim}) + dense_dim ({dense_dim}), but got {len(size)}")
    if x._nnz():
        for name, new, old in (("sparse", sparse_dim, heads), ("dense", dense_dim, x.dense_dim())):
            if new != old:
                raise RuntimeError(f"changing the number of {name} dimensions (from {old} to {new}) on a non-empty sparse tensor is not "
                                   "supported.")
        for name, wanted, found in (("sparse", size[:heads], x.extent[:heads]), ("dense", size[heads:], x.extent[heads:])):
            if any(n < m for n, m in zip(wanted, found, strict=True)):
                raise RuntimeError(f"shrinking the size of {name} dimensions (from {list(found)} to {list(wanted)}) on a non-empty sparse "
                                   "tensor is not supported.")
    else:
        x.take(empty(sparse_coo, size, x.entries, sparse_dim))
    if size[sparse_dim:] != tuple(x.entries.shape[1:]):
        raise NotImplementedError("sparse_resize_: dense axes of a tensor that holds values are not resized")
    x.extent = size
    return x


def resize_(x: SparseTensor, size):
    """Another size of a compressed matrix: rows may go and come, columns only come."""
    if x.kind is not sparse_csr:
        raise NotImplementedError(f"resize_ is not there for the layout {x.kind}")
    batch, size = x.batch_ndim(), tuple(size)
    if len(size) < 2:
        raise RuntimeError(f"torch.resize_: Only batched sparse CSR matrices are supported, but got size {list(size)}")
    if size[-1] < x.extent[-1]:
        raise RuntimeError("torch.resize_: Resizing columns of sparse CSR tensors to a smaller value is not supported. The original number "
                           f"of columns is {x.extent[-1]} while the requested new number of columns is {size[-1]}.")
    if len(size) != x.ndim or size[:batch] != x.extent[:batch] or batch:
        raise NotImplementedError("resize_ of a batch of compressed matrices is not there")
    pointers, others = x.places
    rows: int = size[0]
    if rows < x.extent[0]:
        kept = int(pointers[rows])
        pointers, others, entries = pointers[:rows + 1], others[:kept], x.entries[:kept]
    else:
        more = pointers[-1:].expand(rows - x.extent[0])
        from .join import cat

        pointers, entries = cat([pointers, more]), x.entries
    x.extent = size
    return x.take(made(sparse_csr, size, (pointers, others), entries))


ANSWERS.update({"merged": merged, "transpose": transpose, "empty": empty, "of_shape": of_shape, "check_copy": check_copy,
                "sparse_resize_": sparse_resize_, "resize_": resize_, "swap": transpose, "sparse_mask": sparse_mask,
                "to_dense": to_dense, "at_places": at_places, "first": first, "full_places": full_places, "convert": convert})
for _call in (to_sparse_coo, to_sparse_csr, to_sparse_csc, to_sparse_bsr, to_sparse_bsc):
    setattr(SparseTensor, _call.__name__, _call)
