"""Nested structures (dicts, lists, tuples, named tuples, deques, registered classes) as a flat list of leaves, and back.

Registering is in `treenodes.py`, specs as text in `treejson.py`; users find all of it in `flambeau.utils.pytree`.
"""
from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .treenodes import (
    DICTS,
    GetAttrKey,
    MappingKey,
    SequenceKey,
    is_namedtuple,
    is_namedtuple_class,
    kind_of,
    node_of,
    register_constant,
    register_dataclass,
    register_pytree_node,
)

__all__ = [
    "GetAttrKey", "LeafSpec", "MappingKey", "SequenceKey", "TreeSpec", "broadcast_prefix", "is_namedtuple", "is_namedtuple_class",
    "key_get", "keystr", "register_constant", "register_dataclass", "register_pytree_node", "tree_all", "tree_all_only", "tree_any",
    "tree_any_only", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves", "tree_leaves_with_path",
    "tree_map", "tree_map_", "tree_map_only", "tree_map_only_", "tree_map_with_path", "tree_structure", "tree_unflatten",
]


class TreeSpec:
    """The shape of a nested structure without its leaves.

    type            the class of the outermost node, None for a leaf
    context         what the class needs besides its children (a dict's keys)
    children_specs  the specs of the children

    >>> flambeau.utils.pytree.tree_structure({"a": 1, "b": (2, 3)})
    TreeSpec(dict, ['a', 'b'], [*,
      TreeSpec(tuple, None, [*,
        *])])
    """

    __slots__ = ("type", "context", "children_specs", "num_leaves", "num_nodes", "num_children")

    def __init__(self, type: Any = None, context: Any = None, children_specs: Iterable[TreeSpec] = ()):
        self.type, self.context, self.children_specs = type, context, list(children_specs)
        self.num_children = len(self.children_specs)
        leaf = type is None
        self.num_leaves: int = 1 if leaf else sum(c.num_leaves for c in self.children_specs)
        self.num_nodes: int = 1 + sum(c.num_nodes for c in self.children_specs)

    def is_leaf(self) -> bool:
        return self.type is None

    def children(self) -> list[TreeSpec]:
        return list(self.children_specs)

    def child(self, index: int) -> TreeSpec:
        return self.children_specs[index]

    def unflatten(self, leaves: Iterable[Any]):
        """The structure with these leaves.  ValueError when their number is wrong."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that holds "
                f"{self.num_leaves} items ({self}): expected {self.num_leaves} leaves, got {len(leaves)}"
            )
        return _build(iter(leaves), self)

    def flatten_up_to(self, tree) -> list:
        """What `tree` has at the places of this spec's leaves.  ValueError where `tree` has another structure above them."""
        found: list = []
        _up_to(self, tree, found)
        return found

    def __eq__(self, other) -> bool:
        return isinstance(other, TreeSpec) and self.type is other.type and self.context == other.context and \
            self.children_specs == other.children_specs

    def __hash__(self) -> int:
        context = tuple(self.context) if isinstance(self.context, list) else self.context
        try:
            return hash((self.type, context, tuple(self.children_specs)))
        except TypeError:  # a context of lists: what is equal still has one hash
            return hash((self.type, tuple(self.children_specs)))

    def __repr__(self, indent: int = 0) -> str:
        if self.type is None:
            return "*"
        inner = ",\n".join(" " * (indent + 2) * (i > 0) + c.__repr__(indent + 2) for i, c in enumerate(self.children_specs))
        return f"TreeSpec({self.type.__name__}, {self.context}, [{inner}])"


class LeafSpec(TreeSpec):
    """The spec of a leaf."""

    __slots__ = ()

    def __init__(self):
        super().__init__()


_LEAF = LeafSpec()


def _build(leaves: Iterator, spec: TreeSpec):
    if spec.type is None:
        return next(leaves)
    return node_of(spec.type).unflatten([_build(leaves, c) for c in spec.children_specs], spec.context)


