"""Sets of small graphs, in the text form of the TU collection."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import flambeau
from flambeau_geometric.data import Data
from flambeau_geometric.utils import coalesce

from .dataset import GraphDataset

MAX_BYTES = 256 * 2**20  # of the text, unpacked


class TUText(GraphDataset):
    """Graphs to classify: MUTAG, PTC, ENZYMES and others. x holds each node's tag one-hot, then its features where there are any.

    path: a text file, plain or gzip: the number of graphs; for each of them a line `nodes label`, then for each node a line
    `tag degree neighbour... feature...`. Labels are numbered from 0 in order of first appearance, tags likewise.

    Raises ValueError, telling the line, for a file that is damaged or truncated.
    Source: Zhang et al., An End-to-End Deep Learning Architecture for Graph Classification (2018), for the form.
    """

    def __init__(self, path: str | Path, transform: Callable[[Data], Data] | None = None) -> None:
        super().__init__(read_tu(Path(path)), transform)


def read_tu(path: Path) -> list[Data]:
    """The graphs of a text file; see TUText."""
    lines = _Lines(path)
    labels: dict[int, int] = {}
    tags: dict[int, int] = {}
    graphs = []
    (count,) = lines.numbers(1)
    for _ in range(count):
        nodes, label = lines.numbers(2)
        rows = [_node(lines, nodes) for _ in range(nodes)]
        widths = {len(features) for _, _, features in rows}
        if len(widths) > 1:
            raise lines.error("as many features at each node of a graph", f"{sorted(widths)}")
        rows = [(tags.setdefault(tag, len(tags)), near, features) for tag, near, features in rows]
        graphs.append((labels.setdefault(label, len(labels)), rows))
    lines.end()
    return [_graph(label, rows, len(tags)) for label, rows in graphs]


def _node(lines: _Lines, nodes: int) -> tuple[int, list[int], list[float]]:
    words = lines.words()
    try:
        tag, degree = int(words[0]), int(words[1])
        near, features = [int(word) for word in words[2 : 2 + degree]], [float(word) for word in words[2 + degree :]]
    except (ValueError, IndexError):
        raise lines.error("`tag degree neighbour... feature...`", " ".join(words)) from None
    if degree < 0 or len(near) != degree or not all(0 <= other < nodes for other in near):
        raise lines.error(f"{degree} neighbours from 0 to {nodes - 1}", " ".join(words))
    return tag, near, features


def _graph(label: int, rows: list[tuple[int, list[int], list[float]]], tags: int) -> Data:
    x = np.zeros((len(rows), tags + (len(rows[0][2]) if rows else 0)), np.float32)
    for place, (tag, _, features) in enumerate(rows):
        x[place, tag] = 1
        x[place, tags:] = features
    edges = [(place, other) for place, (_, near, _) in enumerate(rows) for other in near]
    edge_index = flambeau.from_numpy(np.array(edges, np.int64).reshape(-1, 2).T.copy())
    return Data(x=flambeau.from_numpy(x), edge_index=coalesce(edge_index, num_nodes=len(rows)), y=flambeau.tensor([label]))


class _Lines:
    """The lines of a text file one after the other, and where we are."""

    def __init__(self, path: Path) -> None:
        self.path, self.line = path, 0
        try:
            with path.open("rb") as file, gzip.open(file) if path.suffix == ".gz" else file as text_file:
                text = text_file.read(MAX_BYTES + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip file: {error}") from error
        if len(text) > MAX_BYTES:
            raise ValueError(f"{path}: expected at most {MAX_BYTES} bytes of text")
        self.rest: Iterator[bytes] = iter(text.splitlines())

    def words(self) -> list[str]:
        self.line += 1
        try:
            return next(self.rest).decode("ascii").split()
        except StopIteration:
            raise self.error("one more line", "the end of the file") from None
        except UnicodeDecodeError:
            raise self.error("text", "bytes that are none") from None

    def numbers(self, count: int) -> list[int]:
        words = self.words()
        if len(words) != count or not all(word.lstrip("-").isdecimal() for word in words) or int(words[0]) < 0:
            raise self.error(("the number of graphs", "`nodes label`")[count - 1], " ".join(words))
        return [int(word) for word in words]

    def end(self) -> None:
        if any(line.strip() for line in self.rest):
            raise self.error("the end of the file", "more lines than its graphs have")

    def error(self, expected: str, got: str) -> ValueError:
        return ValueError(f"{self.path}, line {self.line}: expected {expected}, got {got[:80]!r}")
