"""What PyTorch 2.13 printed: shapes, moments, densities, samples from the same seed, divergences.  (`pytorch.json`)"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import flambeau
from flambeau import distributions

pytest.importorskip("scipy", reason="gamma functions are SciPy's")

TABLE = json.loads((Path(__file__).parent / "pytorch.json").read_text())
NAMES = {**vars(distributions), "t": flambeau.tensor, "stack": flambeau.stack}


def made(expression):
    return eval(expression, NAMES)  # noqa: S307 (the table's own text)


def near(found, expected, tolerance=2e-5):
    expected = np.asarray(expected, float)
    found = found.detach().numpy().astype(float)
    assert found.shape == expected.shape and np.allclose(found, expected, rtol=5 * tolerance, atol=tolerance, equal_nan=True), (
        found,
        expected,
    )


@pytest.mark.parametrize("row", TABLE["distributions"], ids=[row["is"] for row in TABLE["distributions"]])
def test_distribution(row):
    d = made(row["is"])
    assert repr(d).replace("flambeau.", "") == row["repr"]
    assert list(d.batch_shape) == row["batch"] and list(d.event_shape) == row["event"]
    for name in ("mean", "variance", "mode"):
        if name in row:
            near(getattr(d, name), row[name])
    if "entropy" in row:
        near(d.entropy(), row["entropy"])
    seen = flambeau.tensor(row["seen"])
    if isinstance(d, distributions.Categorical):
        seen = seen.long()
    near(d.log_prob(seen), row["log_prob"], 1e-4)
    if "cdf" in row:
        near(d.cdf(seen), row["cdf"])
    else:
        with pytest.raises(NotImplementedError):
            d.cdf(seen)
    flambeau.manual_seed(7)
    near(d.sample((2,)), row["sample"])
    assert not d.sample().requires_grad
    if d.has_rsample:
        flambeau.manual_seed(7)
        near(d.rsample((2,)), row["rsample"])
    else:
        with pytest.raises(NotImplementedError):
            d.rsample()


@pytest.mark.parametrize("row", TABLE["kl"], ids=[row[0] for row in TABLE["kl"]])
def test_divergence(row):
    expression, expected = row
    near(made(expression), expected)


@pytest.mark.parametrize("row", TABLE["gradients"], ids=[row[0] for row in TABLE["gradients"]])
def test_gradient_of_samples(row):
    """PyTorch's own are good to some thousandths."""
    expression, expected = row
    a = flambeau.tensor([0.7, 2.0, 5.0], requires_grad=True)
    b = flambeau.tensor([1.5, 0.4, 30.0], requires_grad=True)
    d = eval(expression, {**NAMES, "a": a, "b": b})  # noqa: S307 (the table's own text)
    flambeau.manual_seed(3)
    grads = flambeau.autograd.grad(d.rsample((4,)).sum(), [a, b], allow_unused=True)
    for found, wanted in zip(grads, expected):
        assert (found is None) == (wanted is None)
        if found is not None:
            assert np.allclose(found.numpy(), wanted, rtol=5e-3, atol=1e-3)
