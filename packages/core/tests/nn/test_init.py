"""Initialisers: PyTorch's numbers from the same seed, and what each promises."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import nn

init = nn.init


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("uniform_", {"a": -1, "b": 2}, [0.48876977, -0.93302274, 1.6224676]),
        ("normal_", {"mean": 1, "std": 2}, [-1.2516797, 1.3329107, -3.6320839]),
        ("xavier_uniform_", {}, [-0.005799266, -0.74000978, 0.57963979]),
        ("xavier_normal_", {"gain": 2}, [-1.0069817, 0.14888218, -2.0715308]),
        ("kaiming_uniform_", {}, [-0.0074868202, -0.95534849, 0.74831176]),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}, [-0.79608899, 0.1177017, -1.637689]),
        ("trunc_normal_", {"std": 0.5}, [-0.56291991, 0.083227672, -1.158021]),
        ("trunc_normal_", {"mean": 1.0, "a": 0.5, "b": 1.2}, [0.84737962, 0.51562804, 1.1119092]),
        ("orthogonal_", {"gain": 2}, [-1.1194665, 0.67567927, -0.65197176]),
    ],
)
def test_pytorchs_numbers(name, options, expected):
    flambeau.manual_seed(0)
    weight = flambeau.empty(4, 6)
    assert getattr(init, name)(weight, **options) is weight
    np.testing.assert_allclose(weight.flatten()[flambeau.tensor([0, 12, 23])].numpy(), expected, rtol=1e-5, atol=1e-7)


def test_weights_are_filled_outside_of_the_graph():
    weight = nn.Parameter(flambeau.empty(3, 3))
    for fill in (init.xavier_normal_, init.kaiming_uniform_, init.orthogonal_, init.trunc_normal_, init.eye_, init.ones_):
        assert fill(weight).is_leaf and weight.requires_grad and weight.grad is None


def test_a_generator_of_ones_own_is_used():
    weights = [init.normal_(flambeau.empty(4), generator=flambeau.Generator().manual_seed(5)).tolist() for _ in range(2)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 2, 3)])
def test_orthogonal_rows_or_columns(shape):
    w = init.orthogonal_(flambeau.empty(shape), gain=3).reshape(shape[0], -1).numpy()
    square = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(square, 9 * np.eye(len(square)), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [({"std": 2.0}, -2, 2), ({"mean": 3.0, "a": 4.5, "b": 5.0}, 4.5, 5), ({"a": 3.0, "b": 3.5, "mean": 2.0}, 3, 3.5)],
)
def test_truncated_numbers_stay_inside(options, low, high):
    w = init.trunc_normal_(flambeau.empty(1000), **options)
    assert low <= w.min().item() and w.max().item() <= high


def test_truncating_far_from_the_mean_is_warned_of():
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(flambeau.empty(5), mean=5.0, a=-1.0, b=1.0)


def test_fixed_values():
    assert init.eye_(flambeau.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.constant_(flambeau.empty(2), 3).tolist() == [3, 3]
    assert init.zeros_(flambeau.empty(1)).item() == 0


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_makes_a_convolution_the_identity(groups):
    weight = init.dirac_(flambeau.empty(4, 4 // groups, 3, 3), groups)
    x = flambeau.randn(1, 4, 5, 5)
    assert nn.functional.conv2d(x, weight, padding=1, groups=groups).tolist() == x.tolist()


def test_sparse_zeroes_a_share_of_each_column():
    w = init.sparse_(flambeau.empty(10, 4), sparsity=0.25).numpy()
    assert ((w == 0).sum(0) == 3).all()


def test_gains():
    found = [init.calculate_gain(name) for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu")]
    np.testing.assert_allclose(found, [1, 1, 1, 5 / 3, 2**0.5, (2 / 1.0001) ** 0.5, 0.75])
    assert init.calculate_gain("leaky_relu", 1) == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: init.calculate_gain("step"), "Unsupported nonlinearity step"),
        (lambda: init.calculate_gain("leaky_relu", True), "not a valid number"),
        (lambda: init.xavier_uniform_(flambeau.empty(3)), "fewer than 2 dimensions"),
        (lambda: init.kaiming_normal_(flambeau.empty(3, 3), mode="fan"), "Mode fan not supported"),
        (lambda: init.eye_(flambeau.empty(3)), "Only tensors with 2 dimensions"),
        (lambda: init.dirac_(flambeau.empty(3, 3)), "3, 4, or 5 dimensions"),
        (lambda: init.dirac_(flambeau.empty(3, 3, 3), groups=2), "divisible by groups"),
        (lambda: init.orthogonal_(flambeau.empty(3)), "2 or more dimensions"),
        (lambda: init.sparse_(flambeau.empty(3), 0.1), "Only tensors with 2 dimensions"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
