"""Samples and densities stay on the GPU that the parameters are on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import flambeau
from flambeau import distributions

pytest.importorskip("cupy", reason="needs CuPy and a GPU")
pytestmark = pytest.mark.gpu
ROWS = [row["is"] for row in json.loads((Path(__file__).parent / "pytorch.json").read_text())["distributions"]]
ROWS = [row for row in ROWS if not re.match(r"\w+\([\d., ]+\)$|LKJCholesky\(2", row)]  # those of numbers alone are the CPU's


@pytest.mark.parametrize("expression", ROWS)
def test_a_gpus_distribution(expression):
    def moved(*args):
        return flambeau.tensor(*args).cuda()

    there = eval(expression, {**vars(distributions), "t": moved})  # noqa: S307 (the table's own text)
    here = eval(expression, {**vars(distributions), "t": flambeau.tensor})  # noqa: S307
    x = there.sample((3,))
    assert x.is_cuda and there.log_prob(x).is_cuda
    assert float((there.log_prob(x).cpu() - here.log_prob(x.cpu())).abs().max()) < 1e-3
