"""`flambeau.utils.pytree` under the name that programs written for PyTorch import."""
from __future__ import annotations

from . import pytree
from .pytree import *  # noqa: F403

_broadcast_to_and_flatten, _is_leaf = pytree._broadcast_to_and_flatten, pytree._is_leaf
_register_pytree_node, _deregister_pytree_node = pytree._register_pytree_node, pytree._deregister_pytree_node
_register_namedtuple = pytree._register_namedtuple
