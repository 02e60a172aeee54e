"""The digits model behind HTTP: many clients ask one server, which reads their digits in batches.

    uv run examples/digits.py         # trains the model, once
    uv run examples/serve_digits.py   # serves it on loopback and asks it, in one program

The same server alone, and a question to it:

    uv run flambeau-serve run runs/digits/model.safetensors --model digits:Net --app-dir examples --name digits --input image:FP32:-1,1,8,8
    curl localhost:8000/v2/models/digits
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from flambeau_serve import TensorSpec, create_app, load_model, running
from flambeau_vision.datasets import Digits
from flambeau_vision.transforms import ToTensor

IMAGE = TensorSpec("image", "FP32", (-1, 1, 8, 8))


def ask_json(client: httpx.Client, image: np.ndarray) -> np.ndarray:
    """Ten scores for one digit, with numbers as JSON.  (1, 8, 8) -> (10,)"""
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, *image.shape], "data": image.ravel().tolist()}
    answer = client.post("infer", json={"inputs": [tensor]}).raise_for_status().json()
    return np.array(answer["outputs"][0]["data"], np.float32)


def ask_binary(client: httpx.Client, image: np.ndarray) -> np.ndarray:
    """The same, with numbers as bytes behind the JSON.  (1, 8, 8) -> (10,)"""
    raw = image.tobytes()
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, *image.shape], "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    answer = client.post("infer", content=head + raw, headers=headers).raise_for_status()
    return np.frombuffer(answer.content[int(answer.headers["Inference-Header-Content-Length"]) :], np.float32)


def main(argv: list[str] | None = None) -> tuple[float, Counter[int]]:
    """The share of digits read right, and how often the server ran a batch of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("runs/digits/model.safetensors"))
    parser.add_argument("--clients", type=int, default=16, help="how many ask at once")
    parser.add_argument("--digits", type=int, default=360, help="how many of the 360 held-out digits to ask about")
    args = parser.parse_args(argv)
    if not args.weights.exists():
        raise SystemExit(f"{args.weights} is not there: run examples/digits.py first")

    model = load_model(args.weights, "digits:Net", [IMAGE])
    held_out = list(Digits(train=False, transform=ToTensor()))[: args.digits]
    images, digits = [image.numpy() for image, _ in held_out], np.array([int(digit) for _, digit in held_out])
    with running(create_app(model, model.signature, "digits")) as address, httpx.Client(base_url=f"{address}/v2/models/digits/") as client:
        print(f"asking {client.base_url}infer about {len(images)} digits, {args.clients} at a time")
        for name, ask in (("JSON", ask_json), ("binary", ask_binary)):
            start = time.perf_counter()
            with ThreadPoolExecutor(args.clients) as pool:
                scores = np.stack(list(pool.map(lambda image, ask=ask: ask(client, image), images)))
            seconds = time.perf_counter() - start
            right = float((scores.argmax(1) == digits).mean())
            print(f"{name:>6}: {right:.1%} read right, {len(images) / seconds:.0f} answers a second")
        (stats,) = client.get("stats").json()["model_stats"]
    batches = Counter({batch["batch_size"]: batch["compute_infer"]["count"] for batch in stats["batch_stats"]})
    print(f"{stats['inference_count']} digits in {stats['execution_count']} batches of {min(batches)} to {max(batches)}")
    return right, batches


if __name__ == "__main__":
    main()
