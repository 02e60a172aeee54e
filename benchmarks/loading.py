"""What an epoch of a DataLoader takes, with and without worker processes; beside PyTorch where it can be imported.

    python benchmarks/loading.py
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from typing import Any

import flambeau
import flambeau.utils.data
from timing import machine, turns

SETS = {"28x28": (6000, (1, 28, 28), 64), "64x64": (2000, (3, 64, 64), 64), "224x224": (640, (3, 224, 224), 32)}


class Pairs:
    """Map-style data: a sample at a time."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.x[i], self.y[i]


def main() -> None:
    libraries: dict[str, Any] = {"flambeau": flambeau}
    if importlib.util.find_spec("torch"):
        import torch
        import torch.utils.data

        libraries["torch"] = torch
    print(machine("numpy", "torch"))
    for title, (n, shape, batch) in SETS.items():
        for workers in (0, 2):
            for kind in ("samples", "TensorDataset"):
                loaders = {}
                for name, library in libraries.items():
                    x, y = library.rand(n, *shape), library.arange(n)
                    data = Pairs(x, y) if kind == "samples" else library.utils.data.TensorDataset(x, y)
                    options = {"num_workers": workers, "persistent_workers": workers > 0}
                    loaders[name] = library.utils.data.DataLoader(data, batch, shuffle=True, **options)
                spent: dict[str, list[float]] = {name: [] for name in loaders}
                for name in turns(list(loaders), 6):
                    start = time.perf_counter()
                    for _batch in loaders[name]:
                        pass
                    spent[name].append(time.perf_counter() - start)
                best = "  ".join(f"{name} {statistics.median(values[1:]) * 1e3:.1f} ms" for name, values in spent.items())
                print(f"{title:10}{n} samples, {workers} workers, {kind:16}{best}")


if __name__ == "__main__":
    main()
