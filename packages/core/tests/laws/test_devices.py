"""Every card gives on a GPU what it gives on the CPU, forward and backward.  (`nox -s gpu`; skipped where there is none.)"""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.dispatch import run
from flambeau.dtype import FLOAT

from .conftest import outputs, samples

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def cuda():
    pytest.importorskip("cupy", reason="needs CuPy and a GPU")
    try:
        return flambeau.zeros(1, device="cuda").device
    except RuntimeError as error:
        pytest.skip(f"needs a GPU: {error}")


def moved(inputs, attrs, device):
    attrs = {k: flambeau.device("cuda") if k == "device" else v for k, v in attrs.items()}
    return [x.to(device) if isinstance(x, flambeau.Tensor) else x for x in inputs], attrs


# Singular vectors and eigenvectors are unique up to a sign (a phase), which LAPACK and cuSOLVER choose differently.
SIGN_FREE = {"linalg_svd": (0, 2), "linalg_eigh": (1,), "linalg_eig": (1,)}


def unsigned(card, ys):
    """The results, and magnitudes where the sign is the library's choice."""
    return tuple(y.abs() if i in SIGN_FREE.get(card.name, ()) else y for i, y in enumerate(outputs(ys)))


def close(a, b):
    for x, y in zip(outputs(a), outputs(b), strict=True):
        assert x.dtype is y.dtype
        np.testing.assert_allclose(x.detach().cpu().numpy(), y.detach().cpu().numpy(), rtol=1e-9, atol=1e-9, equal_nan=True)


def call(card, inputs, attrs):
    return run(card, list(inputs) if card.variadic else tuple(inputs), attrs)


def test_forward(card, cuda):
    for inputs, attrs in samples(card):
        there = call(card, *moved(inputs, attrs, cuda))
        assert all(y.device == cuda for y in outputs(there))
        close(unsigned(card, there), unsigned(card, call(card, inputs, attrs)))


@pytest.mark.parametrize("fold", ["maximum", "minimum", "multiply"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_folds(fold, dtype, cuda):
    """`accumulate`, and `at` with repeated places, which CuPy leaves out or computes in single precision."""
    from flambeau.backends import cupy

    rng = np.random.default_rng(3)
    x, places = (rng.standard_normal((5, 7)) * 3).astype(dtype), rng.integers(0, 5, 40)
    values, mine = (rng.standard_normal((40, 7)) * 2).astype(dtype), getattr(cupy, fold)
    given = cupy.asarray(x)
    for axis in (0, 1, -1):
        np.testing.assert_allclose(mine.accumulate(given, axis=axis).get(), getattr(np, fold).accumulate(x, axis=axis), rtol=1e-5)
    mine.at(given, cupy.asarray(places), cupy.asarray(values))
    getattr(np, fold).at(x, places, values)
    np.testing.assert_allclose(given.get(), x, rtol=1e-5)


def test_backward(card, cuda):
    if card.vjp is None and card.kind != "composite":
        pytest.skip("has no gradient by design")
    for inputs, attrs in samples(card):
        grads = []
        for device in ("cpu", cuda):
            row, given = moved(inputs, attrs, device) if device is cuda else (list(inputs), attrs)
            places = [i for i, x in enumerate(row) if isinstance(x, flambeau.Tensor) and x.dtype.category >= FLOAT]
            for i in places:
                row[i] = row[i].detach().clone().requires_grad_()
            ys = [y for y in unsigned(card, call(card, row, given)) if y.requires_grad]
            if not ys:
                return
            seeds = [
                flambeau.from_numpy(np.asarray(np.random.default_rng(1).standard_normal(y.shape)).astype(y.dtype.numpy)).to(device)
                for y in ys
            ]
            grads.append(flambeau.autograd.grad(ys, [row[i] for i in places], seeds, allow_unused=True))
        for a, b in zip(*grads, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                close(b, a)
