"""How long `import flambeau` takes beside `import numpy`: fresh interpreters, in turns.

    python benchmarks/import_time.py [rounds]

Exits with 1 when the ratio is not under the project's limit.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from timing import machine, turns

LIMIT = 1.5
MODULES = ("numpy", "flambeau")
PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_seconds(module: str, bytecode: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-X", f"pycache_prefix={bytecode}", "-c", PROGRAM.format(module)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout)


def measure(rounds: int = 15) -> dict[str, list[float]]:
    """Seconds of each import of each module, after a round that writes their bytecode, as an installation has it."""
    samples: dict[str, list[float]] = {module: [] for module in MODULES}
    with tempfile.TemporaryDirectory() as bytecode:
        for module in turns(MODULES, 1):
            import_seconds(module, bytecode)
        for module in turns(MODULES, rounds):
            samples[module].append(import_seconds(module, bytecode))
    return samples


def ratio(samples: dict[str, list[float]]) -> float:
    """Median over the rounds, each of which sees the machine at one speed."""
    return statistics.median(ours / numpys for ours, numpys in zip(samples["flambeau"], samples["numpy"]))


def main(rounds: int = 15) -> int:
    samples = measure(rounds)
    print(machine("numpy", "flambeau"))
    for module, seconds in samples.items():
        low, median, high = (1e3 * value for value in (min(seconds), statistics.median(seconds), max(seconds)))
        print(f"import {module:9} {median:7.1f} ms   ({low:.1f} to {high:.1f} in {rounds} rounds)")
    print(f"ratio {ratio(samples):.2f}, limit {LIMIT}")
    return int(ratio(samples) >= LIMIT)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
