"""Tensors in memory that other processes see, and in memory that a GPU reads without help."""
from __future__ import annotations

from collections.abc import Iterable
from weakref import ref

import numpy as np

from ..backends import shared
from ..tensor import Tensor, live_views

joined: dict[int, list[ref]] = {}  # id of memory -> tensors in it that are not of one base: those of storages
strategy = ""  # what `flambeau.multiprocessing.set_sharing_strategy` chose; "" for the system's first choice


def current_strategy() -> str:
    if strategy:
        return strategy
    have = shared.strategies()
    return shared.DESCRIPTOR if shared.DESCRIPTOR in have else shared.NAMED


def is_shared(x: Tensor) -> bool:
    """Whether the values lie in memory that other processes can see; always true on a GPU, as in PyTorch.

    >>> x = flambeau.ones(2)
    >>> x.is_shared(), x.share_memory_().is_shared()
    (False, True)
    """
    if x.is_meta:
        return False
    return not isinstance(x.array, np.ndarray) or shared.segment_of(x.array) is not None


def share_memory_(x: Tensor) -> Tensor:
    """Move the values, and those of the base and the views of x, into memory that other processes can see.  -> x

    Its storages move too; what was taken by `detach()`, `.data`, `view(dtype)` or `numpy()` before stays in the old
    memory. RuntimeError where the system has no memory left.

    >>> x = flambeau.zeros(3)
    >>> view = x[1:]
    >>> _ = x.share_memory_(); _ = view.add_(1); x
    tensor([0., 1., 1.])
    """
    share_all((x,))
    return x


def join(x: Tensor, other: Tensor) -> Tensor:
    """Let two tensors of one memory, which know nothing of each other, move together when one of them is shared.  -> x"""
    if not isinstance(x.array, np.ndarray) or x.is_meta:
        return x
    key = id(shared.bottom(x.array))

    def forget(_gone: ref) -> None:
        if known := [r for r in joined.get(key, ()) if r() is not None]:
            joined[key] = known
        else:
            joined.pop(key, None)

    known = joined.setdefault(key, [])
    there = {id(r()) for r in known}
    known += [ref(t, forget) for t in (x, other) if id(t) not in there]
    return x


def share_all(tensors: Iterable[Tensor]) -> None:
    """Move several tensors into one piece of shared memory."""
    members: dict[int, Tensor] = {}
    for x in tensors:
        if hasattr(x, "materialize"):
            x.share_memory_()  # a lazy module's parameter says itself why not
        if x.process is not None or x.is_sparse or x.is_sparse_csr:
            raise RuntimeError(f"share_memory_(): expected a dense tensor outside of transforms, got {type(x).__name__}; share its parts")
        if x.is_meta:
            raise RuntimeError("share_memory_(): a tensor on the meta device has no values to share")
        if is_shared(x):
            continue
        owner = shared.bottom(x.array)
        for seed in (x, *(t for r in joined.get(id(owner), ()) if (t := r()) is not None)):
            base = seed.base if seed.base is not None else seed
            for member in (seed, base, *live_views(base)):
                if isinstance(member.array, np.ndarray) and shared.bottom(member.array) is owner:
                    members[id(member)] = member
    if members:
        found = list(members.values())
        for member, array in zip(found, shared.moved([m.array for m in found], current_strategy()), strict=True):
            member.array = array


def is_pinned(x: Tensor, device=None) -> bool:
    """Whether a GPU can read the memory by itself: true of what `pin_memory` gives."""
    owner = shared.bottom(x.array)
    return isinstance(x.array, np.ndarray) and not x.is_meta and type(owner).__name__ == "PinnedMemoryPointer"


def pin_memory(x: Tensor, device=None) -> Tensor:
    """A copy in page-locked memory, which is quicker to a GPU; x itself where it is pinned already.

    RuntimeError without a GPU, and for a tensor that is on one.
    """
    if not isinstance(x.array, np.ndarray) or x.is_meta:
        raise RuntimeError(f"cannot pin '{x.device}': only dense CPU tensors can be pinned")
    if is_pinned(x):
        return x
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # without CuPy, a driver or a card alike
        raise RuntimeError("Cannot access accelerator device when none is available: pin_memory() needs CuPy and an NVIDIA GPU") from error
    from ..tensor import plain

    source = np.ascontiguousarray(x.array)
    out = np.ndarray(source.shape, source.dtype, cupy.cuda.alloc_pinned_memory(max(source.nbytes, 1)))
    out[...] = source
    return plain(out)
