"""An application behind uvicorn: in the foreground, or on a thread beside the caller's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

KEEP_ALIVE = 5  # seconds that an idle connection stays open
SHUTDOWN = 5  # seconds that running requests have when the server stops


def _config(app: Any, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(app, timeout_keep_alive=KEEP_ALIVE, timeout_graceful_shutdown=SHUTDOWN, server_header=False, **options)


def serve(app: Any, host: str = "127.0.0.1", port: int = 8000, log_level: str = "info") -> None:
    """Serves until a signal ends it."""
    uvicorn.Server(_config(app, host=host, port=port, log_level=log_level)).run()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that says it is TCP: only then asyncio sends at once, where it would else wait 40 ms for the client's receipt."""
    bound = socket.create_server((host, port))
    return socket.socket(bound.family, bound.type, socket.IPPROTO_TCP, fileno=bound.detach())


def _run(server: uvicorn.Server, bound: socket.socket) -> None:
    try:
        server.run(sockets=[bound])
    except SystemExit:  # so uvicorn ends when the application does not start; `running` sees that and says so
        return


@contextmanager
def running(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves on a thread for as long as the block runs; gives the address. Port 0 takes a free one.

    Raises OSError when the port is taken, RuntimeError when the application does not start.
    """
    with listen(host, port) as bound:
        server = uvicorn.Server(_config(app, log_level="warning"))
        thread = threading.Thread(target=_run, args=(server, bound), daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the application did not start; its log says why")
            time.sleep(0.005)
        try:
            yield "http://{}:{}".format(*bound.getsockname()[:2])
        finally:
            server.should_exit = True
            thread.join()
