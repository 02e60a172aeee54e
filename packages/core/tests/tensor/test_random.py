"""The same seed gives PyTorch's numbers (printed by PyTorch 2.13 on a CPU, 9 digits)."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau

TABLE = [
    (
        "rand5",
        lambda: flambeau.rand(5),
        [0.8822692632675171, 0.9150039553642273, 0.38286375999450684, 0.9593056440353394, 0.3904482126235962],
    ),
    ("rand64", lambda: flambeau.rand(3, dtype=flambeau.float64), [0.05815448596142969, 0.06291016742457756, 0.12358607277440903]),
    (
        "randn5",
        lambda: flambeau.randn(5),
        [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979],
    ),
    (
        "randn20",
        lambda: flambeau.randn(20)[12:],
        [
            -0.2316243201494217,
            0.041759490966796875,
            -0.2515752911567688,
            0.859858512878418,
            -0.3097267746925354,
            -0.3957104980945587,
            0.8034093379974365,
            -0.6215953826904297,
        ],
    ),
    ("randn64", lambda: flambeau.randn(17, dtype=flambeau.float64)[14:], [0.8651734647119074, 0.855215961472287, 0.2494118796915765]),
    ("randint", lambda: flambeau.randint(-5, 1000, (6,)), [367, 537, 11, 779, 781, 900]),
    ("randint_wide", lambda: flambeau.randint(0, 2**40, (3,)), [441507790259, 395924837646, 458615280711]),
    ("randperm", lambda: flambeau.randperm(12), [6, 8, 1, 7, 0, 2, 10, 11, 4, 3, 5, 9]),
    (
        "uniform",
        lambda: flambeau.empty(4).uniform_(-2, 3),
        [2.411346435546875, 2.5750198364257812, -0.08568120002746582, 2.7965283393859863],
    ),
    (
        "normal",
        lambda: flambeau.empty(18).normal_(2, 3)[14:],
        [1.2452740669250488, 4.579575538635254, 1.070819616317749, 0.8128684759140015],
    ),
    (
        "bernoulli",
        lambda: flambeau.empty(16).bernoulli_(0.3),
        [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ),
    ("random", lambda: flambeau.empty(3, dtype=flambeau.int64).random_(), [6909045637428952499, 8314211556539077902, 4279532810384561223]),
    ("multinomial", lambda: flambeau.multinomial(flambeau.tensor([[1.0, 2, 3, 4], [4, 3, 2, 1]]), 3), [3, 1, 2, 0, 1, 2]),
    ("multinomial_again", lambda: flambeau.multinomial(flambeau.tensor([1.0, 2, 3, 4]), 8, replacement=True), [0, 0, 1, 0, 2, 2, 3, 3]),
    (
        "two_calls",
        lambda: flambeau.cat([flambeau.randn(3), flambeau.randn(3)]),
        [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979, -0.18632829189300537],
    ),
]

ORDERED = [  # into memory that is in another order, or has gaps: numbers are drawn as the elements lie there
    ("transposed_uniform", lambda: flambeau.zeros(3, 4).t().uniform_(),
     [0.882269263, 0.390448213, 0.940771461, 0.915003955, 0.600895345, 0.133185923, 0.38286376, 0.256572485, 0.934598088,
      0.959305644, 0.793641329, 0.59357965]),
    ("transposed_normal", lambda: flambeau.zeros(30, 4).t().normal_()[0, :6],
     [0.336690366, -1.12285638, 0.461657226, 1.11029029, 1.32213509, 1.35254776]),
    ("transposed_normal64", lambda: flambeau.zeros(3, 4, dtype=flambeau.float64).t().normal_()[0],
     [0.336690354, -1.12285638, 0.461657222]),
    ("gaps", lambda: flambeau.zeros(4, 4)[:, ::2].normal_(),
     [0.336690366, 0.128809407, 0.234462366, 0.23033303, -1.12285638, -0.186328292, 2.20820141, -0.637997031]),
    ("channels_last", lambda: flambeau.rand_like(flambeau.zeros(1, 3, 2, 2), memory_format=flambeau.channels_last),
     [0.882269263, 0.959305644, 0.256572485, 0.133185923, 0.915003955, 0.390448213, 0.793641329, 0.934598088, 0.38286376,
      0.600895345, 0.940771461, 0.59357965]),
    ("integers", lambda: flambeau.randint_like(flambeau.zeros(2, 3).t(), 10), [2, 4, 7, 6, 6, 5]),
    ("dropout64", lambda: flambeau.nn.functional.dropout(flambeau.ones(3, 4, dtype=flambeau.float64).t()),
     [2, 0, 2, 2, 2, 2, 2, 0, 2, 2, 0, 2]),
    ("alpha", lambda: flambeau.nn.functional.alpha_dropout(flambeau.ones(2, 3).t(), training=True),
     [1.66559887, 1.66559887, 1.66559887, -0.779193938, 1.66559887, 1.66559887]),
    ("bernoulli", lambda: flambeau.zeros(2, 3).t().bernoulli_(0.4), [1, 1, 1, 0, 1, 0]),
    ("exponential", lambda: flambeau.zeros(2, 3).t().exponential_(),
     [0.0599140152, 0.0540129505, 0.064976126, 0.746910691, 0.131916776, 0.647762358]),
    ("multinomial", lambda: flambeau.multinomial(flambeau.ones(3, 4).t(), 2), [0, 2, 0, 2, 0, 2, 0, 2]),
]


@pytest.mark.parametrize(("make", "expected"), [pytest.param(make, expected, id=name) for name, make, expected in TABLE + ORDERED])
def test_numbers(make, expected):
    flambeau.manual_seed(42)
    np.testing.assert_allclose(make().numpy().reshape(-1), expected, rtol=3e-7, atol=1e-7)


def test_state_goes_back_and_forth():
    flambeau.manual_seed(1)
    flambeau.randn(3)
    state = flambeau.get_rng_state()
    first = flambeau.randn(5)
    flambeau.set_rng_state(state)
    assert flambeau.equal(first, flambeau.randn(5))
    with pytest.raises(RuntimeError, match="generator state"):
        flambeau.set_rng_state(state[:10])


def test_generators_are_apart():
    a, b = flambeau.Generator().manual_seed(5), flambeau.Generator().manual_seed(5)
    flambeau.rand(10)
    assert flambeau.equal(flambeau.rand(3, generator=a), flambeau.rand(3, generator=b))
    assert a.initial_seed() == 5
    with pytest.raises(TypeError, match="Generator"):
        flambeau.rand(3, generator=5)


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: flambeau.randint(5, 5, (2,)), RuntimeError, "less than"),
    (lambda: flambeau.rand(-1), RuntimeError, "negative dimension"),
    (lambda: flambeau.rand(2, dtype=flambeau.int64), RuntimeError, "not implemented"),
    (lambda: flambeau.empty(2).bernoulli_(1.5), RuntimeError, r"\[0, 1\]"),
    (lambda: flambeau.empty(2).normal_(0, -1), RuntimeError, "std >= 0"),
    (lambda: flambeau.multinomial(flambeau.tensor([-1.0, 2]), 1), RuntimeError, "element < 0"),
    (lambda: flambeau.multinomial(flambeau.zeros(3), 1), RuntimeError, "sum of probabilities"),
    (lambda: flambeau.multinomial(flambeau.ones(3), 4), RuntimeError, "without replacement"),
    (lambda: flambeau.randperm(-1), RuntimeError, "non-negative"),
    (lambda: flambeau.manual_seed(1 << 65), ValueError, "64 bits"),
])
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
