"""What a step of every optimizer takes, on a network's parameters and on many small ones; beside PyTorch where it can be imported.

    python benchmarks/optimizers.py                        # one thread and two, every optimizer
    python benchmarks/optimizers.py --only AdamW --rounds 40

A time is the least of many rounds in which the candidates take turns: on a machine that others use, the least is what the step itself
takes. The last column is Flambeau's time over the best of PyTorch's ways.
"""

from __future__ import annotations

import argparse
import importlib.util

import numpy as np

import flambeau
from timing import calibrate, machine, seconds_of, turns

CASES = {
    "SGD": {"momentum": 0.9}, "Adam": {"amsgrad": True}, "AdamW": {}, "NAdam": {}, "RAdam": {}, "Adamax": {}, "Adadelta": {}, "Adagrad": {},
    "RMSprop": {}, "Rprop": {}, "ASGD": {}, "Adafactor": {},
}  # fmt: skip
FUSED = ("SGD", "Adam", "AdamW", "Adagrad")


def sizes(parameters: int, elements: int) -> list[int]:
    """Log-normal, as a network's are: most parameters small, most elements in a few."""
    drawn = np.random.default_rng(0).lognormal(9.5, 2, parameters)
    return [max(8, int(s * elements / drawn.sum())) for s in drawn]


def candidates(name: str, options: dict, values: list[np.ndarray], torch) -> dict:
    libraries = {"flambeau": (flambeau, {})}
    if torch:
        if name in FUSED:
            libraries["torch fused"] = torch, {"fused": True}
        libraries |= {"torch foreach": (torch, {"foreach": True}), "torch": (torch, {"foreach": False})}
    calls = {}
    for label, (library, how) in libraries.items():
        params = [library.tensor(v, requires_grad=True) for v in values]
        for p, v in zip(params, values):
            p.grad = library.tensor(v)
        calls[label] = getattr(library.optim, name)(params, **options, **how).step
    return calls


def least(calls: dict, rounds: int, seconds: float) -> dict[str, float]:
    """The least seconds a call of each."""
    times = {name: calibrate(call, seconds) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    for name in turns(list(calls), rounds):
        best[name] = min(best[name], seconds_of(calls[name], times[name]) / times[name])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--only", nargs="*", default=list(CASES), help="optimizers")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.03, help="of each turn")
    asked = parser.parse_args()
    torch = None
    if importlib.util.find_spec("torch"):
        import torch
    print(machine("numpy", "torch"))
    equal = [66_667] * 150
    cases = {"150 parameters, 10 M elements": sizes(150, 10_000_000), "150 of 66,667": equal, "150 parameters of 64": [64] * 150}
    for threads in asked.threads:
        flambeau.set_num_threads(threads)
        if torch:
            torch.set_num_threads(threads)
        for title, shape in cases.items():
            values = [np.random.default_rng(i).standard_normal(n).astype(np.float32) for i, n in enumerate(shape)]
            for name in asked.only:
                found = least(candidates(name, CASES[name], values, torch), asked.rounds, asked.seconds)
                line = "  ".join(f"{label} {seconds * 1e3:.2f} ms" for label, seconds in found.items())
                mine, *others = found.values()
                ratio = f"  {mine / min(others):.2f}" if others else ""
                print(f"{threads} threads  {title:30} {name:10}{line}{ratio}")


if __name__ == "__main__":
    main()
