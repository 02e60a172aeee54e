"""Every row of the distributions' table on PyTorch and on Flambeau: `nox -s parity_nn` runs this where both can be imported.

    python tests/parity/distributions.py

Compared are what is printed, shapes, moments, supports, entropies, densities, samples from the same seed, expansions and errors; and the
divergence between every two rows.
"""
from __future__ import annotations

import itertools
import json
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

import flambeau

warnings.filterwarnings("ignore")
TABLE = json.loads((Path(__file__).parents[2] / "packages/core/tests/distributions/pytorch.json").read_text())
# PyTorch adds up the wrong axes in the divergence of a batch of Wisharts, and takes q's border for outside
KNOWN = {("Wishart", "Wishart"), ("ContinuousBernoulli", "Uniform")}


def made(m, expression):
    return eval(expression, {**vars(m.distributions), "t": m.tensor})  # noqa: S307 (the table's own text)


def attempt(call, *args):
    try:
        found = call(*args)
    except Exception as error:
        return type(error).__name__
    if isinstance(found, torch.Tensor | flambeau.Tensor):
        return found.detach().numpy()
    return str(found).replace("torch.", "").replace("flambeau.", "")


def same(a, b, tolerance=1e-4) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    return a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, rtol=tolerance, atol=tolerance / 5, equal_nan=True)


def seeded(m, call):
    m.manual_seed(7)
    return call()


WHAT = {
    "repr": lambda m, d, x: repr(d), "batch": lambda m, d, x: tuple(d.batch_shape), "event": lambda m, d, x: tuple(d.event_shape),
    "mean": lambda m, d, x: d.mean, "mode": lambda m, d, x: d.mode, "variance": lambda m, d, x: d.variance,
    "stddev": lambda m, d, x: d.stddev,
    "support": lambda m, d, x: repr(d.support), "entropy": lambda m, d, x: d.entropy(), "perplexity": lambda m, d, x: d.perplexity(),
    "sample": lambda m, d, x: seeded(m, lambda: d.sample((50,))), "rsample": lambda m, d, x: seeded(m, lambda: d.rsample((2, 3))),
    "log_prob": lambda m, d, x: d.log_prob(x), "cdf": lambda m, d, x: d.cdf(x), "all": lambda m, d, x: d.enumerate_support(),
    "icdf": lambda m, d, x: d.icdf(m.full(tuple(d.batch_shape), 0.3)), "expanded": lambda m, d, x: repr(d.expand((3, *d.batch_shape))),
    "expanded sample": lambda m, d, x: seeded(m, lambda: d.expand((3, *d.batch_shape)).sample()),
    "bad value": lambda m, d, x: d.log_prob(m.full((1, *d.batch_shape, *d.event_shape), math.nan)),
    "bad shape": lambda m, d, x: d.log_prob(m.ones(7, 5)), "bad type": lambda m, d, x: d.log_prob(3),
}  # fmt: skip


def differences(row: str) -> list[str]:
    theirs, ours = made(torch, row), made(flambeau, row)
    torch.manual_seed(1)
    x = theirs.sample((4,))
    y = ours.sample((4,)).copy_(flambeau.from_numpy(x.numpy().copy()))
    return [w for w, call in WHAT.items() if not same(attempt(call, torch, theirs, x), attempt(call, flambeau, ours, y))]


def divergence(m, p: str, q: str):
    return m.distributions.kl_divergence(made(m, p), made(m, q))


def main() -> int:
    failed = 0
    rows = [row["is"] for row in TABLE["distributions"]]
    for row in rows:
        if wrong := differences(row):
            failed += 1
            print(f"{row}: {', '.join(wrong)}")
    pairs = 0
    for p, q in itertools.product(rows, rows):
        if (p.partition("(")[0], q.partition("(")[0]) in KNOWN:
            continue
        expected, found = attempt(divergence, torch, p, q), attempt(divergence, flambeau, p, q)
        pairs += 1
        if not same(expected, found) and not (isinstance(expected, str) and isinstance(found, str)):
            failed += 1
            print(f"KL of {p} and {q}: expected {expected}, got {found}")
    print(f"{len(rows)} distributions and {pairs} pairs compared, {failed} differ")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
