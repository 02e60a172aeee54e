"""What a profiler costs a call of a small op, and what it costs to look at what was recorded; beside PyTorch where it can be imported.

    python benchmarks/profiler.py                          # each set of options
    python benchmarks/profiler.py --calls 50000 --rounds 9

Microseconds a call, the least of several rounds in which the libraries take turns: the loop without a profiler, the loop under one, and
`events()` with `key_averages()` afterwards. The total is what profiling adds to a call, from the loop to the table.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from typing import Any

import flambeau
from timing import machine, turns

OPTIONS: dict[str, dict[str, bool]] = {
    "times alone": {}, "record_shapes": {"record_shapes": True}, "profile_memory": {"profile_memory": True},
    "with_stack": {"with_stack": True}, "with_flops": {"with_flops": True},
}  # fmt: skip


def loop(x: Any, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        x + x
    return time.perf_counter() - start


def profiled(library: Any, x: Any, calls: int, options: dict[str, bool]) -> tuple[float, float]:
    with library.profiler.profile(activities=[library.profiler.ProfilerActivity.CPU], **options) as p:
        spent = loop(x, calls)
    start = time.perf_counter()
    p.events()
    p.key_averages()
    return spent, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    libraries: dict[str, Any] = {"flambeau": flambeau}
    if importlib.util.find_spec("torch"):
        import torch

        libraries["torch"] = torch
    print(machine("numpy", "torch"))
    tensors = {}
    for name, library in libraries.items():
        library.set_num_threads(1)
        tensors[name] = library.ones(16)
    print(f"{'':16}{'':12}{'loop':>8}{'profiled':>10}{'reading':>10}{'added':>10}   µs a call")
    for what, options in OPTIONS.items():
        best = {name: [float("inf")] * 3 for name in libraries}
        for name in turns(list(libraries), asked.rounds):
            bare = loop(tensors[name], asked.calls)
            got = (bare, *profiled(libraries[name], tensors[name], asked.calls, options))
            best[name] = [min(a, b / asked.calls * 1e6) for a, b in zip(best[name], got)]
        for name, (bare, watched, read) in best.items():
            print(f"{what:16}{name:12}{bare:8.2f}{watched:10.2f}{read:10.2f}{watched - bare + read:10.2f}")


if __name__ == "__main__":
    main()
