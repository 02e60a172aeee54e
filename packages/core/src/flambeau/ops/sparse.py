"""How sparse tensors are made. What they are stands in `sparse_tensor`, what they do with others in `sparse_products`."""
from __future__ import annotations

from math import prod

from ..backends import namespace
from ..dtype import FLOAT, int32, int64
from ..layout import layout as layout_class
from ..layout import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from ..tensor import Tensor, plain
from . import sparse_products as sparse_products
from .create import as_tensor, tensor
from .sparse_tensor import SparseTensor as SparseTensor
from .sparse_tensor import apart, compressed, made, no_dense


def _values(values, dtype, device, requires_grad: bool) -> Tensor:
    if not isinstance(values, Tensor):
        values = tensor(values, dtype=dtype, device=device)
    values = values.to(device=values.device if device is None else device, dtype=values.dtype if dtype is None else dtype)
    return values.detach().clone().requires_grad_() if requires_grad else values


def _integers(x, device) -> Tensor:
    x = as_tensor(x, device=device)
    if x.dtype.category >= FLOAT and x.numel():
        raise RuntimeError(f"indices must be an int64 tensor, got {x.dtype}")
    return x if x.dtype in (int32, int64) else x.to(int64)


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
        return made(sparse_coo, size, (entries.detach().new_zeros((len(size), 0), dtype=int64),), entries, False)
    entries = _values(values, dtype, device, requires_grad)
    places = _integers(indices, entries.device).to(int64)
    if places.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(places.shape)}")
    if entries.ndim == 0 or places.shape[1] != entries.shape[0]:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {places.shape[1]}, nnz from values: "
                           f"{entries.shape[0] if entries.ndim else 'a number'}")
    axes = places.shape[0]
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
    return _held(made(sparse_coo, size, (places,), entries, bool(is_coalesced)), check_invariants)


def sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None,
                             pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None) -> Tensor:
    """A matrix with compressed rows (layout=sparse_csr) or columns (sparse_csc).  (lines + 1), (nnz), (nnz) -> size

    Raises RuntimeError where the parts do not fit together, and for layouts with blocks, which are not supported.
    """
    if layout in (sparse_bsr, sparse_bsc) or layout not in (sparse_csr, sparse_csc):
        raise RuntimeError(f"sparse_compressed_tensor: expected layout sparse_csr or sparse_csc, got {layout} (blocks are not supported)")
    entries = _values(values, dtype, device, requires_grad)
    pointers, others = (_integers(x, entries.device) for x in (compressed_indices, plain_indices))
    if pointers.ndim != 1 or others.ndim != 1 or entries.ndim != 1:
        raise RuntimeError(f"expected compressed indices, plain indices and values of one axis (batches are not supported), got shapes "
                           f"{list(pointers.shape)}, {list(others.shape)} and {list(entries.shape)}")
    if others.shape != entries.shape:
        raise RuntimeError(f"plain indices and values must have the same length, got {others.shape[0]} and {entries.shape[0]}")
    steps = pointers[1:] - pointers[:-1]
    if not len(pointers) or int(pointers[0]) != 0 or int(pointers[-1]) != len(others) or bool((steps < 0).any()):
        raise RuntimeError(f"compressed indices must rise from 0 to nnz = {len(others)}, got {pointers.tolist()[:8]}")
    across = int(others.max()) + 1 if len(others) else 0
    lines = len(pointers) - 1
    if size is None:
        size = (lines, across) if layout is sparse_csr else (across, lines)
    want = tuple(size) if layout is sparse_csr else tuple(size)[::-1]
    if len(want) != 2 or want[0] != lines or across > want[1] or (len(others) and int(others.min()) < 0):
        raise RuntimeError(f"size {list(size)} does not fit {lines} compressed lines with plain indices below {across}")
    return _held(made(layout, size, (pointers, others), entries, True), check_invariants)


def sparse_csr_tensor(crow_indices, col_indices, values, size=None, **options) -> Tensor:
    """A matrix whose row i has the values crow_indices[i] : crow_indices[i + 1], in the columns col_indices.  -> size

    >>> flambeau.sparse_csr_tensor([0, 1, 2], [1, 0], [5.0, 6.0], (2, 2)).to_dense()
    tensor([[0., 5.],
            [6., 0.]])
    """
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, layout=sparse_csr, **options)


def sparse_csc_tensor(ccol_indices, row_indices, values, size=None, **options) -> Tensor:
    """A matrix whose column j has the values ccol_indices[j] : ccol_indices[j + 1], in the rows row_indices.  -> size"""
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, layout=sparse_csc, **options)


