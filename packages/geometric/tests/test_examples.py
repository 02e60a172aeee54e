"""The example as a user runs it: a short variant always, the whole when slow tests run."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import flambeau

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def cora(planetoid_folder: Path) -> Any:
    """The names of examples/cora_gcn.py, and where its data lies."""
    pytest.importorskip("matplotlib", reason="the examples draw; the development environment has it")
    pytest.importorskip("tqdm", reason="the examples show a progress bar; the development environment has it")
    if not EXAMPLES.is_dir():
        pytest.skip(f"no examples at {EXAMPLES}: the package is tested alone")
    names = runpy.run_path(str(EXAMPLES / "cora_gcn.py"))
    return lambda *words: names["main"](["--data", str(planetoid_folder), *words])


def test_cora_in_short(cora: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten epochs: the bar, the pictures and the model are there, and a second run gives the same of each."""
    first, second = tmp_path / "first", tmp_path / "second"
    accuracy = cora("--epochs", "10", "--out", str(first))
    shown = capsys.readouterr()
    assert accuracy > 0.5
    assert f"{accuracy:.1%} of 1000 papers put in the right field" in shown.out
    assert "10/10" in shown.err and "loss=" in shown.err and "val=" in shown.err

    assert cora("--epochs", "10", "--out", str(second)) == accuracy
    for name in ("curves.png", "papers.png", "model.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    state = flambeau.load(first / "model.safetensors")
    assert sorted(state) == ["conv1.bias", "conv1.lin.weight", "conv2.bias", "conv2.lin.weight"]


def test_cora_that_is_not_there(cora: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"(?s)missing ind.cora.x, .*or say by --data where they lie"):
        cora("--data", str(tmp_path))


@pytest.mark.slow
def test_cora_whole(cora: Any, tmp_path: Path) -> None:
    assert cora("--out", str(tmp_path)) >= 0.8
