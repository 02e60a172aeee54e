"""A real server on loopback, asked by real clients."""

from __future__ import annotations

import json
import runpy
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from flambeau_serve import Signature, TensorSpec, __version__, cli, create_app, load_model, running, server

X = TensorSpec("x", "FP32", (-1, 3))
SIGNATURE = Signature((X,), (TensorSpec("y", "FP32", (-1, 3)),))


@contextmanager
def client_of(app: Any) -> Iterator[httpx.Client]:
    with running(app) as address, httpx.Client(base_url=f"{address}/v2/models/model/", timeout=30) as client:
        yield client


def ask(client: httpx.Client, values: np.ndarray, binary: bool) -> np.ndarray:
    tensor: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": list(values.shape)}
    if not binary:
        response = client.post("infer", json={"inputs": [{**tensor, "data": values.tolist()}]})
        (output,) = response.raise_for_status().json()["outputs"]
        return np.array(output["data"], np.float32).reshape(output["shape"])
    raw = values.tobytes()
    tensor["parameters"] = {"binary_data_size": len(raw)}
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(header))}
    response = client.post("infer", content=header + raw, headers=headers).raise_for_status()
    length = int(response.headers["inference-header-content-length"])
    (output,) = json.loads(response.content[:length])["outputs"]
    return np.frombuffer(response.content[length:], np.float32).reshape(output["shape"])


def test_many_clients_at_once(weights: Path, factories: str) -> None:
    model = load_model(weights, f"{factories}:told")
    rows = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
    expected = model({"x": rows})["output"]
    with client_of(create_app(model, model.signature, max_delay=0.05)) as client:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: ask(client, rows[n : n + 1], binary=n % 2 == 0), range(24)))
        (stats,) = client.get("stats").json()["model_stats"]
    np.testing.assert_allclose(np.concatenate(answers), expected, rtol=1e-5, atol=1e-6)
    assert stats["inference_count"] == 24
    assert max(batch["batch_size"] for batch in stats["batch_stats"]) > 1


def test_a_body_too_large_is_refused_at_once_and_the_server_goes_on() -> None:
    with client_of(create_app(lambda inputs: {"y": inputs["x"]}, SIGNATURE, max_body_bytes=1000)) as client:
        for content in (b" " * 1001, iter([b" " * 600] * 2)):
            response = client.post("infer", content=content, headers={"content-type": "application/json"})
            assert (response.status_code, response.json()) == (413, {"error": "expected a body of at most 1000 bytes"})
        assert ask(client, np.ones((1, 3), np.float32), binary=False).tolist() == [[1, 1, 1]]


def test_a_client_that_hangs_up_frees_its_place() -> None:
    gate, batches = threading.Event(), []

    def gated(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        batches.append(len(inputs["x"]))
        assert gate.wait(5)
        return {"y": inputs["x"]}

    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}).encode()
    headers = f"Host: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    head = f"POST /v2/models/model/infer HTTP/1.1\r\n{headers}".encode()
    with client_of(create_app(gated, SIGNATURE, max_delay=0, max_waiting=3)) as client:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ask, client, np.ones((1, 3), np.float32), False)
            while not batches:
                time.sleep(0.005)
            for _ in range(6):  # twice as many as there are places
                with socket.create_connection(("127.0.0.1", client.base_url.port)) as other:
                    other.sendall(head + body)
                    time.sleep(0.02)
            gate.set()
            first.result(5)
        assert ask(client, np.ones((2, 3), np.float32), binary=True).shape == (2, 3)
    assert batches[-1] == 2 and len(batches) <= 3


def test_what_is_no_http_disturbs_nobody() -> None:
    with running(create_app(lambda inputs: {"y": inputs["x"]}, SIGNATURE)) as address:
        with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1]))) as client:
            client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            client.settimeout(5)
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        assert httpx.get(f"{address}/v2/health/live").json() == {"live": True}


def test_answers_are_sent_at_once() -> None:
    with server.listen("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        assert accepted.proto == socket.IPPROTO_TCP, "by which asyncio knows that it may turn Nagle's algorithm off"
        accepted.close()


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError), running(None, port=taken.getsockname()[1]):
        pass


def test_an_application_that_does_not_start(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="the application did not start; its log says why"), running(broken):
        pass


def test_the_command(weights: Path, factories: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From the words of the command line to an answer; only the listening in the foreground is replaced."""
    asked: list[Any] = []

    def briefly(app: Any, host: str, port: int, log_level: str) -> None:
        with running(app) as address:
            asked.append((host, port, log_level, httpx.get(f"{address}/v2/models/small").json()["inputs"]))

    monkeypatch.setattr(cli, "serve", briefly)
    assert cli.main(["run", str(weights), "--model", f"{factories}:net", "--input", "image:FP32:-1,3", "--port", "1234"]) == 0
    assert asked == [("127.0.0.1", 1234, "info", [{"name": "image", "datatype": "FP32", "shape": [-1, 3]}])]
    assert capsys.readouterr().out == "input image: FP32 [-1, 3]\noutput output: FP32 [-1, 2]\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "served_by_tests:net"], "flambeau-serve: expected at least one input"),
        (["--model", "served_by_tests:absent"], "flambeau-serve: module served_by_tests has no 'absent'"),
        (["--model", "no_such_module_here:net"], "flambeau-serve: No module named 'no_such_module_here'"),
        (["--model", "served_by_tests:told", "--name", "a/b"], "flambeau-serve: expected a model name"),
        (["--model", "served_by_tests:told", "--max-batch-size", "0"], "flambeau-serve: expected max_batch_size of at least 1, got 0"),
    ],
)
def test_commands_that_cannot_be_followed(
    weights: Path, factories: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", str(weights), *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required"),
        (["run"], "the following arguments are required: weights, --model"),
        (["run", "w", "--model", "a:b", "--input", "x:FLOAT:-1"], "argument --input: tensor 'x': expected a datatype of BOOL"),
    ],
)
def test_words_that_mean_nothing(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    assert message in capsys.readouterr().err


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["flambeau-serve", "--version"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("flambeau_serve", run_name="__main__")
    assert capsys.readouterr().out == f"flambeau-serve {__version__}\n"


def test_serving_in_the_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[str, int]] = []
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self: runs.append((self.config.host, self.config.port)))
    server.serve(create_app(lambda inputs: inputs, SIGNATURE), port=1)
    assert runs == [("127.0.0.1", 1)]
