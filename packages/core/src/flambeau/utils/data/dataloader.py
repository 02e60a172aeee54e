"""The DataLoader: what is to be loaded, in which order, by how many processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

import flambeau
from flambeau import context
from flambeau.utils.data.collate import default_collate, default_convert
from flambeau.utils.data.dataset import IterableDataset
from flambeau.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed
from flambeau.utils.data.worker import Recipe
from flambeau.utils.data.worker import get_worker_info as get_worker_info
from flambeau.utils.data.workers import WorkersIterator

T_co = TypeVar("T_co", covariant=True)

PARTS = " For multiprocessing data-loading, this could be caused by not properly configuring the IterableDataset replica at each worker: " \
    "does each take only its own part (get_worker_info)?"
FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class Endless(Sampler[None]):
    """The order of a stream: there is none."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Batches of a dataset, for a `for` loop.

    num_workers: processes that fetch ahead, prefetch_factor batches each (2; at most 32 take effect); 0 fetches in this
    process. Tensors come from them through shared memory, without a copy here. multiprocessing_context: a start method
    ("fork", "spawn", "forkserver") or a context; by default Python's own for the system.
    persistent_workers keeps the processes from one pass to the next. timeout: seconds to wait for a batch, 0 for ever.
    generator: of the shuffling and of the workers' seeds; the same seed gives the order that PyTorch gives.
    pin_memory and pin_memory_device are accepted, and mean nothing where the tensors stay on the CPU.
    in_order=False hands out whichever worker's batch is ready first.
    Raises ValueError for arguments that exclude each other; while looping, what the dataset raised (with the worker's
    traceback in the message), and RuntimeError when a worker dies or the timeout is over.

    >>> for batch in DataLoader(range(5), batch_size=2): print(batch)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: flambeau.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError(f"timeout option should be non-negative, got {timeout}")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError("prefetch_factor option could only be specified in multiprocessing: set num_workers > 0, or leave it None")
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch_factor}")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        self.dataset, self.num_workers, self.timeout, self.generator = dataset, num_workers, timeout, generator
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.worker_init_fn, self.persistent_workers, self.in_order = worker_init_fn, persistent_workers, in_order
        self.multiprocessing_context = multiprocessing_context
        self.iterable = isinstance(dataset, IterableDataset)
        self._check_order(shuffle, sampler, batch_sampler, batch_size, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if self.iterable:
                sampler = Endless()
            else:
                sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last, self.sampler, self.batch_sampler = batch_size, drop_last, sampler, batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self._iterator: WorkersIterator | None = None
        self._promised: int | None = None  # what len() said of a stream
        self._warn_of_too_many()
        self._ready = True

    def _check_order(self, shuffle: Any, sampler: Any, batch_sampler: Any, batch_size: Any, drop_last: bool) -> None:
        if self.iterable:
            for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
                if value is not None:
                    raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")

    def _warn_of_too_many(self) -> None:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if self.num_workers > cpus:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested max number of worker in "
                f"current system is {cpus}, which is smaller than what this DataLoader is going to create. Please be aware that "
                "excessive worker creation might get DataLoader running slow or even freeze: the processes get in each other's way.",
                stacklevel=3,
            )

    @property
    def multiprocessing_context(self) -> BaseContext | None:
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: str | BaseContext | None) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers=0"
                )
            if isinstance(context, str):
                if context not in multiprocessing.get_all_start_methods():
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{multiprocessing.get_all_start_methods()}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string specifying the start method, "
                    f"but got multiprocessing_context={context}"
                )
        self._context = context

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and self.__dict__.get("_ready"):
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def recipe(self) -> Recipe:
        return Recipe(self.dataset, self.iterable, self._auto_collation, self.collate_fn, self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return OwnIterator(self)
        if not self.persistent_workers:
            return WorkersIterator(self)
        if self._iterator is None or not self._iterator.alive:
            self._iterator = WorkersIterator(self)
        else:
            self._iterator.begin(self)
        return self._iterator

    def __len__(self) -> int:
        if not self.iterable:
            return len(self._index_sampler)
        length = self._promised = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def promise(self) -> Callable[[int], None]:
        """check(given): warns when a stream gives more than its len() said."""
        promised, dataset, workers = self._promised, self.dataset, self.num_workers

        def check(given: int) -> None:
            if promised is not None and given > promised:
                warnings.warn(
                    f"Length of IterableDataset {dataset} was reported to be {promised} (when accessing len(dataloader)), but {given} "
                    f"samples have been fetched.{PARTS if workers else ''}",
                    stacklevel=3,
                )

        return check


class OwnIterator:
    """One pass in this process."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        draw_seed(loader.generator)  # the workers' base seed, though there are none: the random stream goes on the same either way
        self.sampler = loader._index_sampler
        self.indices = iter(self.sampler)
        self.fetch = loader.recipe().fetcher()
        self.promise = loader.promise()
        self.given = 0

    def __iter__(self) -> OwnIterator:
        return self

    def __next__(self) -> Any:
        if context.modes:
            with context.part("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"):
                return self._batch()
        return self._batch()

    def _batch(self) -> Any:
        batch = self.fetch(next(self.indices))
        self.given += 1
        self.promise(self.given)
        return batch

    def __len__(self) -> int:
        return len(self.sampler)
