"""Sparse tensors: the places of what is not zero, and their values.

A sparse tensor is made of dense ones. Its history is that of its values, so gradients flow through them and need no rules of their own.
Being of another type it goes the slow road, where `process` does the ops that keep zeros zero and refuses the others.
"""
from __future__ import annotations

from importlib import import_module
from math import prod
from typing import Any

from ..backends import namespace
from ..dispatch import run
from ..dtype import FLOAT, int32, int64
from ..layout import layout as layout_class
from ..layout import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from ..tensor import Size, Tensor, check_dim, plain
from .create import as_tensor, tensor

# cards that give zero for zero, of one tensor
LINEAR = frozenset("neg clone cast conj deg2rad rad2deg".split())
ZERO = LINEAR | frozenset(
    "abs asin asinh atan atanh ceil erf erfinv expm1 floor frac isinf isnan isneginf isposinf log1p relu round sgn sign signbit sin sinh "
    "sqrt square tan tanh trunc".split())
NAMES = {sparse_coo: "Sparse", sparse_csr: "SparseCsr", sparse_csc: "SparseCsc", strided: "Strided"}


def _products():
    """`sparse_products`, which is built on this file and read when a sparse tensor meets another."""
    return import_module(f"{__package__}.sparse_products")


class SparseTensor(Tensor):
    """Values at places, zeros elsewhere; made by `sparse_coo_tensor` and its neighbours, by `to_sparse`, and as a sparse gradient.

    kind      its layout: sparse_coo, sparse_csr or sparse_csc
    places    COO: (indices,) of shape (sparse_dim, nnz); compressed: (pointers, indices), of rows for CSR, of columns for CSC
    entries   the values: (nnz, *dense)
    """

    kind: Any
    extent: tuple
    places: tuple
    entries: Tensor
    unique: bool
    lines: tuple | None = None  # the coordinates of a compressed tensor, once they were asked for

    def __new__(cls, *_args, **_kwargs):
        raise TypeError("a sparse tensor is made by flambeau.sparse_coo_tensor, sparse_csr_tensor, sparse_csc_tensor or x.to_sparse()")

    # ---- what it is
    @property
    def array(self):
        raise NotImplementedError(f"this operation is not there for the layout {self.kind}: use to_dense() first, or flambeau.sparse")

    shape = property(lambda self: Size(self.extent))
    dtype = property(lambda self: self.entries.dtype)
    device = property(lambda self: self.entries.device)
    ndim = property(lambda self: len(self.extent))
    layout = property(lambda self: self.kind)
    is_sparse = property(lambda self: self.kind is sparse_coo)
    is_sparse_csr = property(lambda self: self.kind is sparse_csr)
    is_cuda = property(lambda self: self.entries.is_cuda)
    is_meta = property(lambda self: False)
    itemsize = property(lambda self: self.entries.itemsize)
    requires_grad = property(lambda self: self.entries.requires_grad, lambda self, on: self.requires_grad_(on))
    is_leaf = property(lambda self: self.entries.is_leaf)
    grad_fn = property(lambda self: self.entries.grad_fn)

    @property
    def grad(self):
        """The gradient at this tensor's places, as a sparse tensor; None before the first backward."""
        g = self.entries.grad
        return None if g is None else self.with_values(g)

    @grad.setter
    def grad(self, value) -> None:
        if value is not None:
            raise RuntimeError("the gradient of a sparse tensor rests with its values: set it to None only")
        self.entries.grad = None

    def dim(self) -> int:
        return len(self.extent)

    ndimension = dim

    def size(self, dim: int | None = None):
        return self.shape if dim is None else self.extent[check_dim(dim, self.ndim)]

    def numel(self) -> int:
        return prod(self.extent)

    nelement = numel

    def __len__(self) -> int:
        return self.extent[0]

    def element_size(self) -> int:
        return self.entries.itemsize

    def visible(self) -> bool:
        return False

    def stride(self, dim=None):
        raise RuntimeError(f"a tensor of the layout {self.kind} has no strides")

    def is_contiguous(self, memory_format=None) -> bool:
        raise RuntimeError(f"a tensor of the layout {self.kind} has no strides: is_contiguous() is for dense tensors")

    def sparse_dim(self) -> int:
        return self.places[0].shape[0] if self.kind is sparse_coo else 2

    def dense_dim(self) -> int:
        return self.ndim - self.sparse_dim()

    def _nnz(self) -> int:
        return self.entries.shape[0]

    def is_coalesced(self) -> bool:
        self._only("is_coalesced", sparse_coo)
        return self.unique

    def _only(self, name: str, *kinds) -> None:
        if self.kind not in kinds:
            wanted = {sparse_coo: "sparse coordinate", sparse_csr: "sparse row compressed", sparse_csc: "sparse column compressed"}
            raise RuntimeError(f"{name} expected {wanted.get(kinds[0], 'sparse')} tensor layout but got {NAMES[self.kind]}")

    def _indices(self) -> Tensor:
        self._only("_indices", sparse_coo)
        return self.places[0]

    def _values(self) -> Tensor:
        return self.entries.detach()

    def indices(self) -> Tensor:
        """The places, one a column.  -> (sparse_dim, nnz).  RuntimeError where some may be named twice."""
        self._only("indices", sparse_coo)
        if not self.unique:
            raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
        return self.places[0]

    def values(self) -> Tensor:
        """The values, with their history.  -> (nnz, *dense)"""
        if not self.unique:
            raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
        return self.entries

    def crow_indices(self) -> Tensor:
        self._only("crow_indices", sparse_csr)
        return self.places[0]

    def col_indices(self) -> Tensor:
        self._only("col_indices", sparse_csr)
        return self.places[1]

    def ccol_indices(self) -> Tensor:
        self._only("ccol_indices", sparse_csc)
        return self.places[0]

    def row_indices(self) -> Tensor:
        self._only("row_indices", sparse_csc)
        return self.places[1]

    def coordinates(self) -> tuple:
        """The places as arrays, one an axis."""
        if self.kind is sparse_coo:
            return tuple(self.places[0].array)
        if self.lines is not None:
            return self.lines
        pointers, others = (p.array for p in self.places)
        xp = namespace(pointers)
        lines = xp.repeat(xp.arange(pointers.shape[0] - 1), xp.diff(pointers).tolist() if xp.device_type != "cpu" else xp.diff(pointers))
        self.lines = (lines, others) if self.kind is sparse_csr else (others, lines)  # a network multiplies by one matrix many times
        return self.lines

    # ---- made from it
    def with_values(self, entries: Tensor) -> SparseTensor:
        """Other values at the same places."""
        return made(self.kind, self.extent, self.places, entries, self.unique)

    def requires_grad_(self, requires_grad: bool = True):
        self.entries.requires_grad_(requires_grad)
        return self

    def detach(self):
        return self.with_values(self.entries.detach())

    data = property(detach)

    def clone(self, *, memory_format=None):
        return made(self.kind, self.extent, tuple(p.clone() for p in self.places), self.entries.clone(), self.unique)

    def to(self, *args, **kwargs):
        entries = self.entries.to(*args, **kwargs)
        return made(self.kind, self.extent, tuple(p.to(entries.device) for p in self.places), entries, self.unique)

    def cpu(self):
        return self.to("cpu")

    def cuda(self, device=None):
        return self.to("cuda" if device is None else device)

    def coalesce(self):
        """Each place once, in order, with the sum of its values."""
        self._only("coalesce", sparse_coo)
        return self if self.unique else merged(self.coordinates(), self.entries, self.extent)

    def to_dense(self, dtype=None, *, masked_grad: bool | None = None) -> Tensor:
        """The same values with all the zeros.  -> (*size)"""
        entries = self.entries if dtype is None else self.entries.to(dtype)
        heads = self.extent[:self.sparse_dim()]
        flat = plain(self._flat())
        out = entries.new_zeros((prod(heads), *entries.shape[1:]))
        return out.index_add(0, flat, entries).reshape(self.extent)

    def _flat(self):
        heads, coordinates = self.extent[:self.sparse_dim()], self.coordinates()
        return flat_places(coordinates, heads, self.entries)

    def to_sparse(self, sparse_dim: int | None = None, *, layout=None, blocksize=None, dense_dim=None):
        if blocksize is not None:
            raise RuntimeError("to_sparse: blocks are not supported; give layout sparse_coo, sparse_csr or sparse_csc")
        wanted = sparse_coo if layout is None else layout
        if wanted is self.kind and sparse_dim in (None, self.sparse_dim()):
            return self
        if wanted is strided:
            return self.to_dense()
        if sparse_dim not in (None, self.sparse_dim()):
            raise RuntimeError(f"to_sparse: a tensor with {self.sparse_dim()} sparse axes keeps them, got sparse_dim={sparse_dim}")
        coo = self if self.kind is sparse_coo else merged(self.coordinates(), self.entries, self.extent)
        return coo if wanted is sparse_coo else compressed(coo.coalesce(), wanted)

    def to_sparse_coo(self):
        return self.to_sparse()

    def to_sparse_csr(self, dense_dim=None):
        return self.to_sparse(layout=sparse_csr)

    def to_sparse_csc(self, dense_dim=None):
        return self.to_sparse(layout=sparse_csc)

    def transpose(self, dim0: int, dim1: int):
        a, b = check_dim(dim0, self.ndim), check_dim(dim1, self.ndim)
        if a == b:
            return self
        if max(a, b) >= self.sparse_dim():
            raise RuntimeError(f"transpose: only sparse axes can be exchanged: there are {self.sparse_dim()}, got {dim0} and {dim1}")
        extent = list(self.extent)
        extent[a], extent[b] = extent[b], extent[a]
        if self.kind is not sparse_coo:
            return made(sparse_csc if self.kind is sparse_csr else sparse_csr, tuple(extent), self.places, self.entries, True)
        order = list(range(self.sparse_dim()))
        order[a], order[b] = order[b], order[a]
        return made(sparse_coo, tuple(extent), (self.places[0][order],), self.entries, self._nnz() < 2)

    def t(self):
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but self is {self.ndim}D")
        return self.transpose(0, 1) if self.ndim == 2 else self

    T = mT = property(t)

    def _no_writes(self, *_args, **_kwargs):
        raise NotImplementedError("sparse tensors are not written to in place: use the function that gives a new one")

    def like(self, *_args, **_kwargs):
        raise NotImplementedError("zeros_like and its neighbours are not there for sparse tensors: use sparse_coo_tensor(size=...)")

    overwrite = copied = __setitem__ = _no_writes

    def __getitem__(self, key):
        if type(key) is not int:
            raise NotImplementedError(f"a sparse tensor is indexed by one int (use index_select or to_dense()), got {type(key).__name__}")
        return self.select(0, key)

    def sum(self, dim=None, keepdim: bool = False, *, dtype=None):
        """The sum of all values; along `dim` as flambeau.sparse.sum gives it."""
        if dim is None:
            return self.entries.sum(dtype=dtype)
        if keepdim:
            raise RuntimeError("sum of a sparse tensor along dim has no keepdim=True: use to_dense() first")
        return _products().total(self, dim, dtype)

    def index_select(self, dim: int, index: Tensor):
        return _products().chosen(self, dim, index)

    def select(self, dim: int, index: int):
        return _products().one(self, dim, index)

    def matmul(self, other):
        return _products().product(self, other)

    mm = mv = __matmul__ = matmul

    def __rmatmul__(self, other):
        return _products().product(other, self)

    def numpy(self, *, force: bool = False):
        raise TypeError(f"can't convert {NAMES[self.kind]} layout tensor to numpy. Use Tensor.to_dense() first.")

    def tolist(self):
        raise TypeError(f"can't convert {NAMES[self.kind]} layout tensor to a list. Use Tensor.to_dense() first.")

    def item(self):
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.to_dense().item()

    def __bool__(self) -> bool:
        return bool(self.to_dense())

    def __deepcopy__(self, memo: dict):
        if id(self) not in memo:
            places = tuple(p.clone() for p in self.places)
            memo[id(self)] = made(self.kind, self.extent, places, self.entries.__deepcopy__(memo), self.unique)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return made, (self.kind, self.extent, self.places, self.entries, self.unique)

    # ---- ops
    def process(self, card, inputs, attrs: dict):
        """Do an op of which one input is sparse.  NotImplementedError where zeros would not stay zeros."""
        if card.name in ZERO and len(inputs) == 1:
            x = self if card.name in LINEAR or self.unique else self.coalesce()
            return x.with_values(run(card, (x.entries,), attrs))
        by_card = _products().BY_CARD
        if card.name in by_card:
            return by_card[card.name](inputs, **attrs) if card.variadic else by_card[card.name](*inputs, **attrs)
        raise NotImplementedError(f"{card.name} is not there for sparse tensors (layout {self.kind}): use to_dense() first")


