"""PyTorch's module database on PyTorch and on Flambeau: `nox -s parity_nn` runs this where both can be imported.

    python tests/parity/modules.py OPDB.PY                    # every record: a row for each that falls short, then the score
    python tests/parity/modules.py OPDB.PY --only LSTM --show 5
    python tests/parity/modules.py OPDB.PY --at-least 98      # exit 1 when fewer records (in %) pass

Each sample of a record is built after `manual_seed(0)` on both sides, in training and in evaluation. Compared are: the first numbers
of the parameters, the state_dict's names, what is printed, the results (float32 and float64), the gradients of inputs and parameters
(float64), and the state after the call. The database's bad calls must raise here the type that they raise there.
Tensors are carried over and compared by opdb.py.
"""
from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import multiprocessing
import os
import sys
import traceback
import warnings
from pathlib import Path

if __name__ == "__main__":  # worker processes inherit the path
    sys.path.insert(0, str(Path(sys.argv.pop(1)).resolve().parent))

import opdb

warnings.filterwarnings("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class Bridge(opdb.Bridge):
    """The same, and modules and options that are arguments of modules: built here from what built them there."""

    carried: dict = {}  # a tensor that is given twice is one tensor here too

    def tensor(self, t):
        if id(t) not in self.carried:
            self.carried[id(t)] = t, super().tensor(t)
        return self.carried[id(t)][1]

    def there(self, x):
        torch, fl = self.torch, self.fl
        if isinstance(x, torch.nn.Module):
            if not hasattr(x, "made_with"):
                raise LookupError(f"how was {type(x).__name__} made?")
            args, kwargs = x.made_with
            made = getattr(fl.nn, type(x).__name__)(*self.there(args), **self.there(kwargs))
            self.copy(x, made)
            return made
        if dataclasses.is_dataclass(x) and type(x).__module__.startswith("torch."):
            fields = {f.name: self.there(getattr(x, f.name)) for f in dataclasses.fields(x)}
            return getattr(fl.nn, type(x).__name__)(**fields)
        return super().there(x)

    def copy(self, module, ours) -> None:
        """The same numbers in both modules."""
        ours.load_state_dict({name: super(Bridge, self).tensor(value) for name, value in module.state_dict().items()})


def remember_arguments(torch) -> None:
    cls = torch.nn.TransformerEncoderLayer
    if hasattr(cls.__init__, "__wrapped__"):
        return
    init = cls.__init__

    @functools.wraps(init)
    def keeping(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.made_with = args, kwargs

    cls.__init__ = keeping


class Judge:
    """One record on both sides."""

    def __init__(self, info, torch, fl) -> None:
        self.info, self.torch, self.fl = info, torch, fl
        self.bridge, self.home = Bridge(torch, fl), Bridge(torch, torch)
        self.tried = self.good = 0
        self.said: list[str] = []

    def run(self):
        torch, info = self.torch, self.info
        for training in (True, False):
            for dtype in (torch.float32, torch.float64):
                if dtype not in info.dtypes:
                    continue
                torch.manual_seed(1)
                graded = dtype is torch.float64
                samples = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=graded, training=training)
                for k, sample in enumerate(samples):
                    self.verdict(f"{str(dtype)[6:]} {'train' if training else 'eval'} {k} {sample.desc}",
                                 lambda s=sample, d=dtype, t=training, g=graded: self.sample(s, d, t, g))
        if info.module_error_inputs_func is not None:
            bad = info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=True)
            for k, case in enumerate(bad):
                self.verdict(f"error {k}", lambda c=case: self.mistake(c))
        return self.good, self.tried, self.said

    def verdict(self, label, check) -> None:
        try:
            check()
        except opdb.SkipSample:
            return
        except Exception as e:
            self.said.append(f"{label}: {type(e).__name__}: {str(e)[:300]}")
        else:
            self.good += 1
        self.tried += 1

    def build(self, sample, dtype, training):
        torch, fl, bridge = self.torch, self.fl, self.bridge
        given = sample.constructor_input
        args, kwargs = bridge.there(tuple(given.args)), bridge.there(dict(given.kwargs))
        torch.manual_seed(0)
        module = self.info.module_cls(*given.args, **given.kwargs)
        fl.manual_seed(0)
        ours = opdb.load(self.info.name, fl)(*args, **kwargs)
        if not self.info.is_lazy:
            self.same_state(module, ours, "first")
        if (text := repr(module).replace("torch.", "flambeau.")) != repr(ours):
            raise AssertionError(f"printed {text!r} expected, got {ours!r}")
        return module.to(dtype).train(training), ours.to(bridge.dtypes[dtype]).train(training)

    def same_state(self, module, ours, when) -> None:
        there, here = module.state_dict(), ours.state_dict()
        if list(there) != list(here):
            raise AssertionError(f"{when} state_dict: expected {list(there)}, got {list(here)}")
        for name, value in there.items():
            opdb.compare(self.home.back(value), self.bridge.back(here[name]), self.info.name, f"{when} {name}")
        names = [n for n, _ in module.named_parameters()], [n for n, _ in ours.named_parameters()]
        if names[0] != names[1]:
            raise AssertionError(f"{when} parameters: expected {names[0]}, got {names[1]}")

    def sample(self, sample, dtype, training, graded) -> None:
        torch, fl, bridge, home, name = self.torch, self.fl, self.bridge, self.home, self.info.name
        given = sample.forward_input
        bridge.carried = {}
        args, kwargs = bridge.there(tuple(given.args)), bridge.there(dict(given.kwargs))
        module, ours = self.build(sample, dtype, training)
        torch.manual_seed(0)
        want = module(*given.args, **given.kwargs)
        fl.manual_seed(0)
        got = ours(*args, **kwargs)
        opdb.compare(home.back(want), bridge.back(got), name, "result")
        self.same_state(module, ours, "later")
        if graded:
            there = [*leaves(given, torch.Tensor), *module.parameters()]
            here = [*(t for t in unique(flat([args, kwargs], fl.Tensor)) if t.requires_grad), *ours.parameters()]
            grads = opdb.grads(torch, want, there, __import__("numpy")) if there else None
            if grads is not None:
                mine = opdb.grads(fl, got, here, __import__("numpy"))
                if mine is None:
                    raise AssertionError("no output requires grad")
                filled = [home.back(torch.zeros_like(x) if g is None else g) for g, x in zip(grads, there)]
                ours_filled = [bridge.back(fl.zeros_like(x) if g is None else g) for g, x in zip(mine, here)]
                opdb.compare(filled, ours_filled, name, "grad")

    def mistake(self, case) -> None:
        construction = "CONSTRUCTION" in case.error_on.name
        sample, bridge = case.module_error_input, self.bridge
        given, call = sample.constructor_input, sample.forward_input
        args, kwargs = bridge.there(tuple(given.args)), bridge.there(dict(given.kwargs))
        try:
            ours = opdb.load(self.info.name, self.fl)(*args, **kwargs)
            if not construction:
                ours(*bridge.there(tuple(call.args)), **bridge.there(dict(call.kwargs)))
        except Exception as e:
            if not isinstance(e, case.error_type) and type(e).__name__ != case.error_type.__name__:
                raise AssertionError(f"{case.error_type.__name__} expected, got {type(e).__name__}: {e}") from e
        else:
            raise AssertionError(f"{case.error_type.__name__} ({case.error_regex}) expected, nothing raised")


