"""The safetensors format: a length, a JSON header that names every tensor's type, shape and place, then the bytes.

Read and written here because the format's own library knows no float8 for NumPy and copies what can be mapped; the tests hold the two
against each other.
"""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np

import flambeau

from .files import File, is_path, mapped, reading, writing

HEADER_AT_MOST = 100_000_000  # bytes; the limit of the format's own library
DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "U16": np.dtype(np.uint16),
    "I16": np.dtype(np.int16),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "U32": np.dtype(np.uint32),
    "I32": np.dtype(np.int32),
    "F32": np.dtype(np.float32),
    "U64": np.dtype(np.uint64),
    "I64": np.dtype(np.int64),
    "F64": np.dtype(np.float64),
    "C64": np.dtype(np.complex64),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def save_file(tensors: Mapping[str, flambeau.Tensor], f: File, metadata: Mapping[str, str] | None = None) -> None:
    """Write named tensors and string metadata as a safetensors file, which appears complete or not at all.

    Raises TypeError for names, values or metadata of another type and for complex128, which the format lacks;
    ValueError for a tensor named "__metadata__".

    >>> import tempfile; path = tempfile.mkdtemp() + "/x.safetensors"
    >>> save_file({"x": flambeau.ones(2)}, path)
    >>> load_file(path)
    {'x': tensor([1., 1.])}
    """
    arrays = {name: to_array(name, tensor) for name, tensor in tensors.items()}
    write(f, encode(arrays, check_metadata(metadata)))


def load_file(f: File) -> dict[str, flambeau.Tensor]:
    """The tensors of a safetensors file, mapped into memory: their bytes are read when they are used.  See `load` for errors.

    Writing into them changes this process's copy, not the file.
    """
    arrays, _metadata = decode(*read(f))
    return {name: flambeau.from_numpy(array) for name, array in arrays.items()}


def to_array(name: Any, tensor: Any) -> np.ndarray:
    """The tensor's values in this machine's memory; errors that name it."""
    if not isinstance(name, str):
        raise TypeError(f"expected the tensors' names to be str, got {name!r} of type {type(name).__name__}")
    if not isinstance(tensor, flambeau.Tensor):
        raise TypeError(f"expected a Tensor under {name!r}, got {type(tensor).__name__}; flambeau.save also keeps nested plain values")
    return tensor.detach().cpu().numpy()


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    found = dict(metadata or {})
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"expected metadata as str -> str, got {key!r}: {value!r}; json.dumps makes a string of plain values")
    return found


def encode(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[Any]:
    """The file in pieces."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, array in arrays.items():  # the header keeps the order given
        if name == "__metadata__":
            raise ValueError('the name "__metadata__" is reserved in safetensors files; rename the tensor')
        if array.dtype not in NAMES:
            raise TypeError(f"safetensors has no {array.dtype} (tensor {name!r}); it has {', '.join(str(d) for d in NAMES)}")
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [0, 0]}
    placed = sorted(arrays.items(), key=lambda item: -item[1].itemsize)  # wide types first keeps everyone aligned without holes
    offset = 0
    for name, array in placed:
        header[name]["data_offsets"] = [offset, offset + array.nbytes]
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-(len(text) + 8) % 64)
    if len(text) > HEADER_AT_MOST:
        raise ValueError(f"the names and metadata take {len(text)} bytes, more than the {HEADER_AT_MOST} of a safetensors header")
    yield struct.pack("<Q", len(text)) + text
    for _name, array in placed:
        if array.nbytes:
            yield np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def write(f: File, pieces: Iterator[Any]) -> None:
    with writing(f) as file:
        for piece in pieces:
            file.write(piece)


def read(f: File, mmap: bool = True) -> tuple[memoryview, str]:
    """The file's bytes, mapped where it has a path, private and writable; and what to call it in errors."""
    with reading(f) as (file, source):
        return (mapped(file) if mmap and is_path(f) else memoryview(bytearray(file.read()))), source


def decode(content: memoryview, source: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays over `content` by name, and the metadata.  ValueError when the format's rules are broken anywhere."""
    header, begin = read_header(content, source)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"{source}: expected __metadata__ to hold strings, got {metadata!r:.80}")
    arrays, places = {}, []
    for name, entry in header.items():
        dtype, shape, first, last = check_entry(name, entry, source)
        places.append((first, last, name))
        if last <= len(content) - begin:
            array = np.frombuffer(content, dtype, math.prod(shape), begin + first).reshape(shape)
            arrays[name] = array if array.flags.aligned else array.copy()
    offset = 0
    for first, last, name in sorted(places):
        if first != offset:
            raise ValueError(f"{source}: expected tensor {name!r} to begin at byte {offset} of the data, got {first}: a hole or an overlap")
        offset = last
    if offset != len(content) - begin:
        what = "cut short" if offset > len(content) - begin else "followed by something else"
        raise ValueError(f"{source}: expected {offset} bytes of data, got {len(content) - begin}: the file is {what}")
    return arrays, metadata


def read_header(content: memoryview, source: str) -> tuple[dict[str, Any], int]:
    """(the header, where the data begins)"""
    if len(content) < 8:
        raise ValueError(f"{source}: expected a safetensors file, got {len(content)} bytes: it is empty or cut short")
    (size,) = struct.unpack_from("<Q", content)
    begin = 8 + size
    if size > HEADER_AT_MOST:
        raise ValueError(f"{source}: expected a safetensors header of at most {HEADER_AT_MOST} bytes, got {size}: another format?")
    if begin > len(content):
        raise ValueError(f"{source}: expected a header of {size} bytes, got {len(content) - 8}: the file is cut short")
    try:
        header = json.loads(bytes(content[8:begin]).decode(), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source}: the safetensors header is damaged: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{source}: expected the safetensors header to be a JSON object, got {type(header).__name__}")
    return header, begin


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def check_entry(name: str, entry: Any, source: str) -> tuple[np.dtype, list[int], int, int]:
    """(dtype, shape, first byte, byte after the last) of a tensor, as its header entry says."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{source}: expected dtype, shape and data_offsets of tensor {name!r}, got {entry!r:.80}")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise ValueError(f"{source}: tensor {name!r} has the unknown dtype {entry['dtype']!r:.40}; known are {', '.join(DTYPES)}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for what, numbers in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(numbers, list) or any(type(n) is not int or not 0 <= n < 1 << 63 for n in numbers):
            raise ValueError(f"{source}: expected {what} of tensor {name!r} as a list of natural numbers, got {numbers!r:.80}")
    if len(offsets) != 2 or len(shape) > 64:
        raise ValueError(f"{source}: expected two data_offsets, at most 64 axes of tensor {name!r}, got {offsets!r:.80} and {len(shape)}")
    first, last = offsets
    size = math.prod(shape) * dtype.itemsize
    if size != last - first:
        takes = f"tensor {name!r} of shape {tuple(shape)} and dtype {entry['dtype']} takes {size} bytes"
        raise ValueError(f"{source}: {takes}, but its place has {last - first}")
    return dtype, shape, first, last


def to_bytes(pieces: Iterator[Any]) -> bytes:
    out = io.BytesIO()
    write(out, pieces)
    return out.getvalue()
