"""Every card gives on meta, where nothing is computed, the shape and dtype that it gives on the CPU, forward and backward."""
from __future__ import annotations

import pytest

import flambeau
from flambeau.dispatch import run
from flambeau.dtype import FLOAT

from .conftest import outputs, samples

VALUES_DECIDE = {"nonzero_rows", "unique_values"}  # what they give depends on values, which meta has not
# whose results the CPU's kernels lay out in an order of their own
OWN_ORDER = {"conv", "index", "softmax", "softmax_back", "log_softmax", "log_softmax_back", "logcumsumexp"}
META = flambeau.device("meta")


def call(card, inputs, attrs):
    return run(card, list(inputs) if card.variadic else tuple(inputs), attrs)


def moved(inputs):
    return [x.detach().to(META) if isinstance(x, flambeau.Tensor) else x for x in inputs]


def same(there, here):
    assert len(outputs(there)) == len(outputs(here))
    for x, y in zip(outputs(there), outputs(here), strict=True):
        assert x.device == META
        assert (x.shape, x.dtype) == (y.shape, y.dtype)


@pytest.mark.parametrize("dtype", [flambeau.float64, flambeau.float32], ids=str)
def test_forward(card, dtype):
    for inputs, attrs in samples(card, dtype):
        if card.name in VALUES_DECIDE:
            with pytest.raises(RuntimeError, match="meta"):
                call(card, moved(inputs), attrs)
            continue
        given = {k: META if k == "device" else v for k, v in attrs.items()}
        there, here = call(card, moved(inputs), given), call(card, inputs, attrs)
        same(there, here)
        if card.name not in OWN_ORDER:
            for x, y in zip(outputs(there), outputs(here), strict=True):
                assert x.stride() == y.stride() or 0 in y.shape


def test_backward(card):
    if card.vjp is None and card.kind != "composite" or card.name == "transfer":
        pytest.skip("has no gradient by design" if card.name != "transfer" else "moves its gradient to where there are values")
    for inputs, attrs in samples(card):
        grads = []
        for row in (list(inputs), moved(inputs)):
            places = [i for i, x in enumerate(row) if isinstance(x, flambeau.Tensor) and x.dtype.category >= FLOAT]
            for i in places:
                row[i] = row[i].detach().requires_grad_()
            ys = [y for y in outputs(call(card, row, attrs)) if y.requires_grad]
            if not ys:
                return
            grads.append(flambeau.autograd.grad(ys, [row[i] for i in places], [flambeau.ones_like(y) for y in ys], allow_unused=True))
        for here, there in zip(*grads, strict=True):
            assert (here is None) == (there is None)
            if here is not None:
                same(there, here)
