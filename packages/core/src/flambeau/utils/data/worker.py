"""A DataLoader's worker process: fetches what it is asked for, until the line is cut."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

import flambeau
from flambeau.backends.blas import set_blas_threads
from flambeau.kernels.threads import set_num_threads
from flambeau.multiprocessing import Channel
from flambeau.multiprocessing.channel import pack
from flambeau.utils.data.collate import default_collate
from flambeau.utils.data.dataset import TensorDataset, get_many

BEGIN, FETCH = "begin", "fetch"  # what a worker is told, with a list of indices: begin a pass with these, fetch these too
DATA, END, ERROR = "data", "end", "error"  # what it answers
LOOK = 5.0  # seconds between two looks whether the other side still lives


@dataclass(frozen=True)
class WorkerInfo:
    """Who a worker is: `id` of `num_workers`, the `seed` that its generators began with, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The worker that this code runs in; None in the main process.

    >>> get_worker_info() is None
    True
    """
    return info


@dataclass(frozen=True)
class Recipe:
    """How batches are made; the same in the main process and in workers."""

    dataset: Any
    iterable: bool
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool

    def fetcher(self) -> Callable[[Any], Any]:
        """index (or list of indices) -> batch.  For a stream an index only counts; StopIteration at its end."""
        dataset, collate_fn = self.dataset, self.collate_fn
        if self.iterable:
            return self.stream(iter(dataset))
        if not self.batched:
            return lambda index: collate_fn(dataset[index])
        if type(dataset) is TensorDataset and collate_fn is default_collate:
            return lambda indices: (
                dataset.collated(indices) if set(map(type, indices)) == {int} else collate_fn([dataset[i] for i in indices])
            )
        return lambda indices: collate_fn(get_many(dataset, indices))

    def stream(self, samples: Iterator[Any]) -> Callable[[Any], Any]:
        ended = False

        def fetch(places: Any) -> Any:
            nonlocal ended
            if not self.batched:
                return self.collate_fn(next(samples))
            batch = [] if ended else [sample for _, sample in zip(places, samples)]
            ended = len(batch) < len(places)
            if not batch or (self.drop_last and ended):
                raise StopIteration
            return self.collate_fn(batch)

        return fetch


@dataclass(frozen=True)
class Failure:
    """An exception on its way to the main process."""

    kind: type[Exception]
    message: str

    @staticmethod
    def of(error: Exception, number: int) -> Failure:
        trace = "".join(traceback.format_exception(error))
        # a StopIteration of map-style data would end the loop over the batches without a word
        kind = RuntimeError if isinstance(error, StopIteration) else type(error)
        return Failure(kind, f"Caught {type(error).__name__} in DataLoader worker process {number}.\nOriginal {trace}")

    def reraise(self) -> NoReturn:
        """As the type that it had; as RuntimeError when that is not made from one message."""
        try:
            error = self.kind(Lines(self.message) if issubclass(self.kind, KeyError) else self.message)
        except Exception:
            error = RuntimeError(self.message)
        raise error


class Lines(str):
    """KeyError shows the repr of its message; this one's has its line breaks."""

    def __repr__(self) -> str:
        return str(self)


def run(
    channel: Channel, others: list[Channel], recipe: Recipe, base_seed: int, number: int, count: int, init: Callable[[int], None] | None
) -> None:
    """A worker's life.  others: the main process's ends of the lines, which a fork inherits and must not keep open."""
    global info
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which then cuts the line
    set_num_threads(1)  # the processes are the threads
    set_blas_threads(1)
    seed = base_seed + number
    random.seed(seed)
    flambeau.manual_seed(seed)
    np.random.seed(np.random.SeedSequence([number, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]).generate_state(4))
    info = WorkerInfo(number, count, seed, recipe.dataset)
    failure = None
    try:
        if init is not None:
            init(number)
    except Exception as error:
        failure = Failure.of(error, number)
    try:
        serve(channel, recipe, number, failure)
    except (EOFError, ConnectionError):
        pass  # the line is cut: the work is over
    channel.close()


def serve(channel: Channel, recipe: Recipe, number: int, failure: Failure | None) -> None:
    """Answer each task in turn; a failure of the start is the first answer."""
    parent, ppid = multiprocessing.parent_process(), os.getppid()
    fetch: Callable[[Any], Any] | None = None
    ended = False
    tasks: deque[Any] = deque()
    while True:
        try:
            if not tasks:
                task, indices = channel.receive(LOOK)
                tasks.extend(indices)
                if task == BEGIN:
                    fetch, ended = None, False
                continue
        except TimeoutError:
            if os.getppid() != ppid or (parent is not None and not parent.is_alive()):
                return
            continue
        index = tasks.popleft()
        answer: tuple[str, Any] = (END, None)
        if failure is not None:
            answer, failure = (ERROR, failure), None
        elif not ended:
            try:
                if fetch is None:
                    fetch = recipe.fetcher()
                answer = (DATA, fetch(index))
            except Exception as error:
                ended = recipe.iterable and isinstance(error, StopIteration)
                if not ended:
                    answer = (ERROR, Failure.of(error, number))
        try:
            packed = pack(answer)
        except Exception as error:  # what the dataset gave, or the type of what it raised, cannot be pickled
            kept = answer[1] if answer[0] == ERROR else Failure.of(error, number)
            packed = pack((ERROR, Failure(RuntimeError, kept.message)))
        channel.send_packed(packed)
        del answer, packed
