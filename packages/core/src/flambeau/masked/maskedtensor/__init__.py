"""Tensors that carry a mask: True is in, False is out, whatever lies there."""

from . import rules as rules
from .core import MaskedTensor, is_masked_tensor
from .creation import as_masked_tensor, masked_tensor

__all__ = ["MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"]
