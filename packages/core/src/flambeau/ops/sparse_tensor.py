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
from ..dtype import can_cast
from ..fields import new
from ..layout import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from ..tensor import Size, Tensor, check_dim

# cards that give zero for zero, of one tensor
LINEAR = frozenset("neg clone cast conj conj_physical deg2rad rad2deg real imag".split())
ZERO = LINEAR | frozenset(
    "abs angle asin asinh atan atanh ceil erf erfinv expm1 floor frac isinf isnan isneginf isposinf log1p nan_to_num relu round sgn sign "
    "signbit sin sinh sqrt square tan tanh trunc".split())
NAMES = {sparse_coo: "Sparse", sparse_csr: "SparseCsr", sparse_csc: "SparseCsc", sparse_bsr: "SparseBsr", sparse_bsc: "SparseBsc",
         strided: "Strided"}
COMPRESSED = sparse_csr, sparse_csc, sparse_bsr, sparse_bsc
ROWS, BLOCKS = (sparse_csr, sparse_bsr), (sparse_bsr, sparse_bsc)
TURNED = {sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr}


# what is done with other tensors, or along axes, by name: `sparse_arithmetic` and its neighbours put their functions here
ANSWERS: dict[str, Callable[..., Any]] = {}


class SparseTensor(Tensor):
    """Values at places, zeros elsewhere; made by `sparse_coo_tensor` and its neighbours, by `to_sparse`, and as a sparse gradient.

    kind      its layout
    places    COO: (indices,) of shape (sparse_dim, nnz); compressed: (pointers, indices) of shapes (*batch, lines + 1) and (*batch, nnz),
              whose lines are rows (CSR), columns (CSC), or rows or columns of blocks (BSR, BSC)
    entries   the values: (nnz, *dense) for COO, (*batch, nnz, *dense) for CSR and CSC, (*batch, nnz, *block, *dense) for BSR and BSC
    unique    whether no place is named twice and all are in order
    """

    kind: Any
    extent: tuple
    places: tuple
    entries: Tensor
    unique: bool
    made_of: tuple | None = None  # (dense, its version): what it was made of, for gradients at places that are not stored
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
    is_meta = property(lambda self: self.entries.is_meta)
    itemsize = property(lambda self: self.entries.itemsize)
    requires_grad = property(lambda self: self.entries.requires_grad, lambda self, on: self.requires_grad_(on))
    is_leaf = property(lambda self: self.entries.is_leaf)
    grad_fn = property(lambda self: self.entries.grad_fn)
    retains_grad = property(lambda self: self.entries.retains_grad)

    @property
    def nbytes(self):
        raise RuntimeError("nbytes is not defined for sparse tensors: add those of the indices and of the values")

    @property
    def grad(self):
        """The gradient at this tensor's places, as a sparse tensor; None before the first backward."""
        g = self.entries.grad
        return None if g is None else self.gradient(g)

    @grad.setter
    def grad(self, value) -> None:
        if value is not None and (not isinstance(value, SparseTensor) or value.entries.shape != self.entries.shape):
            raise RuntimeError("the gradient of a sparse tensor rests with its values: assign a sparse one at the same places, or None")
        self.entries.grad = None if value is None else value.entries

    def retain_grad(self) -> None:
        self.entries.retain_grad()

    def dim(self) -> int:
        return len(self.extent)

    ndimension = dim

    def size(self, dim: int | None = None):
        return self.shape if dim is None else self.extent[check_dim(dim, self.ndim)]

    def numel(self) -> int:
        return prod(self.extent)

    nelement = numel

    def __len__(self) -> int:
        if not self.extent:
            raise TypeError("len() of a 0-d tensor")
        return self.extent[0]

    def element_size(self) -> int:
        return self.entries.itemsize

    def visible(self) -> bool:
        return False

    def stride(self, dim=None):
        raise RuntimeError("Sparse CSR tensors do not have strides" if self.kind is not sparse_coo else
                           "a tensor of the layout flambeau.sparse_coo has no strides")

    def is_contiguous(self, memory_format=None) -> bool:
        if self.kind is not sparse_coo:
            raise RuntimeError("Sparse CSR tensors do not have is_contiguous")
        return False

    def sparse_dim(self) -> int:
        return self.places[0].shape[0] if self.kind is sparse_coo else 2

    def dense_dim(self) -> int:
        return self.ndim - self.heads()

    def _nnz(self) -> int:
        return self.entries.shape[self.batch_ndim()]

    def batch_ndim(self) -> int:
        """How many axes of a compressed tensor stand before its rows and columns."""
        return 0 if self.kind is sparse_coo else self.places[0].ndim - 1

    def heads(self) -> int:
        """How many axes the places tell of: those of a batch, and the sparse ones."""
        return self.batch_ndim() + self.sparse_dim()

    def block(self) -> tuple | None:
        """The size of a block, where there are any."""
        at = self.batch_ndim() + 1
        return tuple(self.entries.shape[at:at + 2]) if self.kind in BLOCKS else None

    def is_coalesced(self) -> bool:
        self._only("is_coalesced", sparse_coo)
        return self.unique

    def _coalesced_(self, coalesced: bool):
        """Say, unchecked, whether each place is named once and in order."""
        self._only("_coalesced_", sparse_coo)
        self.unique = bool(coalesced)
        return self

    def _only(self, name: str, *kinds) -> None:
        if self.kind not in kinds:
            wanted = {sparse_coo: "sparse coordinate", sparse_csr: "sparse row compressed", sparse_csc: "sparse column compressed"}
            raise RuntimeError(f"{name} expected {wanted[kinds[0]]} tensor layout but got {NAMES[self.kind]}")

    def _indices(self) -> Tensor:
        self._only("_indices", sparse_coo)
        return self.places[0]

    def _values(self) -> Tensor:
        self._only("_values", sparse_coo)
        return self.entries.detach()

    def indices(self) -> Tensor:
        """The places, one a column.  -> (sparse_dim, nnz).  RuntimeError where some may be named twice."""
        self._only("indices", sparse_coo)
        if not self.unique:
            raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
        return self.places[0]

    def values(self) -> Tensor:
        """The values, with their history.  -> (nnz, *dense)"""
        if not self.unique and self.kind is sparse_coo:
            raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
        return self.entries

    def crow_indices(self) -> Tensor:
        self._only("crow_indices", sparse_csr, sparse_bsr)
        return self.places[0]

    def col_indices(self) -> Tensor:
        self._only("col_indices", sparse_csr, sparse_bsr)
        return self.places[1]

    def ccol_indices(self) -> Tensor:
        self._only("ccol_indices", sparse_csc, sparse_bsc)
        return self.places[0]

    def row_indices(self) -> Tensor:
        self._only("row_indices", sparse_csc, sparse_bsc)
        return self.places[1]

    def coordinates(self) -> tuple:
        """The place of each value as arrays, one an axis of `heads`; blocks are taken apart.  -> each (n)"""
        if self.kind is sparse_coo:
            return tuple(self.places[0].array)
        if self.lines is None:
            self.lines = taken_apart(self)  # a network multiplies by one matrix many times
        return self.lines

    def numbers(self) -> Tensor:
        """The values in the order of `coordinates`.  -> (n, *dense)"""
        before = self.batch_ndim() + (3 if self.kind in BLOCKS else 1)
        shape = self.entries.shape
        return self.entries if before == 1 else self.entries.reshape(prod(shape[:before]), *shape[before:])

    @property
    def origin(self) -> Tensor | None:
        """The dense tensor that this one was made of.  RuntimeError where it was written to since."""
        if self.made_of is not None and self.made_of[0]._version != self.made_of[1]:
            raise RuntimeError("the dense tensor that this sparse one was made of was modified by an inplace operation: clone it before "
                               "you write to it")
        return None if self.made_of is None else self.made_of[0]

    def once(self) -> SparseTensor:
        """The same tensor with each place named once."""
        return self if self.unique or self.kind is not sparse_coo else self.coalesce()

    def to_dense(self, dtype=None, *, masked_grad: bool | None = None) -> Tensor:
        """The same values with all the zeros.  -> (*size)"""
        return ANSWERS["to_dense"](self, dtype, masked_grad)

    def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
        return ANSWERS["convert"](self, sparse_dim, layout, blocksize, dense_dim)

    # ---- made from it
    def with_values(self, entries: Tensor) -> SparseTensor:
        """Other values at the same places."""
        return made(self.kind, self.extent, self.places, entries, self.unique, self.lines)

    def at_places(self, other: Tensor) -> Tensor:
        """The values of a tensor of this size at this one's places, laid as `entries` are."""
        return ANSWERS["at_places"](self, other)

    def gradient(self, g: Tensor) -> SparseTensor:
        """The gradient of this tensor from that of its values: where these name a place twice, each has the whole."""
        return self.with_values(g) if self.unique or self.kind is not sparse_coo else ANSWERS["first"](self.with_values(g))

    def full(self) -> SparseTensor:
        """The same values with each place stored."""
        return self.to_dense().sparse_mask(ANSWERS["full_places"](self))

    def requires_grad_(self, requires_grad: bool = True):
        self.entries.requires_grad_(requires_grad)
        return self

    def detach(self):
        return self.with_values(self.entries.detach())

    def detach_(self):
        self.entries = self.entries.detach()
        return self

    @property
    def data(self):
        return self.detach()

    @data.setter
    def data(self, other) -> None:
        if not isinstance(other, SparseTensor):
            raise RuntimeError("data of a sparse tensor can only be another sparse tensor")
        wanted, self.entries = self.entries.requires_grad, self.entries.detach()
        self.kind, self.extent = other.kind, other.extent
        self.take(other.detach())
        self.entries.requires_grad_(wanted)

    def clone(self, *, memory_format=None):
        return made(self.kind, self.extent, tuple(p.clone() for p in self.places), self.entries.clone(), self.unique)

    def to(self, *args, **kwargs):
        entries = self.entries.to(*args, **kwargs)
        if entries is self.entries:
            return self
        return made(self.kind, self.extent, tuple(p.to(entries.device) for p in self.places), entries, self.unique)

    def cpu(self):
        return self.to("cpu")

    def cuda(self, device=None):
        return self.to("cuda" if device is None else device)

    def coalesce(self):
        """Each place once, in order, with the sum of its values."""
        self._only("coalesce", sparse_coo)
        return self if self.unique else ANSWERS["merged"](self.coordinates(), self.entries, self.extent)

    def transpose(self, dim0: int, dim1: int):
        return ANSWERS["transpose"](self, dim0, dim1)

    def transpose_(self, dim0: int, dim1: int):
        turned = self.transpose(dim0, dim1)
        self.kind, self.extent = turned.kind, turned.extent
        return self.take(turned)

    def t_(self):
        return self.transpose_(0, 1) if self.ndim == 2 else self.take(self.t())

    def t(self):
        if self.ndim > 2 or self.heads() > 2 or self.dense_dim():
            raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {self.sparse_dim()} sparse and "
                               f"{self.dense_dim()} dense dimensions")
        return self.transpose(0, 1) if self.ndim == 2 else self

    T = property(t)
    mT = property(lambda self: self.transpose(-2, -1))
    H = property(lambda self: self.t().conj())
    mH = property(lambda self: self.transpose(-2, -1).conj())

    # ---- in place: the tensor takes other parts
    def take(self, other):
        self.places, self.entries, self.unique, self.lines, self.made_of = other.places, other.entries, other.unique, other.lines, None
        return self

    def become(self, other):
        """This tensor with the parts of another.  RuntimeError for a leaf that asks for a gradient, and where dtype or size differ."""
        if self.entries.requires_grad and self.entries.is_leaf and grad.enabled:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        if not isinstance(other, SparseTensor):
            raise RuntimeError(f"a result of the layout {other.layout} cannot be written into a tensor of the layout {self.kind}")
        if other.extent != self.extent:
            raise RuntimeError(f"in place: expected a result of size {list(self.extent)}, got {list(other.extent)}")
        if other.dtype is not self.dtype:
            if not can_cast(other.dtype, self.dtype):
                raise RuntimeError(f"result type {other.dtype.name} can't be cast to the desired output type {self.dtype.name}")
            other = other.to(self.dtype)
        return self.take(other if other.kind is self.kind else other.to_sparse(layout=self.kind, blocksize=self.block()))

    def overwrite(self, result):
        return self.become(result)

    def copied(self):
        return self.with_values(self.entries)

    def filled(self, result, name: str):
        """`out=` is this tensor: it takes the result's parts, and its size."""
        if not isinstance(result, SparseTensor):
            raise RuntimeError(f"{name}(): the result is strided, but out is of the layout {self.kind}")
        self.extent = result.extent
        return self.become(result)

    def add_(self, other, *, alpha=1):
        return self.become(ANSWERS["add"](self, other, alpha=alpha))

    def sub_(self, other, *, alpha=1):
        return self.become(ANSWERS["sub"](self, other, alpha=alpha))

    def mul_(self, other):
        return self.become(ANSWERS["mul"](self, other))

    def div_(self, other, *, rounding_mode=None):
        return self.become(ANSWERS["div"](self, other, rounding_mode=rounding_mode))

    def floor_divide_(self, other):
        return self.div_(other, rounding_mode="floor")

    def pow_(self, exponent):
        return self.become(self ** exponent)

    def zero_(self):
        return self.become(ANSWERS["empty"](self.kind, self.extent, self.entries, self.heads(), self.batch_ndim(), self.block()))

    def fill_(self, value):
        if self.kind is sparse_coo:
            raise NotImplementedError("fill_ is not there for the layout flambeau.sparse_coo: zeros would not stay zeros")
        with_values = self.with_values(self.entries.detach().clone().fill_(value))
        return self.become(with_values)

    def copy_(self, src, non_blocking: bool = False):
        """The parts of another sparse tensor of the same layout and size, in this one's dtype and device."""
        if self.kind is sparse_coo and not (isinstance(src, SparseTensor) and src.is_sparse):
            raise RuntimeError(f"copy_() between dense and sparse Tensors is not implemented! Found self type = {self.type()} and src type "
                               f"= {src.type() if isinstance(src, Tensor) and src.layout is strided else NAMES.get(src.layout)}")
        ANSWERS["check_copy"](self, src)
        return self.become(src.to(device=self.device, dtype=self.dtype).clone())

    def sparse_resize_(self, size, sparse_dim: int, dense_dim: int):
        return ANSWERS["sparse_resize_"](self, size, sparse_dim, dense_dim)

    def sparse_resize_and_clear_(self, size, sparse_dim: int, dense_dim: int):
        self._only("sparse_resize_and_clear_", sparse_coo)
        if sparse_dim + dense_dim != len(size):
            raise RuntimeError(f"number of dimensions must be sparse_dim ({sparse_dim}) + dense_dim ({dense_dim}), but got {len(size)}")
        self.extent = tuple(size)
        return self.take(ANSWERS["empty"](sparse_coo, self.extent, self.entries, sparse_dim))

    def resize_(self, *size, memory_format=None):
        return ANSWERS["resize_"](self, size[0] if len(size) == 1 and not isinstance(size[0], int) else size)

    def resize_as_sparse_(self, other):
        if not isinstance(other, SparseTensor) or other.kind is not self.kind:
            raise RuntimeError(f"resize_as_sparse_: self and src must have the same layout, got {self.kind} and {other.layout}")
        self.extent = other.extent
        return self.take(other.clone() if self.kind is not sparse_coo else
                         ANSWERS["empty"](sparse_coo, other.extent, self.entries, other.sparse_dim()))

    def _no_writes(self, *_args, **_kwargs):
        raise TypeError(f"Cannot assign to a sparse tensor (layout {self.kind}): its values are written by add_, mul_, copy_ and zero_")

    __setitem__ = _no_writes
    __iadd__, __isub__, __imul__, __itruediv__, __ifloordiv__, __ipow__ = add_, sub_, mul_, div_, floor_divide_, pow_

    def like(self, shape, fill):
        return ANSWERS["of_shape"](self, tuple(shape), fill(()))

    def drawn(self, draw, layout, **options):
        """Random values at the places of a compressed tensor."""
        if self.kind is sparse_coo or layout not in (None, self.kind):
            raise NotImplementedError(f"random values of the layout {layout or self.kind} are not there: zeros would not stay zeros")
        return self.with_values(draw(self.entries, **options))

    def adopts(self, x):
        raise RuntimeError(f"copy_() between dense and sparse Tensors is not implemented! Found self type = {x.type()} and src type = "
                           f"{self.type() if self.kind is sparse_coo else NAMES[self.kind]}")

    def type(self, dtype=None, non_blocking: bool = False):
        if dtype is not None:
            return self.to(dtype)
        self._only("type", sparse_coo)
        return self.entries.type().replace("flambeau.", "flambeau.sparse.").replace("cuda.sparse", "cuda")

    def new(self, *parts, size=None, device=None):
        """The old form of `new_empty` and of `sparse_coo_tensor`: of a size, or of places and values."""
        return ANSWERS["new"](self, parts if size is None else (size,), device)

    def is_same_size(self, other) -> bool:
        return self.shape == other.shape

    def norm(self, p="fro", dim=None, keepdim: bool = False, dtype=None):
        """The norm of all values."""
        dims = sorted(check_dim(d, self.ndim) for d in ((dim,) if isinstance(dim, int) else dim or range(self.ndim)))
        if dims != [*range(self.ndim)]:
            raise RuntimeError("norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain all "
                               "dimensions of the input: use to_dense() for others")
        if keepdim:
            raise RuntimeError("norm_sparse currently does not support keepdim=True")
        if dtype is not None:
            raise (ValueError if p == "fro" else RuntimeError)("norm of a sparse tensor takes no dtype: convert it with to()")
        return self.once().entries.norm(p)

    def any(self, dim=None, keepdim: bool = False):
        if dim is not None:
            raise RuntimeError("any of a sparse tensor takes all axes: use to_dense() for dim")
        return self.once().entries.any()

    def unsqueeze(self, dim: int):
        return ANSWERS["unsqueeze"](self, dim)

    def permute(self, *order, dims=None):
        order = order if dims is None else (dims,)
        return ANSWERS["permute"](self, order[0] if len(order) == 1 and not isinstance(order[0], int) else order)

    def sparse_mask(self, mask):
        return ANSWERS["sparse_mask"](self, mask)

    def __getitem__(self, key):
        return ANSWERS["item"](self, key)

    def __iter__(self):
        return iter([self.select(0, i) for i in range(len(self))])

    def unbind(self, dim: int = 0):
        return tuple(self.select(dim, i) for i in range(self.size(dim)))

    def sum(self, dim=None, keepdim: bool = False, *, dtype=None):
        """The sum of all values; along `dim` as flambeau.sparse.sum gives it."""
        return ANSWERS["sum"](self, dim, keepdim, dtype=dtype)

    def index_select(self, dim: int, index: Tensor):
        return ANSWERS["chosen"](self, dim, index)

    def select(self, dim: int, index: int):
        return ANSWERS["one"](self, dim, index)

    def narrow_copy(self, dim: int, start: int, length: int):
        return ANSWERS["narrow_copy"](self, dim, start, length)

    def matmul(self, other):
        return ANSWERS["matmul"](self, other)

    mm = mv = __matmul__ = matmul

    def __rmatmul__(self, other):
        return ANSWERS["matmul"](other, self)

    def numpy(self, *, force: bool = False):
        raise TypeError(f"can't convert {NAMES[self.kind]} layout tensor to numpy. Use Tensor.to_dense() first.")

    def tolist(self):
        raise RuntimeError(f"can't convert {NAMES[self.kind]} layout tensor to a list. Use Tensor.to_dense() first.")

    def data_ptr(self):
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def untyped_storage(self):
        raise NotImplementedError(f"Cannot access storage of {'SparseTensorImpl' if self.kind is sparse_coo else 'SparseCsrTensorImpl'}")

    storage = untyped_storage

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
            x = self if card.name in LINEAR else self.once()
            return x.with_values(run(card, (x.entries,), attrs))
        answer = ANSWERS.get(card.name)
        if answer is not None:
            return answer(inputs, **attrs) if card.variadic else answer(*inputs, **attrs)
        raise NotImplementedError(f"{card.name} is not there for sparse tensors (layout {self.kind}): use to_dense() first")


