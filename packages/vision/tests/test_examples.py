"""The examples as a user runs them: quick variants always, the whole main job when slow tests run."""

import runpy
from pathlib import Path

import pytest
from PIL import Image

import flambeau

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def example():
    """The names in one of the examples, by the name of its file."""
    pytest.importorskip("matplotlib", reason="the examples draw; the development environment has it")
    pytest.importorskip("tqdm", reason="the examples show a progress bar; the development environment has it")
    if not EXAMPLES.is_dir():
        pytest.skip(f"no examples at {EXAMPLES}: the package is tested alone")
    return lambda name: runpy.run_path(str(EXAMPLES / name))


@pytest.fixture
def digits(example):
    return example("digits.py")


def test_digits_in_short(digits, tmp_path, capsys):
    """One epoch: the bar, the pictures and the model are there, and a second run gives the same of each."""
    first, second = tmp_path / "first", tmp_path / "second"
    accuracy = digits["main"](["--epochs", "1", "--out", str(first)])
    shown = capsys.readouterr()
    assert accuracy > 0.8
    assert f"{accuracy:.2%} of 360 held-out digits read right" in shown.out
    assert "epoch 1/1" in shown.err and "loss=" in shown.err and "accuracy=" in shown.err

    assert digits["main"](["--epochs", "1", "--out", str(second)]) == accuracy
    for name in ("curves.png", "mistakes.png", "model.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    net = digits["Net"]()
    net.load_state_dict(flambeau.load(first / "model.safetensors"))
    for name in ("curves.png", "mistakes.png"):
        with Image.open(first / name) as picture:
            assert min(picture.size) > 200 and len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_digits_without_mistakes(digits, tmp_path):
    """Nothing read wrong: the picture says so, and drawing it does not fail."""
    scores = flambeau.eye(10)
    digits["plot_mistakes"](flambeau.zeros(10, 1, 8, 8), scores, flambeau.arange(10), tmp_path / "mistakes.png")
    assert (tmp_path / "mistakes.png").exists()


@pytest.mark.slow
def test_digits_whole(digits, tmp_path):
    assert digits["main"](["--out", str(tmp_path)]) >= 0.98


def test_images_in_short(example, tmp_path):
    """Two classes of plain colour in folders of one's own: told apart after a few steps, and drawn."""
    for part in ("train", "test"):
        for name, color in (("blue", (0, 0, 200)), ("red", (200, 0, 0))):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(10):
                Image.new("RGB", (9, 8), tuple(min(c + 5 * i, 255) for c in color)).save(tmp_path / part / name / f"{i}.png")
    out = tmp_path / "out"
    options = ["--data", str(tmp_path), "--out", str(out), "--size", "8", "--epochs", "2"]
    assert 0 <= example("images.py")["main"](options) <= 1
    assert sorted(path.name for path in out.iterdir()) == ["curves.png", "guesses.png", "model.safetensors"]


@pytest.mark.slow
def test_images_of_cifar(example, data, tmp_path):
    assert example("images.py")["main"](["--out", str(tmp_path), "--count", "300", "--epochs", "2"]) > 0.12  # chance is 0.1
