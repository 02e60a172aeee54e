"""Short programs, each a function in scenes/*.py, say what they said when PyTorch 2.13 ran them (scenes/expected.txt).

Numbers are rounded in the programs; of errors the type and the beginning of the message count.
"""
from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "scenes"
# Where the words differ on purpose: the type of the error is the same.
OTHER_WORDS = {"shape", "exitw", "nested", "setrg2", "changed",
               "nondet3", "f_changed", "f_dirty_leaf", "detached_write", "inplace_in", "hook_bad",
               "badcheck", "grad_type", "int_tracked", "bad_grad_shape", "bad_grad_type"}
# Where the answer differs on purpose.
ON_PURPOSE = {
    "lens": "more gradients than tensors is an error",
    "f_once": "a second derivative is refused as such, not reported as an unused input",
    "walk": "the name of a leaf's node has no C++ namespace",
    "edges": "split is made of slices",
    "gm": "addresses",
    "edge_grad": "addresses",
    "default": "the warning is our own",
    "basic": "the last bit of sin",
    "chain3": "the last bit of exp",
}


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"scene_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scenes(module) -> list:
    helpers = {"X", "g", "num", "mk", "net", "leafs", "F", "G", "T"}
    found = [f for n, f in vars(module).items() if callable(f) and n not in helpers and getattr(f, "__module__", "") == module.__name__]
    return [f for f in found if not isinstance(f, type)]


def said(scene) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = repr(scene())
        except Exception as error:
            first = str(error).splitlines()[0] if str(error) else ""
            text = f"{type(error).__name__}: {first}"
    return re.sub(r"\b(torch|flambeau)\b", "LIB", re.sub(r"0x[0-9a-f]+", "0x", text)).replace("LIB.utils.checkpoint", "checkpoint")


def expected() -> dict[str, str]:
    lines = (HERE / "expected.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" -> ", 1) for line in lines if " -> " in line)


MODULES = {path.stem: load(path.stem) for path in sorted(HERE.glob("*.py"))}


@pytest.mark.parametrize(("name", "scene"), [(f"{m}.{s.__name__}", s) for m, module in MODULES.items() for s in scenes(module)
                                              if s.__name__ not in ON_PURPOSE])
def test_scene(name, scene):
    wanted, got = expected()[name], said(scene)
    short = scene.__name__
    error = re.match(r"(\w+(Error|Exception)): ", wanted)
    if not error:
        assert got == wanted
    elif short in OTHER_WORDS:
        assert got.startswith(error[0])
    else:
        assert got[:len(error[0]) + 45] == wanted[:len(error[0]) + 45]
