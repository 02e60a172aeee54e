"""Datasets: by index (`Dataset`) or as a stream (`IterableDataset`), and what joins, splits and stacks them."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import flambeau

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Samples by index: give `__getitem__`, and `__len__` where the samplers are to know how many there are.

    A dataset that can fetch many at once cheaper than one by one gives `__getitems__(indices)` too.

    >>> class Squares(Dataset):
    ...     def __len__(self): return 10
    ...     def __getitem__(self, i): return i * i
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """Samples as a stream: give `__iter__`.

    Each worker of a DataLoader has its own copy; `get_worker_info()` tells it which part of the stream is its own.

    >>> class Lines(IterableDataset):
    ...     def __iter__(self): return iter(["a", "b"])
    >>> list(Lines() + Lines())
    ['a', 'b', 'a', 'b']
    """

    def __add__(self, other: Dataset[T_co]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Tensors of the same first extent n, indexed together.  -> tuples of their i-th entries

    Raises AssertionError when the first extents differ.

    >>> TensorDataset(flambeau.arange(3), flambeau.arange(3) * 2)[1]
    (tensor(1), tensor(2))
    """

    def __init__(self, *tensors: flambeau.Tensor) -> None:
        sizes = [t.size(0) for t in tensors]
        if len(set(sizes)) > 1:
            raise AssertionError(f"Size mismatch between tensors: expected equal first extents, got {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)

    def collated(self, indices: Sequence[int]) -> list[flambeau.Tensor]:
        """What default_collate makes of the samples at `indices`, by one indexing a tensor."""
        where = flambeau.as_tensor(indices)
        return [t[where] for t in self.tensors]


class StackDataset(Dataset[Any]):
    """Datasets of the same length, indexed together.  -> tuples, or dicts when they were given by keyword

    Raises ValueError for none, for different lengths and for a mixture of positions and keywords.

    >>> StackDataset(image=range(3), label="abc")[1]
    {'image': 1, 'label': 'b'}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("Supported either datasets by position (for tuples) or by keyword (for dicts), got both")
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = kwargs or args
        lengths = [len(d) for d in self._each()]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: expected equal lengths, got {lengths}")

    def _each(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _pack(self, samples: Iterable[Any]) -> Any:
        return dict(zip(self.datasets, samples)) if isinstance(self.datasets, dict) else tuple(samples)

    def __getitem__(self, index: Any) -> Any:
        return self._pack(d[index] for d in self._each())

    def __getitems__(self, indices: list[int]) -> list[Any]:
        try:
            columns = [get_many(d, indices) for d in self._each()]
        except WrongNumber as error:
            raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {error.got}: {error}") from None
        return [self._pack(row) for row in zip(*columns)]

    def __len__(self) -> int:
        return len(self._each()[0])


class ConcatDataset(Dataset[T_co]):
    """Datasets one after another.  Raises AssertionError for none, and for an IterableDataset.

    >>> ConcatDataset(["ab", "cde"])[3]
    'd'
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        return list(itertools.accumulate(len(d) for d in sequence))

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset; use ChainDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T_co:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"index {index} is out of range for a dataset of {len(self)} samples")
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset[Any]):
    """Streams one after another.  Raises AssertionError on use when one of them is not an IterableDataset."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        super().__init__()
        self.datasets = datasets

    def _checked(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(f"ChainDataset only supports IterableDataset, got {type(dataset).__name__}")
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self._checked())

    def __len__(self) -> int:
        return sum(len(d) for d in self._checked())


class Subset(Dataset[T_co]):
    """The samples of `dataset` at `indices`.

    >>> list(Subset("abcd", [3, 0]))
    ['d', 'a']
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[[self.indices[i] for i in index] if isinstance(index, list) else self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        if type(self).__getitem__ is not Subset.__getitem__:  # a subclass has its own idea of a sample
            return [self[i] for i in indices]
        return get_many(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def get_many(dataset: Any, indices: Sequence[int]) -> list[Any]:
    """The samples at `indices`, in one call where the dataset offers that."""
    many = getattr(dataset, "__getitems__", None)
    if not many:
        return [dataset[i] for i in indices]
    samples = many(indices)
    if len(samples) != len(indices):
        raise WrongNumber(type(dataset).__name__, len(indices), len(samples))
    return samples


class WrongNumber(ValueError):
    """A dataset's `__getitems__` gave more or fewer samples than it was asked for."""

    def __init__(self, name: str, expected: int, got: int) -> None:
        super().__init__(f"{name}.__getitems__: expected {expected} samples, got {got}")
        self.got = got


def random_split(dataset: Any, lengths: Sequence[int | float], generator: flambeau.Generator | None = None) -> list[Subset[Any]]:
    """Disjoint random subsets of the given lengths, or of the given fractions when these sum to 1.

    What rounding leaves over goes to the first subsets, one each. The same seed gives the same split as in PyTorch.
    Raises ValueError when the lengths do not sum to the dataset's, or a fraction is not in [0, 1]; warns of empty subsets.

    >>> [len(s) for s in random_split(range(10), [0.5, 0.25, 0.25])]
    [6, 2, 2]
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {i} is not between 0 and 1: {fraction}")
        sizes = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
        for i, size in enumerate(sizes):
            if size == 0:
                warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=2)
    else:
        sizes = list(lengths)  # type: ignore[arg-type]
    if sum(sizes) != total:
        raise ValueError(f"Sum of input lengths does not equal the length of the input dataset! Expected {total}, got {sum(sizes)}")
    order = flambeau.randperm(total, generator=generator).tolist()
    ends = itertools.accumulate(sizes)
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends)]
