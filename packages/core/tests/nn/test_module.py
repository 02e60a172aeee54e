"""Module: what it owns, how it finds it, and how everything changes at once."""

from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(flambeau.ones(2))
        self.register_buffer("steps", flambeau.tensor(0))
        self.register_buffer("cache", flambeau.zeros(2), persistent=False)
        self.inner = nn.Linear(2, 3)
        self.label = "plain"

    def forward(self, x):
        return self.inner(x * self.scale)


class Twice(nn.Module):
    """A module whose two children are the same one."""

    def __init__(self):
        super().__init__()
        self.first = Block()
        self.second = self.first


def names(pairs):
    return [name for name, _ in pairs]


def test_attributes_are_sorted_by_what_they_are():
    block = Block()
    assert names(block.named_parameters()) == ["scale", "inner.weight", "inner.bias"]
    assert names(block.named_parameters(recurse=False)) == ["scale"]
    assert names(block.named_buffers()) == ["steps", "cache"]
    assert names(block.named_modules()) == ["", "inner"]
    assert names(block.named_modules(prefix="net")) == ["net", "net.inner"]
    assert names(block.named_parameters(prefix="net"))[0] == "net.scale"
    assert list(block.children()) == [block.inner]
    assert block(flambeau.ones(1, 2)).shape == (1, 3)


def test_the_private_dicts_are_live_views():
    block = Block()
    assert list(block._parameters) == ["scale"] and list(block._buffers) == ["steps", "cache"] and list(block._modules) == ["inner"]
    block._parameters["scale"] = None
    assert block.scale is None and block._parameters["scale"] is None
    del block._modules["inner"]
    assert not hasattr(block, "inner")
    assert block._buffers == {"steps": block.steps, "cache": block.cache}


def test_a_shared_member_counts_once():
    twice = Twice()
    assert len(list(twice.parameters())) == 3
    assert names(twice.named_parameters(remove_duplicate=False)) == [
        f"{child}.{name}" for child in ("first", "second") for name in ("scale", "inner.weight", "inner.bias")
    ]
    assert names(twice.named_modules()) == ["", "first", "first.inner"]
    assert len(list(twice.modules(remove_duplicate=False))) == 5
    assert len(list(twice.children())) == 1
    assert len(twice.state_dict()) == 8


def test_assigning_keeps_the_order_and_deleting_forgets():
    block = Block()
    block.offset = nn.Parameter(flambeau.zeros(1))
    block.scale = nn.Parameter(flambeau.zeros(2))
    assert names(block.named_parameters(recurse=False)) == ["scale", "offset"]
    del block.scale
    assert names(block.named_parameters(recurse=False)) == ["offset"]
    with pytest.raises(AttributeError, match="'Block' object has no attribute 'scale'"):
        block.scale  # noqa: B018
    del block.cache
    block.register_buffer("cache", flambeau.zeros(1))
    assert "cache" in block.state_dict()


def test_a_name_can_become_another_kind_of_member():
    block = Block()
    block.label = nn.Linear(1, 1)
    assert "label" in dict(block.named_children())
    block.label = nn.Parameter(flambeau.zeros(1))
    assert "label" not in dict(block.named_children()) and "label" in dict(block.named_parameters())
    block.offset = nn.Buffer(flambeau.zeros(1), persistent=False)
    assert "offset" in dict(block.named_buffers()) and "offset" not in block.state_dict()
    assert isinstance(block.offset, nn.Buffer) and not isinstance(block.steps, nn.Buffer)
    block.steps = flambeau.tensor(5)
    assert dict(block.named_buffers())["steps"].item() == 5


