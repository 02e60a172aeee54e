"""Orders, held against tables that PyTorch 2.13 gave."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

TEN = range(10)
WITH_REPLACEMENT = [9, 9, 2, 7, 7, 2, 0, 9, 3, 3, 5, 7, 6, 8, 5, 1, 9, 7, 7, 9, 2, 3, 4, 8, 7, 7, 6, 8, 5, 0, 2, 0, 5, 7, 6, 8, 6, 5, 9, 5]


def test_pytorchs_order_from_the_default_generator():
    flambeau.manual_seed(1)
    assert list(RandomSampler(TEN)) == [6, 7, 4, 1, 3, 9, 0, 2, 8, 5]
    assert list(RandomSampler(TEN, num_samples=13)) == [4, 2, 0, 6, 8, 7, 9, 1, 5, 3, 4, 0, 2]
    assert list(RandomSampler(TEN, True, 40)) == WITH_REPLACEMENT
    assert list(SubsetRandomSampler([5, 6, 7, 8])) == [8, 5, 6, 7]
    flambeau.manual_seed(2)
    assert list(WeightedRandomSampler([1, 2, 3, 4.0], 12)) == [3, 0, 3, 2, 3, 2, 1, 1, 3, 2, 0, 3]
    assert list(WeightedRandomSampler([1, 2, 3, 4.0], 4, False)) == [3, 2, 1, 0]


def test_a_generator_of_ones_own_goes_on_as_in_pytorch():
    g = flambeau.Generator().manual_seed(3)
    assert list(RandomSampler(TEN, num_samples=10, generator=g)) == [6, 0, 3, 7, 8, 5, 1, 9, 2, 4]
    assert list(RandomSampler(TEN, True, 32, generator=g))[:12] == [0, 4, 6, 9, 1, 6, 2, 8, 7, 4, 4, 0]
    assert flambeau.randperm(5, generator=g).tolist() == [3, 1, 0, 2, 4]


def test_lengths():
    assert len(RandomSampler(TEN)) == 10 and len(RandomSampler(TEN, num_samples=3)) == 3 and len(SequentialSampler("ab")) == 2
    assert len(SubsetRandomSampler([1, 2])) == 2 and len(WeightedRandomSampler([1.0], 7)) == 7
    assert len(list(RandomSampler(TEN, num_samples=3))) == 3


def test_batches():
    assert list(BatchSampler(TEN, 4, False)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(BatchSampler(TEN, 4, True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [len(BatchSampler(TEN, n, drop)) for n in (3, 5, 11) for drop in (False, True)] == [4, 3, 2, 2, 1, 0]
    assert list(BatchSampler(iter(TEN), 11, True)) == [] and list(BatchSampler(iter([]), 2, False)) == []


def test_weights_that_are_zero_are_not_drawn():
    assert set(WeightedRandomSampler([0, 1, 0, 1], 100)) == {1, 3}


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: RandomSampler([], False), ValueError, "num_samples should be a positive integer value, but got num_samples=0"),
        (lambda: RandomSampler(TEN, num_samples=-1), ValueError, "num_samples=-1"),
        (lambda: RandomSampler(TEN, replacement=1), TypeError, "replacement should be a boolean value, but got replacement=1"),
        (lambda: BatchSampler(TEN, 0, False), ValueError, "batch_size should be a positive integer value, but got batch_size=0"),
        (lambda: BatchSampler(TEN, True, False), ValueError, "batch_size=True"),
        (lambda: BatchSampler(TEN, 2.0, False), ValueError, r"batch_size=2\.0"),
        (lambda: BatchSampler(TEN, 2, 1), ValueError, "drop_last should be a boolean value, but got drop_last=1"),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError, "num_samples=0"),
        (lambda: WeightedRandomSampler([1.0], 1, 0), ValueError, "replacement=0"),
        (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, r"1d sequence but given weights have shape \(1, 1\)"),
        (lambda: iter(Sampler()), NotImplementedError, "Sampler should implement __iter__"),
    ],
)
def test_arguments_that_cannot_be(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize(
    ("n", "replicas", "drop_last", "parts"),
    [
        (7, 3, False, [[1, 2, 3], [0, 6, 1], [4, 5, 0]]),
        (7, 3, True, [[1, 2], [0, 6], [4, 5]]),
        (2, 4, False, [[1], [0], [1], [0]]),
        (2, 4, True, [[], [], [], []]),
    ],
)
def test_each_process_has_its_part(n, replicas, drop_last, parts):
    """In PyTorch's order of seed 3 and epoch 2."""
    samplers = [DistributedSampler(range(n), replicas, rank, seed=3, drop_last=drop_last) for rank in range(replicas)]
    for sampler, part in zip(samplers, parts):
        sampler.set_epoch(2)
        assert list(sampler) == part and len(sampler) == len(part)


def test_parts_without_a_group():
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"):
        DistributedSampler(range(3), 2, 2)
    with pytest.raises(RuntimeError, match="needs a process group to find rank"):
        DistributedSampler(range(3), 2)
