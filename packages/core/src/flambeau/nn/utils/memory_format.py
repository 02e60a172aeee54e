"""The order in memory of convolutions' weights."""

from __future__ import annotations

from typing import Any

from ..conv import Conv2d, Conv3d
from ..conv_transpose import ConvTranspose2d, ConvTranspose3d
from ..module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module: Module, kinds: Any, memory_format: Any) -> Module:
    for part in module.modules():
        if isinstance(part, kinds):
            part.weight.data = part.weight.detach().clone(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Lay the weights of all Conv2d and ConvTranspose2d in the module in that order (`channels_last`); their values stay."""
    return _convert(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """The same of Conv3d and ConvTranspose3d (`channels_last_3d`)."""
    return _convert(module, (Conv3d, ConvTranspose3d), memory_format)