def _up_to(spec: TreeSpec, tree, found: list) -> None:
    if spec.type is None:
        found.append(tree)
        return
    kind = kind_of(tree)
    if spec.type in DICTS:
        if kind not in DICTS:
            raise ValueError(f"Node type mismatch; expected {spec.type}, but got {type(tree)}: the structures differ")
        keys = spec.context[1] if spec.type is defaultdict else spec.context
        missing, extra = set(keys) - set(tree), set(tree) - set(keys)
        if missing or extra:
            told = "".join(f"; {word} key(s): {keys}" for word, keys in (("missing", missing), ("extra", extra)) if keys)
            raise ValueError(f"Node keys mismatch{told}: the structures differ")
        children = [tree[k] for k in keys]
    else:
        if kind is not spec.type:
            raise ValueError(f"Node type mismatch; expected {spec.type}, but got {type(tree)}: the structures differ")
        children, context = node_of(kind).flatten(tree)
        children = list(children)
        if len(children) != spec.num_children:
            raise ValueError(f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}: the structures differ")
        if context != spec.context and spec.type is not deque:
            raise ValueError(f"Node context mismatch for node of {spec.type}; expected {spec.context}, but got {context}")
    for child, below in zip(children, spec.children_specs, strict=True):
        _up_to(below, child, found)


def _spec(tree, leaves: list, is_leaf) -> TreeSpec:
    if is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return _LEAF
    kind = kind_of(tree)
    if kind is None:
        leaves.append(tree)
        return _LEAF
    children, context = node_of(kind).flatten(tree)
    return TreeSpec(kind, context, [_spec(child, leaves, is_leaf) for child in children])


def tree_flatten(tree, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, TreeSpec]:
    """The leaves of a structure in order, and its shape.  Where `is_leaf` says so, a node is taken whole.

    >>> flambeau.utils.pytree.tree_flatten({"a": 1, "b": (2, 3)})[0]
    [1, 2, 3]
    """
    leaves: list = []
    return leaves, _spec(tree, leaves, is_leaf)


def check_spec(spec) -> None:
    if not isinstance(spec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(spec)}.")


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec):
    """The structure again.  ValueError when the number of leaves is wrong."""
    if not isinstance(treespec, TreeSpec) and isinstance(leaves, TreeSpec):
        leaves, treespec = treespec, leaves  # an older order of the arguments
    check_spec(treespec)
    return treespec.unflatten(leaves)


def tree_is_leaf(tree, is_leaf=None) -> bool:
    return kind_of(tree) is None or (is_leaf is not None and bool(is_leaf(tree)))


def tree_leaves(tree, is_leaf=None) -> list:
    """The leaves of a structure in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree, is_leaf=None) -> Iterator:
    """The leaves one after the other."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    for child in node_of(kind_of(tree)).flatten(tree)[0]:
        yield from tree_iter(child, is_leaf)


def tree_structure(tree, is_leaf=None) -> TreeSpec:
    """The shape of a structure without its leaves."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable, tree, *rests, is_leaf=None):
    """The structure with `func` applied to each leaf (and to what the `rests` have at the same place).

    ValueError where one of the `rests` has another structure.

    >>> flambeau.utils.pytree.tree_map(lambda a, b: a + b, {"a": [1, 2]}, {"a": [10, 20]})
    {'a': [11, 22]}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    if not rests:
        return _build(iter([func(x) for x in leaves]), spec)
    columns = [spec.flatten_up_to(other) for other in rests]
    return _build(iter([func(*row) for row in zip(leaves, *columns, strict=True)]), spec)


