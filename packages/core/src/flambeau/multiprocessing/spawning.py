"""Several processes that run one function, and the first failure among them told with its own traceback."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


class ProcessException(Exception):
    """A process of `spawn` has failed: `error_index` says which, `error_pid` its id."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid, self.error_pid = msg, error_index, pid, pid

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process ended by an exception, whose traceback is in the message."""


class ProcessExitedException(ProcessException):
    """A process ended by a signal or with a code that is not 0."""

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


class ProcessContext:
    """The processes of one `start_processes`."""

    def __init__(self, processes: list[Any], lines: list[Any]) -> None:
        self.processes, self.lines = processes, lines
        self.sentinels = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for the processes, `timeout` seconds at most.  -> whether all have ended

        When one fails the others are ended: they have `grace_period` seconds to end by themselves, then SIGTERM, then SIGKILL.
        Raises ProcessRaisedException or ProcessExitedException for the one that failed.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while self.sentinels:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready = multiprocessing.connection.wait(self.sentinels, timeout=left)
            if not ready:
                return False
            for sentinel in ready:
                index = self.sentinels.pop(sentinel)
                self.processes[index].join()
                if self.processes[index].exitcode != 0:
                    self._end_others(grace_period)
                    raise self._failure(index)
        return True

    def _end_others(self, grace_period: float | None) -> None:
        if grace_period:
            end = time.monotonic() + grace_period
            for process in self.processes:
                process.join(max(0.0, end - time.monotonic()))
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        for process in self.processes:
            process.join(30)
            if process.is_alive():
                process.kill()
                process.join()
        self.sentinels.clear()

    def _failure(self, index: int) -> ProcessException:
        process, line = self.processes[index], self.lines[index]
        try:
            told = line.recv_bytes().decode() if line.poll() else ""
        except EOFError:
            told = ""
        if told:
            return ProcessRaisedException(f"\n\n-- Process {index} terminated with the following error:\n{told}", index, process.pid)
        code = process.exitcode
        if code < 0:
            name = signal.Signals(-code).name
            return ProcessExitedException(f"process {index} terminated with signal {name}", index, process.pid, code, name)
        return ProcessExitedException(f"process {index} terminated with exit code {code}", index, process.pid, code)


SpawnContext = ProcessContext


def start_processes(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
                    start_method: str = "spawn") -> ProcessContext | None:  # fmt: skip
    """Run fn(i, *args) in nprocs processes, i from 0.  -> None when all have ended; with join=False the ProcessContext to join

    Raises ProcessRaisedException with the traceback of the first process that fails, ProcessExitedException where it was killed
    or exited; the others are ended.

    >>> start_processes(print, args=("ran",), nprocs=1, start_method="fork")
    """
    context = multiprocessing.get_context(start_method)
    processes: list[Any] = []
    lines = []
    try:
        for index in range(nprocs):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=run, args=(fn, index, args, there, os.getpid()), daemon=daemon)  # type: ignore[attr-defined]
            process.start()
            there.close()
            processes.append(process)
            lines.append(here)
    except BaseException:
        for process in processes:
            process.terminate()
            process.join()
        raise
    started = ProcessContext(processes, lines)
    if not join:
        return started
    started.join()
    return None


def spawn(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> ProcessContext | None:  # fmt: skip
    """`start_processes` by fresh interpreters: `fn` must be importable, and the script guard its start by `if __name__ == "__main__"`."""
    if start_method != "spawn":
        raise ValueError(f"spawn starts processes by 'spawn', got {start_method!r}: use start_processes")
    return start_processes(fn, args, nprocs, join, daemon, "spawn")


def run(fn: Callable[..., Any], index: int, args: tuple[Any, ...], line: Any, parent: int) -> None:
    if sys.platform == "linux":  # a parent that is killed takes its processes with it
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent and multiprocessing.get_start_method(allow_none=True) != "forkserver":
            sys.exit(1)
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass  # the parent was told too
    except Exception:
        line.send_bytes(traceback.format_exc()[-60_000:].encode())
        sys.exit(1)
