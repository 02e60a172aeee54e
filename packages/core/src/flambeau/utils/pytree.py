"""Nested structures of tensors (dicts, lists, tuples, registered classes) as flat lists of leaves, and back.

>>> leaves, spec = flambeau.utils.pytree.tree_flatten({"a": [1, 2], "b": 3})
>>> flambeau.utils.pytree.tree_unflatten([x * 10 for x in leaves], spec)
{'a': [10, 20], 'b': 30}
"""
from __future__ import annotations

from ..func.pytree import *  # noqa: F403
from ..func.pytree import __all__ as _names
from ..func.pytree import _broadcast_to_and_flatten as _broadcast_to_and_flatten
from ..func.pytree import map_only as map_only
from ..func.treejson import treespec_dumps, treespec_loads
from ..func.treenodes import NODES as SUPPORTED_NODES
from ..func.treenodes import forget_pytree_node, register_namedtuple

_register_pytree_node = register_pytree_node  # noqa: F405 (older names, which programs written for PyTorch use)
_register_namedtuple, _deregister_pytree_node = register_namedtuple, forget_pytree_node
_is_leaf = tree_is_leaf  # noqa: F405

__all__ = [*_names, "SUPPORTED_NODES", "forget_pytree_node", "register_namedtuple", "treespec_dumps", "treespec_loads"]
