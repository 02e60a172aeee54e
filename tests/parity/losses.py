"""The losses of packages/core/tests/nn/training/runs.py on PyTorch, printed anew: the table that the tests follow.

    python tests/parity/losses.py > packages/core/tests/nn/training/pytorch.txt
"""
from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "packages/core/tests/nn/training"))
import runs

torch.set_num_threads(1)
for name, run in runs.RUNS.items():
    print(name, *(f"{loss:.8g}" for loss in run(torch)))
