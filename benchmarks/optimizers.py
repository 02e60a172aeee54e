"""What a step of an optimizer takes: many parameters of very different sizes, and many small ones; beside PyTorch where it can be imported.

    python benchmarks/optimizers.py [--threads 2]
"""

from __future__ import annotations

import argparse
import importlib.util

import numpy as np

import flambeau
from flambeau.kernels.threads import set_num_threads
from timing import interleaved, machine

CASES = {"AdamW": {}, "Adam": {"amsgrad": True}, "SGD": {"momentum": 0.9}}


def sizes(parameters: int, elements: int) -> list[int]:
    """Log-normal, as a network's are: most parameters small, most elements in a few."""
    drawn = np.random.default_rng(0).lognormal(9.5, 2, parameters)
    return [max(8, int(s * elements / drawn.sum())) for s in drawn]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    set_num_threads(threads)
    torch = None
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(threads)
    print(machine("numpy", "torch"), f"{threads} threads", sep=", ")
    for title, shape in {"150 parameters, 10 M elements": sizes(150, 10_000_000), "150 parameters of 64": [64] * 150}.items():
        values = [np.random.default_rng(i).standard_normal(n).astype(np.float32) for i, n in enumerate(shape)]
        for name, options in CASES.items():
            ours = [flambeau.tensor(v, requires_grad=True) for v in values]
            for p, v in zip(ours, values):
                p.grad = flambeau.tensor(v)
            calls = {"flambeau": getattr(flambeau.optim, name)(ours, **options).step}
            for label, how in {"torch fused": {"fused": True}, "torch foreach": {"foreach": True}, "torch": {}}.items() if torch else ():
                theirs = [torch.tensor(v, requires_grad=True) for v in values]
                for p, v in zip(theirs, values):
                    p.grad = torch.tensor(v)
                calls[label] = getattr(torch.optim, name)(theirs, **options, **how).step
            found = interleaved(calls, rounds=9, seconds=0.05)
            print(f"{title:32}{name:8}" + "  ".join(f"{label} {seconds * 1e3:.2f} ms" for label, seconds in found.items()))


if __name__ == "__main__":
    main()
