"""Saving and loading: names, strictness, versions, and what is said when things do not fit."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import nn


def model():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_names_and_versions():
    state = model().state_dict()
    norm = ["1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert list(state) == ["0.weight", "0.bias", *norm]
    assert dict(state._metadata) == {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 2}}
    assert list(model()[0].state_dict(prefix="net.")) == ["net.weight", "net.bias"]


def test_tensors_are_detached_and_share_memory():
    net = model()
    state = net.state_dict()
    assert not state["0.weight"].requires_grad
    state["0.weight"].fill_(7)
    assert (net[0].weight == 7).all()
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight


def test_loading_copies():
    source, target = model(), model()
    keys = target.load_state_dict(source.state_dict())
    assert repr(keys) == "<All keys matched successfully>" and keys.missing_keys == []
    assert target[0].weight.tolist() == source[0].weight.tolist()
    assert target[0].weight is not source[0].weight
    assert target[0].weight.requires_grad and target[0].weight.is_leaf


def test_loading_casts_to_what_the_module_has():
    net = model()
    net.load_state_dict({name: t.double() if t.is_floating_point() else t for name, t in model().state_dict().items()})
    assert net[0].weight.dtype is flambeau.float32


def test_assign_adopts_the_tensors():
    net = model()
    net[0].weight.requires_grad_(False)
    state = {name: t.double() if t.is_floating_point() else t for name, t in model().state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert net[0].weight.dtype is flambeau.float64 and isinstance(net[0].weight, nn.Parameter)
    assert not net[0].weight.requires_grad and net[0].bias.requires_grad
    assert net[1].running_mean is state["1.running_mean"]


def test_everything_that_is_wrong_is_told_at_once():
    state = model().state_dict()
    state["0.weight"] = flambeau.zeros(5, 2)
    del state["1.bias"]
    state["2.extra"] = state["0.extra"] = flambeau.zeros(1)
    with pytest.raises(RuntimeError) as caught:
        model().load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "1.bias". \n'
        '\tUnexpected key(s) in state_dict: "2.extra", "0.extra". \n'
        "\tsize mismatch for 0.weight: copying a param with shape flambeau.Size([5, 2]) from checkpoint, "
        "the shape in current model is flambeau.Size([3, 2])."
    )


def test_what_is_missing_may_be_asked_for():
    keys = model().load_state_dict({"0.weight": flambeau.zeros(3, 2), "more": flambeau.zeros(1)}, strict=False)
    assert keys.unexpected_keys == ["more"] and "0.bias" in keys.missing_keys
    assert repr(keys).startswith("IncompatibleKeys(missing_keys=['0.bias'")


def test_a_wrong_shape_is_never_forgiven():
    with pytest.raises(RuntimeError, match="size mismatch for 0.bias"):
        model().load_state_dict({"0.bias": flambeau.zeros(4)}, strict=False)


@pytest.mark.parametrize(
    ("wrong", "error", "says"), [([1, 2], TypeError, "dict-like"), ({"0.bias": [1.0]}, RuntimeError, "received <class 'list'>")]
)
def test_what_is_no_state_dict_is_refused(wrong, error, says):
    with pytest.raises(error, match=says):
        model().load_state_dict(wrong, strict=False)


def test_a_scalar_saved_with_one_axis_loads():
    net = nn.Module()
    net.scale = nn.Parameter(flambeau.tensor(0.0))
    net.load_state_dict({"scale": flambeau.tensor([3.0])})
    assert net.scale.item() == 3 and net.scale.dim() == 0


def test_batch_norm_reads_files_from_before_it_counted_batches():
    state = nn.BatchNorm1d(3).state_dict()
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        nn.BatchNorm1d(3).load_state_dict(state)
    state._metadata[""]["version"] = 1
    nn.BatchNorm1d(3).load_state_dict(state)


def test_extra_state_travels_with_the_tensors():
    class Counter(nn.Module):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    source, target = nn.Sequential(Counter()), nn.Sequential(Counter())
    source[0].count = 5
    assert source.state_dict() == {"0._extra_state": {"count": 5}}
    target.load_state_dict(source.state_dict())
    assert target[0].count == 5
    with pytest.raises(RuntimeError, match='Missing key.*"0._extra_state"'):
        target.load_state_dict({})


def test_buffers_that_are_not_persistent_stay_out():
    net = nn.Module()
    net.register_buffer("kept", flambeau.zeros(1))
    net.register_buffer("cache", flambeau.zeros(1), persistent=False)
    assert list(net.state_dict()) == ["kept"]
    net.load_state_dict({"kept": flambeau.ones(1)})
    with pytest.raises(RuntimeError, match='Unexpected key.*"cache"'):
        net.load_state_dict({"kept": flambeau.ones(1), "cache": flambeau.ones(1)})