SparseTensor.__name__ = SparseTensor.__qualname__ = "Tensor"


def made(kind, extent, places, entries: Tensor, unique: bool) -> SparseTensor:
    """A sparse tensor around its parts, unchecked."""
    out = object.__new__(SparseTensor)
    out.kind, out.extent, out.places, out.entries, out.unique = kind, tuple(extent), tuple(places), entries, unique
    return out


def flat_places(coordinates, heads, like: Tensor):
    """Each place as its number in row order.  IndexError where one is outside."""
    xp = namespace(like.array)
    flat: Any = xp.zeros(like.shape[0], dtype="int64")
    for c, n in zip(coordinates, heads, strict=True):
        if c.size and not (int(c.min()) >= 0 and int(c.max()) < n):
            raise IndexError(f"a sparse tensor names place {int(c.max() if c.max() >= n else c.min())} of an axis of size {n}")
        flat = flat * n + c
    return flat


def merged(coordinates, entries: Tensor, extent) -> SparseTensor:
    """A coalesced tensor: each place once, in order, with the sum of its values."""
    heads = extent[:len(coordinates)]
    flat = flat_places(coordinates, heads, entries)
    xp = namespace(flat)
    kept, group = xp.unique(flat, return_inverse=True)
    if kept.size == flat.size and bool((kept == flat).all()):
        values = entries
    else:
        values = entries.new_zeros((kept.size, *entries.shape[1:])).index_add(0, plain(group.reshape(-1)), entries)
    return made(sparse_coo, extent, (plain(apart(xp, kept, heads)),), values, True)


