"""The protocol's datatypes, as NumPy's, from and to JSON and bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import ml_dtypes
import numpy as np

from .errors import ServeError, bad_request

DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}
DATATYPES = {dtype: name for name, dtype in DTYPES.items()}
BYTES_REFUSED = "BYTES tensors hold text, and a Flambeau model takes numbers: encode the text on the client, as UINT8 or as token numbers"


def datatype_of(dtype: np.dtype) -> str:
    """The protocol's name of a NumPy dtype; TypeError where it has none.

    >>> datatype_of(np.dtype("float32"))
    'FP32'
    """
    if dtype not in DATATYPES:
        raise TypeError(f"expected a tensor of one of the protocol's datatypes {', '.join(DTYPES)}, got {dtype}")
    return DATATYPES[dtype]


def from_json(name: str, datatype: str, shape: Sequence[int], data: Any) -> np.ndarray:
    """The array that JSON `data` holds, nested as `shape` or flat.

    Exact: what the datatype cannot hold (1.5 for INT8, 300 for UINT8, 1e300 for FP32, true for a number) is an error.
    """
    flat: list[Any] = [data]
    depth: list[int] = []
    while flat and type(flat[0]) is list:
        lengths = {len(part) if type(part) is list else -1 for part in flat}
        if len(lengths) > 1:
            raise bad_request(f"input {name!r}: expected data nested evenly, got lists of different length at depth {len(depth)}")
        depth.append(lengths.pop())
        flat = list(chain.from_iterable(flat))
    wanted = list(shape)
    if depth not in (wanted, [math.prod(wanted)]):
        raise bad_request(f"input {name!r}: expected data for shape {wanted}, nested so or as one flat list, got shape {depth}")
    dtype = DTYPES[datatype]
    kinds_of: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}}
    allowed = kinds_of.get(dtype.kind, {int, float})
    if strange := set(map(type, flat)) - allowed:
        kinds = " or ".join(sorted(kind.__name__ for kind in allowed))
        raise bad_request(f"input {name!r}: expected {datatype} data as JSON {kinds}, got {strange.pop().__name__}")
    try:
        if dtype.kind in "biu":
            return np.array(flat, dtype).reshape(wanted)
        with np.errstate(over="ignore"):
            values = np.array(flat, np.float64).astype(dtype).reshape(wanted)
    except OverflowError as error:
        raise bad_request(f"input {name!r}: expected numbers that {datatype} can hold: {error}") from None
    if not np.isfinite(values).all():
        raise bad_request(f"input {name!r}: expected numbers that {datatype} can hold, got one beyond its range")
    return values


def to_json(name: str, values: np.ndarray) -> list[Any]:
    """The values as one flat list.

    Raises ServeError 406 for NaN and infinity, which JSON does not have.
    """
    if values.dtype.kind not in "biu":
        values = values.astype(np.float64) if values.dtype.itemsize != 4 else values
        if not np.isfinite(values).all():
            raise ServeError(406, f"output {name!r} holds NaN or infinity, which JSON cannot carry: ask for it with binary_data true")
        if values.dtype.itemsize == 4:  # the shortest digits that mean this float32, not those of the float64 beside it
            return [float(str(value)) for value in values.ravel()]
    return values.ravel().tolist()


def from_bytes(name: str, datatype: str, shape: Sequence[int], raw: bytes) -> np.ndarray:
    """The array that little-endian bytes hold, row after row."""
    dtype = DTYPES[datatype]
    if (needed := math.prod(shape) * dtype.itemsize) != len(raw):
        raise bad_request(f"input {name!r}: expected {needed} bytes for {datatype} of shape {list(shape)}, got binary_data_size {len(raw)}")
    if datatype == "BOOL" and raw.translate(None, b"\0\1"):
        raise bad_request(f"input {name!r}: expected each byte of BOOL data to be 0 or 1")
    return np.frombuffer(raw, dtype).reshape(shape)


def to_bytes(values: np.ndarray) -> bytes:
    """The values as little-endian bytes, row after row."""
    return values.astype(DTYPES[datatype_of(values.dtype)], copy=False).tobytes()
