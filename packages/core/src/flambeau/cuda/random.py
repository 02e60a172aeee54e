"""Seeds for GPUs. All random numbers of Flambeau come from the CPU's default generator, those of CUDA tensors too.

So with a GPU these functions are those of `flambeau.random`: a later `cuda.manual_seed` begins the one stream anew. Without a GPU
they change nothing, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flambeau import random

from .runtime import device_count, gpu, index_of, is_available

__all__ = ["get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all", "seed", "seed_all", "set_rng_state",
           "set_rng_state_all"]  # fmt: skip


def manual_seed(seed: int) -> None:
    """Begin the stream of `seed`, which serves CPU and GPUs alike; nothing without a GPU."""
    seed = int(seed)
    if is_available():
        random.manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """The same: all GPUs draw from one stream."""
    manual_seed(seed)


def seed() -> None:
    """Begin a stream of an unforeseeable seed; nothing without a GPU."""
    if is_available():
        random.seed()


def seed_all() -> None:
    """The same: all GPUs draw from one stream."""
    seed()


def initial_seed() -> int:
    """The seed that the stream began with."""
    gpu()
    return random.initial_seed()


def get_rng_state(device: Any = "cuda") -> Any:
    """The place of the stream, as `flambeau.get_rng_state` tells it."""
    gpu()
    index_of(device, optional=True)
    return random.get_rng_state()


def get_rng_state_all() -> list:
    """The place of the stream, once for each GPU."""
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Go to a place that `get_rng_state` told; nothing without a GPU.  RuntimeError for anything else, PyTorch's CUDA states too."""
    if is_available():
        index_of(device, optional=True)
        random.set_rng_state(new_state)


def set_rng_state_all(new_states: Iterable[Any]) -> None:
    """`set_rng_state` for each GPU: as there is one stream, the last one counts."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)