class check_sparse_tensor_invariants:
    """Whether new sparse tensors are held to everything that their layout promises; a switch, a context and a decorator.

    Sizes and the range of places are always checked. This adds what takes time: places in order, each once, within the lines of a
    compressed tensor, and in a COO tensor that is said to be coalesced. A function's own `check_invariants` goes before the switch.

    >>> from flambeau.sparse import check_sparse_tensor_invariants
    >>> with check_sparse_tensor_invariants():
    ...     flambeau.sparse_csr_tensor([0, 2], [1, 0], [1.0, 2.0])
    Traceback (most recent call last):
    RuntimeError: sparse_csr: the plain indices of line 0 must rise, got 1 before 0
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


def _held(x: SparseTensor, asked: bool | None) -> SparseTensor:
    """x, once its places were found in order where that is asked for."""
    if not (check_sparse_tensor_invariants.on if asked is None else asked) or not x.unique:
        return x
    lines, others = (None, None) if x.kind is sparse_coo else x.coordinates()[::-1 if x.kind is sparse_csc else 1]
    flat = x._flat() if lines is None else lines * (int(others.max()) + 1 if others.size else 1) + others
    wrong = (flat[1:] <= flat[:-1]).nonzero()[0]
    if not wrong.size:
        return x
    at = int(wrong[0])
    if lines is None:
        raise RuntimeError(f"sparse_coo: is_coalesced=True, but entries {at} and {at + 1} are not in order, or name one place")
    line, first, second = int(lines[at]), int(others[at]), int(others[at + 1])
    raise RuntimeError(f"{x.kind.name}: the plain indices of line {line} must rise, got {first} before {second}")


def spdiags(diagonals: Tensor, offsets: Tensor, shape, layout=None) -> Tensor:
    """A matrix with these diagonals: [k, j] stands in column j, offsets[k] above the main diagonal.  (k, n), (k) -> sparse shape

    RuntimeError where an offset comes twice or the counts differ.
    """
    rows = diagonals.unsqueeze(0) if diagonals.ndim == 1 else diagonals
    given = offsets.reshape(1) if offsets.ndim == 0 else offsets
    if rows.ndim != 2 or given.ndim != 1 or len(shape) != 2:
        raise RuntimeError(f"spdiags: expected diagonals (k, n), offsets (k) and a shape of two, got {list(diagonals.shape)}, "
                           f"{list(offsets.shape)} and {list(shape)}")
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
    return out if layout in (None, sparse_coo) else compressed(out.coalesce(), layout)


# ---- methods of dense tensors
def to_sparse(x: Tensor, sparse_dim: int | None = None, *, layout=None, blocksize=None, dense_dim=None) -> Tensor:
    """What is not zero of x, as a sparse tensor; its first `sparse_dim` axes (all) become coordinates.  (*) -> (*)"""
    if isinstance(sparse_dim, layout_class):
        sparse_dim, layout = None, sparse_dim
    if layout is strided:
        return x
    if blocksize is not None or layout in (sparse_bsr, sparse_bsc):
        raise RuntimeError("to_sparse: layouts with blocks are not supported; give sparse_coo, sparse_csr or sparse_csc")
    if layout in (sparse_csr, sparse_csc):
        no_dense(dense_dim)
    elif dense_dim is not None:
        if sparse_dim is not None:
            raise RuntimeError("to_sparse: give sparse_dim or dense_dim, not both")
        sparse_dim = x.ndim - dense_dim
    axes = x.ndim if sparse_dim is None else sparse_dim
    if not (0 < axes <= x.ndim or axes == x.ndim == 0):
        raise RuntimeError(f"to_sparse: sparse_dim must lie between 1 and {x.ndim}, got {sparse_dim}")
    array = x.array
    xp, heads = namespace(array), array.shape[:axes]
    used = array.reshape(*heads, prod(array.shape[axes:])) != 0
    flat = xp.flatnonzero(used.any(axis=-1))
    entries = x.reshape(prod(heads), *x.shape[axes:]).index_select(0, plain(flat))
    coo = made(sparse_coo, x.shape, (plain(apart(xp, flat, heads)),), entries, True)
    return coo if layout in (None, sparse_coo) else compressed(coo, layout)


def to_sparse_coo(x: Tensor) -> Tensor:
    return to_sparse(x)


def to_sparse_csr(x: Tensor, dense_dim=None) -> Tensor:
    no_dense(dense_dim)
    return to_sparse(x, layout=sparse_csr)


def to_sparse_csc(x: Tensor, dense_dim=None) -> Tensor:
    no_dense(dense_dim)
    return to_sparse(x, layout=sparse_csc)


def to_dense(x: Tensor, dtype=None, *, masked_grad: bool | None = None) -> Tensor:
    return x if dtype is None else x.to(dtype)


def sparse_mask(x: Tensor, mask: Tensor) -> Tensor:
    """The values of x at the places of a sparse tensor.  (*), sparse (*) -> sparse (*)"""
    if not isinstance(mask, SparseTensor):
        raise RuntimeError("sparse_mask: expected a sparse tensor as mask, got a dense one")
    if x.shape != mask.shape:
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes; self has size {list(x.shape)} but mask has size "
                           f"{list(mask.shape)}")
    mask = mask if mask.unique else mask.coalesce()
    return mask.with_values(x[tuple(plain(c) for c in mask.coordinates())])