def tree_map_(func: Callable, tree, *rests, is_leaf=None):
    """Call `func` for each leaf, for what it does; the structure comes back as it was."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for row in zip(leaves, *(spec.flatten_up_to(other) for other in rests), strict=True):
        func(*row)
    return tree


def _chooser(chosen) -> Callable[[Any], bool]:
    if isinstance(chosen, type) or (isinstance(chosen, tuple) and all(isinstance(c, type) for c in chosen)) or \
            type(chosen).__name__ == "UnionType":
        return lambda x: isinstance(x, chosen)
    if callable(chosen):
        return chosen
    raise TypeError(f"Argument must be a type, a tuple of types, or a callable predicate, got {type(chosen).__name__}")


def map_only(type_or_types_or_pred):
    """A decorator: the function is applied where the type (or the predicate) fits, other values pass through."""
    fits = _chooser(type_or_types_or_pred)

    def wrap(func):
        return lambda x: func(x) if fits(x) else x

    return wrap


def tree_map_only(type_or_types_or_pred, func: Callable, tree, is_leaf=None):
    """tree_map for the leaves of a type (or of several, or for which a predicate holds); the others stay.

    >>> flambeau.utils.pytree.tree_map_only(int, lambda x: -x, [1, "two", 3])
    [-1, 'two', -3]
    """
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred, func: Callable, tree, is_leaf=None):
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree, is_leaf=None) -> bool:
    """Whether `pred` holds for every leaf."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree, is_leaf=None) -> bool:
    """Whether `pred` holds for some leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types, pred: Callable[[Any], bool], tree, is_leaf=None) -> bool:
    """Whether `pred` holds for every leaf of the given type."""
    fits = _chooser(type_or_types)
    return all(pred(x) for x in tree_iter(tree, is_leaf) if fits(x))


def tree_any_only(type_or_types, pred: Callable[[Any], bool], tree, is_leaf=None) -> bool:
    """Whether `pred` holds for some leaf of the given type."""
    fits = _chooser(type_or_types)
    return any(pred(x) for x in tree_iter(tree, is_leaf) if fits(x))


def broadcast_prefix(tree, spec: TreeSpec, is_leaf=None) -> list | None:
    """The leaves of `tree`, a prefix of the structure `spec`, each repeated for all the leaves below its place; None if it is no prefix.

    >>> spec = flambeau.utils.pytree.tree_structure([1, (2, 3)])
    >>> flambeau.utils.pytree.broadcast_prefix(["a", "b"], spec)
    ['a', 'b', 'b']
    """
    check_spec(spec)
    if tree_is_leaf(tree, is_leaf):
        return [tree] * spec.num_leaves
    kind = kind_of(tree)
    if spec.type is not kind:
        return None
    children, context = node_of(kind).flatten(tree)
    children = list(children)
    if len(children) != spec.num_children or context != spec.context:
        return None
    found: list = []
    for child, below in zip(children, spec.children_specs, strict=True):
        part = broadcast_prefix(child, below, is_leaf)
        if part is None:
            return None
        found += part
    return found


_broadcast_to_and_flatten = broadcast_prefix  # the name that programs written for PyTorch use


# ---------------------------------------------------------------- paths
def _paths(tree, path: tuple, is_leaf) -> Iterator[tuple[tuple, Any]]:
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    node = node_of(kind_of(tree))
    if node.with_keys is None:
        raise ValueError(f"Did not find a flatten_with_keys_fn for type: {type(tree)}. Give one to register_pytree_node.")
    for key, child in node.with_keys(tree)[0]:
        yield from _paths(child, (*path, key), is_leaf)


def tree_flatten_with_path(tree, is_leaf=None) -> tuple[list[tuple[tuple, Any]], TreeSpec]:
    """Each leaf with the keys that lead to it, and the structure's shape.

    >>> [flambeau.utils.pytree.keystr(path) for path, leaf in flambeau.utils.pytree.tree_flatten_with_path({"a": [1, 2]})[0]]
    ["['a'][0]", "['a'][1]"]
    """
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_leaves_with_path(tree, is_leaf=None) -> list[tuple[tuple, Any]]:
    return list(_paths(tree, (), is_leaf))


def tree_map_with_path(func: Callable, tree, *rests, is_leaf=None):
    """tree_map, with the path to the leaf as the function's first argument."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [spec.flatten_up_to(other) for other in rests]
    return spec.unflatten([func(path, leaf, *more) for (path, leaf), *more in zip(pairs, *columns, strict=True)])


def keystr(kp) -> str:
    """A path as the Python that follows it: ['a'][0].x"""
    return "".join(map(str, kp))


def key_get(obj, kp):
    """What lies at the end of a path."""
    for key in kp:
        obj = key.get(obj)
    return obj
