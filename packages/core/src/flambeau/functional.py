"""PyTorch's second place for some of its functions: `flambeau.functional.einsum` is `flambeau.einsum`."""

from __future__ import annotations

from typing import Any

import flambeau

_NAMES = """atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors cartesian_prod cdist chain_matmul einsum istft lu
    meshgrid norm pca_lowrank split stft svd_lowrank tensordot unique unique_consecutive unravel_index""".split()


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'flambeau.functional' has no attribute {name!r}")
    return getattr(flambeau, name)


def __dir__() -> list[str]:
    return _NAMES
