"""Who allocated and who freed memory: results of calls are followed until they are gone."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np

from flambeau import Tensor


class Ledger:
    """Books of the memory that tensors took while a profiler was on, by the arrays that own it.

    What calls need in between is not in it, nor is memory that was there before, neither as taken nor as freed.
    """

    def __init__(self, book: Callable[[int, bool], None]) -> None:
        self.book = book  # book(bytes, on a GPU): of the call that is open in this thread
        self.owners: dict[int, Any] = {}
        self.held = {False: 0, True: 0}
        self.log: list[tuple[int, int, int, bool, int]] = []  # (ns, bytes, held then, on a GPU, address)

    def results(self, inputs: Any, result: Any) -> None:
        """Book what a call's result brought."""
        given: set[int] | None = None
        for x in result if isinstance(result, tuple | list) else (result,):
            if not isinstance(x, Tensor) or x.process is not None:
                continue
            if (type(x.array) is not np.ndarray and not x.is_cuda) or x.array.nbytes == 0:  # meta tensors have no memory
                continue
            owner = _owner(x.array)
            key = id(owner)
            if key in self.owners:
                continue
            if given is None:
                given = {id(_owner(y.array)) for y in inputs if isinstance(y, Tensor) and y.process is None}
            if key not in given:
                self._taken(key, owner)

    def _taken(self, key: int, owner: Any) -> None:
        count, device = int(owner.nbytes), type(owner) is not np.ndarray
        address = int(owner.data.ptr) if device else owner.ctypes.data

        def freed(_gone: Any) -> None:
            if self.owners.pop(key, None) is not None:
                self._write(-count, device, address)

        self.owners[key] = weakref.ref(owner, freed)
        self._write(count, device, address)

    def _write(self, count: int, device: bool, address: int) -> None:
        self.held[device] += count
        self.log.append((perf_counter_ns(), count, self.held[device], device, address))
        self.book(count, device)

    def close(self) -> None:
        """What is freed from now on is nobody's."""
        self.owners.clear()


def _owner(array: Any) -> Any:
    base = array.base
    while base is not None and type(base) is type(array):
        array, base = base, base.base
    return array
