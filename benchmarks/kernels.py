"""What the generated kernels take beside NumPy running the same bodies, and (where it can be imported) PyTorch.

    python benchmarks/kernels.py [--only softmax] [--threads 2]

All candidates take turns in one process and use the same number of threads.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable

import numpy as np

from flambeau.backends import numpy as namespace
from flambeau.backends.memory import keep_memory
from flambeau.kernels import fuse
from flambeau.kernels.threads import set_num_threads
from timing import interleaved, machine

ROWS = (4096, 1024)


def softmax(xp, x):
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def log_softmax(xp, x):
    x = x - xp.max(x, axis=-1, keepdims=True)
    return x - xp.log(xp.sum(xp.exp(x), axis=-1, keepdims=True))


def layer_norm(xp, x, weight, bias, eps=1e-5):
    mean = xp.mean(x, axis=-1, keepdims=True)
    centred = x - mean
    rstd = 1.0 / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + eps)
    return centred * rstd * weight + bias, mean, rstd


def layer_norm_backward(xp, g, x, mean, rstd, weight):
    normal = (x - mean) * rstd
    weight_gradient, bias_gradient = xp.sum(g * normal, axis=-2), xp.sum(g, axis=-2)
    g = g * weight
    to_input = (g - xp.mean(g, axis=-1, keepdims=True) - normal * xp.mean(g * normal, axis=-1, keepdims=True)) * rstd
    return to_input, weight_gradient, bias_gradient


def gelu(xp, x):
    return 0.5 * x * (1.0 + xp.erf(x * math.sqrt(0.5)))


def adamw(xp, p, g, m, v, lr, decay, beta1, beta2, eps, correction1, correction2):
    p = p * (1.0 - lr * decay)
    m = m + (g - m) * (1.0 - beta1)
    v = v * beta2 + g * g * (1.0 - beta2)
    return p - lr / correction1 * m / (xp.sqrt(v) * (1.0 / xp.sqrt(correction2)) + eps), m, v


def array(*shape: int) -> np.ndarray:
    return np.random.RandomState(0).randn(*shape).astype(np.float32)


def rows(body: Callable, reference: Callable, *shape: int) -> dict[str, Callable]:
    x, kernel = array(*shape), fuse(body, "(n)->(n)")
    plain = lambda: body(namespace, x)
    return {"kernel": lambda: kernel.ufunc(x), "numpy": plain, "torch": lambda torch: reference(torch, torch.tensor(x))}


def softmax_case(*shape: int) -> dict[str, Callable]:
    return rows(softmax, lambda torch, x: lambda: torch.softmax(x, -1), *shape)


def layer_norm_case() -> dict[str, Callable]:
    x, weight, bias = array(*ROWS), array(ROWS[1]), array(ROWS[1])
    ufunc = fuse(layer_norm, "(n),(n),(n)->(n),(1),(1)").ufunc

    def torch_case(torch):
        inputs = [torch.tensor(a) for a in (x, weight, bias)]
        return lambda: torch.native_layer_norm(inputs[0], ROWS[1:], inputs[1], inputs[2], 1e-5)

    return {"kernel": lambda: ufunc(x, weight, bias), "numpy": lambda: layer_norm(namespace, x, weight, bias), "torch": torch_case}


def layer_norm_backward_case() -> dict[str, Callable]:
    x, g, weight, bias = array(*ROWS), array(*ROWS)[::-1].copy(), array(ROWS[1]), array(ROWS[1])
    _, mean, rstd = layer_norm(namespace, x, weight, bias)
    ufunc = fuse(layer_norm_backward, "(m,n),(m,n),(m,1),(m,1),(n)->(m,n),(n),(n)").ufunc

    def torch_case(torch):
        gt, xt, mt, rt, wt, bt = (torch.tensor(a) for a in (g, x, mean, rstd, weight, bias))
        return lambda: torch.ops.aten.native_layer_norm_backward(gt, xt, ROWS[1:], mt, rt, wt, bt, [True, True, True])

    return {
        "kernel": lambda: ufunc(g, x, mean, rstd, weight),
        "numpy": lambda: layer_norm_backward(namespace, g, x, mean, rstd, weight),
        "torch": torch_case,
    }


def gelu_case(*shape: int) -> dict[str, Callable]:
    x, ufunc = array(*shape), fuse(gelu, "()->()").ufunc

    def torch_case(torch):
        t = torch.tensor(x)
        return lambda: torch.nn.functional.gelu(t)

    return {"kernel": lambda: ufunc(x), "numpy": lambda: gelu(namespace, x), "torch": torch_case}


def adamw_case(size: int) -> dict[str, Callable]:
    p, g, m, v = (array(size) for _ in range(4))
    v = v * v
    numbers = [np.float32(c) for c in (1e-3, 1e-2, 0.9, 0.999, 1e-8, 0.1, 0.001)]
    ufunc = fuse(adamw, f"{','.join(['()'] * 11)}->(),(),()").ufunc

    def plain():
        p[...], m[...], v[...] = adamw(namespace, p, g, m, v, *numbers)

    def torch_case(torch):
        parameter = torch.nn.Parameter(torch.tensor(p))
        parameter.grad = torch.tensor(g)
        return torch.optim.AdamW([parameter], fused=True).step

    return {"kernel": lambda: ufunc(p, g, m, v, *numbers, out=(p, m, v)), "numpy": plain, "torch": torch_case}


CASES = {
    "softmax (4, 16)": lambda: softmax_case(4, 16),
    "softmax (4096, 1024)": lambda: softmax_case(*ROWS),
    "log_softmax (4096, 1024)": lambda: rows(log_softmax, lambda torch, x: lambda: torch.log_softmax(x, -1), *ROWS),
    "layer_norm (4096, 1024)": layer_norm_case,
    "layer_norm backward": layer_norm_backward_case,
    "gelu (64,)": lambda: gelu_case(64),
    "gelu (10,000,000)": lambda: gelu_case(10_000_000),
    "adamw (1,000,000)": lambda: adamw_case(1_000_000),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    keep_memory()
    set_num_threads(options.threads)
    torch = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
    if torch:
        torch.set_num_threads(options.threads)
    print(machine("numpy", "flambeau", "torch"))
    print(f"µs a call, {options.threads} threads; medians of {options.rounds} rounds in turns\n")
    print(f"{'':26}{'kernel':>10}{'numpy':>10}{'torch':>10}   kernel / torch")
    for name, make in CASES.items():
        if options.only not in name:
            continue
        calls = make()
        reference = calls.pop("torch")
        if torch:
            calls["torch"] = reference(torch)
        took = {k: 1e6 * v for k, v in interleaved(calls, options.rounds).items()}
        share = f"{took['kernel'] / took['torch']:12.2f}" if torch else ""
        print(f"{name:26}{took['kernel']:10.2f}{took['numpy']:10.2f}{took.get('torch', math.nan):10.2f}   {share}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
