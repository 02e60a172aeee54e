"""PyTorch's optimizer database on PyTorch and on Flambeau: `nox -s parity_nn` runs this where both can be imported.

    python tests/parity/optimizers.py                      # every record: a row for each that falls short, then the score
    python tests/parity/optimizers.py --only Adam --show 5 # records whose name contains 'Adam', five failures each

A case is one input of a record in one mode: as it is, foreach on and off, fused, capturable, differentiable, several groups, float64,
complex, with weights that both sides were given. It passes when 20 steps on a small network end at PyTorch's weights (1e-5 of their size;
where PyTorch raises, the same type is raised), when both state_dicts have the same keys, shapes and options, when each side goes on from
the other's state_dict to the same weights, and when both print alike. `optim_error_inputs` must raise the same types.
"""
from __future__ import annotations

import argparse
import collections
import importlib
import sys
import warnings

STEPS, LATER, CLOSE = 20, 5, 1e-5
OPTIMIZERS = "torch.testing._internal.common_optimizers"


class Side:
    """One library: its network, its optimizer, and NumPy arrays in between."""

    def __init__(self, library, arrays, x, y, mode):
        self.library, self.mode = library, mode
        self.x, self.y = library.from_numpy(x.copy()), library.from_numpy(y.copy())
        self.leaves = [library.from_numpy(a.copy()).requires_grad_() for a in arrays]
        self.weights = [p.clone() for p in self.leaves] if mode == "differentiable" else self.leaves
        for p in self.weights:
            if not p.is_leaf:
                p.retain_grad()

    def loss(self):
        if self.mode == "sparse":
            return (self.library.nn.functional.embedding(self.x, self.weights[0], sparse=True) - self.y).pow(2).sum()
        h, rest = self.x, self.weights[1:]
        h = h @ self.weights[0]
        for i, w in enumerate(rest):
            h = h @ w if w.ndim == 2 else h + w
            if i + 1 < len(rest):
                h = h / (1 + h.abs() ** 2) if self.mode == "complex" else h.tanh()  # complex tanh has poles
        return ((h - self.y).abs() ** 2).mean()

    def closure(self):
        for p in self.weights:
            p.grad = None
        loss = self.loss()
        loss.backward()
        return loss

    def build(self, name, kwargs):
        kwargs = {k: self.carried(v) for k, v in kwargs.items()}
        params = self.weights
        if self.mode == "groups":
            params = [{"params": params[:1]}, {"params": params[1:], "lr": 0.003}]
        elif self.mode == "named":
            params = [(f"w{i}", p) for i, p in enumerate(params)]
        self.optimizer = getattr(self.library.optim, name)(params, **kwargs)

    def carried(self, value):
        if isinstance(value, tuple):
            return tuple(map(self.carried, value))
        return self.library.tensor(value.tolist()) if hasattr(value, "tolist") else value

    def run(self, steps, needs_closure):
        for _ in range(steps):
            if needs_closure:
                self.optimizer.step(self.closure)
            elif self.mode == "differentiable":
                self.differentiable_step()
            else:
                self.closure()
                self.optimizer.step()

    def differentiable_step(self):
        """Gradients on a copy, so that the weights' own history is that of the steps alone."""
        history = [p.detach().clone().requires_grad_() for p in self.weights]
        kept, self.weights = self.weights, history
        self.closure()
        self.weights = kept
        for p, copy in zip(kept, history):
            p.grad = copy.grad
        self.optimizer.step()

    def ends(self):
        return [p.detach().numpy() for p in self.weights]

    def through(self):
        """Gradients through all the steps."""
        sum((p.abs() ** 2).sum() for p in self.weights).backward()
        return [p.grad.detach().numpy() for p in self.leaves]


def network(np, mode, name, seed=0):
    """(arrays of the weights, x, y)."""
    rng = np.random.default_rng(seed)
    kind = np.float64 if mode == "float64" else np.float32
    shapes = {"Muon": [(4, 8), (8, 3)], "LBFGS": [(4, 3), (3,)]}.get(name, [(4, 8), (8,), (8, 3), (3,)])  # matrices alone; a convex loss
    draw = lambda *shape: rng.standard_normal(shape)
    if mode == "complex":
        return [(0.5 * draw(*s) + 0.5j * draw(*s)).astype(np.complex64) for s in shapes], *(
            (draw(*s) + 1j * draw(*s)).astype(np.complex64) for s in ((16, 4), (16, 3)))
    if mode == "sparse":
        return [draw(10, 3).astype(kind)], rng.integers(0, 10, 16), draw(16, 3).astype(kind)
    return [(0.5 * draw(*s)).astype(kind) for s in shapes], draw(16, 4).astype(kind), draw(16, 3).astype(kind)


