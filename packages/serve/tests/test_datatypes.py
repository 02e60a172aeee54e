"""Datatypes from and to JSON and bytes: exact, or an error."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest

from flambeau_serve.datatypes import DTYPES, datatype_of, from_bytes, from_json, to_bytes, to_json
from flambeau_serve.errors import ServeError

VALUES = {name: np.array([[0, 1, 1], [1, 0, 1]], dtype) for name, dtype in DTYPES.items()}


@pytest.mark.parametrize("datatype", DTYPES)
def test_bytes_there_and_back(datatype: str) -> None:
    values = VALUES[datatype]
    back = from_bytes("x", datatype, (2, 3), to_bytes(values))
    assert back.dtype == values.dtype
    assert np.array_equal(back, values)


@pytest.mark.parametrize("datatype", DTYPES)
def test_json_there_and_back(datatype: str) -> None:
    values = VALUES[datatype]
    text = json.dumps(to_json("x", values))
    back = from_json("x", datatype, (2, 3), json.loads(text))
    assert back.dtype == values.dtype
    assert np.array_equal(back, values)


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
def test_every_float_comes_back_from_json_to_the_bit(datatype: str) -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(DTYPES[datatype])
    assert np.array_equal(from_json("x", datatype, (1000,), json.loads(json.dumps(to_json("x", values)))), values)


def test_float32_has_its_own_shortest_digits() -> None:
    assert json.dumps(to_json("x", np.array([0.1], np.float32))) == "[0.1]"


@pytest.mark.parametrize("datatype", ["UINT8", "INT16", "INT64", "UINT64"])
def test_whole_numbers_keep_their_ends(datatype: str) -> None:
    ends = np.iinfo(DTYPES[datatype])
    assert from_json("x", datatype, (2,), [ends.min, ends.max]).tolist() == [ends.min, ends.max]
    with pytest.raises(ServeError, match=f"expected numbers that {datatype} can hold"):
        from_json("x", datatype, (1,), [ends.max + 1])


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_data_may_be_nested_or_flat(data: list) -> None:
    assert from_json("x", "INT32", (2, 3), data).tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(("shape", "data"), [((0, 3), []), ((2, 0), [[], []]), ((2, 0), []), ((1,), [5])])
def test_small_shapes(shape: tuple[int, ...], data: list) -> None:
    assert from_json("x", "INT32", shape, data).shape == shape


BAD_DATA = [
    ("INT32", (2, 3), [1, 2, 3], "expected data for shape .2, 3., nested so or as one flat list, got shape .3."),
    ("INT32", (2, 3), [[1, 2], [3, 4], [5, 6]], "got shape .3, 2."),
    ("INT32", (2,), 5, r"got shape \[\]"),
    ("INT32", (4,), [[1, 2], [3]], "nested evenly"),
    ("INT32", (4,), [[1, 2], 3], "nested evenly"),
    ("INT32", (2,), [1, [2]], "as JSON int, got list"),
    ("INT32", (2,), [1, 2.0], "as JSON int, got float"),
    ("INT32", (2,), [1, True], "as JSON int, got bool"),
    ("INT32", (2,), [1, "2"], "as JSON int, got str"),
    ("INT32", (2,), [1, None], "as JSON int, got NoneType"),
    ("BOOL", (2,), [True, 1], "as JSON bool, got int"),
    ("FP32", (1,), [True], "as JSON float or int, got bool"),
    ("FP32", (1,), [1e300], "numbers that FP32 can hold, got one beyond"),
    ("FP16", (1,), [70000], "numbers that FP16 can hold, got one beyond"),
    ("FP64", (1,), [10**400], "numbers that FP64 can hold"),
]


@pytest.mark.parametrize(("datatype", "shape", "data", "message"), BAD_DATA)
def test_data_that_does_not_fit(datatype: str, shape: tuple[int, ...], data: object, message: str) -> None:
    with pytest.raises(ServeError, match=message) as caught:
        from_json("x", datatype, shape, data)
    assert caught.value.status == 400


def test_bytes_that_do_not_fit() -> None:
    with pytest.raises(ServeError, match=r"expected 24 bytes for FP32 of shape \[2, 3\], got binary_data_size 20"):
        from_bytes("x", "FP32", (2, 3), bytes(20))
    with pytest.raises(ServeError, match="expected each byte of BOOL data to be 0 or 1"):
        from_bytes("x", "BOOL", (3,), b"\0\1\2")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_what_json_cannot_carry(value: float, dtype: type) -> None:
    with pytest.raises(ServeError, match="NaN or infinity, which JSON cannot carry: ask for it with binary_data true") as caught:
        to_json("x", np.array([value], dtype))
    assert caught.value.status == 406


def test_bytes_are_little_endian() -> None:
    assert to_bytes(np.array([1], np.int32)) == b"\1\0\0\0"


def test_a_dtype_without_a_name() -> None:
    with pytest.raises(TypeError, match="expected a tensor of one of the protocol's datatypes BOOL, .* got complex64"):
        datatype_of(np.dtype(np.complex64))
