"""How long `import flambeau` takes beside `import numpy`: both timed in each of many fresh interpreters, compared in pairs.

    python benchmarks/import_time.py [rounds]

Exits with 1 when the median of the ratios is not under the project's limit.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from timing import machine

LIMIT = 1.5
PROGRAM = """
import time
start = time.perf_counter(); import numpy
between = time.perf_counter(); import flambeau
print(between - start, time.perf_counter() - start)
"""


def import_seconds(bytecode: str) -> tuple[float, float]:
    """Seconds of NumPy's import, and of Flambeau's, which contains it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-X", f"pycache_prefix={bytecode}", "-c", PROGRAM]
    numpy, flambeau = map(float, subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout.split())
    return numpy, flambeau


def main(rounds: int = 15) -> int:
    with tempfile.TemporaryDirectory() as bytecode:
        import_seconds(bytecode)  # writes the bytecode, as an installation has it
        samples = [import_seconds(bytecode) for _ in range(rounds)]
    print(machine("numpy", "flambeau"))
    for module, seconds in zip(("numpy", "flambeau"), zip(*samples, strict=True), strict=True):
        low, median, high = (1e3 * value for value in (min(seconds), statistics.median(seconds), max(seconds)))
        print(f"import {module:9} {median:7.1f} ms   ({low:.1f} to {high:.1f} in {rounds} rounds)")
    ratio = statistics.median(flambeau / numpy for numpy, flambeau in samples)
    print(f"ratio {ratio:.2f}, limit {LIMIT}")
    return int(ratio >= LIMIT)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
