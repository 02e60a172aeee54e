"""The command flambeau-serve."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .app import create_app
from .model import load_model
from .server import serve
from .signature import TensorSpec


def parser() -> argparse.ArgumentParser:
    about = "Serve a Flambeau model over HTTP, by the Open Inference Protocol v2."
    top = argparse.ArgumentParser(prog="flambeau-serve", description=about)
    top.add_argument("--version", action="version", version=f"flambeau-serve {__version__}")
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve one model")
    run.add_argument("weights", type=Path, help="a safetensors file with the model's state_dict")
    run.add_argument("--model", required=True, metavar="MODULE:FACTORY", help="the function that makes the model: your code, imported here")
    run.add_argument("--name", help="the model's name in the paths (the weights' file name)")
    run.add_argument("--model-version", default="1", help="the model's version in the paths (%(default)s)")
    tensor: dict[str, Any] = {"action": "append", "type": spec, "default": [], "metavar": "NAME:DATATYPE:SHAPE"}
    run.add_argument("--input", **tensor, help="an input, such as image:FP32:-1,1,8,8; once for each, in order")
    run.add_argument("--output", **tensor, help="an output, when a dry run shall not find it")
    run.add_argument("--device", default="cpu", help="where the model runs (%(default)s)")
    run.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 is all of them (%(default)s)")
    run.add_argument("--port", type=int, default=8000, help="the port to listen on (%(default)s)")
    run.add_argument("--max-batch-size", type=int, default=32, help="rows in one forward pass at most (%(default)s)")
    run.add_argument("--max-delay-ms", type=float, default=2.0, help="how long a request waits for others to share its pass (%(default)s)")
    run.add_argument("--max-waiting", type=int, default=256, help="requests inside at most; more are answered 503 (%(default)s)")
    run.add_argument("--timeout-ms", type=float, default=30_000.0, help="how long a request may wait for its answer (%(default)s)")
    run.add_argument("--max-body-bytes", type=int, default=16 * 2**20, help="a request's size at most (%(default)s)")
    run.add_argument("--app-dir", type=Path, default=Path(), help="the folder where --model is looked for first (%(default)s)")
    levels = ["critical", "error", "warning", "info", "debug"]
    run.add_argument("--log-level", default="info", choices=levels, help="how much to log (%(default)s)")
    return top


def spec(text: str) -> TensorSpec:
    try:
        return TensorSpec.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    sys.path.insert(0, str(options.app_dir.resolve()))
    try:
        model = load_model(options.weights, options.model, options.input, options.output, options.device)
        app = create_app(
            model,
            model.signature,
            options.name or options.weights.stem,
            options.model_version,
            max_batch_size=options.max_batch_size,
            max_delay=options.max_delay_ms / 1000,
            max_waiting=options.max_waiting,
            timeout=options.timeout_ms / 1000,
            max_body_bytes=options.max_body_bytes,
        )
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        print(f"flambeau-serve: {error}", file=sys.stderr)
        return 2
    for kind, specs in (("input", model.signature.inputs), ("output", model.signature.outputs)):
        for tensor in specs:
            print(f"{kind} {tensor.name}: {tensor.datatype} {list(tensor.shape)}")
    serve(app, options.host, options.port, options.log_level)
    return 0


