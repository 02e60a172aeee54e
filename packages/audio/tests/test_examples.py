"""The example on real recordings: a quick variant always, the whole of it when slow tests run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import flambeau

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "spoken_digits.py"


@pytest.fixture
def example():
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")
    if not EXAMPLE.is_file():
        pytest.skip(f"no example at {EXAMPLE}: the package is tested alone")
    spec = importlib.util.spec_from_file_location("example_spoken_digits", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    threads = flambeau.get_num_threads()
    yield module
    flambeau.set_num_threads(threads)


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") and path.stat().st_size > 5000


def test_a_quick_run_learns_and_leaves_its_files(example, data, tmp_path):
    quick = ["--data", str(data("fsdd.tar")), "--out", str(tmp_path), *"--recordings 60 --epochs 4 --width 16 --batch 20".split()]
    result = example.main(quick)
    assert result["last_loss"] < result["first_loss"] < 2.6  # ln 10 = 2.3: knows nothing at first
    assert is_picture(tmp_path / "curves.png") and is_picture(tmp_path / "confusion.png")
    model = example.network(16)
    model.load_state_dict(flambeau.load(tmp_path / "model.safetensors"))
    held_out = example.spectra(example.FSDD(data("fsdd.tar"), "test"), 60)
    assert example.accuracy(example.confusion(model, held_out)) == result["accuracy"]
    assert example.main(quick) == result  # the same numbers again


def test_absent_data_is_said(example, tmp_path):
    with pytest.raises(SystemExit, match=r"there is no data set at .*nowhere\.tar; get it from https://github\.com.*\n\(--data says where"):
        example.main(["--data", str(tmp_path / "nowhere.tar"), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_whole_run_tells_the_digits_apart(example, data, tmp_path):
    assert example.main(["--data", str(data("fsdd.tar")), "--out", str(tmp_path)])["accuracy"] >= 0.9
