"""The two text examples on real data: quick variants always, the whole of them when slow tests run."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import flambeau
from flambeau_text.models import GPT, GPTConfig

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def load(name: str) -> ModuleType:
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")
    if not (EXAMPLES / f"{name}.py").is_file():
        pytest.skip(f"no examples at {EXAMPLES}: the package is tested alone")
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") and path.stat().st_size > 5000


def test_char_gpt_quick(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = "--steps 100 --lr 1e-2 --layers 1 --width 32 --heads 2 --context 16 --sample 20"
    small = ["--data", str(data), "--out", str(tmp_path), *size.split()]
    history = load("char_gpt").main(small)
    assert history["train"][0][1] == pytest.approx(4.17, abs=0.1)  # ln 65: knows nothing at first
    assert history["validation"][-1][1] < 3.25
    assert is_png(tmp_path / "curve.png")
    model = GPT(GPTConfig(block_size=16, vocab_size=65, n_layer=1, n_head=2, n_embd=32, bias=False))
    model.load_state_dict(flambeau.load(tmp_path / "model.safetensors"))
    sample = (tmp_path / "sample.txt").read_text(encoding="utf-8")
    assert sample.strip() and sample.strip() in capsys.readouterr().out
    assert load("char_gpt").main(small) == history  # the same numbers again


@pytest.mark.slow
def test_char_gpt(data: Path, tmp_path: Path) -> None:
    history = load("char_gpt").main(["--data", str(data), "--out", str(tmp_path)])
    assert history["validation"][-1][1] < 1.9


def test_ag_news_quick(data: Path, tmp_path: Path) -> None:
    quick = ["--data", str(data), "--out", str(tmp_path), *"--articles 2000 --epochs 6 --width 32 --lr 3e-2".split()]
    result = load("ag_news").main(quick)
    assert result["last_loss"] < 0.5 * result["first_loss"]
    assert result["accuracy"] > 0.7
    assert is_png(tmp_path / "confusion.png")
    assert (tmp_path / "model.safetensors").is_file() and (tmp_path / "vocab.json").is_file()


@pytest.mark.slow
def test_ag_news(data: Path, tmp_path: Path) -> None:
    first, again = (load("ag_news").main(["--data", str(data), "--out", str(tmp_path)]) for _ in range(2))
    assert first["accuracy"] >= 0.84
    assert first == again


@pytest.mark.parametrize("name", ["char_gpt", "ag_news"])
def test_absent_data_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected the file .*\nor say by --data where it lies"):
        load(name).main(["--data", str(tmp_path)])
