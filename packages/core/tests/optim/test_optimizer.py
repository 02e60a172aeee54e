from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import flambeau
from flambeau import optim
from flambeau.optim import SGD, Adam, AdamW, Optimizer
from flambeau.optim.optimizer import required


def parameter(*values):
    return flambeau.tensor(values or [1.0, 2.0], requires_grad=True)


def with_gradient(p):
    p.grad = flambeau.ones(p.shape, dtype=p.dtype)
    return p


def test_groups_and_defaults():
    a, b, c = parameter(), parameter(), parameter()
    optimizer = SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": iter([c]), "momentum": 0})
    assert [(g["lr"], g["momentum"], len(g["params"])) for g in optimizer.param_groups] == [(0.1, 0.9, 1), (0.5, 0.9, 1), (0.1, 0, 1)]
    for p in (a, b, c):
        with_gradient(p)
    optimizer.step()
    assert np.allclose([p[0].item() for p in (a, b, c)], [0.9, 0.5, 0.9]) and c not in optimizer.state
    assert optimizer.defaults["lr"] == 0.1


def test_named_parameters():
    optimizer = SGD([("w", parameter()), ("b", parameter())])
    assert optimizer.param_groups[0]["param_names"] == ["w", "b"] and optimizer.state_dict()["param_groups"][0]["param_names"] == ["w", "b"]
    with pytest.raises(ValueError, match="Some param names are missing"):
        SGD([("w", parameter()), parameter()])


