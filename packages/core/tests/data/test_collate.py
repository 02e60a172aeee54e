from __future__ import annotations

from collections import OrderedDict, UserDict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import flambeau
from flambeau.utils.data import default_collate, default_convert
from flambeau.utils.data.collate import collate

Point = namedtuple("Point", "x y")


def test_tensors_arrays_and_numbers():
    assert default_collate([flambeau.ones(2), flambeau.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    assert default_collate([np.ones(2, np.float32)] * 3).dtype == flambeau.float32
    numbers = {"int64": 1, "float64": 1.5, "bool": True, "float32": np.float32(2), "int8": np.int8(2), "uint8": np.uint8(2)}
    for dtype, value in numbers.items():
        batch = default_collate([value] * 2)
        assert batch.dtype == getattr(flambeau, dtype) and batch.shape == (2,), value
    assert default_collate(["a", "b"]) == ["a", "b"] and default_collate([b"a"]) == [b"a"]


def test_nested():
    batch = default_collate([{"a": (1, [2.0, "x"]), "b": Point(3, flambeau.ones(1))}] * 2)
    assert batch["a"][0].tolist() == [1, 1] and batch["a"][1][0].tolist() == [2, 2] and batch["a"][1][1] == ("x", "x")
    assert isinstance(batch["a"], list) and isinstance(batch["b"], Point) and batch["b"].y.tolist() == [[1], [1]]
    assert default_collate([(1, 2), (3, 4)])[1].tolist() == [2, 4]
    assert isinstance(default_collate([[1, 2]]), list) and default_collate([[], []]) == []
    assert [t.tolist() for t in default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]


def test_mappings_keep_their_type():
    assert type(default_collate([OrderedDict(a=1)])) is OrderedDict
    assert isinstance(default_collate([UserDict(a=1)]), UserDict)
    assert isinstance(default_collate([MappingProxyType({"a": 1})]), MappingProxyType)


def test_gradients_pass():
    x = flambeau.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_what_cannot_be_collated():
    with pytest.raises(TypeError, match=r"must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'object'>"):
        default_collate([object()])
    with pytest.raises(TypeError, match=r"found <class 'NoneType'>"):
        default_collate([{"a": None}])
    with pytest.raises(TypeError, match=r"found an array of <U1"):
        default_collate([np.array(["a"])])
    with pytest.raises(RuntimeError, match=r"equal size, got lengths \[1, 2\]"):
        default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        default_collate([flambeau.ones(2), flambeau.ones(3)])
    with pytest.raises(KeyError):
        default_collate([{"a": 1}, {"b": 1}])


def test_a_table_of_ones_own():
    class Box:
        pass

    class Small(Box):
        pass

    table = {Box: lambda batch, *, collate_fn_map=None: len(batch), Small: lambda batch, *, collate_fn_map=None: "small"}
    assert collate([(Box(), Small())] * 3, collate_fn_map=table) == [3, "small"]


def test_convert():
    assert default_convert(np.arange(2)).tolist() == [0, 1] and default_convert(np.float32(2)).dtype == flambeau.float32
    assert default_convert("a") == "a" and default_convert(1) == 1 and default_convert(None) is None
    words = np.array(["a"])
    assert default_convert(words) is words
    found = default_convert({"a": [np.ones(1), 2], "b": Point(np.zeros(1), "x"), "c": (np.ones(1),)})
    assert found["a"][0].tolist() == [1] and found["a"][1] == 2 and isinstance(found["b"], Point) and isinstance(found["c"], list)
    x = flambeau.ones(1)
    assert default_convert([x])[0] is x


def test_the_path_by_which_scripts_import_it():
    from flambeau.utils.data._utils.collate import default_collate as found

    assert found is flambeau.utils.data.default_collate is flambeau.utils.data._utils.collate.default_collate
