"""What the docstrings' examples may use without an import: `flambeau`, `nn`, `F`, `np`, beside their own module's names."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

# Modules that cannot be imported without what they drive: the tests marked `gpu` cover the one, nox's parity sessions the others.
collect_ignore_glob = ["tests/parity/*", *([] if find_spec("cupy") else ["packages/core/src/flambeau/backends/cupy.py"])]


@pytest.fixture(scope="session", autouse=True)
def names_for_docstrings(doctest_namespace: dict[str, object]) -> None:
    import flambeau
    from flambeau import nn

    doctest_namespace.update(flambeau=flambeau, nn=nn, F=nn.functional, np=np)
