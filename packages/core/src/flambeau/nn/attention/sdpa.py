"""Which way `scaled_dot_product_attention` goes: PyTorch's names for it are in `nn.attention`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from ...backends.flags import attention

__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "sdpa_kernel"]
WARN_FOR_UNFUSED_KERNELS = False  # PyTorch's switch for warnings about kernels that could not be taken; here RuntimeError tells


class SDPBackend(Enum):
    """A way to compute attention. MATH makes the whole table of weights; FLASH_ATTENTION, EFFICIENT_ATTENTION and CUDNN_ATTENTION are one
    fused op here, of which the CPU knows FLASH_ATTENTION alone. ERROR and OVERRIDEABLE are ways that never serve."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __int__(self) -> int:
        return self.value


_NAMES = {
    SDPBackend.MATH: "math", SDPBackend.FLASH_ATTENTION: "flash", SDPBackend.EFFICIENT_ATTENTION: "efficient",
    SDPBackend.CUDNN_ATTENTION: "cudnn", SDPBackend.OVERRIDEABLE: "overrideable",
}  # fmt: skip


@contextmanager
def sdpa_kernel(backends: SDPBackend | list[SDPBackend], set_priority: bool = False) -> Iterator[dict]:
    """A block, or a function, in which attention may go these ways alone; in their order with set_priority, else a fused one first.

    The fused op takes what has no dropout, leading axes of the same sizes and a mask without a gradient. In the block RuntimeError comes
    from `scaled_dot_product_attention` where no way that is allowed can take its inputs.  AssertionError for what is no SDPBackend.

    >>> q = flambeau.ones(1, 1, 2, 4)
    >>> with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
    ...     F.scaled_dot_product_attention(q, q, q).sum().item()
    8.0
    """
    if not isinstance(backends, list | SDPBackend):
        found = type(backends).__name__
        raise AssertionError(f"Backend must be an instance of SDPBackend or a list of SDPBackend instances, got {found}")
    wanted: list[Any] = [backends] if isinstance(backends, SDPBackend) else backends
    ways = [_NAMES[b] for b in dict.fromkeys(wanted) if isinstance(b, SDPBackend) and b in _NAMES]
    before, first = dict(attention.allowed), attention.math_first
    attention.set(bool(set_priority and ways and ways[0] == "math"), **{way: way in ways for way in _NAMES.values()})
    try:
        yield {}
    finally:
        attention.set(first, **before)
