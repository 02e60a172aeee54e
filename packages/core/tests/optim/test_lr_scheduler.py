"""Learning rates epoch by epoch, held against tables that PyTorch 2.13 gave."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

import flambeau
from flambeau.optim import SGD, Adam, Rprop
from flambeau.optim import lr_scheduler as s
from flambeau.optim.swa_utils import SWALR

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
    "multiplicative": (
        lambda o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.01 * e),
        [0.8, 0.728, 0.66976, 0.6228768, 0.5855042, 0.556229, 0.5339798, 0.5179604, 0.5076012, 0.5025252, 0.5025252, 0.5075505],
    ),
    "polynomial": (
        lambda o: s.PolynomialLR(o, 7, 2.0),
        [0.8, 0.5877551, 0.4081633, 0.2612245, 0.1469388, 0.0653061, 0.0163265, 0.0, 0.0, 0.0],
    ),
    "chained": (
        lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9)]),
        [0.4, 0.36, 0.324, 0.5832, 0.52488, 0.472392, 0.4251528, 0.3826375, 0.3443738, 0.3099364, 0.2789428, 0.2510485],
    ),
    "cyclic": (lambda o: s.CyclicLR(o, 0.1, 0.5, 3, 2), [0.1, 0.2333333, 0.3666667, 0.5, 0.3, 0.1, 0.2333333, 0.3666667, 0.5, 0.3, 0.1]),
    "halving cycles": (
        lambda o: s.CyclicLR(o, 0.1, 0.5, 2, 4, mode="triangular2", cycle_momentum=False),
        [0.1, 0.3, 0.5, 0.4, 0.3, 0.2, 0.1, 0.2, 0.3, 0.25, 0.2, 0.15],
    ),
    "fading cycles": (
        lambda o: s.CyclicLR(o, 0.1, 0.5, 3, mode="exp_range", gamma=0.95),
        [0.1, 0.2266667, 0.3406667, 0.44295, 0.3172017, 0.2031708, 0.1, 0.1931116, 0.2769121, 0.3520998, 0.2596632, 0.17584],
    ),
    "cycles by a function": (
        lambda o: s.CyclicLR(o, 0.1, 0.5, 3, scale_fn=lambda x: 1 / x, base_momentum=0.7, max_momentum=0.95),
        [0.1, 0.2333333, 0.3666667, 0.5, 0.3666667, 0.2333333, 0.1, 0.1666667, 0.2333333, 0.3, 0.2333333, 0.1666667],
    ),
    "averaging": (lambda o: SWALR(o, 0.05, anneal_epochs=5), [0.8, 0.7283814, 0.5408814, 0.3091186, 0.1216186, 0.05, 0.05, 0.05]),
    "averaging, on a line": (lambda o: SWALR(o, 0.05, 4, "linear"), [0.8, 0.6125, 0.425, 0.2375, 0.05, 0.05, 0.05]),
    "averaging at once": (lambda o: SWALR(o, 0.05, anneal_epochs=0), [0.05] * 6),
    "sequence of chains": (
        lambda o: s.SequentialLR(o, [s.ChainedScheduler([s.LinearLR(o, 0.5, 1, 4), s.ExponentialLR(o, 0.95)]), s.PolynomialLR(o, 6)], [5]),
        [0.38, 0.45125, 0.514425, 0.5701544, 0.6190247, 0.8, 0.6666667, 0.5333333, 0.4, 0.2666667, 0.1333333, 0.0],
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
def test_courses_of_tensors(name):
    """A rate that is a tensor stays one and is filled anew; what was handed out before does not change with it."""
    make, expected = COURSES[name]
    lr = flambeau.tensor(0.8)
    optimizer = optimizer_of(lr=lr)
    scheduler, seen = make(optimizer), []
    for _ in expected:
        seen += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr and all(isinstance(rate, flambeau.Tensor) for rate in seen)
    assert np.allclose([rate.item() for rate in seen], expected, rtol=0, atol=3e-7)


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


@pytest.mark.parametrize("name", ["step", "multi", "exponential", "cosine", "constant", "polynomial"])
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
    scheduler = s.ReduceLROnPlateau(optimizer, patience=0, min_lr=0.5)
    listed = s.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.5])
    optimizer.add_param_group({"params": [flambeau.zeros(1)]})
    for _ in range(2):
        scheduler.step(1.0)
    assert scheduler.get_last_lr() == [0.5, 0.5]
    listed.step(1.0)
    with pytest.raises(RuntimeError, match=r"The number of param groups in the `optimizer` \(2\) differs .* \(1\)"):
        listed.step(1.0)


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


def test_cycles_move_momentum():
    for kind, read in ((SGD, lambda g: g["momentum"]), (Adam, lambda g: g["betas"][0])):
        optimizer = optimizer_of(kind=kind)
        scheduler = s.CyclicLR(optimizer, 0.1, 0.5, 2, base_momentum=0.7, max_momentum=0.9)
        seen = []
        for _ in range(5):
            seen.append(read(optimizer.param_groups[0]))
            optimizer.step()
            scheduler.step()
        assert np.allclose(seen, [0.9, 0.8, 0.7, 0.8, 0.9])


def test_a_cycles_function_is_saved_by_its_attributes():
    class Height:
        by = 2.0

        def __call__(self, x):
            return 1 / (self.by * x)

    height = Height()
    height.by = 4.0
    state = s.CyclicLR(optimizer_of(), 0.1, 0.5, 2, scale_fn=height).state_dict()
    fresh = s.CyclicLR(optimizer_of(), 0.1, 0.5, 2, scale_fn=Height())
    fresh.load_state_dict(state)
    assert state["_scale_fn_custom"] == {"by": 4.0} and fresh.scale_fn(1) == 0.25


def test_get_lr_is_for_step_alone():
    scheduler = s.ExponentialLR(optimizer_of(), 0.9)
    with pytest.warns(UserWarning, match="please use `get_last_lr\\(\\)`"):
        scheduler.get_lr()


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda o: s.CyclicLR(o, 0.1, 0.5, mode="square"), ValueError, "mode is invalid and scale_fn is None"),
        (lambda o: s.CyclicLR(Rprop([flambeau.zeros(1)]), 0.1, 0.5), ValueError, "must support momentum or beta1"),
        (lambda o: s.CyclicLR(o, [0.1, 0.2], 0.5), ValueError, "base_lr must have the same length as optimizer.param_groups"),
        (lambda o: s.MultiplicativeLR(o, 0.5), TypeError, "lr_lambda should be a function, but got float"),
        (lambda o: s.ChainedScheduler([]), ValueError, "got no scheduler"),
        (lambda o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), ValueError, "does not support `ReduceLROnPlateau`"),
        (lambda o: s.ChainedScheduler([s.ConstantLR(o), s.ConstantLR(optimizer_of())]), ValueError, "that at index 1 has another"),
        (lambda o: s.ChainedScheduler([s.ConstantLR(o), 3]), TypeError, "should have `optimizer` as its attribute"),
        (lambda o: SWALR(o, 0.1, anneal_strategy="steep"), ValueError, "must be one of 'cos' or 'linear'"),
        (lambda o: SWALR(o, 0.1, anneal_epochs=-1), ValueError, "anneal_epochs must be equal or greater than 0"),
    ],
)
def test_schedules_that_cannot_be(make, kind, message):
    with pytest.raises(kind, match=message):
        make(optimizer_of())


def test_a_step_that_was_put_in_place_of_the_optimizers():
    optimizer = optimizer_of()
    scheduler, later = s.StepLR(optimizer, 3), s.StepLR(optimizer_of(), 3)
    inner = optimizer.step
    optimizer.step = lambda: inner()
    optimizer.step()
    with pytest.warns(UserWarning, match=r"`optimizer.step\(\)` has been overridden"):
        scheduler.step()
    later.optimizer.step()
    later.step()  # told apart by optimizer
    fresh = s.StepLR(optimizer, 3)  # knows the new step
    optimizer.step()
    fresh.step()


def test_rates_that_are_tensors_stay_as_they_were_given():
    high, low = flambeau.tensor(0.2), flambeau.tensor(0.1)
    scheduler = s.CyclicLR(optimizer_of(), low, high, 2, cycle_momentum=False)
    for value in (high, low):
        value.mul_(0)
    scheduler.optimizer.step()
    scheduler.step()
    assert abs(float(scheduler.get_last_lr()[0]) - 0.15) < 1e-7


def test_the_epoch_warning_has_a_name():
    optimizer = optimizer_of()
    scheduler = s.StepLR(optimizer, 3)
    optimizer.step()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scheduler.step(2)
    assert [str(w.message) for w in told] == [s.EPOCH_DEPRECATION_WARNING]
