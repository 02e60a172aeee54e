"""PyTorch's operator database on PyTorch and on Flambeau: `nox -s parity` runs this where both can be imported.

    python tests/parity/operators.py OPDB.PY [arguments of opdb.py]     # every record, then every error input
    python tests/parity/operators.py OPDB.PY --only conv --show 3
    python tests/parity/operators.py OPDB.PY --device cuda              # Flambeau's side on a GPU: forward alone, no error inputs

The comparison itself is opdb.py's. Two things are added:
- PyTorch's random records run through a helper that seeds PyTorch just before the call; here it seeds Flambeau too.
- `error_inputs`, the database's bad calls, must raise here the type that they raise there.
"""
from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from pathlib import Path

if __name__ == "__main__":  # worker processes inherit the path
    sys.path.insert(0, str(Path(sys.argv.pop(1)).resolve().parent))

import opdb

judge = opdb.work


def work(job):
    """One record, with the database's helper seeding both sides."""
    fl = importlib.import_module(job[1])
    seed_both(fl)
    if device := os.environ.get("PARITY_DEVICE"):
        move(fl, job[0], device)
    return judge(job)


def move(fl, index: int, device: str) -> None:
    """Flambeau's samples, and what it makes, on `device`; gradients are left out, for their seeds are made on the CPU."""
    from torch.testing._internal.common_methods_invocations import op_db

    op_db[index].supports_autograd = False
    fl.set_default_device(device)
    tensor, there = PLAIN
    opdb.Bridge.tensor = lambda self, t: tensor(self, t).to(device)
    opdb.Bridge.there = lambda self, x: fl.device(device) if isinstance(x, self.torch.device) else there(self, x)


PLAIN = opdb.Bridge.tensor, opdb.Bridge.there


def seed_both(fl) -> None:
    from torch.testing._internal import common_methods_invocations as database

    helper = database.wrapper_set_seed
    if helper.__module__ == __name__:
        return

    def seeded(op, *args, **kwargs):
        fl.manual_seed(42)
        return helper(op, *args, **kwargs)

    database.wrapper_set_seed = seeded


def keep_shared_memory(bridge) -> None:
    """Tensors of one memory on PyTorch's side share one here too: what is wrong with a call may be just that."""
    alone, wholes = bridge.tensor, {}

    def tensor(t):
        if t.requires_grad or t.is_sparse or t.layout is not bridge.torch.strided or not t.numel():
            return alone(t)
        key = t.untyped_storage().data_ptr(), t.dtype
        if key not in wholes:
            count = t.untyped_storage().nbytes() // t.itemsize
            wholes[key] = alone(t.as_strided((count,), (1,), 0))
        return wholes[key].as_strided(tuple(t.shape), t.stride(), t.storage_offset())

    bridge.tensor = tensor


def mistakes(job):
    """(how many error inputs raise the same type, how many there are, what the others did) for one record."""
    index, module = job
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    fl, info = importlib.import_module(module), op_db[index]
    seed_both(fl)
    same, said, tried = 0, [], 0
    try:
        found = list(info.error_inputs("cpu")) if info.error_inputs_func else []
    except Exception as e:  # the generator needs a device or a library that is not here
        return index, (0, 0, [f"no error inputs: {type(e).__name__}: {e}"])
    for k, bad in enumerate(found):
        sample = bad.sample_input
        try:
            info.op(sample.input, *sample.args, **sample.kwargs)
        except Exception as e:
            expected = type(e)
        else:
            continue  # PyTorch itself takes it
        try:
            bridge = opdb.Bridge(torch, fl)
            keep_shared_memory(bridge)
            x, args, kwargs = bridge.there(sample.input), bridge.there(tuple(sample.args)), bridge.there(dict(sample.kwargs))
        except Exception:  # a sparse, meta or CUDA tensor: opdb.py's bridge does not carry it
            continue
        tried += 1
        try:
            bridge.op(info)(x, *args, **kwargs)
        except Exception as e:
            if isinstance(e, expected) or type(e).__name__ == expected.__name__:
                same += 1
            else:
                said.append(f"{k}: {expected.__name__} expected, got {type(e).__name__}: {str(e)[:150]}")
        else:
            said.append(f"{k}: {expected.__name__} expected, nothing raised")
    return index, (same, tried, said)


def errors(module: str, only: str, show: int, jobs: int, at_least: float) -> bool:
    from torch.testing._internal.common_methods_invocations import op_db

    label = lambda o: f"{o.name}.{o.variant_test_name}".strip(".")
    chosen = [i for i, o in enumerate(op_db) if only in label(o) + "." and not (label(o) + ".").startswith(opdb.NOT_ASKED)]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        verdicts = dict(pool.imap_unordered(mistakes, [(i, module) for i in chosen], chunksize=16))
    same = sum(v[0] for v in verdicts.values())
    tried = sum(v[1] for v in verdicts.values())
    for i in chosen:
        good, count, said = verdicts[i]
        if said and show:
            print(f"{label(op_db[i]):44s} errors {good}/{count}")
            for line in said[:show]: print("    ", line.replace("\n", " | "))
    share = 100 * same / max(tried, 1)
    print(f"error_inputs: {same} of {tried} ({share:.1f} %) raise the same type")
    return share >= at_least


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], add_help=False)
    parser.add_argument("--module", default="flambeau")
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--errors-at-least", type=float, default=0, help="exit 1 when fewer error inputs (in %%) raise the same type")
    parser.add_argument("--errors-only", action="store_true", help="leave the records out")
    parser.add_argument("--device", default="", help="where Flambeau computes")
    mine, _ = parser.parse_known_args()
    valued = ("--errors-at-least", "--device")
    sys.argv = [a for before, a in zip(["", *sys.argv], sys.argv) if a not in ("--errors-only", *valued) and before not in valued]
    os.environ["PARITY_DEVICE"] = mine.device
    failed = not mine.device and not errors(mine.module, mine.only, mine.show, mine.jobs, mine.errors_at_least)
    if not mine.errors_only:
        opdb.work = work
        opdb.main()  # exits with its own verdict when records fall short
    sys.exit(failed)


if __name__ == "__main__":
    main()
