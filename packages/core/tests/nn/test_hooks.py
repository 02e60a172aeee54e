"""Hooks: functions that look at a call, its backward, its saving and loading, and may change what passes."""

from __future__ import annotations

import copy

import pytest

import flambeau
from flambeau import nn
from flambeau.nn.hooks import register_module_forward_hook, register_module_forward_pre_hook, register_module_full_backward_hook


class Scale(nn.Module):
    def __init__(self, by=2.0):
        super().__init__()
        self.by = nn.Parameter(flambeau.tensor(by))

    def forward(self, x, plus=0.0):
        return x * self.by + plus


def one(value=1.0):
    return flambeau.tensor(value, requires_grad=True)


def test_a_pre_hook_may_change_the_arguments():
    scale = Scale()
    handle = scale.register_forward_pre_hook(lambda module, args: args[0] + 1)
    assert scale(one()).item() == 4
    second = scale.register_forward_pre_hook(lambda module, args, kwargs: (args, {**kwargs, "plus": 10.0}), with_kwargs=True)
    assert scale(one(), plus=1.0).item() == 14
    handle.remove()
    second.remove()
    second.remove()
    assert scale(one()).item() == 2


def test_a_forward_hook_may_change_the_output():
    scale = Scale()
    seen = []
    scale.register_forward_hook(lambda module, args, output: seen.append((args[0].item(), output.item())))
    scale.register_forward_hook(lambda module, args, kwargs, output: output * kwargs.get("plus", 1), with_kwargs=True)
    with scale.register_forward_hook(lambda module, args, output: output - 1, prepend=True):
        assert scale(one(), plus=3.0).item() == 12
    assert seen == [(1.0, 4.0)]
    assert scale(one(3.0)).item() == 6


def test_always_call_hooks_see_a_failed_forward():
    scale = Scale()
    seen = []
    scale.register_forward_hook(lambda *args: seen.append("always"), always_call=True)
    scale.register_forward_hook(lambda *args: seen.append("success"))
    with pytest.raises(TypeError):
        scale("text", plus=1)
    assert seen == ["always"]


def test_a_pre_hook_with_kwargs_must_return_a_pair():
    scale = Scale()
    scale.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="None or a tuple of"):
        scale(one())


def test_backward_hooks_see_the_gradients_on_both_sides():
    scale = Scale(3.0)
    seen = []
    scale.register_full_backward_pre_hook(lambda module, grad_output: seen.append(("before", grad_output[0].item())))
    scale.register_full_backward_hook(lambda module, given, taken: seen.append(("after", given[0].item(), taken[0].item())))
    x = one()
    (scale(x) * 5).backward()
    assert seen == [("before", 5.0), ("after", 15.0, 5.0)]
    assert x.grad.item() == 15 and scale.by.grad.item() == 5


def test_backward_hooks_may_change_the_gradients():
    scale = Scale(3.0)
    scale.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    scale.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] + 1,))
    x = one()
    scale(x).backward()
    assert x.grad.item() == 7 and scale.by.grad.item() == 2


def test_backward_hooks_run_when_no_input_wants_a_gradient():
    scale = Scale(3.0)
    seen = []
    scale.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output[0].item())))
    scale(flambeau.tensor(1.0)).backward()
    assert seen == [((None,), 1.0)]


def test_a_backward_hook_must_return_as_many_gradients():
    scale = Scale()
    scale.register_full_backward_hook(lambda module, grad_input, grad_output: (None, None))
    with pytest.raises(RuntimeError, match="got 2, but expected 1"):
        scale(one()).backward()


def test_backward_hooks_work_for_several_inputs_and_outputs():
    class Pair(nn.Module):
        def forward(self, x, y, name):
            return x * y, x + y

    pair = Pair()
    seen = []
    pair.register_full_backward_hook(lambda module, given, taken: seen.append((given, taken)))
    x, y = one(2.0), one(3.0)
    product, total = pair(x, y, "name")
    (product + 10 * total).backward()
    (given, taken) = seen[0]
    assert [g.item() for g in given[:2]] == [13.0, 12.0] and given[2] is None
    assert [g.item() for g in taken] == [1.0, 10.0]


def test_hooks_on_all_modules_run_first_and_can_be_removed():
    model = nn.Sequential(Scale(), Scale(3.0))
    seen = []
    handles = [
        register_module_forward_pre_hook(lambda module, args: seen.append(("in", type(module).__name__))),
        register_module_forward_hook(lambda module, args, output: seen.append(("out", type(module).__name__))),
        register_module_full_backward_hook(lambda module, given, taken: seen.append(("back", type(module).__name__))),
    ]
    model(one()).backward()
    for handle in handles:
        handle.remove()
    calls = [("in", "Scale"), ("out", "Scale")] * 2
    assert seen == [("in", "Sequential"), *calls, ("out", "Sequential"), ("back", "Scale"), ("back", "Scale"), ("back", "Sequential")]
    model(one())
    assert len(seen) == 9


def test_a_copy_takes_its_hooks_along():
    scale = Scale()
    handle = scale.register_forward_hook(lambda module, args, output: output + 1)
    again = copy.deepcopy(scale)
    handle.remove()
    assert scale(one()).item() == 2 and again(one()).item() == 3


def test_state_dict_hooks_see_and_change_what_is_saved():
    scale = Scale()
    seen = []
    scale.register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append((prefix, keep_vars)))
    handle = scale.register_state_dict_post_hook(lambda module, state, prefix, metadata: state.update({prefix + "extra": flambeau.ones(1)}))
    assert list(nn.Sequential(scale).state_dict()) == ["0.by", "0.extra"]
    assert seen == [("0.", False)]
    handle.remove()
    scale.register_state_dict_post_hook(lambda module, state, prefix, metadata: state)
    with pytest.raises(RuntimeError, match="must return None"):
        scale.state_dict()


def test_load_hooks_rename_keys_and_forgive():
    scale = Scale()

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        state[prefix + "by"] = state.pop(prefix + "old")

    with scale.register_load_state_dict_pre_hook(rename):
        scale.load_state_dict({"old": flambeau.tensor(7.0)})
    assert scale.by.item() == 7
    scale.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    assert str(scale.load_state_dict({})) == "<All keys matched successfully>"


def test_hooks_see_every_registration():
    from flambeau.nn.modules import module as everywhere

    seen = []
    note = lambda kind: lambda owner, name, member: seen.append((kind, type(owner).__name__, name))
    handles = [
        everywhere.register_module_parameter_registration_hook(note("parameter")),
        everywhere.register_module_buffer_registration_hook(note("buffer")),
        everywhere.register_module_module_registration_hook(note("module")),
    ]
    try:
        nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1, affine=False))
    finally:
        for handle in handles:
            handle.remove()
    assert ("parameter", "Linear", "weight") in seen
    assert ("buffer", "BatchNorm1d", "running_mean") in seen
    assert [entry for entry in seen if entry[0] == "module"] == [("module", "Sequential", "0"), ("module", "Sequential", "1")]
    count = len(seen)
    nn.Linear(1, 1)
    assert len(seen) == count


def test_a_hook_before_every_backward_may_change_the_gradient():
    from flambeau.nn.modules.module import register_module_full_backward_pre_hook

    x = flambeau.ones(1, requires_grad=True)
    with register_module_full_backward_pre_hook(lambda module, grads: tuple(2 * g for g in grads)):
        nn.Identity()(x).sum().backward()
    assert x.grad.item() == 2


def test_compile_says_that_it_is_not_there():
    with pytest.raises(RuntimeError, match="not there yet"):
        nn.Linear(1, 1).compile()
