"""Nested structures: PyTorch's order of leaves, specs, paths and texts; what is refused."""
from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import NamedTuple

import pytest

import flambeau
from flambeau.func.treenodes import forget_pytree_node
from flambeau.utils import pytree


class Pair(NamedTuple):
    x: object
    y: object


Structure = namedtuple("Structure", "only")
TREE = {
    "b": [1, (2, None)],
    "a": Pair(3, {"k": deque([4, 5], maxlen=3)}),
    "c": OrderedDict(z=1),
    "d": defaultdict(list, {"q": 2}),
}


def test_leaves_and_spec_as_pytorch_orders_and_prints_them():
    leaves, spec = pytree.tree_flatten(TREE)
    assert leaves == [1, 2, None, 3, 4, 5, 1, 2]
    assert (spec.num_leaves, spec.num_nodes, spec.num_children, spec.type, spec.context) == (8, 16, 4, dict, ["b", "a", "c", "d"])
    assert repr(spec) == f"""TreeSpec(dict, ['b', 'a', 'c', 'd'], [TreeSpec(list, None, [*,
    TreeSpec(tuple, None, [*,
      *])]),
  TreeSpec(namedtuple, {Pair}, [*,
    TreeSpec(dict, ['k'], [TreeSpec(deque, 3, [*,
        *])])]),
  TreeSpec(OrderedDict, ['z'], [*]),
  TreeSpec(defaultdict, [<class 'list'>, ['q']], [*])])"""
    again = spec.unflatten(leaves)
    assert again == TREE and type(again["a"]) is Pair and again["a"].y["k"].maxlen == 3 and again["d"].default_factory is list
    assert list(pytree.tree_iter(TREE)) == leaves == pytree.tree_leaves(TREE)
    assert hash(spec) == hash(pytree.tree_structure(TREE)) and spec == pytree.tree_structure(TREE)
    assert spec != pytree.tree_structure({"a": 1})


def test_sizes_and_named_results_are_nodes():
    assert pytree.tree_leaves(flambeau.Size([2, 3])) == [2, 3]
    values = flambeau.max(flambeau.eye(2), 0)
    assert type(pytree.tree_map(lambda x: x + 1, values)) is type(values)


def test_maps():
    assert pytree.tree_map(lambda a, b: a + b, {"a": [1, 2], "b": 3}, {"b": 30, "a": [10, 20]}) == {"a": [11, 22], "b": 33}
    assert pytree.tree_map(lambda a, b: (a, b), [1, 2], [[1], 2]) == [(1, [1]), (2, 2)]  # below a leaf anything may lie
    assert pytree.tree_map_only(int, lambda x: -x, [1, "two", (3,)]) == [-1, "two", (-3,)]
    assert pytree.tree_map_only((int, str), str, [1, "two", None]) == ["1", "two", None]
    assert pytree.tree_map_only(lambda x: x == 1, str, [1, 2]) == ["1", 2]
    assert pytree.tree_map(type, [(1, 2), 3], is_leaf=lambda x: isinstance(x, tuple)) == [tuple, int]
    seen: list = []
    assert pytree.tree_map_(seen.append, TREE) is TREE and seen == pytree.tree_leaves(TREE)
    assert pytree.tree_all(lambda x: x > 0, [1, (2,)]) and not pytree.tree_all(lambda x: x > 1, [1, (2,)])
    assert pytree.tree_any(lambda x: x is None, TREE) and not pytree.tree_any(lambda x: x == 9, TREE)
    assert pytree.tree_all_only(int, lambda x: x > 0, [1, "a"]) and pytree.tree_any_only(str, str.isupper, [1, "a", "B"])


def test_paths():
    pairs, spec = pytree.tree_flatten_with_path(TREE)
    assert [pytree.keystr(path) for path, _ in pairs] == [
        "['b'][0]", "['b'][1][0]", "['b'][1][1]", "['a'].x", "['a'].y['k'][0]", "['a'].y['k'][1]", "['c']['z']", "['d']['q']"]
    assert all(pytree.key_get(TREE, path) == leaf for path, leaf in pairs) and spec == pytree.tree_structure(TREE)
    assert pytree.tree_map_with_path(lambda path, x, y: pytree.keystr(path) + str(x + y), {"a": [1]}, {"a": [2]}) == {"a": ["['a'][0]3"]}
    with pytest.raises(KeyError):
        pytree.key_get({"a": 1}, (pytree.MappingKey("b"),))


def test_prefixes():
    spec = pytree.tree_structure({"a": [1, (2, 3)], "b": 4})
    assert pytree.broadcast_prefix(7, spec) == [7] * 4
    assert pytree.broadcast_prefix({"a": [1, 2], "b": 3}, spec) == [1, 2, 2, 3]
    assert pytree.broadcast_prefix({"a": [1], "b": 3}, spec) is None and pytree.broadcast_prefix([1, 2], spec) is None


