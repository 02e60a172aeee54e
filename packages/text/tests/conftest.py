"""Shared fixtures of the text tests."""

from pathlib import Path

import pytest

from flambeau_text import ByteLevelBPE

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data beside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}")
    return DATA


@pytest.fixture(scope="session")
def gpt2(data: Path) -> ByteLevelBPE:
    return ByteLevelBPE.from_files(data / "bpe/gpt2_bpe_encoder.json.gz", data / "bpe/gpt2_bpe_vocab.bpe.gz")
