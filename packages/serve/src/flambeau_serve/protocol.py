"""Open Inference Protocol v2: from a body to arrays, from arrays to a body. No HTTP, no model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .datatypes import datatype_of, from_bytes, from_json, to_bytes, to_json
from .errors import bad_request
from .signature import Arrays, Signature

MAX_DIMENSIONS = 32


@dataclass(frozen=True)
class InferRequest:
    """What a client asks: arrays by input name, and for each output that it wants whether as binary."""

    inputs: Arrays
    outputs: dict[str, bool]
    id: str | None = None


def parse_request(body: bytes, header_length: int | None, signature: Signature) -> InferRequest:
    """The request in `body`: JSON, and behind its first `header_length` bytes the binary tensors where that is given.

    Raises ServeError 400 telling what does not fit the protocol or the signature.
    """
    if header_length is None:
        header, binary = body, b""
    elif header_length <= len(body):
        header, binary = body[:header_length], body[header_length:]
    else:
        raise bad_request(f"expected Inference-Header-Content-Length of at most {len(body)}, the body's length, got {header_length}")
    document = _object(_json(header), "the request")
    parameters = _parameters(document, "the request")
    identity = document.get("id")
    if identity is not None and not isinstance(identity, str):
        raise bad_request(f"expected id to be a string, got {_kind(identity)}")
    inputs = _inputs(document.get("inputs"), binary, header_length is not None, signature)
    binary_output = _flag(parameters, "binary_data_output", False, "the request")
    return InferRequest(inputs, _outputs(document.get("outputs"), binary_output, signature), identity)


def _inputs(given: Any, binary: bytes, has_binary: bool, signature: Signature) -> Arrays:
    if not isinstance(given, list):
        raise bad_request(f"expected inputs to be a list of tensors, got {_kind(given)}")
    specs = {spec.name: spec for spec in signature.inputs}
    arrays: Arrays = {}
    position = 0
    for tensor in given:
        tensor = _object(tensor, "an input")
        name = tensor.get("name")
        if not isinstance(name, str) or name not in specs:
            raise bad_request(f"expected inputs {', '.join(specs)}, got one named {name!r:.80}")
        if name in arrays:
            raise bad_request(f"input {name!r} is given twice")
        shape = tensor.get("shape")
        if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(type(size) is int and 0 <= size < 2**63 for size in shape):
            raise bad_request(f"input {name!r}: expected shape to be a list of at most {MAX_DIMENSIONS} sizes, each a whole number from 0")
        specs[name].check(tensor.get("datatype"), shape)
        datatype = specs[name].datatype
        size = _parameters(tensor, f"input {name!r}").get("binary_data_size")
        if size is None:
            if "data" not in tensor:
                raise bad_request(f"input {name!r}: expected data, or binary_data_size with the bytes behind the JSON")
            arrays[name] = from_json(name, datatype, shape, tensor["data"])
            continue
        if type(size) is not int or size < 0:
            raise bad_request(f"input {name!r}: expected binary_data_size to be a whole number from 0, got {size!r:.40}")
        if not has_binary:
            raise bad_request(f"input {name!r}: binary_data_size needs the header Inference-Header-Content-Length, the length of the JSON")
        if "data" in tensor:
            raise bad_request(f"input {name!r}: expected data or binary_data_size, got both")
        if position + size > len(binary):
            left = len(binary) - position
            raise bad_request(f"input {name!r}: binary_data_size is {size}, and the body has {left} bytes left behind the JSON")
        arrays[name] = from_bytes(name, datatype, shape, binary[position : position + size])
        position += size
    if position != len(binary):
        raise bad_request(f"expected {position} bytes behind the JSON, the sum of all binary_data_size, got {len(binary)}")
    if missing := [name for name in specs if name not in arrays]:
        raise bad_request(f"expected inputs {', '.join(specs)}, missing {', '.join(missing)}")
    batches = {name: len(array) for name, array in arrays.items()}
    if len(set(batches.values())) > 1:
        raise bad_request(f"expected all inputs to have the same first size, the batch, got {batches}")
    if 0 in batches.values():
        raise bad_request("expected a batch of at least one row, got 0")
    return {name: arrays[name] for name in specs}


def _outputs(given: Any, binary: bool, signature: Signature) -> dict[str, bool]:
    known = [spec.name for spec in signature.outputs]
    if given is None or given == []:
        return dict.fromkeys(known, binary)
    if not isinstance(given, list):
        raise bad_request(f"expected outputs to be a list, got {_kind(given)}")
    wanted: dict[str, bool] = {}
    for tensor in given:
        name = _object(tensor, "an output").get("name")
        if not isinstance(name, str) or name not in known:
            raise bad_request(f"expected outputs {', '.join(known)}, got one named {name!r:.80}")
        if name in wanted:
            raise bad_request(f"output {name!r} is asked for twice")
        parameters = _parameters(tensor, f"output {name!r}")
        if parameters.get("classification"):
            raise bad_request(f"output {name!r}: the classification extension is not there, ask for the tensor")
        wanted[name] = _flag(parameters, "binary_data", binary, f"output {name!r}")
    return wanted


def render_response(request: InferRequest, outputs: Mapping[str, np.ndarray], model: str, version: str) -> tuple[bytes, int | None]:
    """The body of the answer, and the length of its JSON where binary tensors stand behind it."""
    document: dict[str, Any] = {"model_name": model, "model_version": version}
    if request.id is not None:
        document["id"] = request.id
    document["outputs"] = []
    behind = []
    for name, binary in request.outputs.items():
        values = outputs[name]
        tensor: dict[str, Any] = {"name": name, "datatype": datatype_of(values.dtype), "shape": list(values.shape)}
        if binary:
            behind.append(to_bytes(values))
            tensor["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            tensor["data"] = to_json(name, values)
        document["outputs"].append(tensor)
    header = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([header, *behind]), len(header) if behind else None


def _json(text: bytes) -> Any:
    def constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=constant)
    except RecursionError:
        raise bad_request("expected JSON, got lists or objects nested too deeply") from None
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are among them
        raise bad_request(f"expected JSON, got what is none: {error!s:.200}") from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_request(f"expected {what} to be a JSON object, got {_kind(value)}")
    return value


def _parameters(owner: dict[str, Any], what: str) -> dict[str, Any]:
    return _object(owner.get("parameters", {}), f"the parameters of {what}")


def _flag(parameters: dict[str, Any], name: str, default: bool, what: str) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise bad_request(f"{what}: expected {name} to be true or false, got {_kind(value)}")
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")