def test_texts_are_pytorchs():
    spec = pytree.tree_structure({"a": [1], "d": defaultdict(list, q=2)})
    leaf = {"type": None, "context": None, "children_spec": []}
    assert json.loads(pytree.treespec_dumps(spec)) == [1, {"type": "builtins.dict", "context": '["a", "d"]', "children_spec": [
        {"type": "builtins.list", "context": "null", "children_spec": [leaf]},
        {"type": "collections.defaultdict", "context": {
            "default_factory_module": "builtins", "default_factory_name": "list", "dict_context": ["q"]}, "children_spec": [leaf]}]}]
    for tree in (3, [], {"a": deque([1])}, spec.unflatten([1, 2]), OrderedDict(x=(1, 2))):
        spec = pytree.tree_structure(tree)
        assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec
    pytree.register_namedtuple(Structure, serialized_type_name="tests.Structure")
    spec = pytree.tree_structure(Structure([1, 2]))
    assert pytree.treespec_loads(pytree.treespec_dumps(spec)).unflatten([1, 2]) == Structure([1, 2])


@pytest.mark.parametrize(("text", "error", "words"), [
    ("{", json.JSONDecodeError, "Expecting"),
    ("[9, {}]", ValueError, "Unknown protocol 9"),
    ("[1, 3]", ValueError, "expected a spec"),
    ('{"a": 1}', ValueError, "treespec_dumps"),
    ('[1, {"type": "os.system", "context": "null", "children_spec": []}]', NotImplementedError, "os.system"),
    ('[1, {"type": null, "context": null, "children_spec": [1]}]', ValueError, "no children"),
    ('[1, {"type": "collections.defaultdict", "context": {"default_factory_module": "os", "default_factory_name": "getcwd", '
     '"dict_context": []}, "children_spec": []}]', ValueError, "runs no code"),
    ('[1, {"type": "collections.namedtuple", "context": "builtins.eval", "children_spec": []}]', NotImplementedError, "builtins.eval"),
])
def test_hostile_texts(text, error, words):
    with pytest.raises(error, match=words):
        pytree.treespec_loads(text)


def test_classes_of_users():
    @dataclasses.dataclass
    class Point:
        x: object
        y: object = None

    class Celsius:
        def __init__(self, degrees):
            self.degrees = degrees

        def __eq__(self, other):
            return isinstance(other, Celsius) and self.degrees == other.degrees

        def __hash__(self):
            return hash(self.degrees)

    class Box:
        def __init__(self, inside, label):
            self.inside, self.label = inside, label

    pytree.register_dataclass(Point)
    pytree.register_constant(Celsius)
    pytree.register_pytree_node(Box, lambda b: ([b.inside], b.label), lambda c, label: Box(c[0], label))
    try:
        assert pytree.tree_map(lambda v: v + 1, Point(1)) == Point(2)
        assert [pytree.keystr(p) for p, _ in pytree.tree_leaves_with_path(Point(1, [2]))] == [".x", ".y[0]"]
        leaves, spec = pytree.tree_flatten([Celsius(3), 1])
        assert leaves == [1] and spec.unflatten([5]) == [Celsius(3), 5]
        assert spec == pytree.tree_structure([Celsius(3), 2]) and spec != pytree.tree_structure([Celsius(4), 2])
        assert pytree.tree_map(lambda x: x * 2, Box(4, "crate")).label == "crate"
        with pytest.raises(ValueError, match="flatten_with_keys_fn"):
            pytree.tree_flatten_with_path(Box(4, "crate"))
        with pytest.raises(NotImplementedError, match="serialized_type_name"):
            pytree.treespec_dumps(pytree.tree_structure(Box(4, "crate")))
        y, = flambeau.vmap(lambda p: (p.x * 2,))(Point(flambeau.ones(3)))
        assert y.tolist() == [2, 2, 2]
    finally:
        for cls in (Point, Celsius, Box):
            forget_pytree_node(cls)


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: pytree.tree_unflatten([1], pytree.tree_structure([1, 2])), ValueError, "expected 2 leaves, got 1"),
    (lambda: pytree.tree_unflatten([1], 3), TypeError, "treespec"),
    (lambda: pytree.tree_map(max, {"a": 1}, {"b": 1}), ValueError, "missing key.*a.*extra key.*b"),
    (lambda: pytree.tree_map(max, [1, 2], [1]), ValueError, "arity"),
    (lambda: pytree.tree_map(max, [1, 2], (1, 2)), ValueError, "type mismatch"),
    (lambda: pytree.register_pytree_node(list, None, None), ValueError, "already registered"),
    (lambda: pytree.register_constant(list), TypeError, "__hash__"),
    (lambda: pytree.register_dataclass(int), ValueError, "field_names"),
    (lambda: pytree.tree_map_only(3, max, [1]), TypeError, "predicate"),
    (lambda: pytree.treespec_dumps(3), TypeError, "treespec"),
    (lambda: pytree.treespec_dumps(pytree.tree_structure({(1, 2): 3})), TypeError, "tuples become lists"),
    (lambda: pytree.treespec_dumps(pytree.tree_structure(Pair(1, 2))), NotImplementedError, "register_namedtuple"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_private_name_has_the_same_functions():
    import flambeau.utils._pytree as private

    names = [*pytree.__all__, "_broadcast_to_and_flatten", "_is_leaf", "_register_pytree_node", "_deregister_pytree_node"]
    assert all(getattr(private, name) is getattr(pytree, name) for name in names)
    assert flambeau.utils._pytree.tree_map is pytree.tree_map