SparseTensor.__name__ = SparseTensor.__qualname__ = "Tensor"


def made(kind, extent, places, entries: Tensor, unique: bool = True, lines=None) -> SparseTensor:
    """A sparse tensor around its parts, unchecked."""
    out = new(SparseTensor)
    out.kind, out.extent, out.places, out.entries, out.unique = kind, tuple(extent), tuple(places), entries, unique
    if lines is not None:
        out.lines = lines
    return out


def times(xp, x, counts):
    """Each of x as often as `counts` says."""
    return xp.repeat(x, counts if xp.device_type == "cpu" else counts.tolist())


def taken_apart(x: SparseTensor) -> tuple:
    """The coordinates of a compressed tensor's values."""
    pointers, others = (p.array for p in x.places)
    xp = namespace(pointers)
    lines, others = pointers.shape[-1] - 1, others.reshape(-1)
    counts = xp.diff(pointers, axis=-1).reshape(-1)
    flat = times(xp, xp.arange(counts.size), counts)  # the number of the line, over all of the batch
    batch, line = (flat // lines, flat % lines) if lines else (flat, flat)
    pair = (line, others) if x.kind in ROWS else (others, line)
    heads = []
    for n in reversed(x.extent[:x.batch_ndim()]):
        heads.append(batch % n if n else batch)
        batch = batch // n if n else batch
    found: list = [*heads[::-1], *pair]
    block = x.block()
    if block is None:
        return tuple(found)
    size = (flat.size, *block)
    inner = xp.arange(block[0]).reshape(1, -1, 1), xp.arange(block[1]).reshape(1, 1, -1)
    found = [xp.broadcast_to(c.reshape(-1, 1, 1), size) for c in found]
    for axis, (n, within) in enumerate(zip(block, inner, strict=True)):
        found[axis - 2] = found[axis - 2] * n + within
    return tuple(c.reshape(-1) for c in found)
