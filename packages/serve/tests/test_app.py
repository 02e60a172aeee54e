"""The endpoints, asked without a network."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from flambeau_serve import Signature, TensorSpec, __version__, create_app

SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 2)),), (TensorSpec("y", "FP32", (-1, 2)),))
ASK = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
THREE_ROWS = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [3, 2], "data": [0] * 6}]}
INFER = "/v2/models/m/infer"
Arrays = dict[str, np.ndarray]


def double(inputs: Arrays) -> Arrays:
    if 13 in inputs["x"]:
        raise ArithmeticError("thirteen")
    return {"y": inputs["x"] * 2}


def asked(
    test: Callable[[httpx.AsyncClient], Awaitable[Any]], predict: Callable[[Arrays], Arrays] = double, raises: bool = True, **options: Any
) -> Any:
    """What `test` gives, with a client of a running application."""

    async def run() -> Any:
        app = create_app(predict, SIGNATURE, "m", **options)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=raises)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await test(client)

    return asyncio.run(asyncio.wait_for(run(), 10))


def get(path: str, **options: Any) -> httpx.Response:
    return asked(lambda client: client.get(path), **options)


def post(content: Any, headers: dict[str, str] | None = None, path: str = INFER, **options: Any) -> httpx.Response:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = {"content-type": "application/json", **(headers or {})}
    return asked(lambda client: client.post(path, content=content, headers=headers), **options)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2", {"name": "flambeau-serve", "version": __version__, "extensions": ["binary_tensor_data"]}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/m/ready", {"name": "m", "ready": True}),
        ("/v2/models/m/versions/1/ready", {"name": "m", "ready": True}),
    ],
)
def test_health(path: str, answer: dict[str, Any]) -> None:
    response = get(path)
    assert (response.status_code, response.json()) == (200, answer)


@pytest.mark.parametrize("path", ["/v2/models/m", "/v2/models/m/versions/1"])
def test_metadata(path: str) -> None:
    assert get(path).json() == {
        "name": "m",
        "versions": ["1"],
        "platform": "flambeau",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }


def test_not_ready_while_it_does_not_run() -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(create_app(double, SIGNATURE, "m"))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/v2/health/live")).status_code == 200
            for path in ("/v2/health/ready", "/v2/models/m/ready"):
                response = await client.get(path)
                assert (response.status_code, response.json()["ready"]) == (400, False)
            response = await client.post(INFER, json=ASK)
            assert (response.status_code, response.json()) == (503, {"error": "the server is not running, or is stopping"})
            assert response.headers["retry-after"] == "1"

    asyncio.run(run())


@pytest.mark.parametrize("path", [INFER, "/v2/models/m/versions/1/infer"])
def test_infer_with_json(path: str) -> None:
    response = post({**ASK, "id": "a"}, path=path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "model_name": "m",
        "model_version": "1",
        "id": "a",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [2, 4]}],
    }


@pytest.mark.parametrize("rows", [3, 20_000])  # the larger one is parsed off the loop
def test_infer_with_binary(rows: int) -> None:
    values = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2) + 0.5
    raw = values.tobytes()
    tensor = {"name": "x", "datatype": "FP32", "shape": [rows, 2], "parameters": {"binary_data_size": len(raw)}}
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"content-type": "application/octet-stream", "Inference-Header-Content-Length": str(len(header))}
    response = post(header + raw, headers, max_batch_size=rows)
    assert response.headers["content-type"] == "application/octet-stream"
    length = int(response.headers["inference-header-content-length"])
    output = json.loads(response.content[:length])["outputs"][0]
    assert output == {"name": "y", "datatype": "FP32", "shape": [rows, 2], "parameters": {"binary_data_size": len(raw)}}
    assert np.array_equal(np.frombuffer(response.content[length:], np.float32).reshape(rows, 2), values * 2)


def test_requests_share_batches_and_are_counted() -> None:
    async def test(client: httpx.AsyncClient) -> tuple[list[httpx.Response], httpx.Response]:
        bodies = [{"inputs": [{**ASK["inputs"][0], "data": [n, n]}]} for n in range(12)]
        answers = await asyncio.gather(*(client.post(INFER, json=body) for body in bodies))
        return list(answers), await client.get("/v2/models/m/stats")

    answers, stats = asked(test, max_delay=0.2, max_batch_size=6)
    assert [answer.json()["outputs"][0]["data"] for answer in answers] == [[2 * n, 2 * n] for n in range(12)]
    (numbers,) = stats.json()["model_stats"]
    assert (numbers["name"], numbers["inference_count"], numbers["execution_count"]) == ("m", 12, 2)
    (batch,) = numbers["batch_stats"]
    assert (batch["batch_size"], batch["compute_infer"]["count"]) == (6, 2)
    assert batch["compute_infer"]["ns"] > 0


ERRORS = {
    "model": ({"path": "/v2/models/other/infer"}, 404, "expected the model 'm', got 'other'"),
    "version": ({"path": "/v2/models/m/versions/2/infer"}, 404, "expected version '1' of model 'm', got '2'"),
    "path": ({"path": "/v1/models/m:predict"}, 404, "POST /v1/models/m:predict: Not Found; the protocol's paths begin with /v2"),
    "shape": ({"content": {"inputs": [{**ASK["inputs"][0], "shape": [2]}]}}, 400, "input 'x': expected shape [-1, 2]"),
    "JSON": ({"content": b"{"}, 400, "expected JSON, got what is none"),
    "batch": ({"content": THREE_ROWS, "max_batch_size": 2}, 400, "expected a batch of at most 2 rows, got 3"),
    "media": ({"headers": {"content-type": "text/plain"}}, 415, "expected Content-Type application/json, or application/octet-stream with"),
    "encoding": ({"headers": {"content-encoding": "gzip"}}, 415, "expected a body without Content-Encoding, got 'gzip'"),
    "no length": ({"headers": {"content-type": "application/octet-stream"}}, 400, "needs the header Inference-Header-Content-Length"),
    "bad length": ({"headers": {"inference-header-content-length": "-5"}}, 400, "to be a whole number from 0, got '-5'"),
    "long length": ({"headers": {"inference-header-content-length": "9" * 5000}}, 400, "to be a whole number from 0, got '9"),
    "body": ({"max_body_bytes": 10}, 413, "expected a body of at most 10 bytes"),
    "content-length": ({"headers": {"content-length": "9" * 30}}, 413, "expected a body of at most"),
    "broken model": ({"content": {"inputs": [{**ASK["inputs"][0], "data": [13, 0]}]}}, 500, "the model failed: ArithmeticError: thirteen"),
}


@pytest.mark.parametrize(("request_", "status", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_are_told(request_: dict[str, Any], status: int, message: str) -> None:
    response = post(**{"content": ASK, **request_})
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert message in response.json()["error"]


def test_wrong_method() -> None:
    response = get(INFER)
    assert (response.status_code, response.json()["error"]) == (
        405,
        "GET /v2/models/m/infer: Method Not Allowed; the protocol's paths begin with /v2, and infer takes POST",
    )


def test_metadata_of_a_model_that_is_not_there() -> None:
    for tail in ("", "/ready", "/stats", "/versions/9"):
        assert get(f"/v2/models/other{tail}").status_code == 404


def test_nan_goes_as_binary_only() -> None:
    def nan(inputs: Arrays) -> Arrays:
        return {"y": inputs["x"] * np.float32("nan")}

    response = post(ASK, predict=nan)
    assert (response.status_code, "ask for it with binary_data true" in response.json()["error"]) == (406, True)
    assert post({**ASK, "parameters": {"binary_data_output": True}}, predict=nan).status_code == 200


def test_a_mistake_of_ours_is_told_without_detail() -> None:
    def impossible(inputs: Arrays) -> Arrays:
        return {"another name": inputs["x"]}

    response = post(ASK, predict=impossible, raises=False)
    assert (response.status_code, response.json()) == (500, {"error": "internal error (KeyError)"})


def test_a_body_without_length_is_counted_as_it_comes() -> None:
    async def chunks():
        for _ in range(100):
            yield b" " * 10

    async def test(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(INFER, content=chunks(), headers={"content-type": "application/json"})

    response = asked(test, max_body_bytes=50)
    assert (response.status_code, response.json()["error"]) == (413, "expected a body of at most 50 bytes")


def test_a_body_that_does_not_come() -> None:
    async def slow():
        yield b"{"
        await asyncio.sleep(5)

    async def test(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(INFER, content=slow(), headers={"content-type": "application/json"})

    response = asked(test, timeout=0.05)
    assert (response.status_code, response.json()["error"]) == (408, "expected the whole body within 0.05 seconds")


def test_bodies_together_are_bounded() -> None:
    gate = asyncio.Event()

    async def held():
        yield b" " * 90
        await gate.wait()
        yield json.dumps(ASK).encode()

    async def test(client: httpx.AsyncClient) -> list[httpx.Response]:
        headers = {"content-type": "application/json"}
        tasks = [asyncio.create_task(client.post(INFER, content=held(), headers=headers)) for _ in range(40)]
        await asyncio.sleep(0.1)
        gate.set()
        return [*await asyncio.gather(*tasks), await client.post(INFER, json=ASK)]

    responses = asked(test, max_body_bytes=200)
    refused = [response for response in responses if response.status_code == 503]
    assert 0 < len(refused) < 40
    assert all("bytes are inside, try again later" in response.json()["error"] for response in refused)
    assert responses[-1].status_code == 200, "what was read is let go again"


def test_more_requests_than_places() -> None:
    gate = threading.Event()

    def gated(inputs: Arrays) -> Arrays:
        assert gate.wait(5)
        return double(inputs)

    async def test(client: httpx.AsyncClient) -> list[httpx.Response]:
        first = [asyncio.create_task(client.post(INFER, json=ASK)) for _ in range(3)]
        await asyncio.sleep(0.05)
        refused = await client.post(INFER, json=ASK)
        gate.set()
        return [refused, *await asyncio.gather(*first)]

    refused, *first = asked(test, gated, max_waiting=3)
    assert (refused.status_code, refused.json()) == (503, {"error": "all 3 places are taken, try again later"})
    assert [response.status_code for response in first] == [200] * 3


def scripted(app: Any, *messages: dict[str, Any], pause: float = 0.0) -> tuple[list[dict[str, Any]], float]:
    """What the application sends when it is told these messages, then that the client left."""

    async def run() -> list[dict[str, Any]]:
        waiting = list(messages)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        path = {"path": INFER, "raw_path": INFER.encode(), "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1"}
        headers = [(b"content-type", b"application/json")]
        async with app.router.lifespan_context(app):
            await app({"type": "http", "method": "POST", "headers": headers, **path}, receive, send)
        return sent

    return asyncio.run(asyncio.wait_for(run(), 10))


def test_a_client_that_leaves_is_not_computed_for() -> None:
    batches = []

    def noted(inputs: Arrays) -> Arrays:
        batches.append(inputs)
        return double(inputs)

    app = create_app(noted, SIGNATURE, "m", max_delay=0.2)
    body = json.dumps(ASK).encode()
    sent = scripted(app, {"type": "http.request", "body": body, "more_body": False}, pause=0.01)
    assert (sent[0]["status"], batches) == (499, [])


def test_a_client_that_leaves_in_its_body() -> None:
    sent = scripted(create_app(double, SIGNATURE, "m"), {"type": "http.request", "body": b"{", "more_body": True})
    assert sent[0]["status"] == 499


def test_options_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match="expected a model name of letters, digits, _ . and -, got 'a/b'"):
        create_app(double, SIGNATURE, "a/b")
    with pytest.raises(ValueError, match="expected max_body_bytes of at least 1, got 0"):
        create_app(double, SIGNATURE, max_body_bytes=0)
