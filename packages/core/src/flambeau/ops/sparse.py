"""How sparse tensors are made. What they are stands in `sparse_tensor`, what they do with others in `sparse_products`."""
from __future__ import annotations

from math import prod

from ..backends import namespace
from ..dtype import int32, int64
from ..layout import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from ..tensor import Tensor
from . import sparse_axes as sparse_axes
from . import sparse_products as sparse_products
from .create import as_tensor, tensor
from .outs import word
from .sparse_layouts import flat
from .sparse_layouts import sparse_mask as sparse_mask
from .sparse_layouts import to_sparse as to_sparse
from .sparse_layouts import to_sparse_bsc as to_sparse_bsc
from .sparse_layouts import to_sparse_bsr as to_sparse_bsr
from .sparse_layouts import to_sparse_coo as to_sparse_coo
from .sparse_layouts import to_sparse_csc as to_sparse_csc
from .sparse_layouts import to_sparse_csr as to_sparse_csr
from .sparse_tensor import ANSWERS, BLOCKS, COMPRESSED, NAMES, ROWS, made
from .sparse_tensor import SparseTensor as SparseTensor


def _values(values, dtype, device, requires_grad: bool) -> Tensor:
    if not isinstance(values, Tensor):
        values = tensor(values, dtype=dtype, device=device)
    values = values.to(device=values.device if device is None else device, dtype=values.dtype if dtype is None else dtype)
    if requires_grad:
        return values.detach().clone().requires_grad_()
    return values if values.requires_grad else values.detach()  # the caller may resize his own


def _integers(x, device, kept: bool = False) -> Tensor:
    given, x = isinstance(x, Tensor), as_tensor(x, device=device)
    return (x if kept and given else x.to(int64)).detach()


