"""What a call on a small tensor costs beside PyTorch, without and with a graph: common ops on tensors of 16 elements.

    python benchmarks/small_ops.py [--only softmax] [--rounds 50] [--modules]

Both libraries take turns in one process on one thread; a figure is the least of many rounds. Exits with 1 when the geometric mean of the
ratios is above 0.8 or an op's ratio above 1.5. Where PyTorch cannot be imported, Flambeau's figures stand alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
from collections.abc import Callable
from types import ModuleType

import numpy as np

from timing import calibrate, machine, seconds_of

MEAN_LIMIT, WORST_LIMIT = 0.8, 1.5
# a, b (4, 4), v (4), k (2, 2, 4) require gradients in the run with a graph; c, d are like a and never do
BOTH = """
a + b|a + v|a + 2.0|2.0 - a|a - b|a * b|a * 2.0|a / b|a / 2.0|a ** 2|-a
n.exp(a)|n.log(a)|n.sqrt(a)|a.abs()|a.sin()|n.tanh(a)|a.sigmoid()|F.relu(a)|F.gelu(a)|F.silu(a)|a.square()|a.rsqrt()
a > b|a == b|a < 0.5|n.where(mask, a, b)|n.maximum(a, b)|a.clamp(0.6, 1.0)|a.clamp(min=0.6)|a.masked_fill(mask, 0.0)
a.sum()|a.sum(1)|a.mean()|a.mean(1, keepdim=True)|a.amax(1)|a.max()|a.max(1)|a.prod()|a.var(1)|a.std()|a.norm()
a.argmax()|a.argmax(1)|a.logsumexp(1)|F.softmax(a, -1)|F.log_softmax(a, -1)|a.cumsum(0)|a.sort()|a.topk(2)|(a > b).any()|(a > b).all()
a.reshape(2, 8)|a.view(-1)|a.flatten()|a.permute(1, 0)|a.transpose(0, 1)|a.T|a.t()|v.expand(4, 4)|a.unsqueeze(0)|a.squeeze(0)
a.contiguous()|a.select(0, 1)|a.narrow(0, 1, 2)|a.split(2)|a.chunk(2)|a.unbind()|a[1]|a[1:3]|a[:, 1:3]|a[..., 0]|a[1, 2]|a[None]
a[places]|a[:, places]|a[mask]
n.cat([a, b])|n.cat([a, b], 1)|n.stack([a, b])|a @ b|n.mm(a, b)|n.bmm(k, w)|a @ v|F.linear(a, b)|F.linear(a, b, v)
n.einsum('ij,jk->ik', a, b)
a.gather(1, grid)|a.index_select(0, places)|F.embedding(places, a)
F.layer_norm(a, (4,))|F.layer_norm(a, (4,), v, v)|F.batch_norm(a, mean, var, v, v, False)|F.batch_norm(a, mean, var, v, v, True)
F.cross_entropy(a, places)|F.mse_loss(a, b)|F.dropout(a, 0.5)|F.conv2d(image, filters)|F.max_pool2d(image, 2)|F.avg_pool2d(image, 2)
a.clone()|a.detach()|a.double()|a.to(n.float32)|a.tril()|a.flip(0)|(a * b).add_(1.0)
""".replace("\n", "|").strip("|").split("|")
PLAIN = """
c.add_(d)|c.mul_(1.0)|c.zero_()|c.copy_(d)|c.fill_(1.0)|c[1] = 2.0|c[:, 1:3] = 2.0|c += d|c.clamp_(0.6, 1.0)
n.zeros(4, 4)|n.ones(4, 4)|n.full((4, 4), 2.0)|n.empty(4, 4)|n.arange(16)|n.zeros_like(a)|n.ones_like(a)
n.tensor([1.0, 2.0, 3.0])|n.tensor(2.0)|n.rand(4, 4)|n.randn(4, 4)|n.eye(4)|n.linspace(0, 1, 16)
one.item()|a.tolist()|float(one)|bool(one > 0)|a.shape|a.dtype|len(a)|a.numpy()|n.from_numpy(values)
""".replace("\n", "|").strip("|").split("|")
BACKWARD = ["(a + b).sum().backward()", "(a * b).sum().backward()", "F.relu(a @ b).sum().backward()", "F.softmax(a, -1)[0, 0].backward()"]
MODULES = """
nn.Linear(4, 4)(a)|nn.LayerNorm(4)(a)|nn.BatchNorm1d(4)(a)|nn.Embedding(4, 4)(places)|nn.Conv2d(1, 2, 3)(image)|nn.MaxPool2d(2)(image)
nn.CrossEntropyLoss()(a, places)|nn.ReLU()(a)|nn.Dropout(0.5)(a)|nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))(a)
nn.GroupNorm(2, 4)(a)|nn.Softmax(-1)(a)|nn.GELU()(a)|nn.MSELoss()(a, b)|nn.Flatten()(image)
""".replace("\n", "|").strip("|").split("|")


def names_of(library: ModuleType, graph: bool) -> dict[str, object]:
    """What the expressions name, of one library."""
    values = np.random.RandomState(0).rand(4, 4).astype(np.float32) + 0.5

    def made(array: np.ndarray, requires_grad: bool = graph):
        return library.tensor(array.tolist(), requires_grad=requires_grad)

    return {
        "n": library, "nn": library.nn, "F": importlib.import_module(f"{library.__name__}.nn.functional"),
        "values": values, "a": made(values), "b": made(values.T), "v": made(values[0]), "k": made(values.reshape(2, 2, 4)),
        "w": made(values.reshape(2, 4, 2)), "image": made(values.reshape(1, 1, 4, 4)), "filters": made(np.ones((2, 1, 3, 3))),
        "c": made(values, False), "d": made(values, False), "one": made(values[0, 0], False), "mean": made(np.zeros(4), False),
        "var": made(np.ones(4), False), "mask": library.tensor((values > 1).tolist()), "places": library.tensor([0, 2, 1, 3]),
        "grid": library.tensor([[0, 1], [2, 3], [1, 1], [0, 3]]),
    }  # fmt: skip


def call_of(expression: str, names: dict[str, object]) -> Callable[[], object]:
    """The expression or statement as a function without arguments; of `nn.X(…)(a)` the module is made once."""
    names = dict(names)
    if expression.startswith("nn."):
        module, _, arguments = expression.rpartition("(")
        names["module"] = eval(module, names)  # noqa: S307
        expression = f"module({arguments}"
    local: dict[str, Callable[[], object]] = {}
    body = expression if " = " in expression or " += " in expression else f"return {expression}"
    exec(f"def call({'c=c, d=d' if '+=' in body else ''}):\n    {body}", names, local)  # noqa: S102
    return local["call"]


def rows(modules: bool) -> list[tuple[str, bool]]:
    """(expression, whether a graph is recorded)."""
    if modules:
        return [(expression, graph) for expression in MODULES for graph in (False, True)]
    both = [(expression, graph) for expression in BOTH for graph in (False, True)]
    return [*both, *((expression, False) for expression in PLAIN), *((expression, True) for expression in BACKWARD)]


def least(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The least seconds a call of each, which take turns of a third of a millisecond."""
    for call in calls.values():
        call()  # builds the kernel, where there is one
    times = {name: calibrate(call, 0.0003) for name, call in calls.items()}
    took: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            took[name].append(seconds_of(call, times[name]) / times[name])
    return {name: min(seconds) for name, seconds in took.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only the expressions that contain this")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--modules", action="store_true", help="modules of flambeau.nn instead of ops")
    parser.add_argument("--sort", action="store_true", help="the worst ratio first, when all is measured")
    options = parser.parse_args()

    names = {}
    for name in ("flambeau", "torch"):
        if importlib.util.find_spec(name):
            library = importlib.import_module(name)
            library.set_num_threads(1)
            names[name] = {graph: names_of(library, graph) for graph in (False, True)}
    print(machine("numpy", "flambeau", "torch"))
    print(f"µs a call on float32 tensors of 16 elements; least of {options.rounds} rounds in turns\n")
    print(f"{'':58}{'flambeau':>10}{'torch':>10}{'ratio':>8}")
    ratios, lines = [], []
    for expression, graph in rows(options.modules):
        if options.only not in expression:
            continue
        took = least({name: call_of(expression, tables[graph]) for name, tables in names.items()}, options.rounds)
        line = f"{expression + (' + graph' if graph else ''):58}{took['flambeau'] * 1e6:10.2f}"
        ratio = took["flambeau"] / took["torch"] if "torch" in took else math.nan
        if "torch" in took:
            ratios.append((ratio, expression + (" + graph" if graph else "")))
            line += f"{took['torch'] * 1e6:10.2f}{ratio:8.2f}{' *' if ratio > WORST_LIMIT else ''}"
        lines.append((-ratio, line))
        if not options.sort:
            print(line, flush=True)
    if options.sort:
        print("\n".join(line for _, line in sorted(lines)))
    if not ratios:
        return 0
    mean = math.exp(sum(math.log(ratio) for ratio, _ in ratios) / len(ratios))
    worst, where = max(ratios)
    above = sum(ratio > WORST_LIMIT for ratio, _ in ratios)
    print(f"\n{len(ratios)} rows, geometric mean {mean:.2f} (limit {MEAN_LIMIT})")
    print(f"worst {worst:.2f}: {where} (limit {WORST_LIMIT}, {above} above it)")
    return int(mean > MEAN_LIMIT or worst > WORST_LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
