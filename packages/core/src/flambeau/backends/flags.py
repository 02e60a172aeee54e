"""The switches that programs set on `flambeau.backends`: kept, checked, and read where Flambeau has a choice (`attention`).

Products are never shortened here, so all that is about TF32 and reduced precision is kept and changes nothing.
"""
from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class Flag:
    """A switch of a module: True or False and nothing else, RuntimeError for that.

    setter: what PyTorch's message calls the function that sets it.
    """

    def __init__(self, default: bool, setter: str):
        self.value, self.setter = default, setter

    def __get__(self, _module: Any, _owner: Any = None) -> bool:
        return self.value

    def __set__(self, _module: Any, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError(f"{self.setter} expects a bool, but got {type(value).__name__}")
        self.value = value


class Precision:
    """How float32 may be shortened in some kind of work: 'ieee', 'tf32' or 'bf16'; 'none' is what the wider kind (`above`) says."""

    def __init__(self, above: Precision | None = None, own: str = "none", takes: tuple[str, ...] = ("none", "ieee", "tf32", "bf16")):
        self.above, self.own, self.takes = above, own, takes

    @property
    def fp32_precision(self) -> str:
        """'ieee', 'tf32', 'bf16' or 'none'; RuntimeError for another word. It changes nothing: float32 is never shortened."""
        return self.above.fp32_precision if self.own == "none" and self.above is not None else self.own

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        if value not in ("none", "ieee", "tf32", "bf16"):
            raise RuntimeError(f"Unknown precision: {value}; expected 'ieee', 'tf32', 'bf16' or 'none'")
        if value not in self.takes:
            raise RuntimeError(f"backend 'cuda' does not support precision '{value}'")
        self.own = value


class Words:
    """`fp32_precision` of a module, kept in a Precision."""

    def __init__(self, precision: Precision):
        self.precision = precision

    def __get__(self, _module: Any, _owner: Any = None) -> str:
        return self.precision.fp32_precision

    def __set__(self, _module: Any, value: str) -> None:
        self.precision.fp32_precision = value


NO_BF16 = ("none", "ieee", "tf32")
everything = Precision()
cuda_all, mkldnn_all = Precision(everything, takes=NO_BF16), Precision(everything)
cuda_matmul = Precision(cuda_all, takes=NO_BF16)
cuda_conv, cuda_rnn = Precision(cuda_all, "tf32", NO_BF16), Precision(cuda_all, "tf32", NO_BF16)
mkldnn_matmul, mkldnn_conv, mkldnn_rnn = Precision(mkldnn_all), Precision(mkldnn_all), Precision(mkldnn_all)
_word = ["highest"]


def shorten(word: str) -> None:
    """What `set_float32_matmul_precision` was told."""
    _word[0] = word
    cuda_matmul.fp32_precision = "ieee" if word == "highest" else "tf32"
    mkldnn_matmul.fp32_precision = {"highest": "ieee", "high": "tf32", "medium": "bf16"}[word]


def shortened() -> str:
    return _word[0]


class Attention:
    """Which ways `scaled_dot_product_attention` may go. Fused ways (flash, efficient, cudnn) are one here: the op that makes the table
    of weights block by block. math is the product of the whole table. The CPU has flash and math, a GPU all."""

    def __init__(self) -> None:
        self.allowed = dict.fromkeys(("flash", "efficient", "math", "cudnn", "overrideable"), True)
        self.math_first = False
        self.limited = False  # whether anything is not as it begins: attention asks this alone

    def set(self, math_first: bool | None = None, **allowed: bool) -> None:
        self.allowed.update(allowed)
        self.math_first = self.math_first if math_first is None else math_first
        self.limited = self.math_first or not all(self.allowed.values())

    def fused(self, on_gpu: bool) -> bool:
        """Whether the fused op may be taken."""
        ways = ("flash", "efficient", "cudnn") if on_gpu else ("flash",)
        return any(self.allowed[way] for way in ways) and not (self.math_first and self.allowed["math"])


attention = Attention()


def switches(module: str, **found: Any) -> None:
    """Let names of a module be switches, which are asked and set as attributes."""
    sys.modules[module].__class__ = type("Switches", (ModuleType,), found)
