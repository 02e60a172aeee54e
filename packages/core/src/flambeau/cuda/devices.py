"""The GPUs themselves: which is current, and what each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .runtime import chosen, gpu, index_of, is_available

AMPERE = 8  # the first generation (major compute capability) with bfloat16 and TF32 in its units


def current_device() -> int:
    """The number of the GPU that new CUDA tensors of this thread are made on."""
    return int(gpu().cuda.runtime.getDevice())


def set_device(device: Any) -> None:
    """Make a GPU the current one; a negative number changes nothing.

    AttributeError without CuPy, as in PyTorch's CPU build.
    """
    index = index_of(device)
    assert index is not None
    if index >= 0:
        cp = gpu(AttributeError)
        cp.cuda.runtime.setDevice(chosen(cp, index))


class device:
    """A block in which a GPU is the current one: `with flambeau.cuda.device(1):`.  A negative number changes nothing.

    ValueError for a device of another kind; RuntimeError when it is entered without CuPy.

    >>> with flambeau.cuda.device(-1):
    ...     pass
    """

    def __init__(self, device: Any) -> None:
        self.idx = index_of(device, optional=True)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx is None:
            cp = gpu(TypeError)
            self.idx = self.prev_idx = int(cp.cuda.runtime.getDevice())
        elif self.idx >= 0:
            cp = gpu(RuntimeError)
            self.prev_idx = int(cp.cuda.runtime.getDevice())
            cp.cuda.runtime.setDevice(chosen(cp, self.idx))

    def __exit__(self, *_exc: Any) -> Literal[False]:
        if self.prev_idx >= 0:
            gpu().cuda.runtime.setDevice(self.prev_idx)
        return False


class device_of(device):
    """A block in which the GPU of a tensor is the current one; a tensor of the CPU changes nothing."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else -1)


@dataclass(frozen=True)
class Properties:
    """What a GPU is. Memory in bytes."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int
    max_threads_per_multi_processor: int
    regs_per_multiprocessor: int
    shared_memory_per_block: int
    shared_memory_per_block_optin: int
    shared_memory_per_multiprocessor: int
    L2_cache_size: int
    is_integrated: int
    is_multi_gpu_board: int


def get_device_properties(device: Any = None) -> Properties:
    """Name, compute capability, memory and sizes of a GPU, the current one by default."""
    cp = gpu()
    found = cp.cuda.runtime.getDeviceProperties(chosen(cp, device))
    return Properties(
        found["name"].decode(), found["major"], found["minor"], found["totalGlobalMem"], found["multiProcessorCount"], found["warpSize"],
        found["maxThreadsPerMultiProcessor"], found["regsPerMultiprocessor"], found["sharedMemPerBlock"], found["sharedMemPerBlockOptin"],
        found["sharedMemPerMultiprocessor"], found["l2CacheSize"], found["integrated"], found["isMultiGpuBoard"],
    )  # fmt: skip


def get_device_name(device: Any = None) -> str:
    """A GPU's name, as 'NVIDIA H100 80GB HBM3'."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """A GPU's compute capability: (9, 0) for a Hopper."""
    found = get_device_properties(device)
    return found.major, found.minor


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether one GPU can read the memory of another."""
    cp = gpu()
    one, other = chosen(cp, device), chosen(cp, peer_device)
    return one != other and bool(cp.cuda.runtime.deviceCanAccessPeer(one, other))


def get_arch_list() -> list[str]:
    """What kernels are made for: the GPUs that are there, because kernels are compiled when they are first used; [] without one."""
    from .runtime import device_count

    return sorted({"sm_{}{}".format(*get_device_capability(i)) for i in range(device_count())})


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the current GPU computes in bfloat16: any does (in float32, rounded once), its units do from Ampere on; False without one."""
    return is_available() and (including_emulation or get_device_properties().major >= AMPERE)


def is_tf32_supported() -> bool:
    """Whether the current GPU has TF32 units, which Flambeau never uses unasked."""
    return is_available() and get_device_properties().major >= AMPERE
