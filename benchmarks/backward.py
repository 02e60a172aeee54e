"""What backward costs beside PyTorch: a chain of 1,000 small products, and a small network.

    python benchmarks/backward.py

Flambeau and PyTorch take turns in one process; only backward is timed, of a graph built anew each time. Exits with 1 where Flambeau's
median is above PyTorch's. Where PyTorch cannot be imported, Flambeau's figures are printed alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from timing import machine, turns

LENGTH = 1000


def chain_of_products(library: ModuleType) -> Callable[[], Any]:
    """y = x · w · w · … of 16 elements close to one, so that no number grows or fades away."""
    draw = np.random.RandomState(0)
    x, w = (library.tensor((1 + 1e-4 * draw.rand(16)).astype(np.float32).tolist(), requires_grad=True) for _ in range(2))

    def build() -> Any:
        x.grad = w.grad = None
        y = x
        for _ in range(LENGTH):
            y = y * w
        return y.sum()

    return build


def chain_of_factors(library: ModuleType) -> Callable[[], Any]:
    """The same with a number for w."""
    x = library.tensor([1.0] * 16, requires_grad=True)

    def build() -> Any:
        x.grad = None
        y = x
        for _ in range(LENGTH):
            y = y * 1.0001
        return y.sum()

    return build


def network(library: ModuleType) -> Callable[[], Any]:
    """64 -> 128 -> 128 -> 10 with ReLU and cross-entropy, 32 samples."""
    nn = importlib.import_module(f"{library.__name__}.nn")
    library.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    x, target = library.randn(32, 64), library.randint(0, 10, (32,))

    def build() -> Any:
        for p in model.parameters():
            p.grad = None
        return nn.functional.cross_entropy(model(x), target)

    return build


CASES = {f"{LENGTH} products": chain_of_products, f"{LENGTH} factors": chain_of_factors, "MLP, batch of 32": network}


def seconds_of_backward(build: Callable[[], Any]) -> float:
    loss = build()
    start = time.perf_counter()
    loss.backward()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()

    libraries = [importlib.import_module(name) for name in ("flambeau", "torch") if importlib.util.find_spec(name)]
    if len(libraries) > 1:  # its second thread waits in a spin, which would disturb the next candidate
        libraries[1].set_num_threads(1)
    print(machine("numpy", "flambeau", "torch"))
    print(f"µs a backward, medians of {options.rounds} rounds in turns\n")
    print(f"{'':20}" + "".join(f"{library.__name__:>12}" for library in libraries) + f"{'ratio':>8}")
    missed = False
    for title, make in CASES.items():
        builds = {library.__name__: make(library) for library in libraries}
        samples: dict[str, list[float]] = {name: [] for name in builds}
        for name in turns(list(builds), options.rounds):
            samples[name].append(seconds_of_backward(builds[name]))
        row = {name: statistics.median(values) for name, values in samples.items()}
        ratio = row["flambeau"] / row["torch"] if "torch" in row else None
        missed |= ratio is not None and ratio > 1.0
        print(f"{title:20}" + "".join(f"{seconds * 1e6:12.1f}" for seconds in row.values()) + (f"{ratio:8.2f}" if ratio else ""))
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
