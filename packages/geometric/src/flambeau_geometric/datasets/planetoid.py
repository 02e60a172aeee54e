"""The citation networks Cora, CiteSeer and PubMed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import flambeau
from flambeau_geometric.data import Data
from flambeau_geometric.utils import coalesce, remove_self_loops

from . import plain_pickle
from .dataset import GraphDataset

SOURCE = "https://github.com/kimiyoung/planetoid/tree/master/data"
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
MAX_BYTES = 64 * 2**20  # of a file; the largest, ind.pubmed.allx, has less than 15 MB


class Planetoid(GraphDataset):
    """One graph: a node for each paper, its words in x and its field in y, an edge for each citation; train, val and test masks.

    root: a folder with the raw files `ind.<name>.*`, or with `<Name>/raw/` that holds them. name: Cora, CiteSeer or PubMed.
    split: "public", the split of the source (20 papers a class to train on, 500 to validate, 1,000 to test); "full", all that is
    not of the latter two to train on; "random", sizes as given, drawn by Flambeau's generator.

    Raises FileNotFoundError naming the files that are missing and their source, ValueError for a file that is damaged or does
    not fit the others. The files are pickles of arrays; they are read by `plain_pickle`, which can call nothing.
    Source: Yang, Cohen and Salakhutdinov, Revisiting Semi-Supervised Learning with Graph Embeddings (2016).
    """

    def __init__(
        self,
        root: str | Path,
        name: str,
        split: str = "public",
        num_train_per_class: int = 20,
        num_val: int = 500,
        num_test: int = 1000,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        names = {known.lower(): known for known in ("Cora", "CiteSeer", "PubMed")}
        if name.lower() not in names:
            raise ValueError(f"expected the name to be Cora, CiteSeer or PubMed, got {name!r}")
        if split not in ("public", "full", "random"):
            raise ValueError(f"expected split to be 'public', 'full' or 'random', got {split!r}")
        self.name = names[name.lower()]
        data = read_planetoid(_folder(Path(root), self.name), self.name.lower())
        if split == "full":
            data.train_mask = ~(data.val_mask | data.test_mask)
        elif split == "random":
            _random_split(data, num_train_per_class, num_val, num_test)
        super().__init__([data], transform)

    def __repr__(self) -> str:
        return f"{self.name}()"


def read_planetoid(folder: Path, name: str) -> Data:
    """The graph of `ind.<name>.*` in `folder`, with the public split.

    x, y: words and class (one-hot) of the papers to train on. allx, ally: of these and all others but those to test.
    tx, ty: of those to test, which stand in the graph at the places that test.index names, in no order.
    """
    parts = {part: _read(folder / f"ind.{name}.{part}") for part in PARTS}
    test = parts["test.index"]
    _check(parts)
    start, nodes = len(parts["allx"]), int(test.max()) + 1
    # CiteSeer's papers to test leave gaps: nodes without citations, words or class. They are kept, as rows of zeros.
    x = np.zeros((nodes, parts["x"].shape[1]), np.float32)
    classes = np.zeros((nodes, parts["y"].shape[1]), parts["y"].dtype)
    x[:start], x[test] = parts["allx"], parts["tx"]
    classes[:start], classes[test] = parts["ally"], parts["ty"]

    mask = {key: np.zeros(nodes, bool) for key in ("train_mask", "val_mask", "test_mask")}
    train = len(parts["y"])
    mask["train_mask"][:train] = mask["val_mask"][train : train + 500] = mask["test_mask"][test] = True
    edges, _ = remove_self_loops(flambeau.from_numpy(_edges(parts["graph"], nodes)))
    return Data(
        x=flambeau.from_numpy(x),
        edge_index=coalesce(edges, num_nodes=nodes),  # some citations stand twice in the file
        y=flambeau.from_numpy(classes.argmax(1)),
        **{key: flambeau.from_numpy(value) for key, value in mask.items()},
    )


def _folder(root: Path, name: str) -> Path:
    folder = next((place for place in (root / name / "raw", root) if (place / f"ind.{name.lower()}.x").exists()), root)
    if missing := [file for part in PARTS if not (folder / (file := f"ind.{name.lower()}.{part}")).is_file()]:
        places = f"{root} or {root / name / 'raw'}"
        raise FileNotFoundError(f"expected {name}'s files in {places}, missing {', '.join(missing)}; get them from {SOURCE}")
    return folder


def _read(path: Path) -> Any:
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ValueError(f"expected {path} to be of at most {MAX_BYTES} bytes, got {size}")
    data = path.read_bytes()
    try:
        if path.suffix == ".index":
            return np.array([int(line) for line in data.split()], np.int64)
        return plain_pickle.loads(data)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from error


def _check(parts: dict[str, Any]) -> None:
    """ValueError unless the parts have the shapes that make them one graph."""
    for part in ("x", "tx", "allx", "y", "ty", "ally"):
        if not isinstance(parts[part], np.ndarray) or parts[part].ndim != 2:
            raise ValueError(f"expected {part} to be a matrix, got {_kind(parts[part])}")
    rows = {part: parts[part].shape[0] for part in ("x", "tx", "allx", "y", "ty", "ally")}
    for words, labels in (("x", "y"), ("tx", "ty"), ("allx", "ally")):
        if rows[words] != rows[labels]:
            raise ValueError(f"expected as many rows in {words} as in {labels}, got {rows[words]} and {rows[labels]}")
    for same in (("x", "tx", "allx"), ("y", "ty", "ally")):
        if len({parts[part].shape[1] for part in same}) > 1:
            raise ValueError(f"expected {', '.join(same)} to have the same columns, got {[parts[part].shape[1] for part in same]}")
    if rows["allx"] < rows["x"] + 500:
        raise ValueError(f"expected allx to hold the {rows['x']} rows of x and 500 to validate, got {rows['allx']}")
    test = parts["test.index"]
    if len(test) != rows["tx"] or len(np.unique(test)) != len(test):
        raise ValueError(f"expected test.index to name {rows['tx']} nodes, one for each row of tx, got {len(np.unique(test))}")
    if len(test) == 0 or test.min() < rows["allx"] or test.max() >= rows["allx"] + 2 * len(test):
        raise ValueError(f"expected test.index to name nodes from {rows['allx']} on, as many as tx has rows or a few more")


def _kind(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _edges(graph: Any, nodes: int) -> np.ndarray:
    """The edges of a dict from each node to the list of its neighbours.  -> (2, E)"""
    if not isinstance(graph, dict) or not all(type(node) is int and type(near) is list for node, near in graph.items()):
        raise ValueError("expected graph to be a dict from nodes to lists of nodes")
    sources = [node for node, near in graph.items() for _ in near]
    targets = [node for near in graph.values() for node in near]
    if not all(type(node) is int and 0 <= node < nodes for node in (*sources, *targets)):
        raise ValueError(f"expected the nodes of graph to be whole numbers from 0 to {nodes - 1}")
    return np.array([sources, targets], np.int64)


def _random_split(data: Data, num_train_per_class: int, num_val: int, num_test: int) -> None:
    train = flambeau.zeros(data.num_nodes, dtype=flambeau.bool)
    for label in range(int(data.y.max()) + 1):
        members = (data.y == label).nonzero().flatten()
        train[members[flambeau.randperm(len(members))[:num_train_per_class]]] = True
    others = (~train).nonzero().flatten()
    if len(others) < num_val + num_test:
        raise ValueError(f"expected num_val + num_test to be at most {len(others)}, the nodes not to train on, got {num_val} + {num_test}")
    others = others[flambeau.randperm(len(others))]
    val, test = flambeau.zeros_like(train), flambeau.zeros_like(train)
    val[others[:num_val]] = True
    test[others[num_val : num_val + num_test]] = True
    data.train_mask, data.val_mask, data.test_mask = train, val, test
