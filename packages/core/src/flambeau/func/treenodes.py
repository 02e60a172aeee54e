"""Which classes are nodes of nested structures, and how each is taken apart and put together."""
from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from ..tensor import Size


@dataclasses.dataclass(frozen=True, slots=True)
class SequenceKey:
    """A place in a list, tuple or deque."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence):
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True, slots=True)
class MappingKey:
    """A key of a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping):
        return mapping[self.key]


@dataclasses.dataclass(frozen=True, slots=True)
class GetAttrKey:
    """The name of an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj):
        return getattr(obj, self.name)


class Nodes(NamedTuple):
    """How a class is taken apart; `name`, `dump` and `load` say how its specs are written as text."""

    flatten: Callable[[Any], tuple[Any, Any]]
    unflatten: Callable[[Any, Any], Any]
    with_keys: Callable[[Any], tuple[Any, Any]] | None = None
    name: str | None = None
    dump: Callable[[Any], Any] | None = None
    load: Callable[[Any], Any] | None = None


NODES: dict[Any, Nodes] = {}
BY_NAME: dict[str, Any] = {}
DICTS = (dict, OrderedDict, defaultdict)


class namedtuple:
    """Stands for all classes of named tuples."""


def is_namedtuple_class(cls) -> bool:
    fields = getattr(cls, "_fields", None) if isinstance(cls, type) and issubclass(cls, tuple) else None
    return isinstance(fields, tuple) and all(type(f) is str for f in fields)


def is_namedtuple(obj) -> bool:
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def kind_of(x):
    """The key of x's rules in NODES, None for a leaf."""
    kind = type(x)
    if kind in NODES:
        return kind
    return namedtuple if isinstance(x, tuple) and is_namedtuple_class(kind) else None


