"""The memory below tensors as an object: bytes (`UntypedStorage`), or elements of a dtype (`TypedStorage` and its older names)."""
from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import Any
from warnings import warn

from ..context import get_default_dtype
from ..device import device as as_device
from ..dtype import (
    COMPLEX,
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from ..dtype import dtype as dtype_type
from ..tensor import Tensor, plain
from .create import empty, tensor
from .sharing import join
from .storage_sources import from_file, of_buffer

KINDS = {
    "Double": float64, "Float": float32, "Half": float16, "BFloat16": bfloat16, "Long": int64, "Int": int32, "Short": int16,
    "Char": int8, "Byte": uint8, "Bool": bool_, "ComplexDouble": complex128, "ComplexFloat": complex64,
}  # fmt: skip
_CONVERSIONS = {"double": "Double", "float": "Float", "half": "Half", "bfloat16": "BFloat16", "long": "Long", "int": "Int",
                "short": "Short", "char": "Char", "byte": "Byte", "bool": "Bool", "complex_double": "ComplexDouble",
                "complex_float": "ComplexFloat"}  # fmt: skip


def _flat(x: Tensor) -> Tensor:
    """All of x's memory in the order of its elements, without a history.  (*) -> (n)"""
    from .memory import _extent, _place, as_strided

    size = _extent(x.shape, x.stride(), 0) if x.is_meta else _place(x)[1]  # below meta there is nothing that says where memory ends
    return join(as_strided(plain(x.array), (size,), (1,), 0), x)


class _Storage:
    """What both kinds share: `_tensor` is the memory as a flat tensor of the storage's elements."""

    _tensor: Tensor
    _alone = False  # whether nothing else lies in this memory, which may then be another

    @property
    def device(self) -> Any:
        return self._tensor.device

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    is_sparse = is_sparse_csr = False
    filename: str | None = None  # of the file that it lies in

    def size(self) -> int:
        """The number of elements."""
        return self._tensor.shape[0]

    __len__ = size

    def nbytes(self) -> int:
        return self.size() * self.element_size()

    def element_size(self) -> int:
        return self._tensor.itemsize

    def data_ptr(self) -> int:
        """Where the memory begins."""
        return self._tensor.data_ptr()

    _data_ptr = data_ptr

    @property
    def _cdata(self) -> int:
        """What scripts compare to know whether two objects are one storage."""
        return id(self._tensor) if self._tensor.is_meta else self.data_ptr()

    def get_device(self) -> int:
        return self._tensor.get_device()

    def is_shared(self) -> bool:
        """Whether other processes may see it: always so on a GPU."""
        return self._tensor.is_shared()

    def is_pinned(self, device: Any = "cuda") -> bool:
        return self._tensor.is_pinned()

    def tolist(self) -> list[Any]:
        self._look()
        return self._tensor.tolist()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def _look(self) -> None:
        if self._tensor.is_meta:
            raise NotImplementedError("Not available for 'meta' device type: such a storage has a size, and no values")

    def _at(self, place: Any) -> int:
        n = self.size()
        if not -n <= place < n:
            raise IndexError(f"index {place} out of range for storage of size {n}")
        return place % n

    def fill_(self: Any, value: Any) -> Any:
        self[:] = value
        return self

    def copy_(self, src: Any, non_blocking: bool | None = None) -> Any:
        """Take another storage's bytes.  RuntimeError where it has more or fewer."""
        if not isinstance(src, _Storage):
            raise TypeError(f"copy_(): argument 'src' (position 1) must be flambeau.Storage, not {type(src).__name__}")
        if src.nbytes() != self.nbytes():
            raise RuntimeError(f"size does not match, self was {self.nbytes()} bytes but src was {src.nbytes()} bytes")
        untyped(self)._tensor.copy_(untyped(src)._tensor)
        return self

    def resize_(self, size: int) -> Any:
        """Let a storage that no tensor has looked at hold `size` elements; what is there stays.

        RuntimeError for the memory of a tensor, unless it is of that size: arrays of NumPy and CuPy do not move. `Tensor.resize_` does.
        """
        size = index(size)
        if size == self.size():
            return self
        if size < 0:
            raise RuntimeError(f"expected a size of at least 0, got {size}")
        if not self._alone:
            raise RuntimeError(f"Trying to resize storage that is not resizable: tensors lie in these {self.nbytes()} bytes, which cannot "
                               "move below them; use Tensor.resize_")
        old, kept = self._tensor, min(size, self.size())
        self._tensor = empty(size, dtype=old.dtype, device=old.device)
        self._tensor[:kept] = old[:kept]
        return self

    def resizable(self) -> bool:
        return self._alone

    def _made(self, flat: Tensor) -> Any:
        """A storage of the same kind in other memory."""
        raise RuntimeError("a storage is an UntypedStorage or a TypedStorage")

    def clone(self) -> Any:
        return self._made(self._tensor.clone())

    def to(self, *, device: Any, non_blocking: bool = False) -> Any:
        moved = self._tensor.to(as_device(device))
        return self if moved is self._tensor else self._made(moved)

    def cpu(self) -> Any:
        return self.to(device="cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> Any:
        return self.to(device="cuda" if device is None else device)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Storage) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        """Two objects are one storage when they are one memory."""
        return self.device, self._tensor.dtype.name, self.nbytes(), self._cdata

    def _told(self) -> str:
        return "..." if self._tensor.is_meta else "\n".join(f" {value}" for value in self.tolist())

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        from copy import deepcopy

        return self._made(deepcopy(self._tensor, memo))


class UntypedStorage(_Storage):
    """The bytes below a tensor, which its views share; or fresh ones: `UntypedStorage(n)`, `UntypedStorage([1, 2, 3])`.

    Reading gives numbers of 0 to 255. Writes are seen by the tensors, and not by backward, which trusts that what it kept is as it was.

    >>> x = flambeau.tensor([1, 2], dtype=flambeau.int16)
    >>> memory = x[1:].untyped_storage()
    >>> memory.tolist(), memory.nbytes()
    ([1, 0, 2, 0], 4)
    >>> memory[0] = 5; x
    tensor([5, 2], dtype=flambeau.int16)
    """

    def __init__(self, data: Any = 0, *, device: Any = None) -> None:
        if isinstance(data, Tensor):
            raise TypeError("expected a number of bytes or a sequence of them; a tensor's memory is tensor.untyped_storage()")
        if isinstance(data, list | tuple | bytes | range):
            self._tensor = tensor([index(n) & 255 for n in data], dtype=uint8, device=device)
        else:
            if index(data) < 0:
                raise RuntimeError(f"expected a number of bytes of at least 0, got {data}")
            self._tensor = empty(index(data), dtype=uint8, device=device)
        self._alone = True

    def __getitem__(self, place: Any) -> Any:
        self._look()
        if isinstance(place, slice):
            begin, end, step = place.indices(self.size())
            if step != 1:
                raise RuntimeError(f"Trying to slice with a step of {step}, but only a step of 1 is supported")
            self._alone = False
            return _untyped(self._tensor[begin:max(begin, end)])
        if not isinstance(place, int):
            raise TypeError(f"can't index a flambeau.UntypedStorage with {type(place).__name__}")
        return self._tensor[self._at(place)].item()

    def __setitem__(self, place: Any, value: int) -> None:
        self._look()
        if not isinstance(place, int | slice):
            raise TypeError(f"can't index a flambeau.UntypedStorage with {type(place).__name__}")
        if not isinstance(value, int):
            raise RuntimeError(f"can only set storage content with an int type, but got {type(value).__name__} instead")
        self._tensor.array[place if isinstance(place, slice) else self._at(place)] = value & 255

    def _made(self, flat: Tensor) -> UntypedStorage:
        return _untyped(flat, alone=True)

    @classmethod
    def from_buffer(cls, buffer: Any, byte_order: str | None = None, count: int = -1, offset: int = 0,
                    dtype: dtype_type | None = None) -> UntypedStorage:  # fmt: skip
        """A copy of a buffer's elements, `count` of `dtype` from the byte `offset` on, which come in `byte_order`.

        >>> UntypedStorage.from_buffer(b"\\x00\\x01", "little", dtype=flambeau.int16).tolist()
        [0, 1]
        """
        return _untyped(of_buffer(buffer, byte_order, count, offset, dtype).view(uint8), alone=True)

    @classmethod
    def from_file(cls, filename: str, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The bytes of a file: written to where `shared` (it grows to fit), or a copy on write.  RuntimeError for a short one."""
        made = _untyped(from_file(filename, shared, nbytes, dtype=uint8))
        made.filename = str(filename)
        return made

    def _over(self, kind: dtype_type | None) -> Tensor:
        """The bytes as elements of `kind`, int64 where nothing says more: a flat tensor in the same memory."""
        kind, self._alone = kind or int64, False
        bytes_ = self._tensor
        return bytes_ if kind is uint8 else join(bytes_[: self.nbytes() // kind.itemsize * kind.itemsize].view(kind), bytes_)

    def untyped(self) -> UntypedStorage:
        return self

    def new(self) -> UntypedStorage:
        return UntypedStorage(device=self.device)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> str:
        if dtype is not None:
            raise TypeError("bytes have no other type: float() and its like convert them, TypedStorage(wrap_storage=...) reads them")
        return "flambeau.storage.UntypedStorage"

    def byteswap(self, dtype: dtype_type) -> None:
        """Turn the bytes of every element of `dtype` around."""
        part = dtype.itemsize // 2 if dtype.category == COMPLEX else dtype.itemsize
        whole = self.nbytes() // part * part
        groups = self._tensor[:whole].reshape(-1, part)
        groups.copy_(groups.flip(1))

    def __repr__(self) -> str:
        return f"{self._told()}\n[flambeau.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


def _untyped(flat: Tensor, alone: bool = False) -> UntypedStorage:
    made = UntypedStorage.__new__(UntypedStorage)
    made._tensor, made._alone = flat, alone
    return made


class TypedStorage(_Storage):
    """The elements of a tensor's memory, in order: `TypedStorage(n, dtype=...)`, of a sequence, or over the bytes `wrap_storage`.

    PyTorch holds it for deprecated, `UntypedStorage` for the way to go.

    >>> memory = TypedStorage([1, 2], dtype=flambeau.float64)
    >>> memory[1], memory.nbytes(), memory.int().tolist()
    (2.0, 16, [1, 2])
    """

    _kind: dtype_type | None = None

    def __init__(self, *args: Any, wrap_storage: UntypedStorage | None = None, dtype: dtype_type | None = None, device: Any = None) -> None:
        name = type(self).__name__
        if self._kind is not None:
            if dtype is not None or device is not None:
                raise RuntimeError(f"{name} has a dtype and a device of its own: use TypedStorage to say them")
            dtype = self._kind
        if len(args) > 1 or (args and wrap_storage is not None):
            raise RuntimeError(f"{name} takes no arguments, a size, a sequence of numbers, or wrap_storage=, got {len(args)} arguments")
        if wrap_storage is not None:
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(f"Argument 'wrap_storage' must be UntypedStorage, but got {type(wrap_storage).__name__}")
            if dtype is None:
                raise RuntimeError("Argument 'dtype' must be specified when wrap_storage is given")
            self._tensor = join(wrap_storage._tensor.view(dtype), wrap_storage._tensor)
            self._alone = wrap_storage._alone = False
            return
        dtype = get_default_dtype() if dtype is None else dtype
        data = args[0] if args else 0
        if isinstance(data, list | tuple | range):
            self._tensor = tensor(list(data), dtype=dtype, device=device)
        elif hasattr(data, "__index__"):
            if index(data) < 0:
                raise RuntimeError(f"expected a number of elements of at least 0, got {data}")
            self._tensor = empty(index(data), dtype=dtype, device=device)
        else:
            raise TypeError(f"Argument type not recognized: expected a size or a sequence of numbers, got {type(data).__name__}")
        self._alone = True

    @property
    def dtype(self) -> dtype_type:
        return self._tensor.dtype

    def __getitem__(self, place: Any) -> Any:
        self._look()
        if isinstance(place, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(place, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(place)}")
        return self._tensor[self._at(place)].item()

    def __setitem__(self, place: Any, value: Any) -> None:
        self._look()
        if not isinstance(place, int | slice):
            raise RuntimeError(f"can't index a {type(self)} with {type(place)}")
        self._tensor[place if isinstance(place, slice) else self._at(place)] = value

    def _made(self, flat: Tensor) -> TypedStorage:
        return typed(flat, alone=True)

    @classmethod
    def from_buffer(cls, buffer: Any, byte_order: str | None = None, count: int = -1, offset: int = 0,
                    dtype: dtype_type | None = None) -> TypedStorage:  # fmt: skip
        """A copy of a buffer's elements: `count` of them, from the byte `offset` on, which come in `byte_order`.

        >>> flambeau.ByteStorage.from_buffer(b"ab").tolist(), flambeau.ShortStorage.from_buffer(b"\\x00\\x01", "big").tolist()
        ([97, 98], [1])
        """
        return typed(of_buffer(buffer, byte_order, count, offset, dtype or cls._kind or get_default_dtype()), alone=True)

    @classmethod
    def from_file(cls, filename: str, shared: bool, size: int) -> TypedStorage:
        """`size` elements of a file: written to where `shared` (which makes it long enough), or a copy on write."""
        made = typed(from_file(filename, shared, size, dtype=cls._kind or get_default_dtype()))
        made.filename = str(filename)
        return made

    def _over(self, kind: dtype_type | None) -> Tensor:
        """A flat tensor in the same memory.  RuntimeError where it is not of `kind`."""
        if kind is not None and kind is not self.dtype:
            raise RuntimeError(f"Expected a Storage of type {kind.name} or an UntypedStorage, but got type {self.dtype.name}")
        self._alone = False
        return self._tensor

    def untyped(self) -> UntypedStorage:
        return untyped(self)

    @property
    def _untyped_storage(self) -> UntypedStorage:
        return untyped(self)

    def pickle_storage_type(self) -> str:
        return f"{_name(self.dtype)}Storage"

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the storage's type, or the elements as another: 'flambeau.DoubleStorage' or that class."""
        if dtype is None:
            return f"flambeau.{'cuda.' if self.is_cuda else ''}{self.pickle_storage_type()}"
        name = (dtype if isinstance(dtype, str) else dtype.__name__).rpartition(".")[2].removesuffix("Storage")
        if name not in KINDS:
            raise RuntimeError(f"expected the type of a storage, like 'flambeau.DoubleStorage', got {dtype!r}")
        return _converted(self, name)

    def __repr__(self) -> str:
        return f"{self._told()}\n[flambeau.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {self.size()}]"


def _name(kind: dtype_type) -> str:
    for name, known in KINDS.items():
        if known is kind:
            return name
    raise KeyError(f"no typed storage has elements of {kind}; use UntypedStorage")


def typed(flat: Tensor, alone: bool = False) -> TypedStorage:
    """The storage of a flat tensor's elements."""
    made = TypedStorage.__new__(TypedStorage)
    made._tensor, made._alone = flat, alone
    return made


def untyped(storage: _Storage) -> UntypedStorage:
    """The bytes of a storage of either kind."""
    if isinstance(storage, UntypedStorage):
        return storage
    storage._alone = False
    flat = storage._tensor
    return _untyped(flat if flat.dtype is uint8 else join(flat.view(uint8), flat))


def _converted(storage: _Storage, name: str) -> TypedStorage:
    kind = KINDS[name]
    if storage._tensor.dtype is kind:
        storage._alone = False
        return typed(storage._tensor)
    return typed(storage._tensor.to(kind), alone=True)


def _conversion(method: str, name: str) -> Any:
    def convert(self: _Storage) -> TypedStorage:
        return _converted(self, name)

    convert.__name__ = method
    convert.__doc__ = f"The elements as {KINDS[name].name}, in memory of their own where they are of another dtype."
    return convert


for _method, _kind in _CONVERSIONS.items():
    setattr(_Storage, _method, _conversion(_method, _kind))


UntypedStorage.__module__ = TypedStorage.__module__ = "flambeau.storage"


class _OfOneDtype(type):
    """Storages are TypedStorage objects whatever the older name that made them; isinstance looks at the dtype."""

    _kind: dtype_type

    def __instancecheck__(cls, obj: Any) -> bool:
        return type(obj) is TypedStorage and obj.dtype is cls._kind

    def __call__(cls, *args: Any, **kwargs: Any) -> TypedStorage:
        base: Any = TypedStorage
        made = base.__new__(cls)
        made.__init__(*args, **kwargs)
        return typed(made._tensor, made._alone)


def older(name: str) -> Any:
    """`FloatStorage` and its like."""
    return _OLDER[name]


_OLDER = {
    f"{name}Storage": _OfOneDtype(f"{name}Storage", (TypedStorage,), {
        "_kind": kind, "__module__": "flambeau", "__doc__": f"A `TypedStorage` of {kind.name} under its older name."})
    for name, kind in KINDS.items()
}  # fmt: skip
_OLDER["Storage"] = _OLDER["FloatStorage"]
globals().update(_OLDER)


# ---- methods of tensors
def untyped_storage(x: Tensor) -> UntypedStorage:
    """The bytes below x, shared with its views.

    >>> x = flambeau.zeros(4); x[2:].untyped_storage().data_ptr() == x.data_ptr()
    True
    """
    return untyped(typed(_flat(x)))


def typed_storage(x: Tensor) -> TypedStorage:
    """The elements of x's memory, shared with its views."""
    return typed(_flat(x))


def storage(x: Tensor) -> TypedStorage:
    """The elements of x's memory, shared with its views.  Deprecated in PyTorch, for `untyped_storage`.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     flambeau.arange(4)[2:].storage().tolist()
    [0, 1, 2, 3]
    """
    warn("TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage class. This should only "
         "matter to you if you are using storages directly. To access UntypedStorage directly, use tensor.untyped_storage() instead of "
         "tensor.storage()", UserWarning, stacklevel=3)
    return typed(_flat(x))


def storage_type(x: Tensor) -> Any:
    """The older type of x's storage: FloatStorage for float32.  KeyError for dtypes that have none."""
    return older(f"{_name(x.dtype)}Storage")