def apart(xp, flat, heads):
    """Places in row order as coordinates.  (nnz) -> (sparse_dim, nnz)"""
    found = []
    for n in reversed(heads):
        found.append(flat % n if n else flat)
        flat = flat // n if n else flat
    return xp.stack(found[::-1]) if found else xp.zeros((0, flat.size), "int64")


def compressed(coo: SparseTensor, kind) -> SparseTensor:
    """A coalesced matrix with its rows (CSR) or columns (CSC) compressed."""
    if kind not in (sparse_csr, sparse_csc):
        raise RuntimeError(f"layouts with blocks are not supported: expected sparse_coo, sparse_csr or sparse_csc, got {kind}")
    if coo.ndim != 2 or coo.sparse_dim() != 2:
        raise RuntimeError(f"only matrices without dense axes can be compressed to {kind}, got shape {coo.extent}")
    lines, others = coo.coordinates() if kind is sparse_csr else coo.coordinates()[::-1]
    xp, entries = namespace(lines), coo.entries
    if kind is sparse_csc:
        order = xp.argsort(lines * coo.extent[0] + others)
        lines, others, entries = lines[order], others[order], entries[plain(order)]
    n = coo.extent[0 if kind is sparse_csr else 1]
    pointers = xp.concatenate([xp.zeros(1, "int64"), xp.cumsum(xp.bincount(lines, minlength=n))]).astype("int64")
    return made(kind, coo.extent, (plain(pointers), plain(others)), entries, True)


# ---- from outside
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
    return made(sparse_coo, size, (places,), entries, bool(is_coalesced))


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
    return made(layout, size, (pointers, others), entries, True)


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


# ---- methods of dense tensors
def to_sparse(x: Tensor, sparse_dim: int | None = None, *, layout=None, blocksize=None, dense_dim=None) -> Tensor:
    """What is not zero of x, as a sparse tensor; its first `sparse_dim` axes (all) become coordinates.  (*) -> (*)"""
    if isinstance(sparse_dim, layout_class):
        sparse_dim, layout = None, sparse_dim
    if layout is strided:
        return x
    if blocksize is not None or layout in (sparse_bsr, sparse_bsc):
        raise RuntimeError("to_sparse: layouts with blocks are not supported; give sparse_coo, sparse_csr or sparse_csc")
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
    return to_sparse(x, layout=sparse_csr)


def to_sparse_csc(x: Tensor, dense_dim=None) -> Tensor:
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
