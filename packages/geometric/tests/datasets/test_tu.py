"""Sets of small graphs in text form."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from flambeau_geometric.data import DataLoader
from flambeau_geometric.datasets import TUText
from flambeau_geometric.transforms import AddSelfLoops

KNOWN = {"MUTAG": (188, 2, 7, 3371), "PTC": (344, 2, 19, 8792), "ENZYMES": (600, 6, 3, 19580)}
TWO = "2\n3 7\n5 1 1\n9 2 0 2\n5 1 1\n1 4\n9 0\n"


@pytest.mark.parametrize("name", KNOWN)
def test_the_real_sets(tu_folder: Path, name: str) -> None:
    dataset = TUText(tu_folder / f"{name}.txt.gz")
    graphs, classes, features, nodes = KNOWN[name]
    assert (len(dataset), dataset.num_classes, dataset.num_features) == (graphs, classes, features)
    assert sum(data.num_nodes for data in dataset) == nodes
    assert all(data.validate() and data.is_undirected() for data in dataset)
    assert all((data.x.sum(1) == 1).all() for data in dataset)
    assert repr(dataset) == f"TUText({graphs})"
    assert next(iter(DataLoader(dataset, batch_size=graphs))).num_nodes == nodes


@pytest.mark.parametrize("packed", [False, True])
def test_a_set_of_our_own(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("two.txt.gz" if packed else "two.txt")
    path.write_bytes(gzip.compress(TWO.encode()) if packed else TWO.encode())
    dataset = TUText(path, transform=AddSelfLoops(None))
    first, second = dataset
    assert first.x.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert first.edge_index.tolist() == [[0, 1, 1, 2, 0, 1, 2], [1, 0, 2, 1, 0, 1, 2]]
    assert second.edge_index.tolist() == [[0], [0]]
    assert (first.y.tolist(), second.y.tolist()) == ([0], [1])
    assert len(dataset.subset([1, 0])) == 2 and dataset.subset(slice(1, 2))[0].num_nodes == 1


def test_features_stand_behind_the_tag(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1\n2 1\n3 1 1 0.5 -1\n4 1 0 2 125e-3\n")
    assert TUText(tmp_path / "one.txt")[0].x.tolist() == [[1, 0, 0.5, -1], [0, 1, 2, 0.125]]


BAD = {
    "empty": ("", "line 1: expected one more line, got 'the end of the file'"),
    "no number": ("two\n", "line 1: expected the number of graphs, got 'two'"),
    "two numbers": ("2 2\n", "line 1: expected the number of graphs, got '2 2'"),
    "negative": ("-2\n", "line 1: expected the number of graphs, got '-2'"),
    "no label": ("1\n3\n", "line 2: expected `nodes label`, got '3'"),
    "truncated": (TWO[:-4], "line 7: expected one more line"),
    "a node without degree": ("1\n1 0\n5\n", "line 3: expected `tag degree neighbour... feature...`, got '5'"),
    "a node of words": ("1\n1 0\n5 one\n", "line 3: expected `tag degree"),
    "a neighbour too few": ("1\n2 0\n5 2 1\n5 0\n", "line 3: expected 2 neighbours from 0 to 1, got '5 2 1'"),
    "a neighbour that is not there": ("1\n2 0\n5 1 2\n5 0\n", "line 3: expected 1 neighbours from 0 to 1, got '5 1 2'"),
    "a negative degree": ("1\n2 0\n5 -1\n5 0\n", "line 3: expected -1 neighbours"),
    "features that differ": ("1\n2 0\n5 0 1.5\n5 0\n", r"line 4: expected as many features at each node of a graph, got '\[0, 1\]'"),
    "more lines": (TWO + "1 2\n", "line 7: expected the end of the file"),
    "a graph count without graphs": ("99999999999\n", "line 2: expected one more line"),
    "a node count without nodes": ("1\n99999999999 1\n", "line 3: expected one more line"),
    "no text": ("1\né 1\n", "line 2: expected text, got 'bytes that are none'"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_files_that_lie(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        TUText(path)


def test_damaged_gzip(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt.gz"
    for content in (b"no gzip", gzip.compress(TWO.encode())[:-4], gzip.compress(TWO.encode())[:14] + b"\xff" * 20):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged gzip file"):
            TUText(path)


def test_text_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flambeau_geometric.datasets.tu.MAX_BYTES", 1000)
    path = tmp_path / "bomb.txt.gz"
    path.write_bytes(gzip.compress(b"1 " * 10_000))
    with pytest.raises(ValueError, match="expected at most 1000 bytes of text"):
        TUText(path)
