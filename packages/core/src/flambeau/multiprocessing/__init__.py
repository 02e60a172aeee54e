"""Processes that share tensors: the standard library's `multiprocessing`, whose queues, pipes and arguments hand on memory, not copies.

A tensor that is sent is moved to shared memory first, so sender and receiver see each other's writes, as in PyTorch. `Channel` is the
quicker line of the data loader, which sends batches away for good.
"""

from multiprocessing import *  # noqa: F403
from multiprocessing import __all__ as _standard

from flambeau.multiprocessing.channel import Channel
from flambeau.multiprocessing.reductions import (
    get_all_sharing_strategies,
    get_sharing_strategy,
    init_reductions,
    set_sharing_strategy,
)
from flambeau.multiprocessing.spawning import (
    ProcessContext,
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

__all__ = [
    "Channel", "ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException", "SpawnContext",
    "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes",
]  # fmt: skip
__all__ += _standard

init_reductions()
