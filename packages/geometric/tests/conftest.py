"""Where the real data lies, when it does."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def planetoid_folder() -> Path:
    folder = SHARED / "planetoid"
    if not folder.is_dir():
        pytest.skip(f"the citation networks are not in {folder}")
    return folder


@pytest.fixture
def tu_folder() -> Path:
    folder = SHARED / "tu"
    if not folder.is_dir():
        pytest.skip(f"the sets of small graphs are not in {folder}")
    return folder
