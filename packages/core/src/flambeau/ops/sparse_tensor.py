"""Sparse tensors: the places of what is not zero, and their values.

A sparse tensor is made of dense ones. Its history is that of its values, so gradients flow through them and need no rules of their own.
Being of another type it goes the slow road, where `process` does the ops that keep zeros zero and refuses the others.
"""
from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ..backends import namespace
from ..context import grad
from ..dispatch import run
from ..dtype import int64
from ..fields import new
from ..layout import sparse_coo, sparse_csc, sparse_csr, strided
from ..tensor import Size, Tensor, check_dim, plain

# cards that give zero for zero, of one tensor
LINEAR = frozenset("neg clone cast conj deg2rad rad2deg".split())
ZERO = LINEAR | frozenset(
    "abs asin asinh atan atanh ceil erf erfinv expm1 floor frac isinf isnan isneginf isposinf log1p relu round sgn sign signbit sin sinh "
    "sqrt square tan tanh trunc".split())
NAMES = {sparse_coo: "Sparse", sparse_csr: "SparseCsr", sparse_csc: "SparseCsc", strided: "Strided"}


# what is done with other tensors, or along axes, by name: `sparse_products` puts its functions here
ANSWERS: dict[str, Callable[..., Any]] = {}


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
        no_dense(dense_dim)
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
        no_dense(dense_dim)
        return self.to_sparse(layout=sparse_csr)

    def to_sparse_csc(self, dense_dim=None):
        no_dense(dense_dim)
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

    # ---- in place: the tensor takes other parts
    def become(self, other):
        """This tensor with the parts of another.  RuntimeError for a leaf that asks for a gradient, and where dtype or size differ."""
        if self.entries.requires_grad and self.entries.is_leaf and grad.enabled:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        if other.extent != self.extent:
            raise RuntimeError(f"in place: expected a result of size {list(self.extent)}, got {list(other.extent)}")
        if other.dtype is not self.dtype:
            raise RuntimeError(f"result type {other.dtype} can't be cast to the desired output type {self.dtype}")
        other = other if other.kind is self.kind else other.to_sparse(layout=self.kind)
        self.places, self.entries, self.unique, self.lines = other.places, other.entries, other.unique, other.lines
        return self

    def add_(self, other, *, alpha=1):
        return self.become(self + (other if alpha == 1 else other * alpha))

    def sub_(self, other, *, alpha=1):
        return self.become(self - (other if alpha == 1 else other * alpha))

    def mul_(self, other):
        return self.become(self * other)

    def div_(self, other, *, rounding_mode=None):
        return self.become(self.div(other, rounding_mode=rounding_mode))

    def pow_(self, exponent):
        return self.become(self ** exponent)

    def zero_(self):
        return self.become(empty(self.kind, self.extent, self.entries, self.sparse_dim()))

    def copy_(self, src, non_blocking: bool = False):
        """The parts of another sparse tensor of the same size, in this one's dtype and device."""
        if not isinstance(src, SparseTensor):
            raise RuntimeError("copy_() between dense and sparse Tensors is not implemented! use to_sparse() first")
        return self.become(src.to(device=self.device, dtype=self.dtype).clone())

    def _no_writes(self, *_args, **_kwargs):
        raise TypeError(f"Cannot assign to a sparse tensor (layout {self.kind}): its values are written by add_, mul_, copy_ and zero_")

    overwrite = copied = __setitem__ = _no_writes
    __iadd__, __isub__, __imul__, __itruediv__ = add_, sub_, mul_, div_

    def like(self, shape, fill):
        """Zeros of a shape; of other values there are no sparse tensors."""
        made_dense = fill(())
        if made_dense.item() != 0:
            raise NotImplementedError("a sparse tensor full of one value is not there: only zeros_like and empty_like are")
        return empty(self.kind, shape, made_dense.reshape(1)[:0], self.sparse_dim())

    def adopts(self, x):
        raise RuntimeError("copy_() between dense and sparse Tensors is not implemented! use to_dense() first")

    def is_same_size(self, other) -> bool:
        return self.shape == other.shape

    def norm(self, p="fro", dim=None, keepdim: bool = False, dtype=None):
        """The norm of all values."""
        if dim is not None:
            raise RuntimeError("norm of a sparse tensor takes all axes: use to_dense() for norms along dim")
        return (self if self.unique or self.kind is not sparse_coo else self.coalesce()).entries.norm(p, dtype=dtype)

    def any(self, dim=None, keepdim: bool = False):
        if dim is not None:
            raise RuntimeError("any of a sparse tensor takes all axes: use to_dense() for dim")
        return (self if self.unique or self.kind is not sparse_coo else self.coalesce()).entries.any()

    def unsqueeze(self, dim: int):
        return ANSWERS["unsqueeze"](self, dim)

    def permute(self, *dims):
        return ANSWERS["permute"](self, dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims)

    def __getitem__(self, key):
        if type(key) is not int:
            raise NotImplementedError(f"a sparse tensor is indexed by one int (use index_select or to_dense()), got {type(key).__name__}")
        return self.select(0, key)

    def sum(self, dim=None, keepdim: bool = False, *, dtype=None):
        """The sum of all values; along `dim` as flambeau.sparse.sum gives it."""
        if dim is None:
            return self.entries.sum(dtype=dtype)
        return ANSWERS["total"](self, dim, dtype, keepdim)

    def index_select(self, dim: int, index: Tensor):
        return ANSWERS["chosen"](self, dim, index)

    def select(self, dim: int, index: int):
        return ANSWERS["one"](self, dim, index)

    def matmul(self, other):
        return ANSWERS["matmul"](self, other)

    mm = mv = __matmul__ = matmul

    def __rmatmul__(self, other):
        return ANSWERS["matmul"](other, self)

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
        answer = ANSWERS.get(card.name)
        if answer is not None:
            return answer(inputs, **attrs) if card.variadic else answer(*inputs, **attrs)
        raise NotImplementedError(f"{card.name} is not there for sparse tensors (layout {self.kind}): use to_dense() first")


SparseTensor.__name__ = SparseTensor.__qualname__ = "Tensor"


def made(kind, extent, places, entries: Tensor, unique: bool) -> SparseTensor:
    """A sparse tensor around its parts, unchecked."""
    out = new(SparseTensor)
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


def empty(kind, extent, entries: Tensor, axes: int) -> SparseTensor:
    """A tensor with nothing stored; dtype and device are those of `entries`, whose axes after the first are the dense ones."""
    values = entries.detach().new_zeros((0, *extent[axes:]))
    as_places = lambda *shape: values.new_zeros(shape, dtype=int64)
    if kind is sparse_coo:
        return made(kind, extent, (as_places(axes, 0),), values, False)
    return made(kind, extent, (as_places(extent[0 if kind is sparse_csr else 1] + 1), as_places(0)), values, True)


def no_dense(dense_dim) -> None:
    """RuntimeError where a compressed matrix is asked to keep dense axes."""
    if dense_dim not in (None, 0):
        raise RuntimeError(f"dense_dim argument must be in [0,0] range, but {dense_dim} is given: compressed tensors have no dense ones")


def in_place(name: str):
    def method(self):
        return self.become(getattr(self, name)())

    method.__name__ = f"{name}_"
    return method


# not those whose results are booleans
for _name in sorted(ZERO - set("clone cast conj isinf isnan isneginf isposinf signbit".split())):
    setattr(SparseTensor, f"{_name}_", in_place(_name))
