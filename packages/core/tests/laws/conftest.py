"""The laws' sample maker, and the table of all cards."""
from __future__ import annotations

import zlib

import numpy as np
import pytest

import flambeau
import flambeau.linalg
import flambeau.nn  # brings its cards along
import flambeau.special  # and these too
from flambeau.op import CARDS
from flambeau.ops import later

for _name in later.FUNCTIONS:  # and the families that are read when they are used
    later.function(_name)

BUILT_IN = {name: card for name, card in CARDS.items() if card.body.__module__.startswith("flambeau")}


class Make:
    """Sample inputs for a card: `make(shape, low, high)` floats, `make.index(places)` integers, `make.other` another dtype."""

    def __init__(self, name: str, dtype, requires_grad: bool = False, transposed: bool = False):
        self.draw, self.dtype, self.requires_grad, self.transposed = (
            np.random.default_rng(zlib.crc32(name.encode())),
            dtype,
            requires_grad,
            transposed,
        )
        self.other = flambeau.float64 if dtype is flambeau.float32 else flambeau.float32

    def __call__(self, shape, low: float, high: float):
        values = self.draw.uniform(low, high, shape)
        if self.dtype.category < 2:
            values = np.ceil(values) if low >= 0 else np.round(values)
        values = np.asarray(values).astype(self.dtype.numpy)
        if self.transposed and values.ndim > 1:
            values = np.ascontiguousarray(values.T).T
        x = flambeau.from_numpy(values)
        return x.requires_grad_() if self.requires_grad and self.dtype.category >= 2 else x

    def index(self, places):
        return flambeau.tensor(np.asarray(places, np.int64))


def tensors_of(card, inputs) -> list:
    return list(inputs[0]) if card.variadic else list(inputs)


def samples(card, dtype=flambeau.float64, **options):
    """(inputs, attrs) as the card's own samples make them; for a variadic card inputs is the list itself."""
    for inputs, attrs in card.samples(Make(card.name, dtype, **options)):
        if card.variadic:
            inputs = inputs[0] if isinstance(inputs, tuple) else inputs
        yield inputs, attrs


ONCE = {"ctc"}  # their gradient is a card without one, as in PyTorch


def skip_once(card) -> None:
    if card.name in ONCE:
        pytest.skip("differentiable once, as in PyTorch")


def outputs(y) -> list:
    return list(y) if isinstance(y, tuple) else [y]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    try:
        return (yield)
    except ModuleNotFoundError as error:  # some special functions are SciPy's, which core does not depend on
        if error.name != "scipy":
            raise
        pytest.skip(str(error))


def pytest_generate_tests(metafunc):
    if "card" in metafunc.fixturenames:
        metafunc.parametrize("card", [pytest.param(c, id=n) for n, c in sorted(BUILT_IN.items())])
