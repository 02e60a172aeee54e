"""Anomaly detection: which line of the forward pass a failing gradient comes from."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import context
from flambeau.autograd import detect_anomaly, set_detect_anomaly, set_multithreading_enabled


def test_nan_is_traced_to_the_line():
    x = flambeau.tensor([-1.0], requires_grad=True)
    with set_detect_anomaly(True):
        y = x.sqrt()  # the culprit
        with pytest.warns(UserWarning, match="(?s)Error detected in SqrtBackward0.*the culprit"), \
                pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th output"):
            y.sum().backward()


def test_nan_may_pass():
    x = flambeau.tensor([-1.0], requires_grad=True)
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        mode = detect_anomaly(check_nan=False)
    with mode:
        x.sqrt().sum().backward()
    assert x.grad.isnan().all()
    assert not context.anomaly.enabled and not context.unusual


class Fails(flambeau.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        raise ValueError("of my own")


def test_an_error_of_a_function_is_traced_too():
    with set_detect_anomaly(True):
        y = Fails.apply(flambeau.ones(1, requires_grad=True))  # made here
        with pytest.warns(UserWarning, match="(?s)FailsBackward.*made here"), pytest.raises(ValueError, match="of my own"):
            y.sum().backward()


def test_a_graph_made_before_has_no_lines():
    y = Fails.apply(flambeau.ones(1, requires_grad=True))
    with set_detect_anomaly(True), pytest.warns(UserWarning, match="No forward pass information"), pytest.raises(ValueError):
        y.sum().backward()


def test_switched_on_at_once_and_off_again():
    set_detect_anomaly(True)
    assert context.anomaly.enabled
    set_detect_anomaly(False)
    assert not context.anomaly.enabled and not context.unusual
    with set_multithreading_enabled(False):
        flambeau.ones(1, requires_grad=True).sum().backward()