P = parameter()
Z = flambeau.ones(2, 2, dtype=flambeau.complex64, requires_grad=True)
Z.grad = flambeau.ones(2, 2, dtype=flambeau.complex64)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: SGD(P), TypeError, "should be an iterable of Tensors or dicts, but got a Tensor"),
        (lambda: SGD([]), ValueError, "optimizer got an empty parameter list"),
        (lambda: SGD([1]), TypeError, "can only optimize Tensors, but one of the params is int"),
        (lambda: SGD([P * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda: SGD([{"params": {P}}]), TypeError, "ordered collections"),
        (lambda: SGD([{"params": [P]}, {"params": [P]}]), ValueError, "more than one parameter group"),
        (lambda: SGD([P]).add_param_group([P]), TypeError, "param_group must be a dict"),
        (lambda: Optimizer([P], {"rate": required}), ValueError, "required optimization parameter rate"),
        (lambda: Optimizer([P], {}).step(), NotImplementedError, "Optimizer should implement step"),
        (lambda: SGD([P], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: SGD([P], lr=float("nan")), ValueError, "Invalid learning rate: nan"),
        (lambda: SGD([P], momentum=-0.1), ValueError, r"Invalid momentum value: -0\.1"),
        (lambda: SGD([P], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda: SGD([P], nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
        (lambda: Adam([P], betas=(1.0, 0.9)), ValueError, r"Invalid beta parameter at index 0: 1\.0"),
        (lambda: AdamW([P], betas=(0.9, -0.1)), ValueError, "Invalid beta parameter at index 1"),
        (lambda: Adam([P], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda: Adam([P], fused=True, foreach=True), RuntimeError, "cannot be `True` together"),
        (lambda: Adam([P], fused=True, differentiable=True), RuntimeError, "does not support `differentiable`"),
        (lambda: SGD([{"params": [P], "lr": 1}, {"params": [("b", parameter())]}]), ValueError, "cannot add param group with names"),
        (lambda: SGD([P], lr=flambeau.ones(2)), ValueError, "Tensor lr must be 1-element"),
        (lambda: Adam([P], lr=flambeau.tensor(0.1), foreach=True), ValueError, "lr as a Tensor is not supported"),
        (lambda: Adam([P], betas=(0.9, flambeau.tensor(0.99))), ValueError, "betas must be either both floats or both Tensors"),
        (lambda: optim.Adadelta([P], rho=1.1), ValueError, r"Invalid rho value: 1\.1"),
        (lambda: optim.Adagrad([P], lr_decay=-0.5), ValueError, r"Invalid lr_decay value: -0\.5"),
        (lambda: optim.Rprop([P], etas=(1.0, 0.5)), ValueError, r"Invalid eta values: 1\.0, 0\.5"),
        (lambda: optim.NAdam([P], momentum_decay=-0.2), ValueError, r"Invalid momentum_decay value: -0\.2"),
        (lambda: optim.RMSprop([P], momentum=-1.0), ValueError, r"Invalid momentum value: -1\.0"),
        (lambda: optim.Adafactor([P], d=0.0), ValueError, "Clipping threshold d should be >= 1"),
        (lambda: optim.Adafactor([P], beta2_decay=0.8), ValueError, "beta2_decay should be <= 0"),
        (lambda: optim.Muon([P]), ValueError, "Muon only supports 2D parameters"),
        (lambda: optim.Muon([flambeau.ones(2, 2)], adjust_lr_fn="x"), ValueError, "Adjust learning rate function x is not supported"),
        (lambda: optim.LBFGS([{"params": [P]}, {"params": [parameter()]}]), ValueError, "doesn't support per-parameter options"),
        (lambda: optim.LBFGS([P], line_search_fn="x").step(lambda: P.sum()), RuntimeError, "only 'strong_wolfe' is supported"),
        (lambda: optim.Adafactor([Z]).step(), RuntimeError, "Adafactor does not support complex parameters"),
        (lambda: optim.Muon([Z]).step(), RuntimeError, "Muon does not support complex parameters"),
    ],
)
def test_arguments_that_cannot_be(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_a_parameter_twice_in_a_group_is_warned_of():
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([P, P])


@pytest.mark.parametrize("flag", [{"foreach": True}, {"fused": True}, {"foreach": False}])
def test_how_pytorch_loops_is_no_concern(flag):
    a, b = with_gradient(parameter()), with_gradient(parameter())
    Adam([a], **flag).step()
    Adam([b]).step()
    assert a.tolist() == b.tolist()


def test_zero_grad():
    p = with_gradient(parameter())
    gradient = p.grad
    SGD([p]).zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0] and gradient.tolist() == [0, 0]
    SGD([p]).zero_grad()
    assert p.grad is None


def trained(kind=AdamW, steps=3, **options):
    p, q = parameter(1.0, 2.0), parameter(3.0)
    optimizer = kind([{"params": [p]}, {"params": [q], "lr": 0.01}], **options)
    for _ in range(steps):
        with_gradient(p), with_gradient(q)
        optimizer.step()
    return (p, q), optimizer


def test_state_dict_has_pytorchs_layout():
    _, optimizer = trained(Adam, amsgrad=True)
    found = optimizer.state_dict()
    assert list(found) == ["state", "param_groups"] and [g["params"] for g in found["param_groups"]] == [[0], [1]]
    assert list(found["state"]) == [0, 1] and list(found["state"][0]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    assert found["state"][0]["step"].dtype == flambeau.float32 and found["state"][0]["step"].item() == 3
    names = "lr betas eps weight_decay amsgrad maximize foreach capturable differentiable fused decoupled_weight_decay params"
    assert " ".join(found["param_groups"][0]) == names
    _, optimizer = trained(SGD, momentum=0.9)
    assert list(optimizer.state_dict()["state"][0]) == ["momentum_buffer"]
    names = "lr momentum dampening weight_decay nesterov maximize foreach differentiable fused params"
    assert " ".join(optimizer.state_dict()["param_groups"][0]) == names


@pytest.mark.parametrize(("kind", "options"), [(SGD, {"momentum": 0.9}), (Adam, {"amsgrad": True}), (AdamW, {"lr": 0.1})])
def test_training_goes_on_from_a_saved_state(kind, options):
    (p, q), optimizer = trained(kind, **options)
    file = io.BytesIO()
    flambeau.save({"p": p, "q": q, "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = flambeau.load(file)
    copies = [saved["p"], saved["q"]]
    assert all(x.is_leaf and x.requires_grad for x in copies)
    again = kind([{"params": copies[:1]}, {"params": copies[1:]}])
    again.load_state_dict(saved["optimizer"])
    for o, ps in ((optimizer, (p, q)), (again, copies)):
        for x in ps:
            with_gradient(x)
        o.step()
    assert [x.tolist() for x in copies] == [p.tolist(), q.tolist()] and again.param_groups[1]["lr"] == 0.01


def test_loaded_state_is_a_copy_in_the_parameters_dtype():
    _, optimizer = trained()
    saved = optimizer.state_dict()
    again = AdamW([{"params": [flambeau.zeros(2, dtype=flambeau.float64)]}, {"params": [flambeau.zeros(1)]}])
    again.load_state_dict(saved)
    state = again.state_dict()["state"][0]
    assert state["exp_avg"].dtype == flambeau.float64 and state["step"].dtype == flambeau.float32
    again.state[again.param_groups[0]["params"][0]]["exp_avg"].fill_(7)
    assert saved["state"][0]["exp_avg"].tolist() != [7, 7] and saved["param_groups"][0]["params"] == [0]


def test_state_dicts_that_do_not_fit():
    _, optimizer = trained()
    with pytest.raises(ValueError, match="different number of parameter groups: expected 1, got 2"):
        AdamW([parameter()]).load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group: group 1 has 2 parameters, the loaded one 1"):
        AdamW([{"params": [parameter()]}, {"params": [parameter(), parameter()]}]).load_state_dict(optimizer.state_dict())


def test_step_hooks():
    seen = []
    p = with_gradient(parameter())
    optimizer = Adam([p])
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", p[0].item(), args)))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", round(p[0].item(), 4))))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == [("before", 1.0, ()), ("after", 0.999), ("after", 0.998)] and optimizer.steps_taken == 2
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 5,), {}))
    assert optimizer.step() == 5
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3"):
        optimizer.step()


def test_saving_and_loading_hooks():
    optimizer, seen = SGD([parameter()]), []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    assert optimizer.state_dict()["note"] == 1
    optimizer.register_load_state_dict_pre_hook(lambda o, state: {**state, "param_groups": [state["param_groups"][0] | {"lr": 9}]})
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.param_groups[0]["lr"] == 9 and seen == ["save", "save", "loaded"]


def test_an_optimizer_of_ones_own():
    class Sign(Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @flambeau.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.add_(p.grad.sign(), alpha=-group["lr"])

    class Louder(Sign):
        def step(self, closure=None):
            return super().step(closure)

    for kind in (Sign, Louder):
        p, calls = with_gradient(parameter()), []
        optimizer = kind([p], lr=0.5)
        optimizer.register_step_post_hook(lambda o, a, k, calls=calls: calls.append(1))
        optimizer.step()
        assert p.tolist() == [0.5, 1.5] and calls == [1] and optimizer.steps_taken == 1


def test_repr():
    assert repr(SGD([{"params": [parameter()]}, {"params": [parameter()], "lr": 1}], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n    lr: 0.1\n"
        "    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n\nParameter Group 1\n    dampening: 0\n"
        "    differentiable: False\n    foreach: None\n    fused: None\n    lr: 1\n    maximize: False\n    momentum: 0\n"
        "    nesterov: False\n    weight_decay: 0\n)"
    )


def test_copying_and_pickling():
    _, optimizer = trained(SGD, momentum=0.9)
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):  # noqa: S301 - our own
        p = with_gradient(other.param_groups[0]["params"][0])
        old = p.tolist()
        other.step()
        assert p.tolist() != old and len(other.state) == 2 and other.steps_taken == 1
    assert optimizer.steps_taken == 3


def test_a_tensor_as_learning_rate():
    p = with_gradient(parameter())
    optimizer = SGD([p], lr=flambeau.tensor(0.5))
    optimizer.step()
    assert p.tolist() == [0.5, 1.5]
    flambeau.optim.lr_scheduler.ExponentialLR(optimizer, 0.5).step()
    assert isinstance(optimizer.param_groups[0]["lr"], flambeau.Tensor) and optimizer.param_groups[0]["lr"].item() == 0.25


def test_hooks_of_all_optimizers():
    seen = []
    handles = [
        optim.optimizer.register_optimizer_step_pre_hook(lambda o, args, kwargs: seen.append(("before", type(o).__name__))),
        optim.optimizer.register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append(("after", type(o).__name__))),
    ]
    try:
        SGD([with_gradient(parameter())]).step()
    finally:
        for handle in handles:
            handle.remove()
    SGD([with_gradient(parameter())]).step()
    assert seen == [("before", "SGD"), ("after", "SGD")]


def test_older_states_lack_options():
    """A state_dict of a version that had neither `maximize` nor `foreach` loads."""
    old = Adam([with_gradient(parameter())])
    old.step()
    saved = old.state_dict()
    for name in ("maximize", "foreach", "decoupled_weight_decay"):
        del saved["param_groups"][0][name]
    saved["state"][0]["step"] = 1  # a number, once
    new = Adam([with_gradient(parameter())])
    new.load_state_dict(saved)
    new.step()
    assert new.param_groups[0]["maximize"] is False and new.state_dict()["state"][0]["step"].item() == 2


def test_the_group_is_the_users_own_dict():
    group = {"params": [with_gradient(parameter())]}
    SGD([group], lr=0.5)
    assert group["lr"] == 0.5
