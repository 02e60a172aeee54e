"""Per-sample gradients of a small CNN: vmap(grad(f)) beside a loop of grad over the samples, and PyTorch's own of both.

    python benchmarks/per_sample.py [--channels 8 --batch 64]

All candidates take turns in one process, on one thread each unless OMP_NUM_THREADS says otherwise. Exits with 1 when vmap is less than
5 times faster than the loop.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType

import numpy as np

from timing import interleaved, machine

LEAST = 5.0


def network(channels: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Two convolutions and two linear layers for images of (3, 32, 32), each convolution followed by pooling."""
    draw = np.random.default_rng(seed)
    shapes = {
        "conv1.weight": (channels, 3, 3, 3),
        "conv2.weight": (2 * channels, channels, 3, 3),
        "linear1.weight": (64, 2 * channels * 64),
        "linear2.weight": (10, 64),
    }
    weights = {name: draw.standard_normal(shape) / np.sqrt(np.prod(shape[1:])) for name, shape in shapes.items()}
    biases = {name.replace("weight", "bias"): np.zeros(shape[0]) for name, shape in shapes.items()}
    return {name: value.astype(np.float32) for name, value in (weights | biases).items()}


def calls(library: ModuleType, channels: int, batch: int) -> dict[str, Callable[[], object]]:
    functional = importlib.import_module(f"{library.__name__}.nn.functional")
    func = importlib.import_module(f"{library.__name__}.func")
    draw = np.random.default_rng(1)
    params = {name: library.from_numpy(value) for name, value in network(channels).items()}
    images = library.from_numpy(draw.standard_normal((batch, 3, 32, 32)).astype(np.float32))
    labels = library.from_numpy(draw.integers(0, 10, batch))

    def loss(p, image, label):
        x = image.unsqueeze(0)
        for name in ("conv1", "conv2"):
            x = functional.max_pool2d(functional.relu(functional.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"], padding=1)), 2)
        x = functional.relu(functional.linear(x.flatten(1), p["linear1.weight"], p["linear1.bias"]))
        return functional.cross_entropy(functional.linear(x, p["linear2.weight"], p["linear2.bias"]), label.unsqueeze(0))

    at_once = func.vmap(func.grad(loss), in_dims=(None, 0, 0))
    one = func.grad(loss)

    def loop():
        rows = [one(params, images[i], labels[i]) for i in range(batch)]
        return {name: library.stack([row[name] for row in rows]) for name in params}

    for name, value in at_once(params, images, labels).items():
        np.testing.assert_allclose(value.numpy(), loop()[name].numpy(), rtol=1e-3, atol=1e-5, err_msg=name)
    return {"vmap(grad)": lambda: at_once(params, images, labels), "loop of grad": loop}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=8, help="of the first convolution; the second has twice as many")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    libraries = [importlib.import_module("flambeau")]
    if importlib.util.find_spec("torch"):
        libraries.append(importlib.import_module("torch"))
        libraries[1].set_num_threads(libraries[0].get_num_threads())
    candidates = {
        f"{library.__name__}: {name}": call
        for library in libraries
        for name, call in calls(library, options.channels, options.batch).items()
    }
    times = interleaved(candidates, rounds=options.rounds)
    print(f"{machine('numpy', 'torch')}\nbatch {options.batch}, {options.channels} channels")
    for name, seconds in times.items():
        print(f"{name:>28}  {seconds * 1e3:8.2f} ms")
    for library in libraries:
        ratio = times[f"{library.__name__}: loop of grad"] / times[f"{library.__name__}: vmap(grad)"]
        print(f"{library.__name__:>28}  {ratio:8.2f} times faster than the loop")
    ratio = times["flambeau: loop of grad"] / times["flambeau: vmap(grad)"]
    if ratio < LEAST:
        print(f"FAILED: expected at least {LEAST} times, got {ratio:.2f}")
    return int(ratio < LEAST)


if __name__ == "__main__":
    raise SystemExit(main())
