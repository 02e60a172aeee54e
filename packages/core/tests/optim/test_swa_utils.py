"""Means of weights, by their definitions; values of buffers as PyTorch 2.13 printed them."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import flambeau
from flambeau import nn
from flambeau.optim import swa_utils as swa


def walked(n=4, **options):
    """A model whose weights are i² + j in step i, and its means; batches of (i + 1) times the same."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    averaged = swa.AveragedModel(model, **options)
    for i in range(n):
        with flambeau.no_grad():
            for j, p in enumerate(model.parameters()):
                p.fill_(float(i * i + j))
        model(flambeau.arange(8.0).reshape(4, 2) * (i + 1))
        averaged.update_parameters(model)
    return model, averaged


@pytest.mark.parametrize("options", [{}, {"avg_fn": swa.get_swa_avg_fn()}, {"multi_avg_fn": swa.get_swa_multi_avg_fn()}])
def test_the_mean_of_all(options):
    model, averaged = walked(**options)
    assert [p.flatten()[0].item() for p in averaged.parameters()] == [3.5, 4.5, 5.5, 6.5] and averaged.n_averaged == 4
    assert averaged.module[1].running_mean.tolist() == model[1].running_mean.tolist()


@pytest.mark.parametrize("options", [{"avg_fn": swa.get_ema_avg_fn(0.8)}, {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.8)}])
def test_fading_means(options):
    _, averaged = walked(**options)
    expected = ((0 * 0.8 + 1 * 0.2) * 0.8 + 4 * 0.2) * 0.8 + 9 * 0.2
    assert np.allclose([p.flatten()[0].item() for p in averaged.parameters()], expected + np.arange(4))


def test_buffers_are_averaged_where_asked():
    _, averaged = walked(use_buffers=True)
    plain = walked()[0]
    assert averaged.module[1].num_batches_tracked.item() == 1  # of 1, 2, 3, 4; each mean is cut to a whole number
    assert averaged.module[1].running_mean[0] < plain[1].running_mean[0]


def test_means_are_saved_and_go_on():
    model, averaged = walked(3)
    fresh = swa.AveragedModel(model)
    fresh.load_state_dict(averaged.state_dict())
    for a in (averaged, fresh):
        a.update_parameters(model)
    assert fresh.state_dict().keys() == averaged.state_dict().keys() and "module.0.weight" in fresh.state_dict()
    assert fresh.module[0].weight.tolist() == averaged.module[0].weight.tolist() and fresh.n_averaged == 4


def test_the_model_itself_is_left_alone():
    model, averaged = walked()
    before = copy.deepcopy(model.state_dict())
    averaged.update_parameters(model)
    assert all(bool((before[k] == v).all()) for k, v in model.state_dict().items())
    x = flambeau.randn(5, 2)
    assert averaged.eval()(x).tolist() == averaged.module(x).tolist()


def test_statistics_anew():
    model, _ = walked()
    model.eval()
    momentum = model[1].momentum
    x = flambeau.arange(8.0).reshape(4, 2)
    swa.update_bn([(x * k, "label") for k in range(3)], model)
    means = [model[0](x * k).mean(0) for k in range(3)]
    assert np.allclose(model[1].running_mean.numpy(), (sum(means) / 3).detach().numpy(), rtol=1e-5)
    assert not model.training and model[1].momentum == momentum
    swa.update_bn(iter(()), nn.Linear(1, 1))  # nothing to do, and the batches are not read


def test_arguments_that_cannot_be():
    for make in (swa.get_ema_avg_fn, swa.get_ema_multi_avg_fn):
        with pytest.raises(ValueError, match="Invalid decay value"):
            make(1.5)
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa.AveragedModel(nn.Linear(1, 1), avg_fn=swa.get_swa_avg_fn(), multi_avg_fn=swa.get_swa_multi_avg_fn())
