"""Shared fixtures of the vision tests."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data beside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}")
    return DATA


@pytest.fixture(scope="session")
def mnist_root(data: Path) -> Path:
    return data / "mnist"


@pytest.fixture(scope="session")
def images(data: Path) -> Path:
    return data / "images"
