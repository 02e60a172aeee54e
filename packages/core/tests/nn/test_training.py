"""A script trained with the same seed follows PyTorch's loss: tables of 100 steps, printed by PyTorch (tests/parity/losses.py)."""
from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import flambeau

HERE = Path(__file__).parent / "training"
TABLE = {name: list(map(float, losses)) for name, *losses in map(str.split, (HERE / "pytorch.txt").read_text().splitlines())}


def runs():
    spec = importlib.util.spec_from_file_location("training_runs", HERE / "runs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RUNS


def test_the_table_is_whole():
    assert set(TABLE) == set(runs())
    assert all(len(losses) == 100 for losses in TABLE.values())


@pytest.mark.parametrize("name", TABLE)
def test_losses_follow_pytorchs(name):
    np.testing.assert_allclose(runs()[name](flambeau), TABLE[name], rtol=1e-4)
