"""A model of two layers, its weights in a file, and its factory in a module that the tests can name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import flambeau

FACTORIES = '''
from flambeau import nn
from flambeau_serve import Model, TensorSpec

KIND = "a string"

def net():
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))

def told():
    return Model(net(), [TensorSpec("x", "FP32", (-1, 3))])

def nothing():
    return 5

class Made:
    net = staticmethod(net)
'''


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    flambeau.manual_seed(0)
    net = flambeau.nn.Sequential(flambeau.nn.Linear(3, 8), flambeau.nn.ReLU(), flambeau.nn.Dropout(0.5), flambeau.nn.Linear(8, 2))
    path = tmp_path / "small.safetensors"
    flambeau.save(net.state_dict(), path)
    return path


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module with factories, in a folder that is found for as long as the test runs."""
    (tmp_path / "served_by_tests.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(tmp_path)
    yield "served_by_tests"
    sys.modules.pop("served_by_tests", None)
