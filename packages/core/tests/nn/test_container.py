"""Containers look like lists and dicts, and their owner sees what is in them."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import pytest

import flambeau
from flambeau import nn


def linears(*sizes):
    return [nn.Linear(a, b) for a, b in pairwise(sizes)]


def test_sequential_calls_in_order():
    a, b = linears(2, 3, 4)
    model = nn.Sequential(a, nn.ReLU(), b)
    x = flambeau.ones(1, 2)
    assert model(x).tolist() == b(a(x).relu()).tolist()
    named = nn.Sequential(OrderedDict([("in", a), ("out", b)]))
    assert list(named.state_dict()) == ["in.weight", "in.bias", "out.weight", "out.bias"]
    assert named(x).tolist() == b(a(x)).tolist()
    assert nn.Sequential()(x) is x


def test_sequential_is_a_list():
    a, b, c = linears(2, 3, 4, 5)
    model = nn.Sequential(a, b)
    assert len(model) == 2 and model[0] is a and model[-1] is b and list(model) == [a, b]
    assert list(model.append(c)) == [a, b, c]
    assert isinstance(model[1:], nn.Sequential) and list(model[1:]) == [b, c] and list(model[1:]._modules) == ["1", "2"]
    del model[0]
    assert list(model) == [b, c] and list(model._modules) == ["0", "1"]
    assert list(model.insert(0, a)) == [a, b, c]
    assert model.pop(-1) is c and list(model) == [a, b]
    model[1] = c
    assert list(model) == [a, c]
    assert list(model + nn.Sequential(b)) == [a, c, b] and list(nn.Sequential(a) * 2) == [a, a]
    assert list(2 * nn.Sequential(a)) == [a, a]
    model += nn.Sequential(b)
    assert list(model) == [a, c, b]
    assert list(model.extend([a])) == [a, c, b, a]
    del model[1:3]
    assert list(model) == [a, a]


def test_module_list_is_a_list_without_forward():
    a, b, c = linears(2, 3, 4, 5)
    modules = nn.ModuleList([a, b])
    modules += [c]
    assert list(modules) == [a, b, c] and list(modules[::2]) == [a, c] and list(modules + [a]) == [a, b, c, a]
    assert isinstance(modules[:1], nn.ModuleList)
    assert list(modules.insert(1, c)) == [a, c, b, c]
    del modules[1]
    assert list(modules._modules) == ["0", "1", "2"] and modules.pop(0) is a
    assert len(list(nn.Sequential(*modules).parameters())) == 4
    with pytest.raises(NotImplementedError, match="ModuleList"):
        modules(1)


def test_module_list_prints_equal_neighbours_once():
    modules = nn.ModuleList([nn.ReLU(), nn.Linear(1, 1), nn.Linear(1, 1), nn.Sequential(nn.ReLU())])
    assert repr(modules) == (
        "ModuleList(\n"
        "  (0): ReLU()\n"
        "  (1-2): 2 x Linear(in_features=1, out_features=1, bias=True)\n"
        "  (3): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict_is_a_dict():
    a, b, c = linears(2, 3, 4, 5)
    modules = nn.ModuleDict({"a": a})
    modules["b"] = b
    modules.update([("c", c)])
    modules.update(nn.ModuleDict({"a": b}))
    assert list(modules) == ["a", "b", "c"] and modules["a"] is b and "b" in modules and len(modules) == 3
    assert [*modules.values()] == [b, b, c] and [*modules.items()][2] == ("c", c) and [*modules.keys()] == ["a", "b", "c"]
    assert modules.pop("c") is c
    del modules["a"]
    assert list(modules) == ["b"]
    modules.clear()
    assert len(modules) == 0


def test_parameter_list():
    values = nn.ParameterList([flambeau.ones(2), nn.Parameter(flambeau.zeros(1, 3))])
    values.append(flambeau.ones(()))
    values += [flambeau.ones(1)]
    assert [name for name, _ in values.named_parameters()] == ["0", "1", "2", "3"]
    assert isinstance(values[-1], nn.Parameter) and len(values[1:]) == 3
    values[0] = flambeau.zeros(5)
    assert values[0].shape == (5,) and [p.numel() for p in values] == [5, 3, 1, 1]
    assert repr(nn.ParameterList([flambeau.ones(2), flambeau.ones(1, 3)])) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [flambeau.float32 of size 2]\n"
        "    (1): Parameter containing: [flambeau.float32 of size 1x3]\n"
        ")"
    )


def test_parameter_dict():
    values = nn.ParameterDict({"a": flambeau.ones(2)})
    values["b"] = flambeau.zeros(1)
    values.update([("c", nn.Parameter(flambeau.zeros(3)))])
    assert list(values) == ["a", "b", "c"] and list(reversed(values)) == ["c", "b", "a"]
    assert values.get("x") is None and values.setdefault("a") is values["a"] and "b" in values
    assert values.pop("b").shape == (1,) and values.popitem()[0] == "c" and len(values) == 1
    both = values | nn.ParameterDict({"d": flambeau.ones(1)})
    assert list(both.keys()) == ["a", "d"] and both["a"] is values["a"]
    values |= both
    assert [name for name, _ in values.items()] == ["a", "d"] and len(list(values.values())) == 2
    assert list(values.copy()) == ["a", "d"] and list(values.fromkeys("xy", flambeau.ones(1))) == ["x", "y"]
    values.clear()
    assert list(values.parameters()) == []
    with pytest.raises(KeyError):
        values["a"]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: nn.Sequential(nn.ReLU())[1], IndexError, "index 1 is out of range"),
        (lambda: nn.ModuleList([nn.ReLU()])[-2], IndexError, "index -2 is out of range"),
        (lambda: nn.Sequential(3), TypeError, "int is not a Module subclass"),
        (lambda: nn.Sequential(nn.ReLU()) + nn.ReLU(), ValueError, "only objects of Sequential"),
        (lambda: nn.Sequential(nn.ReLU()) * 0, ValueError, "Non-positive"),
        (lambda: nn.Sequential(nn.ReLU()) * 1.5, TypeError, "unsupported operand"),
        (lambda: nn.ModuleList(3), TypeError, "called with an iterable, but got int"),
        (lambda: nn.ModuleDict({"training": nn.ReLU()}), KeyError, "already exists"),
        (lambda: nn.ModuleDict([("a", 1, 2)]), ValueError, "element #0"),
        (lambda: nn.ModuleDict([3]), TypeError, "element #0"),
        (lambda: nn.ModuleDict(3), TypeError, "iterable of key/value pairs"),
        (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), KeyError, "t contain"),
        (lambda: nn.ModuleDict()["a"], KeyError, "a"),
        (lambda: nn.ParameterList(flambeau.ones(2)), TypeError, "called with an iterable"),
        (lambda: nn.ParameterList()[0], IndexError, "out of range"),
        (lambda: nn.ParameterDict({3: flambeau.ones(1)}), TypeError, "not a string"),
        (lambda: nn.ParameterDict({"keys": flambeau.ones(1)}), KeyError, "already exists"),
    ],
)
def test_misuse_is_named(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()
