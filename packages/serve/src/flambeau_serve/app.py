"""The protocol over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import __version__
from .batching import Batcher
from .errors import ServeError, bad_request
from .protocol import parse_request, render_response
from .signature import Arrays, Signature

HEADER = "Inference-Header-Content-Length"
OFF_LOOP_BYTES = 2**16  # larger bodies are parsed on another thread, so that the others are not held up
LARGEST_BODIES = 16  # so many bodies of the largest size may be inside at once: a bound on the memory that strangers can take
CLIENT_LEFT = 499  # the status that proxies log for it; nobody receives it

T = TypeVar("T")


class App:
    """One model's endpoints. `asgi` is the application; the rest is what its routes need."""

    def __init__(self, name: str, version: str, signature: Signature, batcher: Batcher, max_body_bytes: int, read_timeout: float) -> None:
        if not re.fullmatch(r"[\w.\-]+", name):
            raise ValueError(f"expected a model name of letters, digits, _ . and -, got {name!r}")
        if max_body_bytes < 1:
            raise ValueError(f"expected max_body_bytes of at least 1, got {max_body_bytes}")
        self.name, self.version, self.signature, self.batcher = name, version, signature, batcher
        self.max_body_bytes, self.read_timeout = max_body_bytes, read_timeout
        self.body_bytes = 0  # inside now
        model = "/v2/models/{name}"
        routes = [Route("/v2", self.server), Route("/v2/health/live", self.live), Route("/v2/health/ready", self.ready)]
        for prefix in (model, model + "/versions/{version}"):
            routes += [
                Route(prefix, self.metadata),
                Route(prefix + "/ready", self.model_ready),
                Route(prefix + "/stats", self.stats),
                Route(prefix + "/infer", self.infer, methods=["POST"]),
            ]
        handlers = {ServeError: on_serve_error, HTTPException: on_http_error, Exception: on_failure}
        self.asgi = Starlette(routes=routes, exception_handlers=handlers, lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.batcher:
            yield

    async def server(self, _: Request) -> Response:
        return JSONResponse({"name": "flambeau-serve", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, _: Request) -> Response:
        ready = self.batcher.ready
        return JSONResponse({"ready": ready}, 200 if ready else 400)  # the protocol's status for "no"

    async def model_ready(self, request: Request) -> Response:
        self.check_model(request)
        ready = self.batcher.ready
        return JSONResponse({"name": self.name, "ready": ready}, 200 if ready else 400)

    async def metadata(self, request: Request) -> Response:
        self.check_model(request)
        specs = {"inputs": self.signature.inputs, "outputs": self.signature.outputs}
        tensors = {kind: [spec.metadata() for spec in kind_specs] for kind, kind_specs in specs.items()}
        return JSONResponse({"name": self.name, "versions": [self.version], "platform": "flambeau", **tensors})

    async def stats(self, request: Request) -> Response:
        """How many rows were answered in how many batches of which size, as Triton's statistics extension spells it."""
        self.check_model(request)
        numbers = self.batcher.statistics
        batches = [
            {"batch_size": size, "compute_infer": {"count": count, "ns": round(numbers.seconds[size] * 1e9)}}
            for size, count in sorted(numbers.batches.items())
        ]
        counts = {"inference_count": numbers.rows, "execution_count": numbers.batches.total()}
        return JSONResponse({"model_stats": [{"name": self.name, "version": self.version, **counts, "batch_stats": batches}]})

    async def infer(self, request: Request) -> Response:
        self.check_model(request)
        with self.batcher.place():
            header_length = check_headers(request)
            async with self.body(request) as body:
                asked = await off_loop(len(body), partial(parse_request, body, header_length, self.signature))
                outputs = await unless_left(request, self.batcher.infer(asked.inputs))
            size = sum(array.nbytes for array in outputs.values())
            content, json_length = await off_loop(size, partial(render_response, asked, outputs, self.name, self.version))
        if json_length is None:
            return Response(content, media_type="application/json")
        return Response(content, media_type="application/octet-stream", headers={HEADER: str(json_length)})

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, for as long as it is needed.

        ServeError 413 as soon as it is known to be too large, 408 when it takes too long to come, 503 when there are too many.
        """
        too_large = ServeError(413, f"expected a body of at most {self.max_body_bytes} bytes")
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self.max_body_bytes:
            raise too_large
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self.read_timeout):
                    async for chunk in request.stream():
                        body += chunk
                        self.body_bytes += len(chunk)
                        if len(body) > self.max_body_bytes:
                            raise too_large
                        if self.body_bytes > LARGEST_BODIES * self.max_body_bytes:
                            raise ServeError(503, f"requests of {self.body_bytes} bytes are inside, try again later")
            except TimeoutError:
                raise ServeError(408, f"expected the whole body within {self.read_timeout:g} seconds") from None
            except ClientDisconnect:
                raise ServeError(CLIENT_LEFT, "the client left while it sent its request") from None
            yield bytes(body)
        finally:
            self.body_bytes -= len(body)

    def check_model(self, request: Request) -> None:
        """ServeError 404 unless the path names this model and version."""
        if (name := request.path_params["name"]) != self.name:
            raise ServeError(404, f"expected the model {self.name!r}, got {name!r:.80}")
        if (version := request.path_params.get("version", self.version)) != self.version:
            raise ServeError(404, f"expected version {self.version!r} of model {self.name!r}, got {version!r:.80}")


def create_app(
    predict: Callable[[Arrays], Arrays],
    signature: Signature,
    name: str = "model",
    version: str = "1",
    *,
    max_batch_size: int = 32,
    max_delay: float = 0.002,
    max_waiting: int = 256,
    timeout: float = 30.0,
    max_body_bytes: int = 16 * 2**20,
) -> Starlette:
    """The ASGI application that serves `predict`, as a `Model` is one, under `name`.

    max_delay, timeout in seconds; the rest is explained at `Batcher`. The body of a request has `timeout` seconds to come.
    """
    batcher = Batcher(predict, max_batch_size, max_delay, max_waiting, timeout)
    return App(name, version, signature, batcher, max_body_bytes, timeout).asgi


def check_headers(request: Request) -> int | None:
    """The length of the JSON where binary tensors stand behind it; ServeError 415 or 400 for headers that do not fit."""
    media = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    given = request.headers.get(HEADER)
    if media not in ("application/json", "application/octet-stream"):
        raise ServeError(415, f"expected Content-Type application/json, or application/octet-stream with {HEADER}, got {media!r:.80}")
    if (encoding := request.headers.get("content-encoding", "identity").lower()) != "identity":
        raise ServeError(415, f"expected a body without Content-Encoding, got {encoding!r:.80}")
    if given is None:
        if media == "application/octet-stream":
            raise bad_request(f"Content-Type application/octet-stream needs the header {HEADER}, the length of the JSON in bytes")
        return None
    if not re.fullmatch(r"[0-9]{1,18}", given):
        raise bad_request(f"expected {HEADER} to be a whole number from 0, got {given!r:.80}")
    return int(given)


async def off_loop(size: int, work: Callable[[], T]) -> T:
    return work() if size < OFF_LOOP_BYTES else await asyncio.to_thread(work)


async def unless_left(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives; when the client leaves before, `work` is cancelled."""
    left = request.receive()  # behind the whole body nothing comes but http.disconnect
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(work), asyncio.ensure_future(left)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise ServeError(CLIENT_LEFT, "the client left before its answer was there")
        return tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def error(status: int, message: str) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else {}
    return JSONResponse({"error": message}, status, headers)


async def on_serve_error(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, ServeError)
    return error(problem.status, str(problem))


async def on_http_error(request: Request, problem: Exception) -> Response:
    """Paths and methods that are not there."""
    assert isinstance(problem, HTTPException)
    asked = f"{request.method} {request.url.path}"
    return error(problem.status_code, f"{asked:.200}: {problem.detail}; the protocol's paths begin with /v2, and infer takes POST")


async def on_failure(_: Request, problem: Exception) -> Response:
    """A mistake of this program: the client learns no more than that, the log everything."""
    return error(500, f"internal error ({type(problem).__name__})")
