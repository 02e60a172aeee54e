"""What can be recorded, and where it ran: PyTorch's numbers for both."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from warnings import warn

from flambeau import cuda


class ProfilerActivity(enum.Enum):
    """What is recorded: the host's calls (CPU), and how long a GPU works on each (CUDA).  The others are PyTorch's, and not here."""

    CPU = 0
    XPU = 1
    CUDA = 2
    HPU = 3
    MTIA = 4
    PrivateUse1 = 5


class DeviceType(enum.Enum):
    """Where an event ran."""

    CPU = 0
    CUDA = 1
    MKLDNN = 2
    OPENGL = 3
    OPENCL = 4
    IDEEP = 5
    HIP = 6
    FPGA = 7
    MAIA = 8
    XLA = 9
    Vulkan = 10
    Metal = 11
    XPU = 12
    MPS = 13
    Meta = 14
    HPU = 15
    VE = 16
    Lazy = 17
    IPU = 18
    MTIA = 19
    PrivateUse1 = 20


def supported_activities() -> set[ProfilerActivity]:
    """What this machine can record: always the CPU, and CUDA where there is a GPU."""
    return {ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda.is_available() else [])}


def usable(activities: Iterable[ProfilerActivity] | None) -> set[ProfilerActivity]:
    """Those of `activities` that this machine can record.  Warns of the others; AssertionError where none is left."""
    wanted = supported_activities() if activities is None else set(activities)
    if not wanted or not all(isinstance(a, ProfilerActivity) for a in wanted):
        raise AssertionError(f"No valid profiler activities found: expected some of {sorted(a.name for a in supported_activities())} "
                             f"out of ProfilerActivity, got {wanted or 'none'}")
    found = wanted & supported_activities()
    for missing in sorted((wanted - found), key=lambda a: a.value):
        warn(f"{missing.name} is not available, disabling {missing.name} profiling", stacklevel=4)
    if not found:
        raise AssertionError("No activities specified for the profiler that this machine can record: add ProfilerActivity.CPU")
    return found


def kineto_available() -> bool:
    """False: Kineto is PyTorch's tracer, and calls are recorded in Python here."""
    return False