def sparse_coo_tensor(indices=None, values=None, size=None, *, dtype=None, device=None, pin_memory: bool = False,
                      requires_grad: bool = False, check_invariants: bool | None = None, is_coalesced: bool | None = None) -> Tensor:
    """A tensor of values at coordinates; values of a place that is named twice add up.  (sparse_dim, nnz), (nnz, *dense) -> size

    size defaults to the smallest that holds all places; with a size alone nothing is stored. Gradients flow to `values`.
    Raises RuntimeError where the parts do not fit together or a place is outside.

    >>> flambeau.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if values is None:
        size = indices if size is None else size
        entries = tensor([], dtype=dtype, device=device, requires_grad=requires_grad)
        return made(sparse_coo, size, (entries.detach().new_zeros((len(size), 0), dtype=int64),), entries, True)
    entries = _values(values, dtype, device, requires_grad)
    entries = entries.reshape(1) if entries.ndim == 0 else entries
    places = _integers(indices, entries.device).to(int64)
    if places.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(places.shape)}")
    if places.shape[1] != entries.shape[0]:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {places.shape[1]}, nnz from values: "
                           f"{entries.shape[0]}")
    axes = places.shape[0]
    if size is not None and prod(size) >= 1 << 63:
        raise RuntimeError(f"numel: integer multiplication overflow for a tensor of size {list(size)}")
    least = [int(p.max()) + 1 if places.shape[1] else 0 for p in places]
    size = (*least, *entries.shape[1:]) if size is None else tuple(size)
    if len(size) != axes + entries.ndim - 1:
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = {axes}, "
                           f"dense_dim = {entries.ndim - 1}")
    if places.numel() and int(places.min()) < 0:
        raise RuntimeError(f"found negative index {int(places.min())} for a sparse tensor")
    if any(n > m for n, m in zip(least, size)):
        raise RuntimeError(f"size is inconsistent with indices: the largest are {[n - 1 for n in least]}, the size is {list(size)}")
    if tuple(size[axes:]) != tuple(entries.shape[1:]):
        raise RuntimeError(f"values has incorrect size, expected {[entries.shape[0], *size[axes:]]}, got {list(entries.shape)}")
    out = made(sparse_coo, size, (places,), entries, places.shape[1] < 2 if is_coalesced is None else is_coalesced)
    if out.unique and (check_sparse_tensor_invariants.on if check_invariants is None else check_invariants):
        order = flat(out)
        if not bool((order[1:] > order[:-1]).all()):
            raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    return out


def sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None,
                             pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None) -> Tensor:
    """A matrix, or a batch of them, with compressed rows (layout=sparse_csr, sparse_bsr) or columns (sparse_csc, sparse_bsc).

    (*batch, lines + 1), (*batch, nnz), (*batch, nnz, *block, *dense) -> (*batch, rows, columns, *dense). The layouts with blocks store a
    matrix of two axes a place. size defaults to the smallest that holds all places. Gradients flow to `values`.
    Raises RuntimeError where the parts do not fit together.
    """
    if layout not in COMPRESSED:
        raise RuntimeError(f"sparse_compressed_tensor expected sparse compressed tensor layout but got {NAMES.get(layout, 'none')}")
    entries = _values(values, dtype, device, requires_grad)
    pointers, others = (_integers(x, entries.device, True) for x in (compressed_indices, plain_indices))
    if pointers.dtype is not others.dtype and not (isinstance(compressed_indices, Tensor) and isinstance(plain_indices, Tensor)):
        pointers, others = pointers.to(int64), others.to(int64)
    check_shapes(pointers, others, entries, size, layout)
    batch, blocked = pointers.ndim - 1, layout in BLOCKS
    if size is None:
        block = entries.shape[batch + 1:batch + 3] if blocked else (1, 1)
        at = 0 if layout in ROWS else 1
        pair = [(int(others.max()) + 1 if others.numel() else 0) * block[1 - at]]
        pair.insert(at, (pointers.shape[-1] - 1) * block[at])
        size = (*pointers.shape[:-1], *pair, *entries.shape[batch + (3 if blocked else 1):])
        check_shapes(pointers, others, entries, size, layout)
    out = made(layout, size, (pointers, others), entries)
    if not out.is_meta:
        check_lines(out, check_sparse_tensor_invariants.on if check_invariants is None else check_invariants)
    return out


def sparse_csr_tensor(crow_indices, col_indices, values, size=None, **options) -> Tensor:
    """A matrix whose row i has the values crow_indices[i] : crow_indices[i + 1], in the columns col_indices.  -> size

    >>> flambeau.sparse_csr_tensor([0, 1, 2], [1, 0], [5.0, 6.0], (2, 2)).to_dense()
    tensor([[0., 5.],
            [6., 0.]])
    """
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, layout=_own(sparse_csr, options), **options)


def sparse_csc_tensor(ccol_indices, row_indices, values, size=None, **options) -> Tensor:
    """A matrix whose column j has the values ccol_indices[j] : ccol_indices[j + 1], in the rows row_indices.  -> size"""
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, layout=_own(sparse_csc, options), **options)


def sparse_bsr_tensor(crow_indices, col_indices, values, size=None, **options) -> Tensor:
    """A matrix whose row i of blocks has the blocks crow_indices[i] : crow_indices[i + 1] of values.  -> size

    >>> flambeau.sparse_bsr_tensor([0, 1], [1], [[[1.0], [2.0]]]).to_dense()
    tensor([[0., 1.],
            [0., 2.]])
    """
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, layout=_own(sparse_bsr, options), **options)


def sparse_bsc_tensor(ccol_indices, row_indices, values, size=None, **options) -> Tensor:
    """A matrix whose column j of blocks has the blocks ccol_indices[j] : ccol_indices[j + 1] of values.  -> size"""
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, layout=_own(sparse_bsc, options), **options)


def _own(layout, options: dict):
    """The layout that the function's name says.  RuntimeError where another is asked for."""
    asked = options.pop("layout", None)
    if asked not in (None, layout):
        raise RuntimeError(f"sparse_{layout.name[7:]}_tensor expected layout {layout}, got {asked}")
    return layout


