"""A pass over the data by worker processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
import warnings
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from flambeau import context as running
from flambeau.multiprocessing import Channel
from flambeau.utils.data.sampler import draw_seed
from flambeau.utils.data.worker import BEGIN, DATA, END, FETCH, LOOK, run

if TYPE_CHECKING:
    from flambeau.utils.data.dataloader import DataLoader

AHEAD = 32  # tasks that one worker may have: their messages fit the sockets' buffers, so nobody waits on a send for ever
PATIENCE = 5.0  # seconds that a worker has to finish when its line is cut


class WorkersIterator:
    """Tasks go to the workers in turn and each answers its own in order, so the next batch is always the next answer of a
    known worker: nothing is sorted or kept. `tasks` holds whose turn it is."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        base_seed = draw_seed(loader.generator)
        context = loader.multiprocessing_context or multiprocessing.get_context()
        self.workers: list[tuple[Any, Channel]] = []
        self.stop = weakref.finalize(self, shut_down, self.workers, os.getpid())
        lines = [Channel.pair() for _ in range(loader.num_workers)]
        forks = context.get_start_method() == "fork"
        try:
            for number, (here, there) in enumerate(lines):
                others = [end for line in lines for end in line if end is not there] if forks else []
                arguments = (there, others, loader.recipe(), base_seed, number, loader.num_workers, loader.worker_init_fn)
                process = context.Process(target=run, args=arguments, daemon=True)  # type: ignore[attr-defined]
                with warnings.catch_warnings():
                    # Python 3.12 warns of forks beside threads; the workers use neither our threads nor their locks
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
                self.workers.append((process, here))
        finally:
            for here, there in lines:
                there.close()
                if len(self.workers) < len(lines):  # one could not be started, a dataset that cannot be pickled perhaps
                    here.hang_up()
        self.tasks: deque[int] = deque()
        self.begin(loader)

    @property
    def alive(self) -> bool:
        return self.stop.alive

    def begin(self, loader: DataLoader[Any]) -> None:
        """A new pass; what is left of the one before is thrown away."""
        while self.tasks:
            self._answer(self.tasks.popleft())
        # not the loader itself, which may keep this iterator: it would be a cycle, and the workers would outlive both for a while
        self.timeout, self.in_order, self.persistent = loader.timeout, loader.in_order, loader.persistent_workers
        self.sampler, self.promise = loader._index_sampler, loader.promise()
        self.indices = iter(self.sampler)
        self.given = 0
        self.turn: deque[int] = deque(range(len(self.workers)))  # workers whose data has not ended, next one first
        first: list[list[Any]] = [[] for _ in self.workers]
        for _ in range(max(1, min(loader.prefetch_factor or 0, AHEAD)) * len(self.workers)):
            for number, index in self._next_task():
                first[number].append(index)
        for number, indices in enumerate(first):  # one message each: every one wakes a process that takes the core from this one
            self._tell(number, (BEGIN, indices))

    def __iter__(self) -> WorkersIterator:
        return self

    def __next__(self) -> Any:
        if running.modes:
            with running.part("enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__"):
                return self._batch()
        return self._batch()

    def _batch(self) -> Any:
        while self.tasks:
            if not self.alive:
                raise RuntimeError("the DataLoader's workers are gone, after an error or Ctrl-C: begin a new loop over the DataLoader")
            number = self._next_to_answer()
            kind, content = self._answer(number)
            if kind == END:
                with contextlib.suppress(ValueError):
                    self.turn.remove(number)
                self._ask()
                continue
            self._ask()
            if kind != DATA:
                content.reraise()
            self.given += 1
            self.promise(self.given)
            return content
        if not self.persistent:
            self.stop()
        raise StopIteration

    def __len__(self) -> int:
        return len(self.sampler)

    def _next_task(self) -> list[tuple[int, Any]]:
        """The worker whose turn it is, and its task; nothing where there is none left."""
        try:
            index = next(self.indices)
        except StopIteration:
            return []
        if not self.turn:
            return []
        number = self.turn[0] if self.in_order else min(self.turn, key=self.tasks.count)
        self.turn.remove(number)
        self.turn.append(number)
        self.tasks.append(number)
        return [(number, index)]

    def _ask(self) -> None:
        """Give out the next task."""
        for number, index in self._next_task():
            self._tell(number, (FETCH, [index]))

    def _tell(self, number: int, message: Any) -> None:
        try:
            self.workers[number][1].send(message)
        except ConnectionError:
            self._died(number)
        except BaseException:
            self.stop()
            raise

    def _next_to_answer(self) -> int:
        if not self.in_order:
            ends = {self.workers[number][1]: number for number in set(self.tasks)}
            ready = multiprocessing.connection.wait(list(ends), self.timeout or None)  # type: ignore[arg-type]
            if ready:
                number = ends[ready[0]]  # type: ignore[index]
                self.tasks.remove(number)
                return number
        return self.tasks.popleft()

    def _answer(self, number: int) -> tuple[str, Any]:
        process, channel = self.workers[number]
        timeout = self.timeout
        deadline = time.monotonic() + timeout if timeout else float("inf")
        while True:
            try:
                return channel.receive(max(0.001, min(LOOK, deadline - time.monotonic())))
            except TimeoutError:
                if not process.is_alive():
                    self._died(number)
                if time.monotonic() >= deadline:
                    self.stop()
                    raise RuntimeError(f"DataLoader timed out after {timeout} seconds") from None
            except (EOFError, ConnectionError):
                self._died(number)
            except BaseException:  # Ctrl-C, perhaps in the middle of a message: the line is of no use any more
                self.stop()
                raise

    def _died(self, number: int) -> None:
        process = self.workers[number][0]
        process.join(PATIENCE)
        code, pid = process.exitcode, process.pid
        self.stop()
        if code is None:
            how = "closed its line"
        elif code < 0:
            name = next((s.name for s in signal.Signals if s == -code), str(-code))
            how = f"was killed by signal {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
        else:
            how = f"ended with exit code {code}"
        raise RuntimeError(f"DataLoader worker (pid(s) {pid}) exited unexpectedly: it {how}") from None


def shut_down(workers: list[tuple[Any, Channel]], owner: int) -> None:
    """Cut the lines and wait for the processes; who does not come is ended."""
    if os.getpid() != owner:  # a fork of the main process has copies of its objects, but not its children
        return
    for _process, channel in workers:
        channel.hang_up()
    deadline = time.monotonic() + PATIENCE
    for process, _channel in workers:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
            process.join(1.0)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
    workers.clear()
