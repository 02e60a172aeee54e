"""Switches of CUDA that programs set. Those of `matmul` are kept and change nothing: products are never shortened.

The switches of attention are honoured as far as there is a choice: `flambeau.nn.attention.sdpa_kernel` says how.
"""
from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from . import flags as kept


def is_built() -> bool:
    """Whether CuPy is installed, with or without a GPU."""
    return find_spec("cupy") is not None


class _Matmul:
    """Switches of products on a GPU.  AttributeError for any other name.

    >>> flambeau.backends.cuda.matmul.allow_tf32
    False
    """

    __slots__ = ()
    _reduced = {"allow_fp16_reduced_precision_reduction": True, "allow_bf16_reduced_precision_reduction": True}
    _accumulation = kept.Flag(False, "set_allow_fp16_accumulation_cublas")

    def __getattr__(self, name: str) -> Any:
        if name == "allow_tf32":
            return kept.cuda_matmul.fp32_precision == "tf32"
        if name == "fp32_precision":
            return kept.cuda_matmul.fp32_precision
        if name in self._reduced:
            return self._reduced[name]
        if name == "allow_fp16_accumulation":
            return self._accumulation
        raise AttributeError(f"Unknown attribute {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "allow_tf32":
            if not isinstance(value, bool):
                raise RuntimeError(f"set_allow_tf32_cublas expects a bool, but got {type(value).__name__}")
            kept.shorten("high" if value else "highest")
        elif name == "fp32_precision":
            kept.cuda_matmul.fp32_precision = value
        elif name in self._reduced:
            self._reduced[name] = _reduction(name, value)
        elif name == "allow_fp16_accumulation":
            type(self).__dict__["_accumulation"].__set__(self, value)
        else:
            raise AttributeError(f"Unknown attribute {name}")


def _reduction(name: str, value: Any) -> bool:
    """The first of one or two bools."""
    given = tuple(value) if isinstance(value, tuple | list) else (value,)
    if not 1 <= len(given) <= 2 or not all(isinstance(v, bool) for v in given):
        raise TypeError(f"{name} expects a bool or a tuple/list of bools, but got {type(value)}")
    if given[0] and given[-1] is False:
        raise RuntimeError("allow_splitk=False is not supported when reduced precision reductions are enabled")
    return given[0]


matmul = _Matmul()


def _allow(way: str, enabled: bool) -> None:
    if not isinstance(enabled, bool):
        raise RuntimeError(f"set_sdp_use_{way} expects a bool, but got {type(enabled).__name__}")
    kept.attention.set(**{way: enabled})


def flash_sdp_enabled() -> bool:
    """Whether attention may be one fused op, on the CPU and on a GPU."""
    return kept.attention.allowed["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Let attention be one fused op, on the CPU and on a GPU, or not."""
    _allow("flash", enabled)


def mem_efficient_sdp_enabled() -> bool:
    """Whether attention may be one fused op on a GPU."""
    return kept.attention.allowed["efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Let attention be one fused op on a GPU, or not."""
    _allow("efficient", enabled)


def cudnn_sdp_enabled() -> bool:
    """Whether attention may be one fused op on a GPU, by cuDNN in PyTorch."""
    return kept.attention.allowed["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Let attention be one fused op on a GPU, or not: by cuDNN in PyTorch, the same op as the others here."""
    _allow("cudnn", enabled)


def math_sdp_enabled() -> bool:
    """Whether attention may make the whole table of weights."""
    return kept.attention.allowed["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Let attention make the whole table of weights, or not."""
    _allow("math", enabled)


_half_sums = kept.Flag(False, "set_sdp_use_math")


def fp16_bf16_reduction_math_sdp_allowed() -> bool:
    """What `allow_fp16_bf16_reduction_math_sdp` was told."""
    return _half_sums.value


def allow_fp16_bf16_reduction_math_sdp(enabled: bool) -> None:
    """Let attention by `math` add in half precision: kept; it adds in float32 always."""
    _half_sums.__set__(None, enabled)


@contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True,
               enable_cudnn: bool = True) -> Iterator[dict]:
    """A block with these switches of attention: the old form of `flambeau.nn.attention.sdpa_kernel`, with a FutureWarning."""
    warnings.warn("`flambeau.backends.cuda.sdp_kernel()` is deprecated: use `flambeau.nn.attention.sdpa_kernel()`", FutureWarning,
                  stacklevel=3)
    before = dict(kept.attention.allowed)
    kept.attention.set(flash=enable_flash, math=enable_math, efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield {}
    finally:
        kept.attention.set(**before)


def is_flash_attention_available() -> bool:
    """Whether the FlashAttention library is used: never; Flambeau's own op has its idea."""
    return False
