"""How a tensor travels between processes: where its shared memory is, and how it lies in it."""

from __future__ import annotations

from multiprocessing import context
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any

import numpy as np

from flambeau import Tensor
from flambeau.backends import shared
from flambeau.fields import of_class
from flambeau.nn import Parameter
from flambeau.ops import sharing
from flambeau.serialization.storage import plain


def get_all_sharing_strategies() -> set[str]:
    """The ways in which memory is shared here: "file_descriptor" (without a name, the default) and "file_system" (a name in /dev/shm)."""
    return shared.strategies()


def get_sharing_strategy() -> str:
    """The way in which tensors are shared from now on."""
    return sharing.current_strategy()


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose how tensors are shared from now on.  Call it before processes are started.

    "file_descriptor" keeps two open files a tensor that is shared. "file_system" keeps one, and a name in /dev/shm, which goes
    with the last process that holds the tensor, or with the program where a process was killed.
    """
    have = get_all_sharing_strategies()
    if new_strategy not in have:
        raise AssertionError(f"invalid sharing strategy {new_strategy!r}, expected one of {sorted(have)}")
    if new_strategy == shared.NAMED:
        shared.tracker().ensure_running()  # one for all processes to come, not one each
    sharing.strategy = new_strategy


def reduce_tensor(x: Tensor) -> tuple[Any, ...]:
    """What pickle is told of a tensor: its memory's descriptor or name, and its place there.  The tensor is shared from then on."""
    if x.requires_grad and not x.is_leaf:
        raise RuntimeError("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing "
                           "process boundaries. If you just want to transfer the data, call detach() on the tensor before serializing.")
    if x.is_meta:
        return x.__reduce_ex__(2)
    if not isinstance(x.array, np.ndarray):
        raise RuntimeError(f"tensors on {x.device} are not shared between processes: send x.cpu(), and move it to the GPU there")
    sharing.share_all((x,))
    array = x.array
    segment = shared.segment_of(array)
    assert segment is not None
    offset = array.ctypes.data - np.frombuffer(segment, np.uint8).ctypes.data if array.size else segment.begin
    place = (x.dtype, offset, array.shape, array.strides, x.requires_grad)
    if segment.name is None:
        return rebuild, (type(x), descriptor(segment.fd), None, *place)
    shared.count(segment.name, 1)  # the message holds it until it is received
    return rebuild, (type(x), None, segment.name, *place)


def descriptor(fd: Any) -> Any:
    """The descriptor as something that can be pickled.  A process that is being spawned is given each one once."""
    starting: Any = context.get_spawning_popen()
    if starting is not None and starting.method == "spawn" and fd in starting._fds:
        return starting.DupFd(fd)
    return DupFd(fd)


def rebuild(cls: type, handle: Any, name: str | None, dtype: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...],
            requires_grad: bool) -> Tensor:  # fmt: skip
    """The tensor in this process.  ValueError for a place that is not in the memory."""
    segment = shared.by_descriptor(handle.detach()) if name is None else shared.by_name(name)
    steps = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    low, high = offset + sum(s for s in steps if s < 0), offset + sum(s for s in steps if s > 0) + dtype.itemsize
    if 0 not in shape and not (segment.begin <= low and high <= len(segment)):
        raise ValueError(f"a tensor of shape {shape}, strides {strides} and offset {offset} does not fit {segment.room} shared bytes")
    return of_class(plain(np.ndarray(shape, dtype.numpy, segment, offset, strides)), cls).requires_grad_(requires_grad)


def init_reductions() -> None:
    """Tell the standard library's queues and pipes; other subclasses of Tensor travel by value."""
    ForkingPickler.register(Tensor, reduce_tensor)
    ForkingPickler.register(Parameter, reduce_tensor)
