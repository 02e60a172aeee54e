"""Nested structures (dicts, lists, tuples, named tuples, registered classes) as a flat list of leaves, and back."""
from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable

_NODES: dict[type, tuple[Callable, Callable]] = {}


def register_pytree_node(cls: type, flatten: Callable, unflatten: Callable) -> None:
    """Teach a class: `flatten(x) -> (children, context)`, `unflatten(children, context) -> x`.  ValueError when it is known."""
    if cls in _NODES:
        raise ValueError(f"{cls} is already registered as pytree node")
    _NODES[cls] = (flatten, unflatten)


for _cls in (dict, OrderedDict):
    register_pytree_node(_cls, lambda d: (list(d.values()), list(d)), lambda values, keys, cls=_cls: cls(zip(keys, values, strict=True)))
register_pytree_node(defaultdict, lambda d: (list(d.values()), (d.default_factory, list(d))),
                     lambda values, context: defaultdict(context[0], zip(context[1], values, strict=True)))
register_pytree_node(list, lambda x: (x, None), lambda values, _: list(values))
register_pytree_node(tuple, lambda x: (list(x), None), lambda values, _: tuple(values))


class TreeSpec:
    """The shape of a nested structure without its leaves."""

    __slots__ = ("cls", "context", "children")

    def __init__(self, cls=None, context=None, children=()):
        self.cls, self.context, self.children = cls, context, tuple(children)

    @property
    def num_leaves(self) -> int:
        return 1 if self.cls is None else sum(c.num_leaves for c in self.children)

    def __eq__(self, other) -> bool:
        return isinstance(other, TreeSpec) and (self.cls, self.context, self.children) == (other.cls, other.context, other.children)

    def __hash__(self) -> int:
        return hash((self.cls, self.children))

    def __repr__(self) -> str:
        return "*" if self.cls is None else f"TreeSpec({self.cls.__name__}, {self.context}, {list(self.children)})"


def _rules(x):
    cls = type(x)
    if cls in _NODES:
        return _NODES[cls]
    if isinstance(x, tuple) and hasattr(cls, "_fields"):
        return (lambda t: (list(t), cls)), (lambda values, made: made(*values))
    return None


def tree_flatten(tree) -> tuple[list, TreeSpec]:
    """The leaves of a structure in order, and its shape.

    >>> flambeau.func.pytree.tree_flatten({"a": 1, "b": (2, 3)})[0]
    [1, 2, 3]
    """
    rules = _rules(tree)
    if rules is None:
        return [tree], TreeSpec()
    children, context = rules[0](tree)
    leaves, specs = [], []
    for child in children:
        more, spec = tree_flatten(child)
        leaves += more
        specs.append(spec)
    return leaves, TreeSpec(type(tree), context, specs)


def tree_unflatten(leaves, spec: TreeSpec):
    """The structure again.  ValueError when the number of leaves is wrong."""
    leaves = list(leaves)
    if len(leaves) != spec.num_leaves:
        raise ValueError(f"tree_unflatten: expected {spec.num_leaves} leaves, got {len(leaves)}")
    return _build(iter(leaves), spec)


def _build(leaves, spec: TreeSpec):
    if spec.cls is None:
        return next(leaves)
    children = [_build(leaves, c) for c in spec.children]
    rules = _NODES.get(spec.cls)
    return spec.cls(*children) if rules is None else rules[1](children, spec.context)


def tree_leaves(tree) -> list:
    return tree_flatten(tree)[0]


def tree_map(function: Callable, tree, *others):
    """The structure with `function` applied to each leaf (and to the leaves at the same place of `others`)."""
    leaves, spec = tree_flatten(tree)
    columns = [leaves]
    for other in others:
        more, other_spec = tree_flatten(other)
        if other_spec != spec:
            raise ValueError(f"tree_map: structures differ: {spec} and {other_spec}")
        columns.append(more)
    return tree_unflatten([function(*row) for row in zip(*columns, strict=True)], spec)