def flat(x, cls):
    if isinstance(x, cls):
        yield x
    elif isinstance(x, dict):
        yield from flat(list(x.values()), cls)
    elif isinstance(x, (list, tuple)):
        for each in x:
            yield from flat(each, cls)


def leaves(given, cls):
    return (t for t in unique(flat([list(given.args), given.kwargs], cls)) if t.requires_grad)


def unique(tensors):
    return {id(t): t for t in tensors}.values()


def work(job):
    index, module = job
    import torch

    torch.set_num_threads(1)
    remember_arguments(torch)
    from torch.testing._internal.common_modules import module_db

    try:
        return index, Judge(module_db[index], torch, importlib.import_module(module)).run()
    except Exception:
        return index, (0, 1, [traceback.format_exc(limit=-3)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", default="flambeau")
    parser.add_argument("--only", default="", help="records whose name contains this")
    parser.add_argument("--show", type=int, default=1, help="failures shown a record")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--at-least", type=float, default=0, help="exit 1 when fewer records (in %%) pass")
    a = parser.parse_args()
    from torch.testing._internal.common_modules import module_db

    chosen = [i for i, info in enumerate(module_db) if a.only in info.name]
    with multiprocessing.get_context("spawn").Pool(a.jobs) as pool:
        verdicts = dict(pool.imap_unordered(work, [(i, a.module) for i in chosen], chunksize=4))
    passed = 0
    for i in chosen:
        good, tried, said = verdicts[i]
        passed += good == tried
        if good < tried and a.show:
            print(f"{module_db[i].name:44s} {good}/{tried}")
            for line in said[:a.show]:
                print("    ", line.replace("\n", " | "))
    share = 100 * passed / max(len(chosen), 1)
    print(f"module_db: {len(chosen)} records; {passed} ({share:.1f} %) pass")
    sys.exit(share < a.at_least)


if __name__ == "__main__":
    main()
