"""PyTorch's format before 1.6: five pickles in a row (a magic number, a version, sizes, the value, the keys), then the storages' bytes."""

from __future__ import annotations

import pickle
import struct
import sys
from pickle import UnpicklingError
from typing import IO, Any

import numpy as np

import flambeau

from .archive import on_host
from .names import Name
from .pickler import dump
from .rebuild import STORED, Refused
from .unpickler import Unpickler

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


def write_legacy(value: Any, file: IO[bytes], protocol: int) -> None:
    content, stored = dump(value, protocol, legacy=True)
    machine = {"protocol_version": VERSION, "little_endian": sys.byteorder == "little", "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for plain in (MAGIC, VERSION, machine):
        file.write(pickle.dumps(plain, protocol))
    file.write(content)
    file.write(pickle.dumps(sorted(each.key for each in stored), protocol))
    for each in sorted(stored, key=lambda each: each.key):
        file.write(struct.pack("<q", each.count))
        file.write(on_host(each.root))


class Legacy:
    """The value of such a file. The storages' bytes stand behind it: it is read twice, first to find them.

    Raises UnpicklingError, EOFError or RuntimeError for what is no such file, damaged or cut short.
    """

    def __init__(self, content: memoryview, source: str, encoding: str) -> None:
        self.content, self.source = content, source
        reader = Unpickler(content, encoding=encoding)
        if reader.load() != MAGIC:
            raise RuntimeError(f"{source}: Invalid magic number; it is a pickle, and not one of PyTorch's. Only checkpoints are loaded")
        version = reader.load()
        if version != VERSION:
            raise RuntimeError(f"{source}: Invalid protocol version: expected {VERSION}, got {version!r:.40}")
        machine = reader.load()
        self.little = not (isinstance(machine, dict) and machine.get("little_endian") is False)
        self.begin = reader.at
        self.sizes: dict[str, tuple[int, int]] = {}  # key -> (elements, bytes each)
        reader.blind, reader.resolve = True, self.note
        reader.load()
        self.names = reader.names
        reader.blind, reader.resolve = False, None
        self.places = self.find(reader.load(), reader.at)

    def note(self, key: Any) -> None:
        kind, name, _location, count, _view = parse(key)
        size = (count, 1 if kind is None else kind.itemsize)
        if self.sizes.setdefault(name, size) != size:
            raise UnpicklingError(f"{self.source}: the storage {name!r:.40} has two sizes")

    def find(self, keys: Any, at: int) -> dict[str, tuple[int, int]]:
        """Where each storage is: (first byte, how many)."""
        if isinstance(keys, list):
            keys = [k.decode("latin-1") if type(k) is bytes else k for k in keys]
        if not isinstance(keys, list) or any(type(k) is not str for k in keys) or sorted(keys) != sorted(self.sizes):
            raise UnpicklingError(f"{self.source}: the list of its storages does not fit the value")
        found = {}
        for key in keys:
            count, itemsize = self.sizes[key]
            size = count * itemsize
            if at + 8 + size > len(self.content):
                raise EOFError(f"{self.source}: unexpected end of file: storage {key!r:.40} of {size} bytes is cut short")
            (told,) = struct.unpack_from("<q" if self.little else ">q", self.content, at)
            if told != count:
                raise UnpicklingError(f"{self.source}: storage {key!r:.40} has {told} elements, and its tensors say {count}")
            found[key] = at + 8, size
            at += 8 + size
        self.end = at
        return found

    def read(self, key: str) -> np.ndarray:
        at, size = self.places[key]
        return np.frombuffer(self.content, np.uint8, size, at).copy()


def parse(key: Any) -> tuple[flambeau.dtype | None, str, str, int, Any]:
    """(dtype or None for bytes, key, location, elements, part of another storage or None) of a storage's persistent id."""
    if type(key) is not tuple or len(key) not in (5, 6) or key[0] not in ("storage", b"storage"):
        raise Refused(f"expected the mark of a storage, got {key!r:.80}")
    _storage, kind, name, location, count, *view = key
    if type(name) is type(location) is bytes:  # strings of Python 2, asked for as they are
        name, location = name.decode("latin-1"), location.decode("latin-1")
    if type(kind) is not Name or kind not in STORED:
        raise Refused(f"expected the class of a storage, got {kind!r:.80}")
    if type(name) is not str or type(location) is not str or type(count) is not int or not 0 <= count < 1 << 60:
        raise Refused(f"expected a storage's key, location and size, got {key[2:]!r:.80}")
    return STORED[kind], name, location, count, view[0] if view else None
