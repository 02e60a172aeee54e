"""Requests gathered into batches: many clients, one forward pass."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from .errors import ServeError, bad_request
from .signature import Arrays

FOREVER = 86_400.0  # seconds: a look at an empty queue once a day does no harm

logger = logging.getLogger("flambeau_serve")


@dataclass(eq=False)
class Waiting:
    """A request in the queue. Only requests of the same `key`, the shapes after the batch, can run together."""

    inputs: Arrays
    rows: int
    key: tuple[tuple[int, ...], ...]
    answer: asyncio.Future[Arrays]
    since: float


@dataclass
class Statistics:
    """How many rows were answered, in how many forward passes of which size, and the seconds that these took."""

    rows: int = 0
    batches: Counter[int] = field(default_factory=Counter)
    seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))


class Batcher:
    """Runs `predict` on one worker thread, on rows of several requests at once, first come first served.

    A batch leaves when it is full (`max_batch_size` rows) or when its oldest request has waited `max_delay` seconds.
    At most `max_waiting` requests are let in; a request not answered `timeout` seconds after it joined the queue is given up.
    Use as an async context manager: leaving it answers what waits with 503, and ends the thread after the running batch.
    """

    def __init__(
        self,
        predict: Callable[[Arrays], Arrays],
        max_batch_size: int = 32,
        max_delay: float = 0.002,
        max_waiting: int = 256,
        timeout: float = 30.0,
    ) -> None:
        for name, value, least in (("max_batch_size", max_batch_size, 1), ("max_delay", max_delay, 0), ("max_waiting", max_waiting, 1)):
            if value < least:
                raise ValueError(f"expected {name} of at least {least}, got {value}")
        if timeout <= 0:
            raise ValueError(f"expected timeout above 0 seconds, got {timeout}")
        self.predict, self.max_batch_size, self.max_delay = predict, max_batch_size, max_delay
        self.max_waiting, self.timeout = max_waiting, timeout
        self.statistics = Statistics()
        self._queue: deque[Waiting] = deque()
        self._inside = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Batcher:
        self._arrived = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="flambeau-serve")
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        task, self._task = self._task, None
        assert task is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while self._queue:
            _answer(self._queue.popleft(), ServeError(503, "the server is stopping"))
        await asyncio.to_thread(self._worker.shutdown)

    @property
    def ready(self) -> bool:
        return self._task is not None and not self._task.done()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the server for one request, from before its body is read; ServeError 503 when all are taken."""
        if not self.ready:
            raise ServeError(503, "the server is not running, or is stopping")
        if self._inside >= self.max_waiting:
            raise ServeError(503, f"all {self.max_waiting} places are taken, try again later")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def infer(self, inputs: Arrays) -> Arrays:
        """The model's outputs for these rows. Cancelling the call takes the request out of the queue.

        Raises ServeError: 400 for more rows than a batch may have, 503 after the timeout or when stopped, 500 when the model fails.
        """
        rows = len(next(iter(inputs.values())))
        if rows > self.max_batch_size:
            raise bad_request(f"expected a batch of at most {self.max_batch_size} rows, got {rows}: send several requests")
        if not self.ready:
            raise ServeError(503, "the server is not running, or is stopping")
        key = tuple(array.shape[1:] for array in inputs.values())
        waiting = Waiting(inputs, rows, key, asyncio.get_running_loop().create_future(), time.monotonic())
        self._queue.append(waiting)
        self._arrived.set()
        try:
            async with asyncio.timeout(self.timeout):
                return await waiting.answer
        except TimeoutError:
            raise ServeError(503, f"no answer within {self.timeout:g} seconds: the server is overloaded, or the model is slow") from None

    async def _run(self) -> None:
        while True:
            batch = await self._gather()
            answers: list[Arrays | ServeError] = [ServeError(503, "the server is stopping")] * len(batch)
            try:
                answers = await asyncio.wrap_future(self._worker.submit(self._forward, batch))
            finally:
                for waiting, answer in zip(batch, answers):
                    _answer(waiting, answer)

    async def _gather(self) -> list[Waiting]:
        """The next batch, once it is full or its oldest request has waited long enough."""
        while True:
            batch, full = self._fitting()
            rest = batch[0].since + self.max_delay - time.monotonic() if batch else FOREVER
            if full or rest <= 0:
                break
            self._arrived.clear()
            alarm = asyncio.get_running_loop().call_later(rest, self._arrived.set)
            await self._arrived.wait()
            alarm.cancel()
        for waiting in batch:
            self._queue.remove(waiting)
        return batch

    def _fitting(self) -> tuple[list[Waiting], bool]:
        """The oldest request and those of its key behind it, as far as they fit in one batch; whether that batch is full.

        The first that does not fit ends the batch: none is overtaken by a later one of its kind.
        """
        while self._queue and self._queue[0].answer.done():
            self._queue.popleft()  # its client has left, or its time is over
        batch: list[Waiting] = []
        room = self.max_batch_size
        for waiting in self._queue:
            if waiting.answer.done() or waiting.key != self._queue[0].key:
                continue
            if waiting.rows > room:
                return batch, True
            batch.append(waiting)
            room -= waiting.rows
        return batch, room == 0

    def _forward(self, batch: list[Waiting]) -> list[Arrays | ServeError]:
        """On the worker thread: one pass for all, and where that fails one for each, so that only the guilty pays."""
        try:
            return list(self._split(batch))
        except Exception as error:
            if len(batch) == 1:
                logger.exception("the model failed on a request of %d rows", batch[0].rows)
                return [ServeError(500, f"the model failed: {type(error).__name__}: {error!s:.300}")]
        return [self._forward([waiting])[0] for waiting in batch]

    def _split(self, batch: list[Waiting]) -> Iterator[Arrays]:
        rows = sum(waiting.rows for waiting in batch)
        inputs = batch[0].inputs
        if len(batch) > 1:
            inputs = {name: np.concatenate([waiting.inputs[name] for waiting in batch]) for name in inputs}
        start = time.perf_counter()
        outputs = self.predict(inputs)
        for name, array in outputs.items():
            if array.ndim == 0 or len(array) != rows:
                raise ValueError(f"expected output {name!r} to have the batch's {rows} rows first, got shape {list(array.shape)}")
        self.statistics.rows += rows
        self.statistics.batches[rows] += 1
        self.statistics.seconds[rows] += time.perf_counter() - start
        first = 0
        for waiting in batch:
            yield {name: array[first : first + waiting.rows] for name, array in outputs.items()}
            first += waiting.rows


def _answer(waiting: Waiting, answer: Arrays | ServeError) -> None:
    if waiting.answer.done():
        return
    if isinstance(answer, ServeError):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)
