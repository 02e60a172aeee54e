"""What an epoch of a DataLoader takes, how soon it starts, and whether memory grows; beside PyTorch where it can be imported.

    python benchmarks/data_loading.py                  # throughput, starts, 50 epochs of memory
    python benchmarks/data_loading.py --workers 4 --only 224x224
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import flambeau
import flambeau.utils.data
from timing import machine, turns

SETS = {"28x28": (6000, (1, 28, 28), 64), "64x64": (2000, (3, 64, 64), 64), "224x224": (512, (3, 224, 224), 32)}
DIFFERENT = 64  # samples that lie in memory; the others are these again
EPOCHS = 50


class Pairs:
    """Map-style data: a sample at a time."""

    def __init__(self, library: Any, n: int, shape: tuple[int, ...]) -> None:
        self.n, self.x, self.y = n, library.rand(min(n, DIFFERENT), *shape), library.arange(n)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.x[i % DIFFERENT], self.y[i]


def loader(library: Any, title: str, workers: int, kind: str = "samples") -> Any:
    n, shape, batch = SETS[title]
    data = Pairs(library, n, shape)
    if kind == "TensorDataset":
        data = library.utils.data.TensorDataset(data.x[library.arange(n) % DIFFERENT], data.y)
    return library.utils.data.DataLoader(data, batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0)


def epochs(loaders: dict[str, Any], rounds: int) -> dict[str, tuple[float, float]]:
    """(least seconds of an epoch, median seconds until it has begun) of each."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in loaders}
    for name in turns(list(loaders), rounds):
        start = time.perf_counter()
        batches = iter(loaders[name])
        begun = time.perf_counter() - start
        for _batch in batches:
            pass
        spent[name].append((time.perf_counter() - start, begun))
    return {name: (min(s[0] for s in found[1:]), statistics.median(s[1] for s in found[1:])) for name, found in spent.items()}


def memory() -> int:
    """Bytes that this process and its children have for themselves."""
    me = os.getpid()
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    ours = [me, *(pid for pid, parent in parents.items() if parent == me)]
    return sum(int(line.split()[1]) * 1024 for pid in ours for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
               if line.startswith("Private_"))  # fmt: skip


def growth(library: Any, workers: int) -> tuple[int, int]:
    """Bytes after the 5th and the last of 50 epochs."""
    data, seen = loader(library, "64x64", workers), []
    for _ in range(EPOCHS):
        for _batch in data:
            pass
        del _batch
        gc.collect()
        seen.append(memory())
    return seen[4], seen[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2, 4])
    parser.add_argument("--only", nargs="*", default=list(SETS), help="sets")
    parser.add_argument("--rounds", type=int, default=8)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    libraries: dict[str, Any] = {"flambeau": flambeau}
    if importlib.util.find_spec("torch"):
        import torch
        import torch.utils.data

        libraries["torch"] = torch
    print(machine("numpy", "torch"))
    for title in asked.only:
        for workers in asked.workers:
            for kind in ("samples", "TensorDataset"):
                found = epochs({name: loader(library, title, workers, kind) for name, library in libraries.items()}, asked.rounds)
                line = "  ".join(f"{name} {SETS[title][0] / s:,.0f} samples/s, begun in {b * 1e3:.1f} ms" for name, (s, b) in found.items())
                print(f"{title:8} {workers} workers  {kind:14} {line}")
    if Path("/proc/self/smaps_rollup").exists():
        for name, library in libraries.items():
            early, late = growth(library, 2)
            print(f"{EPOCHS} epochs, 2 workers: {name} has {early / 2**20:.1f} MiB after 5 and {late / 2**20:.1f} MiB after all")


if __name__ == "__main__":
    main()
