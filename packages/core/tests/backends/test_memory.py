"""Large blocks are kept, in a process of its own: the setting is the process's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flambeau.backends.memory import keep_memory

PROGRAM = """
import resource, sys
import numpy as np
from flambeau.backends.memory import keep_memory
kept = keep_memory()
a = np.ones(5_000_000)
faults = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b = a + a
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    del b
print(kept, faults[-1])
"""


def test_a_repeated_large_temporary_costs_no_page_faults():
    if sys.platform != "linux":
        pytest.skip("mallopt is glibc's")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    kept, faults = done.stdout.split()
    if kept == "False":
        pytest.skip("this C library is not glibc")
    assert int(faults) < 10


def test_the_users_malloc_settings_stand(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "100000")
    assert keep_memory() is False
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_max=5")
    assert keep_memory() is False