def cases(info):
    """(label, kwargs, mode)"""
    sparse_only = info.only_supports_sparse_grads
    for given in info.optim_inputs_func(device="cpu"):
        base, label = given.kwargs, given.desc
        yield label, base, "sparse" if sparse_only else ""
        if sparse_only:
            continue
        yield f"{label}, float64", base, "float64"
        if "lr" not in base or not hasattr(base["lr"], "tolist"):
            for flag in ("foreach", "fused"):
                if flag in info.supported_impls:
                    for value in (True, False):
                        yield f"{label}, {flag}={value}", base | {flag: value}, ""
        if "differentiable" in info.supported_impls:
            yield f"{label}, differentiable", base | {"differentiable": True}, "differentiable"
        if info.has_capturable_arg:
            yield f"{label}, capturable", base | {"capturable": True}, ""
        if info.supports_complex:
            yield f"{label}, complex", base, "complex"
        if info.supports_sparse and not base.get("weight_decay"):
            yield f"{label}, sparse", base, "sparse"
        if info.supports_param_groups:
            yield f"{label}, groups", base, "groups"
        yield f"{label}, named", base, "named"


def outcome(side, info, kwargs):
    """None, or the type of what was raised."""
    try:
        side.build(info.name, kwargs)
        side.run(STEPS, info.step_requires_closure)
    except Exception as e:
        return e
    return None


def judge(torch, fl, np, info, kwargs, mode):
    """What is wrong with a case, or ''."""
    made = network(np, mode, info.name)
    theirs, ours = (Side(library, *made, mode) for library in (torch, fl))
    expected, got = outcome(theirs, info, kwargs), outcome(ours, info, kwargs)
    if expected is not None or got is not None:
        if type(expected).__name__ == type(got).__name__:
            return ""
        return f"{type(expected).__name__} expected, got {type(got).__name__}: {got}"
    if said := apart(np, theirs.ends(), ours.ends(), CLOSE):
        return f"weights {said}"
    mine, other = ours.optimizer.state_dict(), theirs.optimizer.state_dict()
    if said := unlike(np, other, mine):
        return f"state_dict {said}"
    if repr(theirs.optimizer) != repr(ours.optimizer):
        return f"repr {ours.optimizer!r} for {theirs.optimizer!r}"
    if mode == "differentiable":
        if kwargs.get("momentum") and info.name == "SGD":  # PyTorch detaches the first gradient that joins the buffer
            return ""
        try:
            expected = theirs.through()
        except RuntimeError:  # some of PyTorch's steps overwrite what the one before has saved
            return ""
        said = apart(np, expected, ours.through(), CLOSE)
        return f"gradients {said}" if said else ""
    theirs.optimizer.load_state_dict(carry(mine, torch))
    ours.optimizer.load_state_dict(carry(other, fl))
    for side in (theirs, ours):
        side.run(LATER, info.step_requires_closure)
    said = apart(np, theirs.ends(), ours.ends(), 2 * CLOSE)
    return f"weights after loading each other's state {said}" if said else ""


