"""The writer of pickles: Python's own, that calls things by PyTorch's names and leaves tensors' memory to others."""

from __future__ import annotations

import codecs
import io
import pickle
from collections import Counter, OrderedDict
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.fields import slots_of
from flambeau.nn import Parameter

from . import allowed, names
from .names import Name
from .options import tag_of
from .storage import Storage, TypedStorage, UntypedStorage, address, root_of

# what a tensor has in itself; whatever else stands there is an attribute of the user's
OURS = frozenset({"_grad", "_backward_hooks", "process", "level", "function_rule",
                  "_is_buffer", "persistent"})  # fmt: skip
PLAIN = frozenset({int, float, bool, str, bytes, type(None), list, tuple, dict, set, frozenset, complex, bytearray, Name})

# what may stand for itself, or by what Python's pickler makes plain values
KNOWN = (OrderedDict, Counter, dict, list, tuple, set, frozenset, int, float, bool, complex, str, bytes, bytearray, codecs.encode)


class Stored:
    """A storage in the file: key, its bytes, the class that the file says it has, and how many elements of that."""

    def __init__(self, key: str, root: Any, kind: Name, location: str, count: int) -> None:
        self.key, self.root, self.kind, self.location, self.count = key, root, kind, location, count


PythonPickler: Any = getattr(pickle, "_Pickler")  # noqa: B009  # the C one can't write a name that is not there to import


