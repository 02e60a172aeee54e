"""The citation networks: the real files, and files that lie."""

from __future__ import annotations

import os
import pickle
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import flambeau
from flambeau_geometric.datasets import Planetoid
from flambeau_geometric.nn import GCNConv
from flambeau_geometric.transforms import NormalizeFeatures

KNOWN = {"Cora": (2708, 10556, 1433, 7), "CiteSeer": (3327, 9104, 3703, 6)}


@pytest.mark.parametrize("name", KNOWN)
def test_the_public_split(planetoid_folder: Path, name: str) -> None:
    dataset = Planetoid(planetoid_folder, name)
    data = dataset[0]
    assert (data.num_nodes, data.num_edges, dataset.num_features, dataset.num_classes) == KNOWN[name]
    assert data.validate() and data.is_undirected() and not data.has_self_loops() and data.is_coalesced()
    assert [int(data[f"{part}_mask"].sum()) for part in ("train", "val", "test")] == [20 * dataset.num_classes, 500, 1000]
    assert not (data.train_mask & data.val_mask).any() and not (data.val_mask & data.test_mask).any()
    assert [int((data.y[data.train_mask] == label).sum()) for label in range(dataset.num_classes)] == [20] * dataset.num_classes
    assert (data.x.dtype, data.y.dtype) == (flambeau.float32, flambeau.int64)
    assert (len(dataset), repr(dataset)) == (1, f"{name}()")


def test_citeseer_s_isolated_papers_are_rows_of_zeros(planetoid_folder: Path) -> None:
    data = Planetoid(planetoid_folder, "citeseer")[0]
    assert data.has_isolated_nodes()
    last = [int(line) for line in (planetoid_folder / "ind.citeseer.test.index").read_text().split()]
    gaps = sorted(set(range(min(last), max(last) + 1)) - set(last))
    assert len(gaps) == 15
    assert data.x[gaps].abs().sum() == 0
    assert not data.test_mask[gaps].any()


def test_other_splits(planetoid_folder: Path) -> None:
    full = Planetoid(planetoid_folder, "Cora", split="full")[0]
    assert [int(full[f"{part}_mask"].sum()) for part in ("train", "val", "test")] == [1208, 500, 1000]
    flambeau.manual_seed(0)
    drawn = Planetoid(planetoid_folder, "Cora", "random", num_train_per_class=5, num_val=100, num_test=200)[0]
    assert [int(drawn[f"{part}_mask"].sum()) for part in ("train", "val", "test")] == [35, 100, 200]
    assert [int((drawn.y[drawn.train_mask] == label).sum()) for label in range(7)] == [5] * 7
    assert not (drawn.train_mask & (drawn.val_mask | drawn.test_mask)).any() and not (drawn.val_mask & drawn.test_mask).any()
    with pytest.raises(ValueError, match="expected num_val . num_test to be at most 2568, the nodes not to train on, got 2000 . 1000"):
        Planetoid(planetoid_folder, "Cora", "random", num_val=2000)