def check_shapes(pointers, others, values, size, layout) -> None:
    """RuntimeError where the parts of a compressed tensor do not fit together by their shapes and dtypes."""
    blocked = layout in BLOCKS
    base = 2 if blocked else 0
    names = ("crow", "col", "row") if layout in ROWS else ("ccol", "row", "column")
    pointer, other = f"{names[0]}_indices", f"{names[1]}_indices"
    for name, x in ((pointer, pointers), (other, others)):
        if x.layout is not strided:
            raise RuntimeError(f"expected {name} to be a strided tensor")
    for name, x in ((pointer, pointers), (other, others)):
        if x.ndim and x.shape[-1] > 1 and x.stride(-1) != 1:
            raise RuntimeError(f"expected {name} to be a contiguous tensor per batch")
    if pointers.ndim < 1:
        raise RuntimeError(f"{pointer} must have dimensionality >= 1 but got {pointers.ndim}")
    if pointers.ndim != others.ndim:
        raise RuntimeError(f"{pointer} and {other} dimensionalities must be equal but got {pointers.ndim} and {others.ndim}, respectively")
    batch = pointers.ndim - 1
    if values.ndim <= batch + base:
        raise RuntimeError(f"values must have dimensionality > sum of batch and block dimensionalities (={batch} + {base}) but got "
                           f"{values.ndim}")
    dense = values.ndim - batch - base - 1
    if size is not None:
        _check_size(pointers, others, values, tuple(size), layout, (pointer, other, names[2]), batch, dense)
    if pointers.dtype is not others.dtype:
        raise RuntimeError(f"{pointer} and {other} must have the same dtype, but got {word(pointers.dtype)} and {word(others.dtype)}, "
                           "respectively")
    if pointers.dtype not in (int32, int64):
        raise RuntimeError(f"{pointer} and {other} dtype must be Int or Long, but got {word(pointers.dtype)}")
    nnz = values.shape[batch]
    if others.shape[-1] != nnz:
        raise RuntimeError(f"{other}.shape[-1] must be equal to nnz (={nnz}) as defined by values.shape[{batch}], but got "
                           f"{others.shape[-1]}")


def _check_size(pointers, others, values, size, layout, names, batch: int, dense: int) -> None:
    """The part of `check_shapes` that holds the parts against the size."""
    pointer, other, line = names
    blocked = layout in BLOCKS
    if len(size) != batch + 2 + dense:
        raise RuntimeError(f"tensor dimensionality must be sum of batch, base, and dense dimensionalities (={batch} + 2 + {dense}) but got "
                           f"{len(size)}")
    batches = [list(x.shape[:batch]) for x in (pointers, others, values)]
    if any(found != list(size[:batch]) for found in batches):
        raise RuntimeError(f"all batch dimensions of {pointer} (={batches[0]}), {other} (={batches[1]}), and values (={batches[2]}) must "
                           f"be equal to tensor batch dimensions (={list(size[:batch])})")
    block = values.shape[batch + 1:batch + 3] if blocked else (1, 1)
    for d, n in enumerate(block):
        if n < 1 or size[batch + d] % n:
            raise RuntimeError(f"tensor shape[{batch + d}] (={size[batch + d]}) must be divisible with blocksize[{d}] (={n}) as defined by "
                               "values shape")
    if tuple(size[batch + 2:]) != tuple(values.shape[values.ndim - dense:]):
        raise RuntimeError(f"dense axes of the size (={list(size[batch + 2:])}) must be those of values "
                           f"(={list(values.shape[values.ndim - dense:])})")
    at = 0 if layout in ROWS else 1
    lines = size[batch + at] // block[at]
    if pointers.shape[-1] != lines + 1:
        raise RuntimeError(f"{pointer}.shape[-1] must be equal to the number of {line}{'s' if not blocked else ' blocks'} + 1 "
                           f"(={lines + 1}), but got {pointers.shape[-1]}")


def check_lines(x: SparseTensor, ordered: bool) -> None:
    """RuntimeError where the places of a compressed tensor are not those of lines; `ordered`: or do not rise along each."""
    pointers, others = (p.array for p in x.places)
    rows = x.kind in ROWS
    line, other = ("crow_indices", "col_indices") if rows else ("ccol_indices", "row_indices")
    batch, block = x.batch_ndim(), x.block() or (1, 1)
    at = 1 if rows else 0
    width, nnz = x.extent[batch + at] // block[at], others.shape[-1]
    said = "is not satisfied."
    if not (pointers[..., 0] == 0).all():
        raise RuntimeError(f"`{line}[..., 0] == 0` {said}")
    if not (pointers[..., -1] == nnz).all():
        raise RuntimeError(f"`{line}[..., -1] == nnz` {said}")
    steps = pointers[..., 1:] - pointers[..., :-1]
    if not ((steps >= 0) & ((steps <= width) if ordered else True)).all():
        raise RuntimeError(f"`0 <= {line}[..., 1:] - {line}[..., :-1] <= {'ncols' if rows else 'nrows'}` {said}")
    if not ((others >= 0) & (others < width)).all():
        raise RuntimeError(f"`0 <= {other} < {'ncols' if rows else 'nrows'}` {said}")
    if not ordered or nnz < 2:
        return
    first = namespace(others).zeros(others.shape, bool)  # where a line begins
    flat, whole = first.reshape(-1, nnz), pointers.reshape(-1, pointers.shape[-1])
    for b in range(whole.shape[0]):
        flat[b, whole[b][whole[b] < nnz]] = True
    if not (first[..., 1:] | (others[..., 1:] > others[..., :-1])).all():
        raise RuntimeError(f"`{other}[..., {line}[..., i - 1]:{line}[..., i]] for all i = 1, ..., {'nrows' if rows else 'ncols'} are "
                           f"sorted and distinct along the last dimension values` {said}")


