"""The examples as a user runs them: quick variants always, the whole main job when slow tests run."""

import runpy
from pathlib import Path

import flambeau
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def digits():
    """The main function of examples/digits.py."""
    pytest.importorskip("matplotlib", reason="the examples draw; the development environment has it")
    pytest.importorskip("tqdm", reason="the examples show a progress bar; the development environment has it")
    if not EXAMPLES.is_dir():
        pytest.skip(f"no examples at {EXAMPLES}: the package is tested alone")
    return runpy.run_path(str(EXAMPLES / "digits.py"))


def test_digits_in_short(digits, tmp_path, capsys):
    """Two epochs: the bar, the pictures and the model are there, and a second run gives the same of each."""
    first, second = tmp_path / "first", tmp_path / "second"
    accuracy = digits["main"](["--epochs", "2", "--out", str(first)])
    shown = capsys.readouterr()
    assert accuracy > 0.9
    assert f"{accuracy:.2%} of 360 held-out digits read right" in shown.out
    assert "epoch 2/2" in shown.err and "loss=" in shown.err and "accuracy=" in shown.err

    assert digits["main"](["--epochs", "2", "--out", str(second)]) == accuracy
    for name in ("curves.png", "mistakes.png", "model.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    for name in ("curves.png", "mistakes.png"):
        with Image.open(first / name) as picture:
            assert min(picture.size) > 200 and len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_digits_model_is_read_back(digits, tmp_path):
    digits["main"](["--epochs", "1", "--out", str(tmp_path)])
    net = digits["Net"]()
    net.load_state_dict(flambeau.load(tmp_path / "model.safetensors"))
    net.eval()
    with flambeau.no_grad():
        assert net(flambeau.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_digits_without_mistakes(digits, tmp_path):
    """Nothing read wrong: the picture says so, and drawing it does not fail."""
    scores = flambeau.eye(10)
    digits["plot_mistakes"](flambeau.zeros(10, 1, 8, 8), scores, flambeau.arange(10), tmp_path / "mistakes.png")
    assert (tmp_path / "mistakes.png").exists()


@pytest.mark.slow
def test_digits_whole(digits, tmp_path):
    assert digits["main"](["--out", str(tmp_path)]) >= 0.98
