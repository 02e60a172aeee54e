"""DataParallel: PyTorch's wrapper for several GPUs in one process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Calls `module` where its parameters are: what PyTorch's does without a GPU, and with one.

    Keys of the state_dict begin with "module.", as PyTorch's do. RuntimeError when several devices are asked for: one process a GPU
    does that better.

    >>> net = nn.DataParallel(nn.Linear(2, 3))
    >>> net(flambeau.ones(1, 2)).shape, list(net.state_dict())
    (flambeau.Size([1, 3]), ['module.weight', 'module.bias'])
    """

    def __init__(self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise RuntimeError(f"DataParallel splits no batch over several devices, got device_ids={list(device_ids)}: start a process for "
                               "each GPU")
        self.module, self.dim, self.device_ids, self.output_device = module, dim, list(device_ids or ()), output_device

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)