class check_sparse_tensor_invariants:
    """Whether new sparse tensors are held to everything that their layout promises; a switch, a context and a decorator.

    Sizes and the range of places are always checked. This adds what takes time: places in order, each once, within the lines of a
    compressed tensor, and in a COO tensor that is said to be coalesced. A function's own `check_invariants` goes before the switch.

    >>> from flambeau.sparse import check_sparse_tensor_invariants
    >>> with check_sparse_tensor_invariants():
    ...     flambeau.sparse_coo_tensor([[1, 0]], [1.0, 2.0], is_coalesced=True)
    Traceback (most recent call last):
    RuntimeError: cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor
    """

    on = False

    def __init__(self, enable: bool = True) -> None:
        self.wanted = enable
        self.before: list[bool] = []

    @staticmethod
    def is_enabled() -> bool:
        return check_sparse_tensor_invariants.on

    @staticmethod
    def enable() -> None:
        check_sparse_tensor_invariants.on = True

    @staticmethod
    def disable() -> None:
        check_sparse_tensor_invariants.on = False

    def __enter__(self) -> None:
        self.before.append(self.on)
        check_sparse_tensor_invariants.on = self.wanted

    def __exit__(self, *_exc) -> None:
        check_sparse_tensor_invariants.on = self.before.pop()

    def __call__(self, function):
        from functools import wraps

        @wraps(function)
        def call(*args, **kwargs):
            with type(self)(self.wanted):
                return function(*args, **kwargs)

        return call


def _new(x: SparseTensor, parts, device):
    device = x.device if device is None else device
    if parts and isinstance(parts[0], Tensor):
        return sparse_coo_tensor(*parts, dtype=x.dtype, device=device)
    size = tuple(parts[0]) if len(parts) == 1 and not isinstance(parts[0], int) else parts
    return x.new_empty(size or (0,), device=device)


ANSWERS["new"] = _new


def spdiags(diagonals: Tensor, offsets: Tensor, shape, layout=None) -> Tensor:
    """A matrix with these diagonals: [k, j] stands in column j, offsets[k] above the main diagonal.  (k, n), (k) -> sparse shape

    RuntimeError where an offset comes twice or the counts differ.
    """
    rows = diagonals.unsqueeze(0) if diagonals.ndim == 1 else diagonals
    given = offsets.reshape(1) if offsets.ndim == 0 else offsets
    if rows.ndim != 2:
        raise RuntimeError(f"Diagonals must be vector or matrix, got {list(diagonals.shape)}")
    if len(shape) != 2:
        raise RuntimeError(f"Output shape must be 2d, got {list(shape)}")
    if given.ndim != 1:
        raise RuntimeError(f"Offsets must be scalar or vector, got {list(offsets.shape)}")
    if given.dtype is not int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {given.dtype}")
    above = given.tolist()
    if len(above) != rows.shape[0]:
        raise RuntimeError(f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({len(above)})")
    if len(set(above)) != len(above):
        raise RuntimeError("Offset tensor contains duplicate values")
    if layout not in (None, sparse_coo, sparse_csr, sparse_csc):
        raise RuntimeError(f"Only output layouts (sparse_coo, sparse_csc, sparse_csr) are supported, got {layout}")
    n, m = shape
    found = [(k, j - o, j) for k, o in enumerate(above) for j in range(max(o, 0), min(m, rows.shape[1], n + o))]
    places = tensor(found, dtype=int64, device=rows.device).reshape(-1, 3).t()
    out = made(sparse_coo, (n, m), (places[1:],), rows[places[0], places[2]], False)
    return out if layout in (None, sparse_coo) else out.to_sparse(layout=layout)


def to_dense(x: Tensor, dtype=None, *, masked_grad: bool | None = None) -> Tensor:
    """A dense tensor, as it is.  (*) -> (*)"""
    if isinstance(x, SparseTensor):  # by its name in Tensor
        return x.to_dense(dtype, masked_grad=masked_grad)
    return x if dtype is None else x.to(dtype)