def test_a_network_learns_the_fields(planetoid_folder: Path) -> None:
    """The example in short: 25 steps, then over 70 % of the papers to test are right, where chance is 30 %."""
    flambeau.manual_seed(0)
    data = Planetoid(planetoid_folder, "Cora", transform=NormalizeFeatures())[0]
    layers = [GCNConv(1433, 16, cached=True), GCNConv(16, 7, cached=True)]
    optimizer = flambeau.optim.Adam([*layers[0].parameters(), *layers[1].parameters()], lr=0.05, weight_decay=5e-4)
    for _ in range(25):
        scores = layers[1](layers[0](data.x, data.edge_index).relu(), data.edge_index)
        loss = flambeau.nn.functional.cross_entropy(scores[data.train_mask], data.y[data.train_mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (scores.argmax(1) == data.y)[data.test_mask].float().mean()
    assert right > 0.7


# A graph of our own in the same form: 503 papers of two words and two fields, three of them labelled, and four to test with a gap.


def parts() -> dict[str, object]:
    rng = np.random.default_rng(0)
    labels = np.eye(2, dtype="<i4")
    fields = rng.integers(0, 2, 503)
    fields[:3] = 0, 1, 0
    words = np.column_stack([fields == 0, fields == 1]).astype("<f4")
    graph = defaultdict(list, {0: [1, 1, 2, 0], 1: [0], 2: [0], 507: [503], 503: [507], 505: []})
    return {
        "x": words[:3],
        "y": labels[fields[:3]],
        "allx": words,
        "ally": labels[fields],
        "tx": np.eye(2, dtype="<f4")[[0, 1, 0, 1]],
        "ty": labels[[0, 1, 0, 1]],
        "graph": graph,
        "test.index": "507\n503\n504\n506\n",
    }


def write(folder: Path, content: dict[str, object]) -> Path:
    for part, value in content.items():
        path = folder / f"ind.cora.{part}"
        if isinstance(value, str):
            path.write_text(value)
        elif isinstance(value, bytes):
            path.write_bytes(value)
        else:
            path.write_bytes(python2(value))
    return folder


def python2(value: object) -> bytes:
    """As Python 2 would have pickled it."""
    if not isinstance(value, np.ndarray):
        return pickle.dumps(value, protocol=2)
    text, kind = value.tobytes(), value.dtype.str[1:].encode()
    sizes = b"".join(b"J" + size.to_bytes(4, "little") for size in value.shape)
    made = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01(" + sizes + b"t"
    made += b"cnumpy\ndtype\nU\x02" + kind + b"K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
    return made + b"T" + len(text).to_bytes(4, "little") + text + b"tb."


def test_a_graph_of_our_own(tmp_path: Path) -> None:
    raw = tmp_path / "Cora" / "raw"
    raw.mkdir(parents=True)
    write(raw, parts())
    data = Planetoid(tmp_path, "cora")[0]
    assert data.num_nodes == 508
    assert data.x[503:].tolist() == [[0, 1], [1, 0], [0, 0], [0, 1], [1, 0]], "in the places that test.index names"
    assert data.y[503:].tolist() == [1, 0, 0, 1, 0]
    assert data.edge_index.tolist() == [[0, 0, 1, 2, 503, 507], [1, 2, 0, 0, 507, 503]], "no loops, each edge once"
    assert data.test_mask.nonzero().flatten().tolist() == [503, 504, 506, 507]
    assert data.val_mask.nonzero().flatten().tolist() == list(range(3, 503))


def test_names_and_splits_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the name to be Cora, CiteSeer or PubMed, got 'NELL'"):
        Planetoid(tmp_path, "NELL")
    with pytest.raises(ValueError, match="expected split to be 'public', 'full' or 'random', got 'geom-gcn'"):
        Planetoid(tmp_path, "Cora", "geom-gcn")


def test_missing_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, parts())
    (tmp_path / "ind.cora.ty").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected Cora's files in .* missing ind.cora.ty; get them from https://"):
        Planetoid(tmp_path, "Cora")


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("trace",)


DAMAGE = {
    "a call": ("x", pickle.dumps(Evil(), protocol=2), "ind.cora.x: refused the name 'posix.mkdir'|ind.cora.x: refused the name 'nt.mkdir'"),
    "a call in the graph": ("graph", pickle.dumps({0: [Evil()]}, protocol=2), "ind.cora.graph: refused the name"),
    "truncated": ("allx", python2(parts()["allx"])[:-9], "ind.cora.allx: damaged or truncated pickle"),
    "an index that is none": ("test.index", "507\nfive\n", "ind.cora.test.index: .*'five'"),
    "a huge index": ("test.index", "9" * 5000, "ind.cora.test.index: "),
    "an index past 64 bits": ("test.index", "9" * 30, "ind.cora.test.index: "),
    "no matrix": ("tx", {1: [2]}, "expected tx to be a matrix, got dict"),
    "a vector": ("ty", np.zeros(4, "<i4"), r"expected ty to be a matrix, got an array of shape \(4,\)"),
    "rows": ("tx", np.zeros((3, 2), "<f4"), "expected as many rows in tx as in ty, got 3 and 4"),
    "columns": ("tx", np.zeros((4, 3), "<f4"), r"expected x, tx, allx to have the same columns, got \[2, 3, 2\]"),
    "index of fewer": ("test.index", "503\n504\n", "expected test.index to name 4 nodes, one for each row of tx, got 2"),
    "index twice": ("test.index", "503\n504\n505\n505\n", "expected test.index to name 4 nodes, one for each row of tx, got 3"),
    "index among the others": ("test.index", "3\n504\n505\n506\n", "expected test.index to name nodes from 503 on"),
    "index far away": ("test.index", f"503\n504\n505\n{10**12}\n", "expected test.index to name nodes from 503 on"),
    "graph a list": ("graph", [[1]], "expected graph to be a dict from nodes to lists of nodes"),
    "neighbours no list": ("graph", {0: 1}, "expected graph to be a dict from nodes to lists of nodes"),
    "a node that is not there": ("graph", {0: [508]}, "expected the nodes of graph to be whole numbers from 0 to 507"),
    "a node that is none": ("graph", {0: [[1]]}, "expected the nodes of graph to be whole numbers from 0 to 507"),
    "a negative node": ("graph", {-1: [0]}, "expected the nodes of graph to be whole numbers from 0 to 507"),
}


@pytest.mark.parametrize(("part", "value", "message"), DAMAGE.values(), ids=DAMAGE)
def test_files_that_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, value: object, message: str) -> None:
    write(tmp_path, {**parts(), part: value})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        Planetoid(tmp_path, "Cora")
    assert not Path("trace").exists()


def test_too_few_papers_to_validate(tmp_path: Path) -> None:
    content = parts()
    content |= {"allx": content["allx"][:502], "ally": content["ally"][:502]}  # type: ignore[index]
    with pytest.raises(ValueError, match="expected allx to hold the 3 rows of x and 500 to validate, got 502"):
        Planetoid(write(tmp_path, content), "Cora")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    write(tmp_path, parts())
    with (tmp_path / "ind.cora.allx").open("r+b") as file:
        file.truncate(65 * 2**20)  # sparse: it takes no room
    with pytest.raises(ValueError, match=r"ind.cora.allx to be of at most 67108864 bytes, got 68157440"):
        Planetoid(tmp_path, "Cora")


def test_a_real_file_cut_anywhere(planetoid_folder: Path, tmp_path: Path) -> None:
    for path in planetoid_folder.glob("ind.cora.*"):
        shutil.copy(path, tmp_path)
    whole = (planetoid_folder / "ind.cora.ty").read_bytes()
    for cut in (0, 1, 50, 150, len(whole) // 2, len(whole) - 1):
        (tmp_path / "ind.cora.ty").write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="ind.cora.ty: "):
            Planetoid(tmp_path, "Cora")
