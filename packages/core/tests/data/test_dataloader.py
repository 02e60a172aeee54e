"""Loading in the main process.  Orders are held against tables that PyTorch 2.13 gave."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.utils.data import DataLoader, Dataset, IterableDataset, SequentialSampler, Subset, TensorDataset

TEN = range(10)


class Stream(IterableDataset):
    def __init__(self, n, length=None):
        self.n, self.length = n, length

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n if self.length is None else self.length


def lists(loader):
    return [batch.tolist() for batch in loader]


def test_pytorchs_order():
    flambeau.manual_seed(0)
    loader = DataLoader(TEN, batch_size=4, shuffle=True)
    assert lists(loader) == [[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]]
    assert lists(loader) == [[2, 4, 7, 0], [8, 9, 5, 3], [6, 1]]
    loader = DataLoader(TEN, batch_size=4, shuffle=True, generator=flambeau.Generator().manual_seed(1))
    assert lists(loader) == [[4, 6, 9, 2], [3, 1, 0, 7], [8, 5]]
    assert lists(loader) == [[6, 8, 5, 1], [3, 7, 2, 4], [0, 9]]


def test_batches():
    assert lists(DataLoader(TEN, batch_size=4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert lists(DataLoader(TEN, batch_size=4, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert lists(DataLoader(TEN))[:2] == [[0], [1]]
    assert list(DataLoader(TEN, batch_size=None)) == list(TEN)
    assert lists(DataLoader(TEN, sampler=[3, 1])) == [[3], [1]]
    assert lists(DataLoader(TEN, batch_sampler=[[3, 1], [2]])) == [[3, 1], [2]]
    assert lists(DataLoader(TEN, 3, collate_fn=flambeau.tensor)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert lists(DataLoader(TEN, 5, pin_memory=True)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_lengths():
    assert [len(DataLoader(TEN, n, drop_last=d)) for n, d in ((3, False), (3, True), (10, True))] == [4, 3, 1]
    assert len(DataLoader(TEN, batch_size=None)) == 10 and len(DataLoader(TEN, batch_sampler=[[1], [2]])) == 2
    assert len(DataLoader(Stream(7), 2)) == 4 and len(DataLoader(Stream(7), 2, drop_last=True)) == 3
    assert len(iter(DataLoader(TEN, 3))) == 4
    with pytest.raises(TypeError):
        len(DataLoader(type("Endless", (IterableDataset,), {"__iter__": lambda self: iter([])})()))


def test_tensor_datasets_in_one_indexing_as_one_by_one():
    x, y = flambeau.rand(20, 3), flambeau.arange(20)
    flambeau.manual_seed(3)
    fast = list(DataLoader(TensorDataset(x, y), 6, shuffle=True))
    flambeau.manual_seed(3)
    slow = list(DataLoader(Subset(TensorDataset(x, y), TEN.__class__(20)), 6, shuffle=True))
    assert all(type(a) is type(b) is list and all((p == q).all() for p, q in zip(a, b)) for a, b in zip(fast, slow))
    assert [b[1].tolist() for b in DataLoader(TensorDataset(x, y), batch_sampler=[[np.int64(1), 0], [-1]])] == [[1, 0], [19]]
    with pytest.raises(IndexError):
        list(DataLoader(TensorDataset(x), batch_sampler=[[20]]))


def test_streams():
    assert lists(DataLoader(Stream(5), 2)) == [[0, 1], [2, 3], [4]]
    assert lists(DataLoader(Stream(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    assert lists(DataLoader(Stream(4), 2)) == [[0, 1], [2, 3]] and list(DataLoader(Stream(0), 2)) == []


def test_a_stream_that_gives_more_than_it_said():
    loader = DataLoader(Stream(3, length=2))
    assert len(loader) == 2
    with pytest.warns(UserWarning, match=r"was reported to be 2 .* but 3 samples have been fetched"):
        list(loader)


def test_getitems_is_used():
    class Many(Dataset):
        def __getitems__(self, indices):
            return [i + 100 for i in indices]

        def __len__(self):
            return 3

    assert lists(DataLoader(Many(), 2)) == [[100, 101], [102]]


def test_errors_come_through():
    class Bad(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            raise ValueError(f"sample {i} is broken")

    with pytest.raises(ValueError, match="sample 0 is broken"):
        next(iter(DataLoader(Bad())))


STREAM = Stream(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing"),
        ({"num_workers": 1, "prefetch_factor": -2}, "prefetch_factor option should be non-negative"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"dataset": STREAM, "shuffle": True}, "expected unspecified shuffle option, but got shuffle=True"),
        ({"dataset": STREAM, "sampler": [1]}, "expected unspecified sampler"),
        ({"dataset": STREAM, "batch_sampler": [[1]]}, "expected unspecified batch_sampler"),
        ({"sampler": [1], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer"),
        ({"dataset": []} | {"shuffle": True}, "num_samples should be a positive integer"),
        ({"multiprocessing_context": "fork"}, "can only be used with multi-process loading"),
        ({"num_workers": 1, "multiprocessing_context": "thread"}, "should specify a valid start method in .*but got .*'thread'"),
    ],
)
def test_arguments_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(**{"dataset": TEN} | options)


def test_wrong_types_and_fixed_attributes():
    with pytest.raises(TypeError, match="valid context object or a string"):
        DataLoader(TEN, num_workers=1, multiprocessing_context=3)
    loader = DataLoader(TEN)
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
            setattr(loader, name, 1)
    assert isinstance(loader.sampler, SequentialSampler)


def test_too_many_workers():
    with pytest.warns(UserWarning, match="will create 1000 worker processes"):
        DataLoader(TEN, num_workers=1000)
