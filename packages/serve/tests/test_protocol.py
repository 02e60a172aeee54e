"""Bodies, well-formed and not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from flambeau_serve import ServeError, Signature, TensorSpec
from flambeau_serve.protocol import parse_request, render_response

SIGNATURE = Signature(
    (TensorSpec("x", "FP32", (-1, 2)), TensorSpec("n", "INT64", (-1,))), (TensorSpec("y", "FP32", (-1, 3)), TensorSpec("z", "BOOL", (-1,)))
)
X: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2], [3, 4]]}
N: dict[str, Any] = {"name": "n", "datatype": "INT64", "shape": [2], "data": [5, 6]}


def body(**parts: Any) -> bytes:
    return json.dumps({"inputs": [X, N], **parts}).encode()


def binary(document: Any, tail: bytes) -> tuple[bytes, int]:
    header = json.dumps(document).encode()
    return header + tail, len(header)


def test_json_request() -> None:
    request = parse_request(body(id="7", outputs=[{"name": "z"}], parameters={"priority": 1}), None, SIGNATURE)
    assert {name: array.tolist() for name, array in request.inputs.items()} == {"x": [[1, 2], [3, 4]], "n": [5, 6]}
    assert (request.id, request.outputs) == ("7", {"z": False})


def test_inputs_come_in_the_signature_s_order() -> None:
    assert list(parse_request(body(inputs=[N, X]), None, SIGNATURE).inputs) == ["x", "n"]


@pytest.mark.parametrize("outputs", [None, []])
def test_without_outputs_all_are_meant(outputs: Any) -> None:
    assert parse_request(body(outputs=outputs), None, SIGNATURE).outputs == {"y": False, "z": False}


def test_binary_flags() -> None:
    outputs = [{"name": "z", "parameters": {"binary_data": False}}, {"name": "y"}]
    request = parse_request(body(outputs=outputs, parameters={"binary_data_output": True}), None, SIGNATURE)
    assert request.outputs == {"z": False, "y": True}


def test_binary_request_in_the_order_of_its_inputs_beside_json() -> None:
    x = {**X, "parameters": {"binary_data_size": 16}}
    del x["data"]
    n = {**N, "parameters": {"binary_data_size": 16}}
    del n["data"]
    floats, ints = np.array([1, 2, 3, 4], "<f4").tobytes(), np.array([5, 6], "<i8").tobytes()
    for inputs, tail in (([x, n], floats + ints), ([n, x], ints + floats), ([x, N], floats), ([X, n], ints), ([X, N], b"")):
        request = parse_request(*binary({"inputs": inputs}, tail), SIGNATURE)
        assert request.inputs["x"].tolist() == [[1, 2], [3, 4]]
        assert request.inputs["n"].tolist() == [5, 6]


BAD = {
    "no JSON": (b"{", "expected JSON, got what is none"),
    "empty": (b"", "expected JSON, got what is none"),
    "no text": (b"\xff\xfe\xfd", "expected JSON, got what is none"),
    "too deep": (b"[" * 200_000, "nested too deeply"),
    "NaN": (body().replace(b"[[1,", b"[[NaN,").replace(b"[[1", b"[[NaN"), "NaN is no JSON"),
    "a long number": (b"1" * 10_000, "expected JSON, got what is none"),
    "a list": (b"[]", "expected the request to be a JSON object, got a list"),
    "nothing": (b"null", "expected the request to be a JSON object, got nothing"),
    "no inputs": (b"{}", "expected inputs to be a list of tensors, got nothing"),
    "inputs an object": (body(inputs={}), "expected inputs to be a list of tensors, got an object"),
    "input a string": (body(inputs=["x"]), "expected an input to be a JSON object, got a string"),
    "wrong name": (body(inputs=[{**X, "name": "a"}]), "expected inputs x, n, got one named 'a'"),
    "no name": (body(inputs=[{}]), "expected inputs x, n, got one named None"),
    "a name that is none": (body(inputs=[{**X, "name": []}]), "expected inputs x, n, got one named "),
    "twice": (body(inputs=[X, X]), "input 'x' is given twice"),
    "missing": (body(inputs=[X]), "expected inputs x, n, missing n"),
    "no shape": (body(inputs=[{**X, "shape": None}]), "expected shape to be a list of at most 32 sizes"),
    "negative size": (body(inputs=[{**X, "shape": [-1, 2]}]), "expected shape to be a list of at most 32 sizes"),
    "fractional size": (body(inputs=[{**X, "shape": [2.0, 2]}]), "expected shape to be a list of at most 32 sizes"),
    "huge size": (body(inputs=[{**X, "shape": [2**70, 2]}]), "expected shape to be a list of at most 32 sizes"),
    "true for a size": (body(inputs=[{**X, "shape": [True, 2]}]), "expected shape to be a list of at most 32 sizes"),
    "many dimensions": (body(inputs=[{**X, "shape": [1] * 33}]), "expected shape to be a list of at most 32 sizes"),
    "huge shape": (body(inputs=[{**X, "shape": [2**40, 2]}]), r"expected data for shape .1099511627776, 2., .* got shape .2, 2."),
    "wrong shape": (body(inputs=[{**X, "shape": [2, 3]}]), r"expected shape .-1, 2. .*, got .2, 3."),
    "wrong datatype": (body(inputs=[{**X, "datatype": "FP64"}]), "expected datatype FP32, got 'FP64'"),
    "BYTES": (body(inputs=[{**X, "datatype": "BYTES"}]), "expected datatype FP32, got BYTES. BYTES tensors hold text"),
    "no data": (body(inputs=[{**X, "data": 0} | {"data": None}]), "got shape"),
    "neither data nor bytes": (body(inputs=[{k: X[k] for k in ("name", "datatype", "shape")}]), "expected data, or binary_data_size"),
    "parameters a list": (body(inputs=[{**X, "parameters": []}]), "expected the parameters of input 'x' to be a JSON object"),
    "bytes without header": (body(inputs=[{**X, "parameters": {"binary_data_size": 16}}]), "needs the header Inference-Header"),
    "size that is none": (body(inputs=[{**X, "parameters": {"binary_data_size": "16"}}]), "to be a whole number from 0, got '16'"),
    "negative bytes": (body(inputs=[{**X, "parameters": {"binary_data_size": -1}}]), "to be a whole number from 0, got -1"),
    "batches differ": (body(inputs=[X, {**N, "shape": [1], "data": [1]}]), "the same first size, the batch, got {'x': 2, 'n': 1}"),
    "no rows": (body(inputs=[{**X, "shape": [0, 2], "data": []}, {**N, "shape": [0], "data": []}]), "at least one row, got 0"),
    "id a number": (body(id=7), "expected id to be a string, got a number"),
    "request's parameters": (body(parameters=1), "expected the parameters of the request to be a JSON object, got a number"),
    "binary_data_output": (body(parameters={"binary_data_output": 1}), "expected binary_data_output to be true or false, got a number"),
    "outputs an object": (body(outputs={}), "expected outputs to be a list, got an object"),
    "an output that is not there": (body(outputs=[{"name": "w"}]), "expected outputs y, z, got one named 'w'"),
    "output twice": (body(outputs=[{"name": "z"}] * 2), "output 'z' is asked for twice"),
    "classification": (body(outputs=[{"name": "y", "parameters": {"classification": 3}}]), "the classification extension is not there"),
    "binary_data": (body(outputs=[{"name": "y", "parameters": {"binary_data": "yes"}}]), "to be true or false, got a string"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_json(content: bytes, message: str) -> None:
    with pytest.raises(ServeError, match=message) as caught:
        parse_request(content, None, SIGNATURE)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 600


def x_of(size: int, **more: Any) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": size}, **more}


BAD_BINARY = {
    "header past the end": (b"{}", 3, "Inference-Header-Content-Length of at most 2, the body's length, got 3"),
    "header short": (body(), 10, "expected JSON, got what is none"),
    "size and shape differ": (*binary({"inputs": [x_of(12), N]}, bytes(12)), "expected 16 bytes for FP32 of shape .2, 2., got .* 12"),
    "too few bytes": (*binary({"inputs": [x_of(16), N]}, bytes(12)), "binary_data_size is 16, and the body has 12 bytes left"),
    "too many bytes": (*binary({"inputs": [x_of(16), N]}, bytes(17)), "expected 16 bytes behind the JSON, .* got 17"),
    "bytes that nobody claims": (*binary({"inputs": [X, N]}, bytes(1)), "expected 0 bytes behind the JSON, .* got 1"),
    "data and bytes": (*binary({"inputs": [x_of(16, data=[]), N]}, bytes(16)), "expected data or binary_data_size, got both"),
}


@pytest.mark.parametrize(("content", "length", "message"), BAD_BINARY.values(), ids=BAD_BINARY)
def test_bad_binary(content: bytes, length: int, message: str) -> None:
    with pytest.raises(ServeError, match=message) as caught:
        parse_request(content, length, SIGNATURE)
    assert caught.value.status == 400


def test_json_response() -> None:
    request = parse_request(body(id="7"), None, SIGNATURE)
    outputs = {"y": np.array([[0.1, 2, 3], [4, 5, 6]], np.float32), "z": np.array([True, False])}
    content, length = render_response(request, outputs, "m", "1")
    assert length is None
    assert json.loads(content) == {
        "model_name": "m",
        "model_version": "1",
        "id": "7",
        "outputs": [
            {"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [0.1, 2, 3, 4, 5, 6]},
            {"name": "z", "datatype": "BOOL", "shape": [2], "data": [True, False]},
        ],
    }


def test_binary_response_beside_json() -> None:
    asked = [{"name": "z", "parameters": {"binary_data": True}}, {"name": "y"}]
    request = parse_request(body(outputs=asked), None, SIGNATURE)
    outputs = {"y": np.array([[1, 2, 3], [4, 5, 6]], np.float32), "z": np.array([True, False])}
    content, length = render_response(request, outputs, "m", "1")
    assert content[length:] == b"\1\0"
    answer = json.loads(content[:length])
    assert answer["outputs"][0] == {"name": "z", "datatype": "BOOL", "shape": [2], "parameters": {"binary_data_size": 2}}
    assert answer["outputs"][1]["data"] == [1, 2, 3, 4, 5, 6]
    assert "id" not in answer