class Pickler(PythonPickler):
    """Writes a value; `stored` has the storages that it is to go with, in their order.

    TypeError for what `load` would refuse, with the place where it stands.
    """

    def __init__(self, file: Any, protocol: int, legacy: bool = False, lengths: dict[int, int] | None = None) -> None:
        super().__init__(file, protocol)
        self.legacy = legacy
        self.lengths = {} if lengths is None else lengths
        self.stored: list[Stored] = []
        self.by_place: dict[tuple[int, int], Stored] = {}  # address, and bytes on the host -> what is stored from there
        self.alive: list[Any] = []  # ids and addresses hold while the things are there

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) in STORAGES:
            obj = self.storage(obj)
        elif type(obj) is not Stored:
            return None
        view = (None,) if self.legacy else ()
        return ("storage", obj.kind, obj.key, obj.location, obj.count, *view)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is bytes and not obj and self.proto < 3:  # Python names `bytes` for it, which PyTorch refuses
            return (codecs.encode, ("", "latin1"))
        if kind in PLAIN or kind is Stored:
            return NotImplemented
        if isinstance(obj, Tensor):
            return self.tensor(obj)
        if kind is OrderedDict or (isinstance(obj, OrderedDict) and kind.__module__.startswith("flambeau.")):  # a module's state_dict
            state = (dict(vars(obj)),) if vars(obj) else (None,)
            return (names.ORDERED, (), *state, None, iter(obj.items()))
        if kind is Counter:
            return (Name("collections", "Counter"), (dict(obj),))
        if kind is flambeau.Size:
            return (names.SIZE, (tuple(obj),))
        if kind is flambeau.device:
            return (names.DEVICE, (obj.type,) if obj.index is None else (obj.type, obj.index))
        if kind is flambeau.layout:
            return (names.LAYOUT, (f"torch.{obj.name}",))
        if kind is flambeau.dtype or any(obj is known for known in KNOWN) or allowed.is_allowed(kind) or allowed.is_allowed(obj):
            return NotImplemented
        raise Unsavable(obj)

    # ---- names
    def save_name(self, obj: Name) -> None:
        known = self.memo.get(id(obj))
        if known is not None:
            self.write(self.get(known[0]))
            return
        if self.proto >= 4:
            self.save(obj.module)
            self.save(obj.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    def save_dtype(self, obj: flambeau.dtype) -> None:
        self.save_name(names.NAMES[obj])

    def save_global(self, obj: Any, name: str | None = None) -> None:
        given = allowed.name_of(obj)
        if given is not None and given != allowed.full_name(obj):  # the file has another name for it than Python
            module, _, last = given.rpartition(".")
            self.alive.append(Name(module, last))
            self.save_name(self.alive[-1])
            return
        super().save_global(obj, name)

    dispatch = {**PythonPickler.dispatch, Name: save_name, flambeau.dtype: save_dtype}

    # ---- tensors
    def tensor(self, x: Tensor) -> tuple[Name, tuple]:
        if x.layout is not flambeau.strided:
            return self.sparse(x)
        if x.process is not None:
            raise TypeError("a tensor inside of a transform (vmap, jvp, functionalize, compile) has no values to save; save its result")
        state: Any = {name: value for name, value in vars(x).items() if name not in OURS}
        slots = slots_of(x)
        if slots:
            state = state, slots
        kind = type(x)
        if isinstance(x, Parameter) and (kind is Parameter or not allowed.is_allowed(kind)):
            if kind is not Parameter:
                raise Unsavable(x)
            bare = x.detach()
            self.alive.append(bare)
            args: tuple = (bare, x.requires_grad, OrderedDict())
            return (names.REBUILD_PARAMETER_WITH_STATE, (*args, state)) if state else (names.REBUILD_PARAMETER, args)
        function, how = self.rebuilt(x)
        named = names.TENSOR if kind.__name__ == "Tensor" and kind.__module__.startswith("flambeau.") else kind
        if named is kind and not allowed.is_allowed(kind):
            raise Unsavable(x)
        return (names.REBUILD_TYPE, (function, named, how, state)) if state or named is kind else (function, how)

    def sparse(self, x: Any) -> tuple[Name, tuple]:
        parts = (*(p.detach() for p in x.places), x.entries.detach())
        self.alive.extend(parts)
        more = (x.unique,) if x.kind is flambeau.sparse_coo else ()
        return names.REBUILD_SPARSE, (x.kind, (*parts, flambeau.Size(x.extent), *more))

    def rebuilt(self, x: Tensor) -> tuple[Name, tuple]:
        stride = x.stride()
        if x.is_meta:
            return names.REBUILD_META, (x.dtype, tuple(x.shape), stride, x.requires_grad)
        root, begin, strides = root_of(x, self.lengths)
        self.alive.append(root)
        itemsize = x.dtype.itemsize
        if strides is not x.array.strides and strides != x.array.strides:  # copied, or empty
            stride = tuple(s // itemsize for s in strides)
        if begin % itemsize or root.size % itemsize:  # its memory is another dtype's, of an odd size
            root, begin, stride = x.array.copy().reshape(-1).view(root.dtype), 0, x.contiguous().stride()
            self.alive.append(root)
        typed = names.TYPED.get(x.dtype)
        if typed is None and self.legacy:
            raise TypeError(f"the format before PyTorch 1.6 has no {x.dtype}; save in the zip format")
        wanted = names.UNTYPED if typed is None else Name("torch", typed)
        known = self.kept(x, root, wanted, 1 if typed is None else itemsize)
        args: tuple = (known, begin // itemsize, tuple(x.shape), stride, x.requires_grad, OrderedDict())
        return (names.REBUILD, args) if known.kind == wanted != names.UNTYPED else (names.REBUILD_UNTYPED, (*args, x.dtype))

    def storage(self, storage: Storage) -> Stored:
        flat = storage._tensor
        if flat.is_meta:
            raise TypeError("a storage on meta has no bytes to save; save a tensor there, which has a shape")
        bare = type(storage) is UntypedStorage and not self.legacy  # which PyTorch cannot read in the older format
        typed = None if bare else names.TYPED.get(flat.dtype)
        root, _begin, _strides = root_of(flat, self.lengths)
        if root.size != storage.nbytes():  # a part of what was memory for more
            root = flat.array.copy().view(root.dtype)
        self.alive.append(root)
        return self.kept(flat, root, names.UNTYPED if typed is None else Name("torch", typed), storage.element_size())

    def kept(self, x: Tensor, root: Any, wanted: Name, itemsize: int) -> Stored:
        """The storage in the file for the memory of x.  RuntimeError where that is there as elements of another dtype."""
        place = (root.ctypes.data, root.size) if x.device.type == "cpu" else (root.data.ptr, 0)
        known = self.by_place.get(place) if root.size else None
        if known is None:
            known = Stored(str(len(self.stored)), root, KINDS[wanted], tag_of(x), root.size // itemsize)
            self.stored.append(known)
            self.by_place[place] = known
        elif known.kind != wanted and not {known.kind, wanted} <= OF_BYTES:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types: save one of them, and "
                               "view or clone the other when it is loaded")
        return known


STORAGES = frozenset({TypedStorage, UntypedStorage})
OF_BYTES = frozenset({names.UNTYPED, Name("torch", "ByteStorage")})
KINDS = {name: name for name in (names.UNTYPED, *(Name("torch", storage) for storage in names.TYPED.values()))}  # one object each


class Unsavable(Exception):
    """The value at hand is not of a kind that a checkpoint has."""

    def __init__(self, value: Any) -> None:
        self.value = value


def dump(value: Any, protocol: int, legacy: bool = False, lengths: dict[int, int] | None = None) -> tuple[bytes, list[Stored]]:
    """(the pickle, the storages it is to go with).  See `Pickler` for errors."""
    file = io.BytesIO()
    lengths = {} if lengths is None else lengths
    pickler = Pickler(file, protocol, legacy, lengths)
    try:
        pickler.dump(value)
    except Unsavable as error:
        kind = type(error.value)
        name = (error.value if isinstance(error.value, type) or hasattr(error.value, "__code__") else kind).__name__
        raise TypeError(
            f"can't save {kind.__module__}.{kind.__qualname__} at {place_of(value, error.value)}: only tensors, dicts, lists, tuples, "
            f"sets, numbers, strings, bytes and None are kept, for nothing else is loaded; save a module's state_dict(), make plain values "
            f"of the rest (float(x), x.tolist(), vars(x)), or allow the class: serialization.add_safe_globals([{name}])"
        ) from None
    if any(lengths.get(address(each.root), each.root.nbytes) != each.root.nbytes for each in pickler.stored):
        return dump(value, protocol, legacy, lengths)  # a later tensor reaches farther into a GPU's memory than the first of it
    return file.getvalue(), pickler.stored


def place_of(value: Any, wanted: Any) -> str:
    """The keys and numbers that lead from `value` to `wanted`, with dots between."""
    seen: set[int] = set()
    todo: list[tuple[Any, str]] = [(value, "")]
    while todo:
        x, path = todo.pop()
        if x is wanted:
            return path or "value"
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, dict):
            todo += [(key, f"the key {key!r:.40}") for key in x]
            todo += [(item, f"{path}.{key}" if path else str(key)) for key, item in x.items()]
        elif isinstance(x, list | tuple | set | frozenset):
            todo += [(item, f"{path}.{i}" if path else str(i)) for i, item in enumerate(x)]
    return "an attribute"
