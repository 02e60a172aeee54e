from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import optim
from flambeau.amp import GradScaler

NAN, INF = float("nan"), float("inf")
# PyTorch 2.13: weights, scale and tracker after each step of the loop below
TRACE = """
0.9 1.9 16 1 | 0.7 1.7 32 0 | 0.7 1.7 16 0 | 0.6 1.6 16 1 | 0.3 1.3 32 0 | 0.3 1.3 16 0 | 0.2 1.2 16 1 | 0.1 1.1 32 0 | 0.0 1.0 32 1
"""


def made(**options):
    w = flambeau.nn.Parameter(flambeau.tensor([1.0, 2.0]))
    return w, optim.SGD([w], lr=0.1), GradScaler("cpu", **{"init_scale": 16.0, "growth_interval": 2} | options)


def test_scales_and_steps_are_pytorchs():
    w, optimizer, scaler = made()
    for k, (x, row) in enumerate(zip([1.0, 2.0, INF, 1.0, 3.0, NAN, 1.0, 1.0, 1.0], TRACE.split("|"))):
        optimizer.zero_grad()
        scaler.scale((w * x).sum()).backward()
        if k % 2:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        assert [*w.tolist(), scaler.get_scale(), scaler._get_growth_tracker()] == pytest.approx(list(map(float, row.split())), abs=1e-6)
    assert scaler.state_dict() == {"scale": 32.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2, "_growth_tracker": 1}


def test_state_comes_back():
    w, optimizer, scaler = made()
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    with pytest.raises(AssertionError, match="only be pickled at the beginning"):
        pickle.dumps(scaler)
    scaler.update()
    for again in (GradScaler("cpu"), pickle.loads(pickle.dumps(scaler)), copy.deepcopy(scaler)):  # noqa: S301
        again.load_state_dict(scaler.state_dict())
        assert again.state_dict() == scaler.state_dict() and again.get_scale() == 16 and again._get_growth_tracker() == 1
        again.scale(w.sum())
        assert again.get_scale() == 16
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        scaler.load_state_dict({})


def test_losses_in_lists():
    _, _, scaler = made()
    a, b = scaler.scale([flambeau.ones(1), (flambeau.ones(1), flambeau.ones(1))])
    assert a.item() == 16 and type(b) is tuple and b[1].item() == 16
    with pytest.raises(ValueError, match="Tensor or an iterable of Tensors"):
        scaler.scale(3.0)


def test_order_of_calls():
    w, optimizer, scaler = made()
    with pytest.raises(AssertionError, match="_scale is None"):
        scaler.step(optimizer)
    with pytest.raises(AssertionError, match="_scale is None"):
        scaler.update()
    scaler.scale(w.sum()).backward()
    with pytest.raises(AssertionError, match="prior to update"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="called after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="Closure use"):
        scaler.step(optimizer, closure=lambda: 1)
    scaler.update(4.0)
    assert scaler.get_scale() == 4
    scaler.update(flambeau.tensor([8.0]))
    assert scaler.get_scale() == 8
    w.grad = None
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.step(optimizer)


def test_half_gradients_are_refused():
    w = flambeau.nn.Parameter(flambeau.ones(2, dtype=flambeau.float16))
    optimizer, scaler = optim.SGD([w], lr=0.1), GradScaler("cpu")
    scaler.scale(w.float().sum()).backward()
    with pytest.raises(ValueError, match="unscale FP16"):
        scaler.step(optimizer)


def test_two_optimizers_and_one_overflow():
    p, q = (flambeau.nn.Parameter(flambeau.ones(1)) for _ in range(2))
    one, two = optim.SGD([p], lr=1.0), optim.SGD([q], lr=1.0)
    scaler = GradScaler("cpu", init_scale=8.0)
    scaler.scale(p.sum() + (q * INF).sum()).backward()
    scaler.step(one)
    assert scaler.step(two) is None
    scaler.update()
    assert p.item() == 0 and q.item() == 1 and scaler.get_scale() == 4


def test_the_scale_stays_finite():
    w, optimizer, scaler = made(init_scale=3e38, growth_interval=1)
    scaler.scale((w * 0).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == pytest.approx(3e38)


def test_disabled():
    w, optimizer, _ = made()
    scaler = GradScaler("cpu", enabled=False)
    loss = w.sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled() and scaler.get_scale() == 1 and scaler.state_dict() == {}
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == pytest.approx([0.9, 1.9])


@pytest.mark.parametrize(("options", "message"), [({"growth_factor": 1.0}, "growth factor must be > 1"),
                                                  ({"backoff_factor": 1.0}, "backoff factor must be < 1")])  # fmt: skip
def test_settings(options, message):
    with pytest.raises(AssertionError, match=message):
        GradScaler("cpu", **options)
    scaler = GradScaler("cpu")
    scaler.set_growth_factor(3.0)
    scaler.set_backoff_factor(0.25)
    scaler.set_growth_interval(7)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (3, 0.25, 7)