def apart(np, expected, got, close):
    for i, (a, b) in enumerate(zip(expected, got, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{i}: {a.dtype}{a.shape} expected, got {b.dtype}{b.shape}"
        worst = np.abs(a - b).max() / max(1.0, np.abs(a).max())
        if not worst <= close:
            return f"{i} differ by {worst:.2e}"
    return ""


def unlike(np, a, b, where=""):
    """Where two nested state_dicts differ in keys, shapes, dtypes or options."""
    if isinstance(a, dict):
        if not isinstance(b, dict) or list(a) != list(b):
            return f"{where}: keys {list(a)} expected, got {list(b) if isinstance(b, dict) else b}"
        return next(filter(None, (unlike(np, a[k], b[k], f"{where}[{k!r}]") for k in a)), "")
    if isinstance(a, list | tuple):
        if type(a) is not type(b) or len(a) != len(b):
            return f"{where}: {type(a).__name__} of {len(a)} expected, got {b}"
        return next(filter(None, (unlike(np, x, y, f"{where}[{i}]") for i, (x, y) in enumerate(zip(a, b)))), "")
    if hasattr(a, "detach"):
        if a.ndim == 0 and isinstance(b, float):  # what PyTorch keeps as a tensor where lr is one
            return ""
        shapes = [(tuple(x.shape), str(x.dtype).split(".")[-1]) if hasattr(x, "detach") else x for x in (a, b)]
        return "" if shapes[0] == shapes[1] else f"{where}: {shapes[0]} expected, got {shapes[1]}"
    if isinstance(a, float | int) and where.startswith("['state']"):  # how often LBFGS looked, hangs on the last bit
        return "" if isinstance(b, float | int) else f"{where}: a number expected, got {b}"
    return "" if a == b else f"{where}: {a!r} expected, got {b!r}"


def carry(value, library):
    """A state_dict with the tensors of another library."""
    if isinstance(value, dict):
        return {k: carry(v, library) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(carry(v, library) for v in value)
    if not hasattr(value, "detach"):
        return value
    made = library.from_numpy(value.detach().to_dense().numpy().copy())
    return made.to_sparse(value.sparse_dim()).coalesce() if value.is_sparse else made


def mistakes(torch, fl, info):
    """(how many error inputs raise the same type, how many there are, what the others did)"""
    same, tried, said = 0, 0, []
    memo: dict = {}

    def there(x):
        if isinstance(x, torch.nn.Parameter | torch.Tensor):
            if id(x) not in memo:
                y = fl.from_numpy(x.detach().to_dense().numpy().copy())
                y = y.to_sparse() if x.is_sparse else y
                memo[id(x)] = fl.nn.Parameter(y) if isinstance(x, torch.nn.Parameter) else y.requires_grad_(x.requires_grad)
                if x.grad is not None:
                    memo[id(x)].grad = there(x.grad)
            return memo[id(x)]
        if isinstance(x, dict):
            return {k: there(v) for k, v in x.items()}
        return type(x)(map(there, x)) if isinstance(x, list | tuple) else x

    for bad in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        given = bad.optimizer_error_input
        params = [torch.nn.Parameter(torch.randn(2, 3))] if given.params is None else given.params
        raised = []
        for library, carried in ((torch, lambda x: x), (fl, there)):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", UserWarning)
                    optimizer = getattr(library.optim, info.name)(carried(params), **carried(given.kwargs))
                    optimizer.step()
            except Exception as e:
                raised.append(e)
            else:
                raised.append(None)
        if raised[0] is None:
            continue  # PyTorch itself takes it
        tried += 1
        if type(raised[0]).__name__ == type(raised[1]).__name__:
            same += 1
        else:
            said.append(f"error input '{given.desc}': {type(raised[0]).__name__} expected, got {raised[1]!r}")
    return same, tried, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", default="flambeau", help="what is held against PyTorch; 'torch' is PyTorch against itself")
    parser.add_argument("--only", default="", help="records whose name contains this")
    parser.add_argument("--show", type=int, default=1, help="failures shown of each record")
    parser.add_argument("--at-least", type=float, default=0, help="exit 1 when fewer cases (in %%) agree")
    asked = parser.parse_args()

    import numpy as np
    import torch

    fl = importlib.import_module(asked.module)
    importlib.import_module(f"{asked.module}.optim")
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    score: collections.Counter[str] = collections.Counter()
    for info in importlib.import_module(OPTIMIZERS).optim_db:
        if asked.only not in info.name:
            continue
        said, good, count = [], 0, 0
        if not hasattr(fl.optim, info.name):
            said.append("is not there")
            score["cases"] += len(list(cases(info)))
        else:
            for label, kwargs, mode in cases(info):
                count += 1
                try:
                    wrong = judge(torch, fl, np, info, kwargs, mode)
                except Exception as e:
                    wrong = f"{type(e).__name__}: {e}"
                good += not wrong
                if wrong:
                    said.append(f"{label}: {wrong}")
            same, tried, more = mistakes(torch, fl, info)
            score.update(good=good, cases=count, same=same, tried=tried)
            said += more
        if said and asked.show:
            print(f"{info.name:12s} {good} of {count}")
            for line in said[: asked.show]:
                print("    ", line.replace("\n", " | ")[:300])
    share = lambda part, all_: 100 * score[part] / score[all_] if score[all_] else 100.0
    print(f"optimizers: {score['good']} of {score['cases']} cases ({share('good', 'cases'):.1f} %) agree with PyTorch")
    print(f"optim_error_inputs: {score['same']} of {score['tried']} raise the same type")
    sys.exit(min(share("good", "cases"), share("same", "tried")) < asked.at_least)


if __name__ == "__main__":
    main()
