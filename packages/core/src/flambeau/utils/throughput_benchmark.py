"""How many calls of a model a second: by several threads at once, on inputs of one's own."""

from __future__ import annotations

import random
from threading import Thread
from time import perf_counter
from typing import Any, NamedTuple

__all__ = ["ExecutionStats", "ThroughputBenchmark"]


class ExecutionStats(NamedTuple):
    """What was measured: the mean time of a call, and how many there were in all threads."""

    latency_avg_ms: float
    num_iters: int
    total_time_seconds: float

    @property
    def iters_per_second(self) -> float:
        return self.num_iters / self.total_time_seconds

    def __str__(self) -> str:
        return (f"Average latency per example: {self.latency_avg_ms:.3f}ms\nTotal number of iterations: {self.num_iters}\n"
                f"Total number of iterations per second (across all threads): {self.iters_per_second:.2f}\n"
                f"Total time: {self.total_time_seconds:.3f}s")  # fmt: skip


class ThroughputBenchmark:
    """Calls `module` with inputs drawn from those that `add_input` was given.

    >>> bench = flambeau.utils.ThroughputBenchmark(nn.Linear(2, 3))
    >>> bench.add_input(flambeau.ones(1, 2))
    >>> bench.benchmark(num_calling_threads=2, num_warmup_iters=1, num_iters=4).num_iters
    4
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self.inputs: list[tuple[tuple, dict]] = []

    def add_input(self, *args: Any, **kwargs: Any) -> None:
        """One more set of arguments that calls may have."""
        self.inputs.append((args, kwargs))

    def run_once(self, *args: Any, **kwargs: Any) -> Any:
        """The model's result for these arguments."""
        return self.module(*args, **kwargs)

    def benchmark(self, num_calling_threads: int = 1, num_warmup_iters: int = 10, num_iters: int = 100,
                  profiler_output_path: str = "") -> ExecutionStats:  # fmt: skip
        """Time num_iters calls in all, by num_calling_threads at once, each after num_warmup_iters calls that do not count.

        RuntimeError without inputs, ValueError for a profiler_output_path: use flambeau.profiler around the call for a trace.
        """
        if not self.inputs:
            raise RuntimeError("ThroughputBenchmark has no inputs: give it some by add_input()")
        if profiler_output_path:
            raise ValueError("profiler_output_path is not taken: run flambeau.profiler.profile around benchmark() and export its trace")
        share, more = divmod(num_iters, num_calling_threads)
        spent = [0.0] * num_calling_threads

        def calls(thread: int) -> None:
            draw = random.Random(thread)
            order = [draw.choice(self.inputs) for _ in range(num_warmup_iters + share + (thread < more))]
            for args, kwargs in order[:num_warmup_iters]:
                self.module(*args, **kwargs)
            begin = perf_counter()
            for args, kwargs in order[num_warmup_iters:]:
                self.module(*args, **kwargs)
            spent[thread] = perf_counter() - begin

        threads = [Thread(target=calls, args=(i,)) for i in range(num_calling_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ExecutionStats(1000 * sum(spent) / num_iters, num_iters, max(spent))
