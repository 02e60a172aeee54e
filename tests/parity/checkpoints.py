"""Checkpoints carried between PyTorch and Flambeau, both ways and in both formats: `nox -s parity_nn` runs this where both can be imported.

    python tests/parity/checkpoints.py

Values and tensors of every dtype must come back bit for bit, with their strides, views as views; and a network whose training goes on in
the other library, its optimizer's state included, must end where it would have ended at home.
"""
from __future__ import annotations

import io
import sys
import warnings
from collections import OrderedDict

import numpy as np
import torch

import flambeau

warnings.filterwarnings("ignore")
DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
NEW = "uint16 uint32 uint64 float8_e4m3fn float8_e5m2".split()  # PyTorch reads these in the zip format alone
OPTIMIZERS = {"SGD": {"lr": 0.05, "momentum": 0.9}, "Adam": {"amsgrad": True}, "AdamW": {}, "NAdam": {}, "RAdam": {}, "Adamax": {},
              "Adadelta": {}, "Adagrad": {}, "RMSprop": {"centered": True, "momentum": 0.5}, "Rprop": {}, "ASGD": {}, "Adafactor": {}}


def value(m, zipped: bool) -> dict:
    base = m.arange(24.0).reshape(4, 6)
    made = {
        "base": base, "view": base.t()[1:3], "wide": base[0].expand(3, 6), "parameter": m.nn.Parameter(m.ones(2)), "size": m.Size([1, 2]),
        "device": m.device("cuda", 1), "dtype": m.float32, "bytes": b"ab\xff", "set": {1, 2}, "complex": 1j, "deep": [(1, [None, {}])],
        "meta": m.ones(2, 3, device="meta"), "ordered": OrderedDict(b=1, a=2), "long": 10**40, "empty": m.zeros(0, 3),
        "one": m.tensor(3), "leaf": m.ones(2, requires_grad=True),
    }  # fmt: skip
    m.manual_seed(0)
    for name in DTYPES + NEW * zipped:
        made[name] = (m.randn(3) * 3).abs().to(getattr(m, name))
    return made


def plain(x):
    """What can be compared across the libraries."""
    if isinstance(x, torch.Tensor | flambeau.Tensor):
        name, kind = str(x.dtype).rpartition(".")[2], type(x).__name__
        if x.device.type == "meta":
            return kind, name, tuple(x.shape), tuple(x.stride())
        t = x.detach().contiguous().reshape(-1)
        raw = t.view(torch.uint8).numpy() if isinstance(t, torch.Tensor) and t.numel() else t.numpy()
        return kind, name, tuple(x.shape), tuple(x.stride()) if x.numel() else None, x.requires_grad, raw.tobytes()
    if isinstance(x, dict):
        return type(x).__name__, [(k, plain(v)) for k, v in x.items()]
    if isinstance(x, list | tuple):
        return type(x).__name__, [plain(v) for v in x]
    return str(x).replace("flambeau.", "torch.")


def carry(a, b, thing, zipped: bool):
    file = io.BytesIO()
    a.save(thing, file, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    return b.load(file)


def values_differ(a, b, zipped: bool) -> list[str]:
    made = value(a, zipped)
    back = carry(a, b, made, zipped)
    wrong = [name for name in made if plain(made[name]) != plain(back[name])]
    back["base"][1, 1] = 77.0
    if back["view"][0, 1].item() != 77.0:
        wrong.append("view: its memory is no longer base's")
    return wrong


def network(m, name: str):
    m.manual_seed(0)
    net = m.nn.Sequential(m.nn.Linear(4, 8), m.nn.Tanh(), m.nn.Linear(8, 2))
    return net, getattr(m.optim, name)(net.parameters(), **OPTIMIZERS[name])


def train(m, net, optimizer, first: int) -> None:
    for i in range(first, first + 5):
        x = np.random.default_rng(i).standard_normal((8, 4)).astype(np.float32)
        optimizer.zero_grad()
        net(m.from_numpy(x)).pow(2).sum().backward()
        optimizer.step()


def training_differs(a, b, name: str) -> float:
    """The largest difference of a weight between who stayed and who went."""
    (stays, its), (goes, own) = network(a, name), network(b, name)
    train(a, stays, its, 0)
    carried = carry(a, b, {"net": stays.state_dict(), "optimizer": its.state_dict()}, True)
    goes.load_state_dict(carried["net"])
    own.load_state_dict(carried["optimizer"])
    train(a, stays, its, 5)
    train(b, goes, own, 5)
    return max(float(np.abs(p.detach().numpy() - q.detach().numpy()).max()) for p, q in zip(stays.parameters(), goes.parameters()))


def main() -> int:
    failed = 0
    for a, b in ((torch, flambeau), (flambeau, torch)):
        way = f"{a.__name__} -> {b.__name__}"
        for zipped in (True, False):
            wrong = values_differ(a, b, zipped)
            failed += bool(wrong)
            print(f"{way}, {'zip' if zipped else 'before 1.6'}: {'differ: ' + ', '.join(wrong) if wrong else 'the same'}")
        for name in OPTIMIZERS:
            gap = training_differs(a, b, name)
            failed += gap > 1e-5
            print(f"{way}, {name}: {gap:.1e}")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
