"""What a call on a small tensor costs, without and with a graph, beside NumPy and (where it can be imported) PyTorch.

    python benchmarks/small_ops.py [--only add]

All candidates take turns in one process. Exits with 1 when add misses the project's limit: under 1.0 µs without a graph and
under 1.4 µs with one, or below PyTorch's figure in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType

import numpy as np

from timing import interleaved, machine

LIMITS = {"": 1.0e-6, " + graph": 1.4e-6}
SHAPE = (4, 4)


def calls(library: ModuleType, graph: bool = False) -> dict[str, Callable[[], object]]:
    """One closure an operation, over float32 arrays of SHAPE that require a gradient when `graph` is set."""
    a = np.random.RandomState(0).rand(*SHAPE).astype(np.float32) + 0.5
    b = a.copy()
    only_tensors: dict[str, Callable[[], object]] = {}
    if library is not np:
        a, b = (library.tensor(array.tolist(), requires_grad=graph) for array in (a, b))
        functional = importlib.import_module(f"{library.__name__}.nn.functional")
        only_tensors = {
            "softmax": lambda: functional.softmax(a, -1),
            "layer_norm": lambda: functional.layer_norm(a, SHAPE[1:]),
            "linear": lambda: functional.linear(a, b),
        }
    return {
        "add": lambda: a + b,
        "add a number": lambda: a + 2.0,
        "multiply": lambda: a * b,
        "divide": lambda: a / b,
        "exp": lambda: library.exp(a),
        "maximum": lambda: library.maximum(a, b),
        "matmul": lambda: a @ b,
        "sum": lambda: a.sum(),
        "mean of rows": lambda: a.mean(1),
        "reshape": lambda: a.reshape(2, 8),
        "transpose": lambda: a.T,
        "a[1]": lambda: a[1],
        "a[:, 1:3]": lambda: a[:, 1:3],
        **only_tensors,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only the operations whose name contains this")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()

    candidates = {"numpy": calls(np)}
    for name in ("flambeau", "torch"):
        if importlib.util.find_spec(name):
            library = importlib.import_module(name)
            if name == "torch":  # its second thread waits in a spin, which would disturb the next candidate
                library.set_num_threads(1)
            candidates |= {name: calls(library), f"{name} + graph": calls(library, graph=True)}

    print(machine("numpy", "flambeau", "torch"))
    print(f"µs a call on float32 tensors of shape {SHAPE}; medians of {options.rounds} rounds in turns\n")
    print(f"{'':14}" + "".join(f"{name:>18}" for name in candidates))
    missed = False
    for operation in candidates["flambeau"]:
        if options.only not in operation:
            continue
        row = interleaved({name: table[operation] for name, table in candidates.items() if operation in table}, options.rounds)
        print(f"{operation:14}" + "".join(f"{row[name] * 1e6:18.2f}" if name in row else f"{'':18}" for name in candidates))
        if operation == "add":
            missed = any(row[f"flambeau{mode}"] >= max(limit, row.get(f"torch{mode}", 0.0)) for mode, limit in LIMITS.items())
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
