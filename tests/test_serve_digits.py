"""The digits model of flambeau_vision behind flambeau_serve: a real server on loopback, asked by real clients at once."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flambeau

pytest.importorskip("flambeau_vision", reason="the digits are flambeau_vision's")
serve = pytest.importorskip("flambeau_serve", reason="the server is flambeau_serve's")
httpx = pytest.importorskip("httpx", reason="the client is httpx")
for library in ("matplotlib", "tqdm"):
    pytest.importorskip(library, reason="examples/digits.py draws and shows a progress bar")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
IMAGES = np.random.default_rng(0).random((48, 1, 8, 8), dtype=np.float32)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The digits network as it is before it has learnt anything: serving does not ask what it knows."""
    monkeypatch.syspath_prepend(EXAMPLES)
    flambeau.manual_seed(0)
    path = tmp_path / "model.safetensors"
    flambeau.save(runpy.run_path(str(EXAMPLES / "digits.py"))["Net"]().state_dict(), path)
    return path


@pytest.fixture
def model(weights: Path) -> Any:
    return serve.load_model(weights, "digits:Net", [serve.TensorSpec("image", "FP32", (-1, 1, 8, 8))])


@pytest.fixture
def client(model: Any) -> Iterator[Any]:
    app = serve.create_app(model, model.signature, "digits", max_delay=0.05, max_body_bytes=10_000)
    with serve.running(app) as address, httpx.Client(base_url=f"{address}/v2/models/digits/", timeout=30) as client:
        yield client


def ask(client: Any, place: int) -> np.ndarray:
    """The scores of one image, asked for with JSON where the place is even and with bytes where it is odd."""
    image = IMAGES[place : place + 1]  # (1, 1, 8, 8)
    tensor: dict[str, Any] = {"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8]}
    if place % 2 == 0:
        answer = client.post("infer", json={"inputs": [{**tensor, "data": image.tolist()}]}).raise_for_status()
        return np.array(answer.json()["outputs"][0]["data"], np.float32)
    tensor["parameters"] = {"binary_data_size": image.nbytes}
    head = json.dumps({"inputs": [tensor], "outputs": [{"name": "output", "parameters": {"binary_data": True}}]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    answer = client.post("infer", content=head + image.tobytes(), headers=headers).raise_for_status()
    return np.frombuffer(answer.content[int(answer.headers["inference-header-content-length"]) :], np.float32)


def test_many_clients_share_batches(client: Any, model: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        scores = np.stack(list(pool.map(lambda place: ask(client, place), range(len(IMAGES)))))
    np.testing.assert_allclose(scores, model({"image": IMAGES})["output"], rtol=1e-4, atol=1e-5)
    (stats,) = client.get("stats").json()["model_stats"]
    assert stats["inference_count"] == len(IMAGES)
    assert max(batch["batch_size"] for batch in stats["batch_stats"]) > 1


SHAPE = "input 'image': expected shape [-1, 1, 8, 8] (the first is the batch, and -1 may vary), got [1, 8, 8]"
WRONG = {
    "shape": ({"shape": [1, 8, 8]}, 400, SHAPE),
    "dtype": ({"datatype": "FP64"}, 400, "input 'image': expected datatype FP32, got 'FP64'"),
    "name": ({"name": "picture"}, 400, "expected inputs image, got one named 'picture'"),
    "size": ({"data": [0.0] * 10_000}, 413, "expected a body of at most 10000 bytes"),
}


@pytest.mark.parametrize(("change", "status", "message"), WRONG.values(), ids=WRONG)
def test_wrong_questions_are_told(client: Any, change: dict[str, Any], status: int, message: str) -> None:
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8], "data": [0.5] * 64}
    answer = client.post("infer", json={"inputs": [{**tensor, **change}]})
    assert (answer.status_code, answer.json()) == (status, {"error": message})


def test_the_example(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(EXAMPLES / "serve_digits.py"))["main"]
    right, batches = main(["--weights", str(weights), "--clients", "12", "--digits", "60"])
    assert 0 <= right <= 1
    assert sum(size * count for size, count in batches.items()) == 120
    assert max(batches) > 1
    assert "120 digits in" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"absent is not there: run examples/digits.py first"):
        main(["--weights", "absent"])


@pytest.mark.slow
def test_the_trained_model_reads_over_http(weights: Path, tmp_path: Path) -> None:
    assert runpy.run_path(str(EXAMPLES / "digits.py"))["main"](["--out", str(tmp_path)]) >= 0.98
    right, _ = runpy.run_path(str(EXAMPLES / "serve_digits.py"))["main"](["--weights", str(weights)])
    assert right >= 0.98
