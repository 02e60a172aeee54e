"""Each process's own part of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import flambeau
from flambeau.utils.data.sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every num_replicas-th index from `rank` on, of an order that all processes share: call set_epoch(epoch) for another each time.

    The order is shuffled by seed + epoch, as PyTorch shuffles it. It is filled up from its beginning to a multiple of num_replicas,
    or with drop_last cut down to one. num_replicas and rank are by default those of the process group.
    Raises ValueError for a rank that is not in 0 .. num_replicas − 1, RuntimeError where they are not given and there is no group.

    >>> [list(DistributedSampler("abcde", 2, rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        num_replicas = from_group("num_replicas", "get_world_size") if num_replicas is None else num_replicas
        rank = from_group("rank", "get_rank") if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank, self.epoch = dataset, num_replicas, rank, 0
        self.drop_last, self.shuffle, self.seed = drop_last, shuffle, seed
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = list(range(n))
        if self.shuffle:
            generator = flambeau.Generator()
            generator.manual_seed(self.seed + self.epoch)
            order = flambeau.randperm(n, generator=generator).tolist()
        if n:
            order *= math.ceil(self.total_size / n)  # a tiny dataset may have to be gone through several times
        return iter(order[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Shuffle the next pass by this epoch, which must be the same in all processes."""
        self.epoch = epoch


def from_group(name: str, function: str) -> int:
    """What the process group says."""
    distributed = getattr(flambeau, "distributed", None)
    if distributed is None or not distributed.is_initialized():
        raise RuntimeError(f"DistributedSampler needs a process group to find {name}: give it, or initialize flambeau.distributed first")
    found: int = getattr(distributed, function)()
    return found
