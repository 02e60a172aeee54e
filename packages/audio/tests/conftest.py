from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flambeau

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def data():
    """A file of the real data beside the repository, or a skip that says which one is missing."""

    def place(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"real data is absent: {path}")
        return path

    return place


@pytest.fixture
def tone():
    """A sine of a given frequency and amplitude, as (1, time) float32."""

    def make(frequency: float, rate: int, seconds: float = 0.5, amplitude: float = 0.5):
        time = np.arange(int(rate * seconds)) / rate
        return flambeau.from_numpy((amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)[None])

    return make


@pytest.fixture
def noise():
    """Seeded noise in [-0.5, 0.5)."""

    def make(*shape: int, dtype=np.float32):
        return flambeau.from_numpy((np.random.default_rng(7).random(shape) - 0.5).astype(dtype))

    return make