def node_of(kind) -> Nodes:
    return NODES[kind]


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Any, Any]],
    unflatten_fn: Callable[[Any, Any], Any],
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Callable[[Any], Any] | None = None,
    from_dumpable_context: Callable[[Any], Any] | None = None,
    flatten_with_keys_fn: Callable[[Any], tuple[Any, Any]] | None = None,
) -> None:
    """Make a class a node: `flatten_fn(x) -> (children, context)`, `unflatten_fn(children, context) -> x`.

    flatten_with_keys_fn   `(x) -> ([(key, child), …], context)`, for paths
    serialized_type_name   the name of the class in `treespec_dumps`; the two functions of contexts turn them to and from JSON values

    ValueError for a class that is known already.
    """
    if cls in NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    if (to_dumpable_context is None) != (from_dumpable_context is None):
        raise ValueError(f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered.")
    if serialized_type_name is not None and serialized_type_name in BY_NAME:
        raise ValueError(f"{serialized_type_name!r} is the name of {BY_NAME[serialized_type_name]} already: names of nodes are unique")
    NODES[cls] = Nodes(flatten_fn, unflatten_fn, flatten_with_keys_fn, serialized_type_name, to_dumpable_context, from_dumpable_context)
    if serialized_type_name is not None:
        BY_NAME[serialized_type_name] = cls


def forget_pytree_node(cls: type) -> None:
    """Undo a registration.  ValueError for a class that has none."""
    if cls not in NODES:
        raise ValueError(f"{cls} is not registered as pytree node.")
    name = NODES.pop(cls).name
    if name is not None:
        del BY_NAME[name]


def register_dataclass(cls: type, *, field_names=None, drop_field_names=None, serialized_type_name: str | None = None) -> None:
    """Make a dataclass (or a class that is built from its fields as one) a node, whose children are its fields that are not None.

    field_names       the fields, for a class that is no dataclass; drop_field_names those that stay out of the tree
    ValueError where the names are not the fields.

    >>> import dataclasses
    >>> @dataclasses.dataclass
    ... class Point:
    ...     x: int
    ...     y: int
    >>> flambeau.utils.pytree.register_dataclass(Point)
    >>> flambeau.utils.pytree.tree_map(lambda v: v + 1, Point(1, 2)).y
    3
    """
    dropped = set(drop_field_names or ())
    if dataclasses.is_dataclass(cls):
        own = [f.name for f in dataclasses.fields(cls) if f.init]
        if field_names is None:
            field_names = [n for n in own if n not in dropped]
        elif set(own) - dropped != set(field_names):
            missing, unexpected = set(own) - dropped - set(field_names), set(field_names) - (set(own) - dropped)
            raise ValueError(
                "field_names does not include all dataclass fields."
                + (f" Missing fields in `field_names`: {missing}: add them, or name them in `drop_field_names`." if missing else "")
                + (f" Unexpected fields in `field_names`: {unexpected}: they are no fields, or dropped." if unexpected else "")
            )
    elif field_names is None:
        raise ValueError(f"field_names must be specified with a list of all fields used to initialize {cls}, as it is not a dataclass.")
    names = tuple(field_names)

    def flatten(x):
        there = [n for n in names if getattr(x, n) is not None]
        return [getattr(x, n) for n in there], [there, [n for n in names if n not in there]]

    def unflatten(values, context):
        there, absent = context
        return cls(**dict(zip(there, values, strict=True)), **dict.fromkeys(absent))

    def with_keys(x):
        values, context = flatten(x)
        return [(GetAttrKey(n), v) for n, v in zip(context[0], values, strict=True)], context

    register_pytree_node(cls, flatten, unflatten, flatten_with_keys_fn=with_keys, serialized_type_name=serialized_type_name)


@dataclasses.dataclass(frozen=True, slots=True)
class ConstantNode:
    """The context of a constant: its value."""

    value: Any


def register_constant(cls: type) -> None:
    """Make instances of a class part of the structure itself, without leaves: two structures are equal where the instances are.

    TypeError for a class without its own __eq__ and __hash__.
    """
    for name in ("__eq__", "__hash__"):
        if getattr(cls, name) is getattr(object, name) or (name == "__hash__" and cls.__hash__ is None):
            raise TypeError(f"register_constant(cls) expects `cls` to have a non-default `{name}` implementation.")
    register_pytree_node(cls, lambda x: ([], ConstantNode(x)), lambda _values, context: context.value,
                         flatten_with_keys_fn=lambda x: ([], ConstantNode(x)))


def register_namedtuple(cls: type, *, serialized_type_name: str) -> None:
    """Give a class of named tuples the name by which `treespec_dumps` writes it; in other respects every named tuple is a node already."""
    if not is_namedtuple_class(cls):
        raise TypeError(f"expected a class of named tuples, got {cls}")
    if serialized_type_name in BY_NAME:
        raise ValueError(f"{serialized_type_name!r} is the name of {BY_NAME[serialized_type_name]} already: names of nodes are unique")
    BY_NAME[serialized_type_name] = cls
    NAMED[cls] = serialized_type_name


NAMED: dict[type, str] = {}


# ---------------------------------------------------------------- the built-in nodes
def _indexed(x):
    return [(SequenceKey(i), v) for i, v in enumerate(x)]


def _keyed(d):
    return [(MappingKey(k), v) for k, v in d.items()]


# what a defaultdict read from text may make of itself: naming any other callable would run code
FACTORIES: dict[Any, Any] = {("builtins", f.__name__): f for f in (list, dict, set, tuple, int, float, str, bool, complex)} | {
    ("collections", f.__name__): f for f in (OrderedDict, deque)}


def _dump_factory(context):
    factory, keys = context
    name = (getattr(factory, "__module__", ""), getattr(factory, "__qualname__", ""))
    if factory is not None and FACTORIES.get(name) is not factory:
        raise TypeError(f"a spec with a defaultdict of {factory!r} cannot be written: only built-in classes can be named safely")
    module, word = name if factory is not None else (None, None)
    return {"default_factory_module": module, "default_factory_name": word, "dict_context": keys}


def _load_factory(found):
    name = (found["default_factory_module"], found["default_factory_name"])
    if name != (None, None) and name not in FACTORIES:
        raise ValueError(f"a spec names {name[0]}.{name[1]} as default_factory: only built-in classes are taken, reading runs no code")
    return [FACTORIES.get(name), found["dict_context"]]


def _dump_named(context):
    if context not in NAMED:
        raise NotImplementedError(f"Can't serialize TreeSpec of namedtuple class {context}: `register_namedtuple` gives it a name.")
    return NAMED[context]


def _load_named(name):
    if name not in BY_NAME or BY_NAME[name] not in NAMED:
        raise NotImplementedError(f"Can't deserialize TreeSpec of namedtuple class {name}: `register_namedtuple` knows no such name.")
    return BY_NAME[name]


register_pytree_node(tuple, lambda x: (list(x), None), lambda values, _: tuple(values), serialized_type_name="builtins.tuple",
                     flatten_with_keys_fn=lambda x: (_indexed(x), None))
register_pytree_node(Size, lambda x: (list(x), None), lambda values, _: Size(values), serialized_type_name="flambeau.Size",
                     flatten_with_keys_fn=lambda x: (_indexed(x), None))
register_pytree_node(list, lambda x: (x, None), lambda values, _: list(values), serialized_type_name="builtins.list",
                     flatten_with_keys_fn=lambda x: (_indexed(x), None))
register_pytree_node(dict, lambda d: (list(d.values()), list(d)), lambda values, keys: dict(zip(keys, values, strict=True)),
                     serialized_type_name="builtins.dict", flatten_with_keys_fn=lambda d: (_keyed(d), list(d)))
register_pytree_node(OrderedDict, lambda d: (list(d.values()), list(d)), lambda values, keys: OrderedDict(zip(keys, values, strict=True)),
                     serialized_type_name="collections.OrderedDict", flatten_with_keys_fn=lambda d: (_keyed(d), list(d)))
register_pytree_node(defaultdict, lambda d: (list(d.values()), [d.default_factory, list(d)]),
                     lambda values, context: defaultdict(context[0], zip(context[1], values, strict=True)),
                     serialized_type_name="collections.defaultdict", to_dumpable_context=_dump_factory, from_dumpable_context=_load_factory,
                     flatten_with_keys_fn=lambda d: (_keyed(d), [d.default_factory, list(d)]))
register_pytree_node(deque, lambda d: (list(d), d.maxlen), lambda values, limit: deque(values, maxlen=limit),
                     serialized_type_name="collections.deque", flatten_with_keys_fn=lambda d: (_indexed(d), d.maxlen))
register_pytree_node(namedtuple, lambda x: (list(x), type(x)), lambda values, cls: cls(*values),
                     serialized_type_name="collections.namedtuple", to_dumpable_context=_dump_named, from_dumpable_context=_load_named,
                     flatten_with_keys_fn=lambda x: ([(GetAttrKey(n), v) for n, v in zip(x._fields, x, strict=True)], type(x)))
