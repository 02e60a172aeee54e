"""A graph: tensors by name, and what can be said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from numbers import Number
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau_geometric import utils


class Data:
    """One graph with N nodes, E edges and any attributes.

    x: features of the nodes, (N, F). edge_index: source and target of each edge, (2, E), integers.
    edge_attr: features of the edges, (E, D). y: targets, of any shape. pos: positions of the nodes, (N, dimensions).
    Further keyword arguments become attributes too: masks, weights, names. An attribute that is None counts as absent.

    >>> edge_index = flambeau.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> data = Data(x=flambeau.ones(3, 4), edge_index=edge_index)
    >>> data
    Data(x=[3, 4], edge_index=[2, 4])
    >>> data.num_nodes, data.is_undirected()
    (3, True)
    """

    x: Tensor | None
    edge_index: Tensor | None
    edge_attr: Tensor | None
    y: Any
    pos: Tensor | None

    def __init__(
        self,
        x: Tensor | None = None,
        edge_index: Tensor | None = None,
        edge_attr: Tensor | None = None,
        y: Any = None,
        pos: Tensor | None = None,
        **attributes: Any,
    ) -> None:
        given = {"x": x, "edge_index": edge_index, "edge_attr": edge_attr, "y": y, "pos": pos, **attributes}
        self._store: dict[str, Any] = {key: value for key, value in given.items() if value is not None}

    # Attributes: the store is the truth, and the dot, the brackets and `in` are three ways to it.

    def __getattr__(self, key: str) -> Any:
        if key == "_store":  # copy and unpickling ask before there is one
            raise AttributeError(key)
        if key in self._store:
            return self._store[key]
        if key in ("x", "edge_index", "edge_attr", "y", "pos", "edge_weight", "batch", "ptr"):
            return None
        raise AttributeError(f"this {type(self).__name__} has no attribute {key!r}; it has {', '.join(self.keys()) or 'none'}")

    def __setattr__(self, key: str, value: Any) -> None:
        if key.startswith("_"):
            object.__setattr__(self, key, value)
        elif key == "num_nodes":
            self["num_nodes"] = value
        elif hasattr(type(self), key):
            raise AttributeError(f"{key!r} is computed from the graph and cannot be set")
        else:
            self[key] = value

    def __delattr__(self, key: str) -> None:
        if key not in self._store:
            raise AttributeError(f"this {type(self).__name__} has no attribute {key!r}; it has {', '.join(self.keys()) or 'none'}")
        del self._store[key]

    def __getitem__(self, key: str) -> Any:
        return self._store[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if value is None:
            self._store.pop(key, None)
        else:
            self._store[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._store

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._store.items())

    def __len__(self) -> int:
        return len(self._store)

    def get(self, key: str, default: Any = None) -> Any:
        return self._store.get(key, default)

    def keys(self) -> list[str]:
        return list(self._store)

    def to_dict(self) -> dict[str, Any]:
        return dict(self._store)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={_summary(value)}' for key, value in self)})"

    # Sizes.

    @property
    def num_nodes(self) -> int:
        """As set, or the rows of a node attribute, or one more than the largest index of an edge; 0 for an empty graph."""
        if "num_nodes" in self._store:
            return self._store["num_nodes"]
        for key, value in self:
            if isinstance(value, Tensor) and value.dim() > 0 and (key in ("x", "pos", "batch") or "node" in key):
                return value.shape[self.__cat_dim__(key, value)]
        return 0 if self.edge_index is None else utils.maybe_num_nodes(self.edge_index)

    @property
    def num_edges(self) -> int:
        """The columns of edge_index: an undirected edge counts twice."""
        if self.edge_index is not None:
            return self.edge_index.shape[1]
        return 0 if self.edge_attr is None else self.edge_attr.shape[0]

    @property
    def num_node_features(self) -> int:
        return _columns(self.x)

    num_features = num_node_features

    @property
    def num_edge_features(self) -> int:
        return _columns(self.edge_attr)

    def size(self) -> tuple[int, int]:
        """The adjacency matrix's.  -> (N, N)"""
        return self.num_nodes, self.num_nodes

    # Properties of the graph.

    def is_undirected(self) -> bool:
        """Whether each edge has its reverse with the same edge_attr."""
        return self.edge_index is None or utils.is_undirected(self.edge_index, self.edge_attr, self.num_nodes)

    def is_directed(self) -> bool:
        return not self.is_undirected()

    def has_self_loops(self) -> bool:
        return self.edge_index is not None and utils.contains_self_loops(self.edge_index)

    def has_isolated_nodes(self) -> bool:
        """Whether some node has no edge, but perhaps one to itself."""
        if self.edge_index is None:
            return self.num_nodes > 0
        ends = utils.remove_self_loops(self.edge_index)[0].flatten()
        return bool((utils.degree(ends, self.num_nodes) == 0).any())

    def is_coalesced(self) -> bool:
        """Whether the edges are sorted by source, then target, and none stands twice."""
        return self.edge_index is None or self.edge_index.equal(utils.coalesce(self.edge_index, num_nodes=self.num_nodes))

    def coalesce(self) -> Data:
        """The graph with sorted edges and those that stand twice made one, their edge_attr added."""
        out = self.clone_shallow()
        if self.edge_index is not None:
            out.edge_index, out.edge_attr = utils.coalesce(self.edge_index, self.edge_attr, self.num_nodes)
        return out

    def validate(self, raise_on_error: bool = True) -> bool:
        """Whether the parts fit together; ValueError tells the first that does not.

        With `raise_on_error=False` the answer is False instead.
        """
        for complaint in self._complaints():
            if raise_on_error:
                raise ValueError(complaint)
            return False
        return True

    def _complaints(self) -> Iterator[str]:
        nodes, edges = self.num_nodes, self.edge_index
        if type(nodes) is not int or nodes < 0:
            yield f"expected num_nodes to be a whole number from 0, got {nodes!r}"
            return
        for key in ("x", "pos"):
            value = self.get(key)
            if value is not None and (not isinstance(value, Tensor) or value.dim() == 0 or value.shape[0] != nodes):
                yield f"expected {key} to have a row for each of the {nodes} nodes, got {_summary(value)}"
        for key, value in self:
            if key.endswith("_mask") and isinstance(value, Tensor) and (value.dtype != flambeau.bool or value.shape[0] != nodes):
                yield f"expected {key} to hold a bool for each of the {nodes} nodes, got {value.dtype} of shape {_summary(value)}"
        if edges is not None:
            try:
                utils.check_edge_index(edges)
            except (TypeError, ValueError) as error:
                yield str(error)
                return
            if edges.shape[1] and (low := int(edges.min())) < 0:
                yield f"expected node indices from 0 in edge_index, got {low}"
            if edges.shape[1] and (high := int(edges.max())) >= nodes:
                yield f"expected node indices below num_nodes = {nodes} in edge_index, got {high}"
        if self.edge_attr is not None and self.edge_attr.shape[0] != self.num_edges:
            yield f"expected edge_attr to have a row for each of the {self.num_edges} edges, got {_summary(self.edge_attr)}"

    # Copies and moves.

    def clone_shallow(self) -> Data:
        """A new Data of the same tensors."""
        out = type(self).__new__(type(self))
        out.__dict__.update(self.__dict__)
        out._store = dict(self._store)
        return out

    __copy__ = clone_shallow

    def apply(self, function: Callable[[Tensor], Tensor], keys: Iterable[str] | None = None) -> Data:
        """`function` of every tensor (of `keys`), in place; lists, tuples and dicts are entered.  -> self"""
        for key in self.keys() if keys is None else keys:
            self[key] = _map(function, self[key])
        return self

    def clone(self) -> Data:
        return self.clone_shallow().apply(lambda tensor: tensor.clone())

    def contiguous(self) -> Data:
        return self.apply(lambda tensor: tensor.contiguous())

    def to(self, device: Any, keys: Iterable[str] | None = None) -> Data:
        return self.apply(lambda tensor: tensor.to(device), keys)

    def cpu(self) -> Data:
        return self.to("cpu")

    # How a batch joins this attribute: along which dimension, and by how much indices move. Override for attributes of your own.

    def __cat_dim__(self, key: str, value: Any) -> int:
        return -1 if "index" in key or key == "face" else 0

    def __inc__(self, key: str, value: Any) -> int:
        if key == "batch" and isinstance(value, Tensor):
            return int(value.max()) + 1 if value.numel() else 0
        return self.num_nodes if "index" in key or key == "face" else 0


def _columns(value: Tensor | None) -> int:
    if value is None:
        return 0
    return 1 if value.dim() == 1 else value.shape[-1]


def _summary(value: Any) -> str:
    """PyG's short form: a tensor by its shape, text in quotes, a number as it is, a container by its length."""
    if isinstance(value, Tensor):
        return str(value.item()) if value.dim() == 0 else str(list(value.shape))
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, Number):
        return str(value)
    return f"[{len(value)}]" if hasattr(value, "__len__") else str(value)


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _map(function, item) for key, item in value.items()}
    return type(value)(_map(function, item) for item in value) if type(value) in (list, tuple) else value
