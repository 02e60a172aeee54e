"""Where PyTorch's scripts look for the base class and for hooks on all modules: `nn.modules.module`."""

from . import module as module

__all__ = ["module"]