def test_a_parameter_may_be_none():
    layer = nn.Linear(2, 2, bias=False)
    assert layer.bias is None and names(layer.named_parameters()) == ["weight"] and list(layer.state_dict()) == ["weight"]
    layer.bias = nn.Parameter(flambeau.zeros(2))
    assert names(layer.named_parameters()) == ["weight", "bias"]
    layer.bias = None
    assert names(layer.named_parameters()) == ["weight"]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda m: setattr(m, "scale", flambeau.zeros(2)), TypeError, r"as parameter 'scale' \(flambeau.nn.Parameter or None"),
        (lambda m: setattr(m, "inner", 3), TypeError, r"cannot assign 'int' as child module 'inner'"),
        (lambda m: setattr(m, "steps", 3), TypeError, r"cannot assign 'int' as buffer 'steps'"),
        (lambda m: m.register_parameter("scale.x", None), KeyError, 't contain "."'),
        (lambda m: m.register_parameter("", None), KeyError, "empty string"),
        (lambda m: m.register_parameter("label", None), KeyError, "attribute 'label' already exists"),
        (lambda m: m.register_parameter("train", None), KeyError, "attribute 'train' already exists"),
        (lambda m: m.register_parameter("w", flambeau.zeros(1)), TypeError, "flambeau.nn.Parameter or None required"),
        (lambda m: m.register_buffer("b", 1.0), TypeError, "cannot assign 'float' object to buffer 'b'"),
        (lambda m: m.add_module("c", "text"), TypeError, "str is not a Module subclass"),
        (lambda m: m.add_module(3, nn.Identity()), TypeError, "module name should be a string. Got int"),
        (lambda m: m.train("yes"), ValueError, "expected to be boolean, got 'yes'"),
        (lambda m: m.to(flambeau.int64), TypeError, "floating point or complex dtypes"),
        (lambda m: m.to(3.5), TypeError, "expected a tensor, or a device and a dtype"),
        (lambda m: m.get_submodule("inner.nothing"), AttributeError, "Linear has no attribute `nothing`"),
        (lambda m: m.get_submodule("label"), AttributeError, "`label` is not an nn.Module"),
        (lambda m: m.get_parameter("inner.in_features"), AttributeError, "`in_features` is not an nn.Parameter"),
        (lambda m: m.get_buffer("scale"), AttributeError, "`scale` is not a buffer"),
        (lambda m: m.set_submodule("", nn.Identity()), ValueError, "target name"),
    ],
)
def test_misuse_is_named(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong(Block())


def test_a_computed_tensor_is_no_parameter():
    module = nn.Module()
    computed = nn.Parameter(flambeau.ones(2))
    leaf = nn.Parameter(flambeau.ones(2))
    computed.node = (leaf * 2).node
    with pytest.raises(ValueError, match="non-leaf Tensor to parameter 'w'"):
        module.w = computed


@pytest.mark.parametrize("value", [nn.Parameter(flambeau.zeros(1)), nn.Identity()])
def test_members_need_init_first(value):
    class Hasty(nn.Module):
        def __init__(self):
            self.member = value

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Hasty()


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r'Module \[Module\] is missing the required "forward" function'):
        nn.Module()(1)


def test_a_subclass_may_look_further_for_attributes():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("module"), name)

    assert Wrapper(Block()).label == "plain"
    with pytest.raises(AttributeError, match="'Block' object has no attribute 'nothing'"):
        Wrapper(Block()).nothing  # noqa: B018


def test_submodules_are_found_and_replaced_by_dotted_names():
    model = nn.Sequential(Block(), nn.ReLU())
    assert model.get_submodule("") is model
    assert model.get_submodule("0.inner") is model[0].inner
    assert model.get_parameter("0.inner.weight") is model[0].inner.weight
    assert model.get_buffer("0.steps") is model[0].steps
    model.set_submodule("0.inner", nn.Identity())
    assert isinstance(model[0].inner, nn.Identity)


def test_train_eval_and_apply_reach_everything():
    model = nn.Sequential(Block(), nn.Dropout())
    assert model.eval() is model and not any(module.training for module in model.modules())
    assert model.train()[0].inner.training
    seen = []
    model.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "Block", "Dropout", "Sequential"]


