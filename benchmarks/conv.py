"""Convolution and pooling beside PyTorch (where it can be imported), on the layers of ResNet-18 and of a network for 8×8 digits.

    python benchmarks/conv.py [--threads 2] [--only 56]
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
from collections.abc import Callable

import numpy as np

from flambeau.backends.blas import choose_blas, set_blas_threads
from flambeau.backends.conv import conv_backward_input, conv_backward_weight, conv_forward
from flambeau.backends.memory import keep_memory
from flambeau.backends.pool import avg_pool_forward, max_pool_backward, max_pool_forward
from flambeau.kernels.threads import set_num_threads
from timing import interleaved, machine

# input, weight, stride, padding, groups
LAYERS = {
    "digits 1->16, 8x8": ((64, 1, 8, 8), (16, 1, 3, 3), 1, 1, 1),
    "digits 16->32, 8x8": ((64, 16, 8, 8), (32, 16, 3, 3), 1, 1, 1),
    "digits 32->64, 4x4": ((64, 32, 4, 4), (64, 32, 3, 3), 1, 1, 1),
    "3->64 7x7/2, 224": ((4, 3, 224, 224), (64, 3, 7, 7), 2, 3, 1),
    "64->64 3x3, 56": ((4, 64, 56, 56), (64, 64, 3, 3), 1, 1, 1),
    "64->128 3x3/2, 56": ((4, 64, 56, 56), (128, 64, 3, 3), 2, 1, 1),
    "64->128 1x1/2, 56": ((4, 64, 56, 56), (128, 64, 1, 1), 2, 0, 1),
    "128->128 3x3, 28": ((4, 128, 28, 28), (128, 128, 3, 3), 1, 1, 1),
    "256->256 3x3, 14": ((4, 256, 14, 14), (256, 256, 3, 3), 1, 1, 1),
    "512->512 3x3, 7": ((4, 512, 7, 7), (512, 512, 3, 3), 1, 1, 1),
    "depthwise 64 3x3, 56": ((4, 64, 56, 56), (64, 1, 3, 3), 1, 1, 64),
}
POOLS = {
    "max 3x3/2, 112": ((4, 64, 112, 112), (3, 3), (2, 2), (1, 1)),
    "max 2x2, 8x8": ((64, 16, 8, 8), (2, 2), (2, 2), (0, 0)),
}


def array(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def conv_rows(shape, weight, stride, padding, groups, torch) -> dict[str, dict[str, Callable]]:
    x, w = array(shape), array(weight)
    geometry = ((stride,) * 2, (padding,) * 2, (1, 1), groups)
    g = array(conv_forward(x, w, *geometry).shape)
    rows: dict[str, dict[str, Callable]] = {
        "forward": {"flambeau": lambda: conv_forward(x, w, *geometry)},
        "to input": {"flambeau": lambda: conv_backward_input(g, w, shape, *geometry)},
        "to weight": {"flambeau": lambda: conv_backward_weight(g, x, weight, *geometry)},
    }
    if torch:
        xt, wt, gt = map(torch.tensor, (x, w, g))
        options = ([stride] * 2, [padding] * 2, [1, 1])
        back = lambda *mask: lambda: torch.ops.aten.convolution_backward(gt, xt, wt, None, *options, False, [0, 0], groups, mask)
        rows["forward"]["torch"] = lambda: torch.nn.functional.conv2d(xt, wt, None, *options, groups)
        rows["to input"]["torch"] = back(True, False, False)
        rows["to weight"]["torch"] = back(False, True, False)
    return rows


def pool_rows(shape, kernel, stride, padding, torch) -> dict[str, dict[str, Callable]]:
    x, geometry = array(shape), (kernel, stride, padding)
    y, where = max_pool_forward(x, *geometry, (1, 1))
    rows: dict[str, dict[str, Callable]] = {
        "forward": {"flambeau": lambda: max_pool_forward(x, *geometry, (1, 1))},
        "backward": {"flambeau": lambda: max_pool_backward(y, where, shape)},
        "average": {"flambeau": lambda: avg_pool_forward(x, *geometry)},
    }
    if torch:
        xt, gt, wt = torch.tensor(x), torch.tensor(y), torch.tensor(where)
        f = torch.nn.functional
        rows["forward"]["torch"] = lambda: f.max_pool2d(xt, *geometry, return_indices=True)
        rows["backward"]["torch"] = lambda: torch.ops.aten.max_pool2d_with_indices_backward(gt, xt, *geometry, (1, 1), False, wt)
        rows["average"]["torch"] = lambda: f.avg_pool2d(xt, *geometry)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only the layers whose name contains this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    choose_blas()
    keep_memory()
    set_num_threads(options.threads)
    set_blas_threads(options.threads)
    torch = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
    if torch:
        torch.set_num_threads(options.threads)
    print(machine("numpy", "flambeau", "torch"))
    print(f"ms a call, {options.threads} threads; medians of {options.rounds} rounds in turns\n")
    for make, table in ((conv_rows, LAYERS), (pool_rows, POOLS)):
        for name, layer in table.items():
            if options.only not in name:
                continue
            line = f"{name:22}"
            for step, calls in make(*layer, torch).items():
                took = {k: 1e3 * v for k, v in interleaved(calls, options.rounds).items()}
                ratio = took["flambeau"] / took.get("torch", math.nan)
                line += f"  {step} {took['flambeau']:.3f}/{took.get('torch', math.nan):.3f} = {ratio:.2f}"
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
