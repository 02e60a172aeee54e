"""PyTorch's operator database under autocast on the CPU: the dtypes of the results.  `nox -s parity_nn` runs this.

    python tests/parity/autocast.py OPDB.PY [--only NAME]
"""
from __future__ import annotations

import sys
import warnings
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(sys.argv.pop(1)).resolve().parent))

import opdb
import torch
from torch.testing._internal.common_methods_invocations import op_db

import flambeau

warnings.filterwarnings("ignore")
# float32 here, where PyTorch's happens to meet a product inside; or refused here, as without autocast
KNOWN = {"linalg.pinv", "linalg.pinv.hermitian", "linalg.pinv.singular", "linalg.matrix_power", "svd_lowrank", "pca_lowrank", "masked.prod",
         "nn.functional.multi_margin_loss"}
SAMPLES = 6


def kinds(result):
    if isinstance(result, torch.Tensor | flambeau.Tensor):
        return str(result.dtype).rpartition(".")[2]
    return [kinds(r) for r in result] if isinstance(result, tuple | list) else type(result).__name__


def attempt(call):
    try:
        return kinds(call())
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:80]}"


def one(info, bridge, sample):
    """(expected, found) of a sample; None where there is nothing to compare."""
    args = (sample.input, *sample.args)
    with torch.autocast("cpu"):
        expected = attempt(lambda: info.op(*args, **sample.kwargs))
    if "Error" in expected:
        return None
    try:
        there, ours, kwargs = bridge.op(info), bridge.there(list(args)), bridge.there(dict(sample.kwargs))
    except (AttributeError, LookupError, TypeError, RuntimeError, opdb.SkipSample):
        return None  # what opdb.py cannot carry it reports itself
    if "Error" in attempt(lambda: there(*ours, **kwargs)) and "Error" not in attempt(lambda: info.op(*args, **sample.kwargs)):
        return None  # wrong without autocast, too: opdb.py's to say
    with flambeau.autocast("cpu"):
        return expected, attempt(lambda: there(*ours, **kwargs))


def compare(info, bridge) -> tuple[int, str | None]:
    """(samples that both could do, the first difference)"""
    done = 0
    for dtype in (torch.float32, torch.bfloat16):
        for i, sample in enumerate(info.sample_inputs("cpu", torch.float32)):
            if i == SAMPLES:
                break
            if dtype is not torch.float32:
                sample = sample.transform(lambda t: t.bfloat16() if isinstance(t, torch.Tensor) and t.dtype is torch.float32 else t)
            pair = one(info, bridge, sample)
            done += pair is not None
            if pair and pair[0] != pair[1]:
                return done, f"{dtype}: expected {pair[0]}, got {pair[1]}"
    return done, None


def main() -> int:
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    bridge, samples, wrong = opdb.Bridge(torch, flambeau), 0, 0
    for info in op_db:
        if only not in info.full_name or info.name.startswith(opdb.NOT_ASKED) or info.full_name in KNOWN:
            continue
        done, difference = compare(info, bridge)
        samples += done
        if difference:
            wrong += 1
            print(f"{info.full_name}: {difference}")
    print(f"{samples} samples compared, {wrong} records differ, {len(KNOWN)} are known to")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(), 1))
