from __future__ import annotations

import pytest

import flambeau
from flambeau.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Stream(IterableDataset):
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)


class Many(Dataset):
    """Fetches many at once, and notes it."""

    def __init__(self, n, short=0):
        self.n, self.short, self.calls = n, short, []

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return i * 10

    def __getitems__(self, indices):
        self.calls.append(list(indices))
        return [i * 10 for i in indices][self.short :]


def test_dataset_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
    assert Dataset[int] is not Dataset  # subscriptable, for annotations


def test_tensor_dataset():
    data = TensorDataset(flambeau.arange(6).reshape(3, 2), flambeau.arange(3) * 1.5)
    assert len(data) == 3 and [t.tolist() for t in data[1]] == [[2, 3], 1.5]
    assert [t.tolist() for t in data[:2]] == [[[0, 1], [2, 3]], [0, 1.5]]
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors: expected equal first extents, got \[3, 2\]"):
        TensorDataset(flambeau.zeros(3), flambeau.zeros(2))


def test_concat():
    data = ConcatDataset([[0, 1], [], [2, 3, 4]])
    assert len(data) == 5 and [data[i] for i in range(5)] == list(range(5)) and data[-1] == 4 and data[-5] == 0
    assert data.cumulative_sizes == [2, 2, 5]
    with pytest.raises(IndexError):
        data[5]
    with pytest.raises(ValueError, match="absolute value of index"):
        data[-6]
    with pytest.raises(AssertionError, match="empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="use ChainDataset"):
        ConcatDataset([[1], Stream(1)])
    assert isinstance(Many(1) + Many(2), ConcatDataset) and len(Many(1) + Many(2)) == 3


def test_chain():
    data = Stream(1, 2) + Stream(3)
    assert isinstance(data, ChainDataset) and list(data) == [1, 2, 3] and len(data) == 3
    with pytest.raises(AssertionError, match="only supports IterableDataset, got list"):
        list(ChainDataset([[1]]))


def test_stack():
    assert StackDataset([1, 2], "ab")[1] == (2, "b") and StackDataset(x=[1, 2], y="ab")[0] == {"x": 1, "y": "a"}
    assert len(StackDataset([1, 2])) == 2
    many = Many(4)
    assert StackDataset(many, "abcd").__getitems__([3, 1]) == [(30, "d"), (10, "b")] and many.calls == [[3, 1]]
    assert StackDataset(x=many).__getitems__([2]) == [{"x": 20}]
    with pytest.raises(ValueError, match=r"Size mismatch between datasets: expected equal lengths, got \[1, 2\]"):
        StackDataset([1], [1, 2])
    with pytest.raises(ValueError, match="got both"):
        StackDataset([1], x=[1])
    with pytest.raises(ValueError, match="At least one"):
        StackDataset()
    with pytest.raises(ValueError, match="expected 2 samples, got 1"):
        StackDataset(Many(4, short=1)).__getitems__([0, 1])


def test_subset():
    many = Many(10)
    part = Subset(many, [5, 7, 9])
    assert len(part) == 3 and part[2] == 90 and part.__getitems__([0, 2]) == [50, 90] and many.calls == [[5, 9]]
    assert Subset(part, [2, 0]).__getitems__([0, 1]) == [90, 50]
    data = TensorDataset(flambeau.arange(5))
    assert Subset(data, [4, 3, 2])[[0, 2]][0].tolist() == [4, 2]

    class Doubled(Subset):
        def __getitem__(self, i):
            return 2 * super().__getitem__(i)

    assert Doubled(many, [1, 2]).__getitems__([0, 1]) == [20, 40]


def test_random_split_gives_pytorchs_numbers():
    split = lambda n, lengths: [s.indices for s in random_split(range(n), lengths, flambeau.Generator().manual_seed(42))]
    assert split(12, [3, 4, 5]) == [[6, 8, 1], [7, 0, 2, 10], [11, 4, 3, 5, 9]]
    assert split(11, [0.3, 0.3, 0.4]) == [[6, 8, 9, 2], [1, 10, 0], [7, 3, 5, 4]]


def test_random_split_refuses():
    with pytest.raises(ValueError, match="Sum of input lengths .* Expected 5, got 4"):
        random_split(range(5), [1, 3])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1: -0.5"):
        random_split(range(5), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        assert [len(s) for s in random_split(range(3), [1.0, 0.0])] == [3, 0]


def test_a_stacked_dataset_that_gives_too_few():
    class Few(Dataset):
        def __getitems__(self, indices):
            return [0]

        def __len__(self):
            return 3

    with pytest.raises(ValueError, match="Nested dataset's output size mismatch. Expected 2, got 1: Few.__getitems__"):
        StackDataset(Few(), range(3)).__getitems__([0, 1])
