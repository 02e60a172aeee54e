"""Specs of nested structures as JSON text, and back.  Reading runs no code: classes go by the names of their registration."""
from __future__ import annotations

import json
from typing import Any

from .pytree import LeafSpec, TreeSpec, check_spec
from .treenodes import BY_NAME, NODES, namedtuple

PROTOCOL = 1


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """The spec as text.  NotImplementedError for a class that has no name for it; TypeError for a context that JSON has no form for.

    >>> pytree = flambeau.utils.pytree
    >>> spec = pytree.tree_structure({"a": (1, 2)})
    >>> pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec
    True
    """
    check_spec(treespec)
    _check_protocol(PROTOCOL if protocol is None else protocol)
    return json.dumps([PROTOCOL, _plain(treespec)])


def treespec_loads(serialized: str) -> TreeSpec:
    """The spec that `treespec_dumps` wrote.  ValueError for text that is none."""
    found = json.loads(serialized)
    if not (isinstance(found, list) and len(found) == 2):
        raise ValueError(f"expected a text that treespec_dumps wrote: [protocol, spec], got {serialized[:80]!r}")
    _check_protocol(found[0])
    return _spec(found[1])


def _check_protocol(protocol) -> None:
    if protocol != PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")


def _plain(spec: TreeSpec) -> dict[str, Any]:
    if spec.type is None:
        return {"type": None, "context": None, "children_spec": []}
    node = NODES.get(spec.type)
    if node is None or node.name is None:
        raise NotImplementedError(
            f"Serializing {spec.type} in pytree is not possible without a name: give register_pytree_node a `serialized_type_name`"
        )
    if node.dump is not None:
        context = node.dump(spec.context)
    else:
        try:
            context = json.dumps(spec.context)
        except TypeError as error:
            raise TypeError(
                "Unable to serialize context. Please make the context json dump-able, or give register_pytree_node a "
                "`to_dumpable_context` and a `from_dumpable_context`."
            ) from error
        if _changed(spec.context):
            raise TypeError(f"the context {spec.context!r} would come back from JSON as something else (tuples become lists)")
    return {"type": node.name, "context": context, "children_spec": [_plain(c) for c in spec.children_specs]}


def _changed(context) -> bool:
    return json.loads(json.dumps(context)) != context


def _spec(found) -> TreeSpec:
    fields = {"type", "context", "children_spec"}
    if not isinstance(found, dict) or not fields <= set(found) or not isinstance(found["children_spec"], list):
        raise ValueError(f"expected a spec with type, context and children_spec, got {str(found)[:80]}")
    name = found["type"]
    if name is None:
        if found["children_spec"]:
            raise ValueError("a leaf has no children, but the text gives it some")
        return LeafSpec()
    kind: Any = namedtuple if name == "collections.namedtuple" else BY_NAME.get(name)
    if kind is None or kind not in NODES:
        raise NotImplementedError(f"Deserializing {name} in pytree is not possible: no class is registered under this name")
    load = NODES[kind].load
    context = json.loads(found["context"]) if load is None else load(found["context"])
    return TreeSpec(kind, context, [_spec(c) for c in found["children_spec"]])
