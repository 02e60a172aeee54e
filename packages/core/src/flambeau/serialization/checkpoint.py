"""`save` and `load`: PyTorch's own files, written and read so that either library takes the other's, and safetensors."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

import flambeau

from . import options, safetensors
from .archive import Archive, rest, write_archive
from .endianness import unmarked
from .files import File, is_path, mapped, reading, writing
from .legacy import Legacy, parse, write_legacy
from .rebuild import Refused
from .storage import Storage, TypedStorage, UntypedStorage, elements, of_bytes, plain, untyped
from .unpickler import Unpickler

DEFAULT_PROTOCOL = 2


def save(obj: Any, f: File, pickle_module: Any = None, pickle_protocol: int = DEFAULT_PROTOCOL,
         _use_new_zipfile_serialization: bool = True, _disable_byteorder_record: bool = False) -> None:  # fmt: skip
    """Write `obj` to `f`, a path or a file object, as PyTorch's `torch.save` does; a file at a path appears complete or not at all.

    obj: tensors, and dicts, lists, tuples, sets, numbers, strings, bytes and None that hold them: a state_dict, or a whole checkpoint such
    as {"model": ..., "optimizer": ..., "epoch": 3}. PyTorch loads the file. Tensors that share memory go on sharing it, strides are kept.
    A path that ends with .safetensors gets that format instead, which has named tensors alone (see `save_file`).
    Raises TypeError, with the place, for what `load` would refuse (see `add_safe_globals`), FileNotFoundError for a missing folder,
    RuntimeError for a pickle_module other than Python's own.

    >>> import io; file = io.BytesIO()
    >>> save({"model": {"w": flambeau.ones(2)}, "epoch": 3}, file)
    >>> _ = file.seek(0); load(file)
    {'model': {'w': tensor([1., 1.])}, 'epoch': 3}
    """
    if pickle_module not in (None, pickle):
        raise RuntimeError(f"expected pickle_module=None, got {pickle_module!r:.80}: checkpoints are written by Python's pickle alone")
    if type(pickle_protocol) is not int or not 0 <= pickle_protocol <= 5:
        raise ValueError(f"expected a pickle_protocol from 2 to 5, got {pickle_protocol!r:.40}")
    if pickle_protocol < 2:
        raise ValueError(f"expected a pickle_protocol from 2 to 5, got {pickle_protocol}: older ones have no place for storages")
    if is_path(f) and os.fspath(f).endswith(".safetensors"):  # type: ignore[arg-type]
        if not isinstance(obj, dict):
            what = type(obj).__name__
            raise TypeError(f"expected a dict of named tensors for a safetensors file, got {what}; name the file .pt to keep it")
        safetensors.save_file(obj, f)
        return
    with writing(f) as file:
        if _use_new_zipfile_serialization:
            stem = Path(os.fspath(f)).stem if is_path(f) else "archive"  # type: ignore[arg-type]
            write_archive(obj, file, stem or "archive", pickle_protocol, marked=not _disable_byteorder_record)
        else:
            write_legacy(obj, file, pickle_protocol)


def load(f: File, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None, mmap: bool | None = None,
         encoding: str = "utf-8") -> Any:  # fmt: skip
    """What `save` or PyTorch's `torch.save` wrote to `f`, as zip or in the format before 1.6; of a safetensors file its tensors.

    map_location: where to put the tensors: a device or its name; a dict from the names in the file to others; or a function of
    (`UntypedStorage` on the CPU, name in the file) that gives a storage back, or None for the usual. Without it they go where they were.
    mmap=True maps a zip file into memory: bytes are read when they are used, not checked before, and writing into tensors does not change
    the file. Safetensors files at a path are always mapped unless mmap=False.
    weights_only: no file can run code here, whatever it says. Only tensors and plain values are loaded, and classes that
    `add_safe_globals` allowed; whatever else a file names is refused.
    encoding: of strings that Python 2 wrote.
    Raises FileNotFoundError for a missing file; pickle.UnpicklingError for what is refused or not a checkpoint; RuntimeError for a
    damaged zip file, and for tensors of a GPU where there is none; ValueError for a damaged safetensors file; EOFError for one cut short.
    """
    check_pickle(pickle_module, weights_only)
    mapping = mmap
    mmap = options.load.mmap and is_path(f) if mmap is None else mmap
    if mmap and not is_path(f):
        raise ValueError(f"f must be a file path in order to use the mmap argument, got {type(f).__name__}")
    place = placing(map_location)
    with reading(f) as (file, source):
        start = file.tell()
        head = file.read(9)
        file.seek(start)
        if head[:4] == b"PK\3\4":
            return load_archive(Archive(file, source, bool(mmap)), place, encoding)
        if head[:1] == b"\x80" and not is_safetensors(head):
            if mmap:
                raise RuntimeError(f"{source}: mmap can only be used with files of the zip format; load it and save it again")
            return load_legacy(file, source, place, encoding)
        if is_safetensors(head):
            content = mapped(file) if is_path(f) and mapping is not False else memoryview(bytearray(file.read()))
            arrays, _notes = safetensors.decode(content, source)
            return {name: to_tensor(array, place) for name, array in arrays.items()}
        if not head:
            raise EOFError(f"Ran out of input: {source} is empty")
        raise UnpicklingError(f"{source} is no checkpoint: expected a zip file, a pickle or a safetensors file, it begins with {head!r}")


def get_unsafe_globals_in_checkpoint(f: File) -> list[str]:
    """The names in a checkpoint that `load` refuses and that are not allowed yet.  Nothing of it is made.

    >>> import io; file = io.BytesIO()
    >>> save({"w": flambeau.ones(2)}, file)
    >>> _ = file.seek(0); get_unsafe_globals_in_checkpoint(file)
    []
    """
    from .allowed import find
    from .rebuild import THINGS

    with reading(f) as (file, source):
        start = file.tell()
        head = file.read(4)
        file.seek(start)
        if head == b"PK\3\4":
            reader = Unpickler(Archive(file, source, False).pickle())
            reader.blind = True
            reader.load()
            names = reader.names
        else:
            names = Legacy(memoryview(bytearray(file.read())), source, "utf-8").names
    return sorted({name for name in names if name not in THINGS and find(name) is None})


def read_metadata(f: File) -> dict[str, str]:
    """The notes in a safetensors file: the `metadata` given to `save_file`.

    >>> import io; file = io.BytesIO()
    >>> safetensors.save_file({}, file, metadata={"trained on": "digits"})
    >>> _ = file.seek(0); read_metadata(file)
    {'trained on': 'digits'}
    """
    return safetensors.decode(*safetensors.read(f))[1]


def check_pickle(pickle_module: Any, weights_only: bool | None) -> None:
    if pickle_module is None or (pickle_module is pickle and weights_only is False):
        return
    raise RuntimeError(f"Can not safely load weights when explicit pickle_module is specified: expected None, got {pickle_module!r:.80}")


def is_safetensors(head: bytes) -> bool:
    """Whether a file that begins so is one: the length of a header, and the brace that opens it."""
    return len(head) == 9 and int.from_bytes(head[:8], "little") <= safetensors.HEADER_AT_MOST and head[8:] == b"{"


def load_archive(archive: Archive, place: Callable[[UntypedStorage, str], UntypedStorage], encoding: str) -> Any:
    if "constants.pkl" in archive:
        raise RuntimeError(f"{archive.source} is a TorchScript archive, a program: only checkpoints of tensors and plain values are loaded")
    order = bytes(archive.read("byteorder")) if "byteorder" in archive else unmarked().encode()
    if order not in (b"little", b"big"):
        raise archive.damaged(f"unknown endianness {order!r:.20}")
    known: dict[str, UntypedStorage] = {}
    given: dict[tuple[str, Any], TypedStorage] = {}

    def resolve(key: Any) -> TypedStorage:
        dtype, name, location, count, _view = parse(key)
        size = count * (1 if dtype is None else dtype.itemsize)
        if name not in known:
            block = archive.read(f"data/{name}", size)
            known[name] = place(of_bytes(native(block, dtype, order.decode())), location)
        found = known[name]
        if found.nbytes() != size:
            raise Refused(f"the storage {name!r:.40} has two sizes")
        if (name, dtype) not in given:
            given[name, dtype] = elements(found, dtype)
        return given[name, dtype]

    return Unpickler(archive.pickle(), 0, resolve, encoding).load()


def load_legacy(file: Any, source: str, place: Callable[[UntypedStorage, str], UntypedStorage], encoding: str) -> Any:
    start = file.tell()
    content = rest(file)
    legacy = Legacy(content, source, encoding)
    known: dict[str, UntypedStorage] = {}
    given: dict[tuple[str, Any, Any], TypedStorage] = {}

    def resolve(key: Any) -> TypedStorage:
        dtype, name, location, count, view = parse(key)
        if name not in known:
            block = native(legacy.read(name), dtype, "little" if legacy.little else "big")
            known[name] = place(of_bytes(block), location)
        found = known[name]
        part = (name, dtype, view)
        if part not in given:
            if view is not None:
                natural = type(view) is tuple and len(view) == 3 and all(type(n) is int and n >= 0 for n in view[1:])
                if not natural or view[1] + view[2] > count:
                    raise Refused(f"expected a part of a storage, got {view!r:.80}")
                size = 1 if dtype is None else dtype.itemsize
                found = found[view[1] * size : (view[1] + view[2]) * size]
            given[part] = elements(found, dtype)
        return given[part]

    value = Unpickler(content, legacy.begin, resolve, encoding).load()
    file.seek(start + legacy.end)  # another may follow in the same file
    return value


def native(block: np.ndarray, dtype: flambeau.dtype | None, order: str) -> np.ndarray:
    """Bytes in this machine's order."""
    if order == sys.byteorder or dtype is None or dtype.itemsize == 1:
        return block
    word = dtype.itemsize // (2 if dtype.is_complex else 1)
    return block.view(f"u{word}").byteswap().view(np.uint8)


