"""LBFGS and Muon, held against values that PyTorch 2.13 printed."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.optim import LBFGS, Muon

ROSENBROCK = [
    ({"lr": 0.01}, [(24.2, [-1.18389513, 1.00799327], 8), (20.26262835, [-1.17494935, 1.01569415], 16)]),
    ({"line_search_fn": "strong_wolfe"}, [(24.2, [-0.88021316, 0.72747721], 10), (3.75891172, [-0.04619019, -0.01801157], 20),
                                          (1.13509642, [0.68034603, 0.4612058], 30)]),
    ({"history_size": 2, "lr": 0.5}, [(24.2, [-1.02379975, 1.05713993], 8), (4.1038187, [-0.52534715, 0.21084019], 16),
                                      (2.75112892, [0.05975793, -0.0781472], 24)]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "table"), ROSENBROCK)
def test_rosenbrocks_valley(options, table):
    w = flambeau.tensor([-1.2, 1.0], dtype=flambeau.float64, requires_grad=True)
    optimizer = LBFGS([w], max_iter=8, **options)

    def closure():
        optimizer.zero_grad()
        loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
        loss.backward()
        return loss

    for loss, where, evaluations in table:
        assert abs(optimizer.step(closure).item() - loss) < 1e-6
        assert np.allclose(w.tolist(), where, atol=1e-6) and optimizer.state[w]["func_evals"] == evaluations


def test_a_search_goes_on_from_a_state_dict():
    def make(w):
        optimizer = LBFGS([w], max_iter=3, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = (w - 3).pow(4).sum() + w.pow(2).sum()
            loss.backward()
            return loss

        return optimizer, closure

    v = flambeau.tensor([5.0, -2.0], dtype=flambeau.float64, requires_grad=True)
    first, closure = make(v)
    first.step(closure)
    w = v.detach().clone().requires_grad_()
    second, again = make(w)
    second.load_state_dict(first.state_dict())
    first.step(closure)
    second.step(again)
    assert v.tolist() == w.tolist()


def test_parameters_without_gradient_and_of_complex_numbers():
    z = flambeau.tensor([1 + 1j], dtype=flambeau.complex128, requires_grad=True)
    unused = flambeau.ones(2, dtype=flambeau.float64, requires_grad=True)
    optimizer = LBFGS([z, unused], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (z - (2 - 3j)).abs().pow(2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert abs(z.item() - (2 - 3j)) < 1e-6 and unused.tolist() == [1, 1]


def test_nothing_to_do():
    w = flambeau.zeros(2, requires_grad=True)
    optimizer = LBFGS([w])

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 0 and optimizer.state[w] == {"func_evals": 1, "n_iter": 0}


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({}, [[1.214788, -2.011667, 2.342371], [0.061513, -0.050373, -1.329692]]),
        ({"nesterov": False, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0},
         [[1.144175, -2.075418, 2.852078], [0.343918, 0.150568, -1.14451]]),
    ],
)  # fmt: skip
def test_muon_ends_where_pytorchs_does(options, end):
    p = flambeau.tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]], requires_grad=True)
    optimizer = Muon([p], lr=0.05, **options)
    j = np.arange(6).reshape(2, 3)
    for i in range(20):
        p.grad = flambeau.tensor(np.sin(i + j) + 0.3 * j).float()
        optimizer.step()
    assert np.abs(p.detach().numpy() - end).max() < 2e-5


def test_muons_step_is_orthogonal():
    """All singular values of the change are near lr, for tall and for wide matrices; a tall one goes √(n/m) as far."""
    for shape in ((6, 3), (3, 6), (4, 4)):
        p = flambeau.zeros(*shape, requires_grad=True)
        p.grad = flambeau.tensor(np.random.default_rng(0).standard_normal(shape)).float()
        Muon([p], lr=1.0, weight_decay=0.0).step()
        values = np.linalg.svd(p.detach().numpy(), compute_uv=False) / max(1, shape[0] / shape[1]) ** 0.5
        assert values.min() > 0.5 and values.max() < 1.5
