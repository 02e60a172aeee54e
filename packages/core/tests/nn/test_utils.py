"""Clipping gradients, and parameters as one vector."""

from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau import nn


def with_grads(*grads):
    parameters = [nn.Parameter(flambeau.zeros(np.shape(g))) for g in grads]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = flambeau.tensor(grad)
    return [*parameters, nn.Parameter(flambeau.zeros(2))]  # the last has none


@pytest.mark.parametrize(("norm_type", "norm"), [(2, 13.0), (1, 19.0), (math.inf, 12.0)])
def test_clip_grad_norm(norm_type, norm):
    parameters = with_grads([3.0, 4.0], [[-12.0]])
    assert nn.utils.clip_grad_norm_(parameters, 1.3, norm_type).item() == pytest.approx(norm)
    np.testing.assert_allclose(parameters[0].grad.numpy(), np.array([3.0, 4.0]) * 1.3 / norm, rtol=1e-5)
    np.testing.assert_allclose(parameters[1].grad.numpy(), [[-12 * 1.3 / norm]], rtol=1e-5)
    assert parameters[2].grad is None


def test_small_gradients_are_left_alone():
    parameters = with_grads([3.0, 4.0])
    assert nn.utils.clip_grad_norm_(parameters[0], 6.0).item() == 5
    assert parameters[0].grad.tolist() == [3, 4]
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    assert nn.utils.clip_grad_norm_(iter(parameters), 2.5).item() == 5
    np.testing.assert_allclose(parameters[0].grad.numpy(), [1.5, 2], rtol=1e-5)


def test_a_norm_that_is_not_finite_can_be_an_error():
    parameters = with_grads([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[0].grad.tolist() == [math.inf, 1]


def test_clip_grad_value():
    parameters = with_grads([3.0, -4.0, 0.5])
    nn.utils.clip_grad_value_(parameters, 1)
    assert parameters[0].grad.tolist() == [1, -1, 0.5]


def test_parameters_become_a_vector_and_come_back():
    model = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.tolist() == [*model.weight.flatten().tolist(), *model.bias.tolist()]
    before = list(model.parameters())
    nn.utils.vector_to_parameters(vector.detach() * 2, model.parameters())
    assert nn.utils.parameters_to_vector(model.parameters()).tolist() == (vector * 2).tolist()
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True)) and model.weight.requires_grad


@pytest.mark.parametrize(
    ("vector", "error", "says"), [([1.0], TypeError, "expected flambeau.Tensor"), (flambeau.zeros(8), RuntimeError, "9 elements, got 8")]
)
def test_a_vector_that_does_not_fit_is_refused(vector, error, says):
    with pytest.raises(error, match=says):
        nn.utils.vector_to_parameters(vector, nn.Linear(2, 3).parameters())
