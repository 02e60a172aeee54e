"""Learning rates epoch by epoch, held against tables that PyTorch 2.13 gave."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

import flambeau
from flambeau.optim import SGD, Adam
from flambeau.optim import lr_scheduler as s

COURSES = {
    "lambda": (lambda o: s.LambdaLR(o, lambda e: 0.5**e), [0.8, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.0015625]),
    "step": (lambda o: s.StepLR(o, 3, 0.5), [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1]),
    "multi": (lambda o: s.MultiStepLR(o, [2, 2, 7], 0.5), [0.8, 0.8, 0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]),
    "constant": (lambda o: s.ConstantLR(o, 0.25, 4), [0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]),
    "linear": (lambda o: s.LinearLR(o, 0.2, 0.9, 6), [0.16, 0.2533333, 0.3466667, 0.44, 0.5333333, 0.6266667, 0.72, 0.72, 0.72, 0.72]),
    "exponential": (lambda o: s.ExponentialLR(o, 0.9), [0.8, 0.72, 0.648, 0.5832, 0.52488, 0.472392, 0.4251528, 0.3826375, 0.3443738]),
    "cosine": (
        lambda o: s.CosineAnnealingLR(o, 5, 0.1),
        [0.8, 0.7331559, 0.5581559, 0.3418441, 0.1668441, 0.1, 0.1668441, 0.3418441, 0.5581559, 0.7331559, 0.8, 0.7331559],
    ),
    "restarts": (
        lambda o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.1),
        [0.8, 0.625, 0.275, 0.8, 0.7531089, 0.625, 0.45, 0.275, 0.1468911, 0.8, 0.788074, 0.7531089],
    ),
    "one cycle": (
        lambda o: s.OneCycleLR(o, 0.5, total_steps=12),
        [0.02, 0.1748948, 0.4396426, 0.4972077, 0.4665065, 0.4058728, 0.3236895, 0.2313186, 0.1415305, 0.0667388, 0.0172835, 2e-06],
    ),
    "three phases": (
        lambda o: s.OneCycleLR(o, 0.5, epochs=4, steps_per_epoch=3, three_phase=True, anneal_strategy="linear"),
        [0.02, 0.2046154, 0.3892308, 0.4261538, 0.2415385, 0.0569231, 0.0172417, 0.0137937, 0.0103458, 0.0068979, 0.0034499, 2e-06],
    ),
    "sequence": (
        lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 3), s.CosineAnnealingLR(o, 5), s.ExponentialLR(o, 0.5)], [3, 8]),
        [0.08, 0.32, 0.56, 0.8, 0.7236068, 0.5236068, 0.2763932, 0.0763932, 0.8, 0.4, 0.2, 0.1],
    ),
}


def optimizer_of(lr=0.8, kind=SGD, **options):
    return kind([flambeau.zeros(1, requires_grad=True)], lr=lr, **({"momentum": 0.9} if kind is SGD else {}), **options)


def rates(optimizer, scheduler, n):
    found = []
    for _ in range(n):
        found.append(optimizer.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == [found[-1]]
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("name", COURSES)
def test_courses(name):
    make, expected = COURSES[name]
    optimizer = optimizer_of()
    assert np.allclose(rates(optimizer, make(optimizer), len(expected)), expected, rtol=0, atol=6e-8)


@pytest.mark.parametrize("name", COURSES)
def test_going_on_from_a_saved_state(name):
    make, expected = COURSES[name]
    optimizer = optimizer_of()
    scheduler = make(optimizer)
    rates(optimizer, scheduler, 4)
    file = io.BytesIO()
    state = scheduler.state_dict()
    assert "optimizer" not in state
    flambeau.save(state, file)
    file.seek(0)
    state = flambeau.load(file)
    saved = optimizer.state_dict()
    optimizer = optimizer_of()
    again = make(optimizer)
    optimizer.load_state_dict(saved)
    again.load_state_dict(state)
    assert np.allclose(rates(optimizer, again, len(expected) - 4), expected[4:], rtol=0, atol=6e-8)


@pytest.mark.parametrize("name", ["step", "multi", "exponential", "cosine", "constant"])
def test_the_old_way_with_an_epoch(name):
    make, expected = COURSES[name]
    optimizer = optimizer_of()
    scheduler = make(optimizer)
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter in `scheduler.step\\(\\)` is deprecated"):
        scheduler.step(5)
    assert abs(scheduler.get_last_lr()[0] - expected[5]) < 1e-7


def test_fractions_of_epochs_in_warm_restarts():
    optimizer = optimizer_of()
    scheduler = s.CosineAnnealingWarmRestarts(optimizer, 2, 2)
    scheduler.step(1.0)
    assert abs(scheduler.get_last_lr()[0] - 0.4) < 1e-12
    scheduler.step(4.0)  # in the middle of the second, twice as long
    assert abs(scheduler.get_last_lr()[0] - 0.4) < 1e-12 and scheduler.T_i == 4


def test_each_group_has_its_course():
    optimizer = SGD([{"params": [flambeau.zeros(1)]}, {"params": [flambeau.zeros(1)], "lr": 0.1}], lr=1.0)
    scheduler = s.LambdaLR(optimizer, [lambda e: 1.0, lambda e: 0.5**e])
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [1.0, 0.05]
    with pytest.raises(ValueError, match="expected 2 values, got 1"):
        s.LambdaLR(optimizer, [lambda e: 1.0])


def test_callable_objects_are_saved_functions_are_not():
    class Factor:
        base = 0.5

        def __call__(self, epoch):
            return self.base**epoch

    factor = Factor()
    factor.base = 0.25
    state = s.LambdaLR(optimizer_of(), [factor]).state_dict()
    assert state["lr_lambdas"] == [{"base": 0.25}] and s.LambdaLR(optimizer_of(), abs).state_dict is not None
    fresh = s.LambdaLR(optimizer_of(), [Factor()])
    fresh.load_state_dict(state)
    assert fresh.lr_lambdas[0].base == 0.25 and s.LambdaLR(optimizer_of(), lambda e: 1).state_dict()["lr_lambdas"] == [None]


def test_resuming_by_last_epoch():
    optimizer = optimizer_of()
    with pytest.raises(KeyError, match=r"'initial_lr' is not specified in param_groups\[0\]"):
        s.StepLR(optimizer, 3, 0.5, last_epoch=4)
    optimizer.param_groups[0].update(initial_lr=0.8, lr=0.4)
    scheduler = s.StepLR(optimizer, 3, 0.5, last_epoch=5)
    assert scheduler.last_epoch == 6 and scheduler.get_last_lr() == [0.2]


def test_stepping_before_the_optimizer_is_warned_of():
    optimizer = optimizer_of()
    scheduler = s.ExponentialLR(optimizer, 0.9)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_plateau():
    def course(values, **options):
        optimizer = optimizer_of()
        scheduler = s.ReduceLROnPlateau(optimizer, factor=0.5, **options)
        found = []
        for value in values:
            found.append(round(scheduler.get_last_lr()[0], 9))
            scheduler.step(value)
        return found

    losses = [3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]
    assert course(losses, patience=1, cooldown=2) == [0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2]
    assert course([1] * 6, patience=0, min_lr=0.2) == [0.8, 0.8, 0.4, 0.2, 0.2, 0.2]
    assert course([1, 1.05, 1.2, 1.25], mode="max", patience=0, threshold=0.1, threshold_mode="abs") == [0.8, 0.8, 0.4, 0.4]
    assert course([1, 0.95, 0.8], patience=0, threshold=0.1) == [0.8, 0.8, 0.4]
    assert course([flambeau.tensor(1.0)] * 3, patience=0) == [0.8, 0.8, 0.4]


def test_plateau_with_a_group_that_came_later():
    optimizer = optimizer_of()
    scheduler = s.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.5])
    optimizer.add_param_group({"params": [flambeau.zeros(1)]})
    for _ in range(2):
        scheduler.step(1.0)
    assert scheduler.get_last_lr() == [0.5, 0.5]


def test_one_cycle_moves_momentum():
    for kind, read in ((SGD, lambda g: g["momentum"]), (Adam, lambda g: g["betas"][0])):
        optimizer = optimizer_of(kind=kind)
        scheduler = s.OneCycleLR(optimizer, 0.5, total_steps=11, pct_start=0.5, anneal_strategy="linear")
        seen = [read(optimizer.param_groups[0])]
        for _ in range(10):
            optimizer.step()
            scheduler.step()
            seen.append(read(optimizer.param_groups[0]))
        assert seen[0] == 0.95 and abs(min(seen) - 0.85) < 0.02 and abs(seen[-1] - 0.95) < 1e-12
    optimizer.step()
    scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 12 times. The specified number of total steps is 11"):
        scheduler.step()
    optimizer = optimizer_of()
    s.OneCycleLR(optimizer, 0.5, total_steps=5, cycle_momentum=False)
    assert optimizer.param_groups[0]["momentum"] == 0.9


class Plain(flambeau.optim.Optimizer):
    def __init__(self):
        super().__init__([flambeau.zeros(1)], {"lr": 1.0})


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda o: s.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda o: s.LambdaLR(None, abs), TypeError, "NoneType is not an Optimizer"),
        (lambda o: s.LRScheduler(o), NotImplementedError, "LRScheduler should implement get_lr"),
        (lambda o: s.ConstantLR(o, 1.5), ValueError, "between 0 and 1, got 1.5"),
        (lambda o: s.LinearLR(o, 0.0), ValueError, "Starting multiplicative factor"),
        (lambda o: s.LinearLR(o, 0.5, 2.0), ValueError, "Ending multiplicative factor"),
        (lambda o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0, but got 0"),
        (lambda o: s.CosineAnnealingWarmRestarts(o, 2, 1.5), ValueError, "integer T_mult >= 1, but got 1.5"),
        (lambda o: s.CosineAnnealingWarmRestarts(o, 2, eta_min="0"), ValueError, "float or int eta_min"),
        (lambda o: s.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "non-negative epoch"),
        (lambda o: s.OneCycleLR(o, 1.0), ValueError, "either total_steps OR"),
        (lambda o: s.OneCycleLR(o, 1.0, epochs=3), ValueError, "either total_steps OR"),
        (lambda o: s.OneCycleLR(o, 1.0, total_steps=0), ValueError, "positive integer total_steps, but got 0"),
        (lambda o: s.OneCycleLR(o, 1.0, epochs=1.5, steps_per_epoch=2), ValueError, "positive integer epochs"),
        (lambda o: s.OneCycleLR(o, 1.0, total_steps=9, pct_start=2), ValueError, "pct_start, but got 2"),
        (lambda o: s.OneCycleLR(o, 1.0, total_steps=9, anneal_strategy="x"), ValueError, "'cos' or 'linear', instead got x"),
        (lambda o: s.OneCycleLR(o, [1.0, 2.0], total_steps=9), ValueError, "expected 1 values, got 2"),
        (lambda o: s.OneCycleLR(Plain(), 1.0, total_steps=9), ValueError, "must support momentum or beta1"),
        (lambda o: s.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (lambda o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]), ValueError, "got 1 schedulers and 1 milestones"),
        (lambda o: s.SequentialLR(o, [3], []), TypeError, "should have `optimizer`"),
        (lambda o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []), ValueError, "does not support `ReduceLROnPlateau`"),
        (lambda o: s.SequentialLR(o, [s.StepLR(optimizer_of(), 1)], []), ValueError, "that at index 0 has another"),
        (lambda o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, r"Factor should be < 1\.0"),
        (lambda o: s.ReduceLROnPlateau(o, mode="up"), ValueError, "mode up is unknown"),
        (lambda o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold mode x is unknown"),
        (lambda o: s.ReduceLROnPlateau(o, min_lr=[1, 2]), ValueError, "min_lr must have the same length"),
    ],
)
def test_arguments_that_cannot_be(make, kind, message):
    with pytest.raises(kind, match=message):
        make(optimizer_of())
