"""Interleaved timing: the candidates take turns, so that a busy minute of the machine hits all of them alike."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path


def turns(names: Sequence[str], rounds: int) -> list[str]:
    """Each name once a round, the order reversed every other round."""
    return [name for turn in range(rounds) for name in names[:: 1 if turn % 2 else -1]]


def seconds_of(call: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - start


def calibrate(call: Callable[[], object], seconds: float) -> int:
    """How many calls take about `seconds`."""
    times = 1
    while (spent := seconds_of(call, times)) < seconds / 4:
        times *= 4
    return max(1, int(times * seconds / spent))


def interleaved(calls: dict[str, Callable[[], object]], rounds: int = 15, seconds: float = 0.005) -> dict[str, float]:
    """Median seconds a call of each candidate, over `rounds` in which each runs for about `seconds`."""
    times = {name: calibrate(call, seconds) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for name in turns(list(calls), rounds):
        samples[name].append(seconds_of(calls[name], times[name]) / times[name])
    return {name: statistics.median(values) for name, values in samples.items()}


def machine(*distributions: str) -> str:
    """One line that says what was measured on what: processor, cores, Python, and those of `distributions` that are installed."""
    versions = filter(None, map(version, distributions))
    return ", ".join([processor(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def version(distribution: str) -> str | None:
    try:
        return f"{distribution} {metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return None