def placing(map_location: Any) -> Callable[[UntypedStorage, str], UntypedStorage]:
    """What puts a storage of the CPU where it belongs: a function of it and of the place that the file names."""
    if map_location is None:
        return restore
    if isinstance(map_location, dict):
        names = {str(key): str(where) for key, where in map_location.items()}
        return lambda storage, location: restore(storage, names.get(location, location))
    if isinstance(map_location, str | int | flambeau.device):
        where = str(flambeau.device(map_location))
        return lambda storage, _location: restore(storage, where)
    if not callable(map_location):
        raise TypeError(f"expected map_location as a device, str, dict or function, got {type(map_location).__name__}")

    def by_function(storage: UntypedStorage, location: str) -> UntypedStorage:
        found = map_location(storage, location)
        if found is None:
            return restore(storage, location)
        return a_storage(found, "map_location")

    return by_function


def a_storage(found: Any, giver: str) -> UntypedStorage:
    if not isinstance(found, Storage):
        raise TypeError(f"expected {giver} to give a storage or None, got {type(found).__name__}")
    return untyped(found)


def restore(storage: UntypedStorage, location: str) -> UntypedStorage:
    """The storage on the device that a file names, or where `register_package` has it put.  RuntimeError where that is not here."""
    found = options.by_packages(storage, location)
    if found is not None:
        return a_storage(found, "a registered package")
    if location == "cpu":
        return storage
    try:
        return storage.to(device=location)
    except (RuntimeError, ImportError) as error:
        raise RuntimeError(
            f"Attempting to deserialize object on a {location.partition(':')[0].upper():.20} device, {location!r:.40}, "
            f"which is not here ({error}). If you are running on a CPU-only machine, please use flambeau.load with "
            "map_location='cpu' to map your storages to the CPU"
        ) from error


def to_tensor(array: np.ndarray, place: Callable[[UntypedStorage, str], UntypedStorage]) -> flambeau.Tensor:
    storage = place(of_bytes(array.reshape(-1).view(np.uint8)), "cpu")
    tensor = plain(array)
    return tensor if storage.device.type == "cpu" else tensor.to(storage.device)