def test_gradients_are_cleared_and_parameters_frozen():
    block = Block()
    block(flambeau.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad(set_to_none=False)
    assert all(p.grad.abs().sum() == 0 for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())
    assert not any(p.requires_grad for p in block.requires_grad_(False).parameters())


@pytest.mark.parametrize(
    ("cast", "dtype"),
    [
        (lambda m: m.double(), "float64"),
        (lambda m: m.half(), "float16"),
        (lambda m: m.bfloat16(), "bfloat16"),
        (lambda m: m.to(flambeau.float64), "float64"),
        (lambda m: m.to("cpu", flambeau.float64), "float64"),
        (lambda m: m.to(flambeau.zeros(1, dtype=flambeau.float16)), "float16"),
        (lambda m: m.to(dtype=flambeau.float64, non_blocking=True), "float64"),
        (lambda m: m.double().float(), "float32"),
        (lambda m: m.cpu(), "float32"),
    ],
)
def test_casting_keeps_the_parameters_and_spares_integers(cast, dtype):
    block = Block()
    before = list(block.parameters())
    block(flambeau.ones(1, 2)).sum().backward()
    assert cast(block) is block
    assert all(a is b for a, b in zip(before, block.parameters(), strict=True))
    wanted = getattr(flambeau, dtype)
    assert all(p.dtype is wanted and p.grad.dtype is wanted and p.requires_grad for p in block.parameters())
    assert block.cache.dtype is wanted and block.steps.dtype is flambeau.int64
    block.zero_grad()
    block(flambeau.ones(1, 2, dtype=wanted)).sum().backward()
    assert all(p.grad.dtype is wanted for p in block.parameters())


def test_type_casts_integers_too():
    block = Block().type(flambeau.float64)
    assert block.steps.dtype is block.scale.dtype is flambeau.float64


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301  our own bytes
def test_copies_are_whole_and_apart(duplicate):
    twice = Twice()
    again = duplicate(twice)
    assert again.first is again.second and again.first is not twice.first
    assert names(again.named_parameters()) == names(twice.named_parameters())
    assert "cache" not in [name.rpartition(".")[2] for name in again.state_dict()]
    for a, b in zip(twice.parameters(), again.parameters(), strict=True):
        assert a.tolist() == b.tolist() and isinstance(b, nn.Parameter) and b.requires_grad
    with flambeau.no_grad():
        again.first.scale.zero_()
    assert twice.first.scale.tolist() == [1, 1]


def test_a_shallow_copy_has_names_of_its_own():
    block = Block()
    again = copy.copy(block)
    again.extra = nn.Parameter(flambeau.zeros(1))
    assert again.scale is block.scale
    assert "extra" not in dict(block.named_parameters())


def test_modules_print_as_a_tree():
    class Text(nn.Module):
        def extra_repr(self):
            return "one\ntwo"

    model = nn.Sequential(nn.Linear(2, 1), nn.ModuleDict({"text": Text()}))
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=1, bias=True)\n"
        "  (1): ModuleDict(\n"
        "    (text): Text(\n"
        "      one\n"
        "      two\n"
        "    )\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"
    assert "weight" in dir(model[0]) and "0" not in dir(model)


def test_memory_format_is_applied_and_changes_no_value():
    net, x = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval(), flambeau.arange(108.0).view(1, 3, 6, 6) / 108
    before, y = net[0].weight.tolist(), net(x)
    weight = net[0].weight
    net.to(memory_format=flambeau.channels_last)
    assert net[0].weight is weight and weight.stride() == (27, 1, 9, 3) and weight.tolist() == before
    assert flambeau.allclose(net(x), y, atol=1e-6)
    assert net.to(memory_format=flambeau.contiguous_format)[0].weight.is_contiguous()
    with pytest.raises(TypeError, match="memory_format"):
        net.to(memory_format="channels_last")
