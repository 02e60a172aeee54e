"""What PyTorch's profiler calls a call: `aten::mm`, `aten::conv2d`, `aten::select`.

An event has its card's name. Here is where PyTorch's op has another name than our card. PyTorch's ops call others (aten::linear calls
aten::addmm), which have events of their own there: ours do the work themselves and have one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

Rule = str | Callable[[Any, dict[str, Any], bool], str]


def _product(inputs: Any, _attrs: dict[str, Any], _backward: bool) -> str:
    axes = [getattr(x, "ndim", 0) for x in inputs]
    return "mm" if axes == [2, 2] else "bmm" if axes == [3, 3] else "matmul"


def _slice(_inputs: Any, attrs: dict[str, Any], _backward: bool) -> str:
    index = attrs["index"]
    if any(type(i) is int for i in index):
        return "select"
    return "unsqueeze" if None in index else "slice" if any(isinstance(i, slice) for i in index) else "view"


def _permute(_inputs: Any, attrs: dict[str, Any], _backward: bool) -> str:
    return "t" if tuple(attrs["dims"]) == (-1, -2) else "permute"


def _spaces(name: str) -> Rule:
    """By how many axes lie behind batch and channels: max_pool2d."""
    return lambda inputs, _attrs, _backward: name.format(inputs[0].ndim - 2)


def _transposed(inputs: Any, _attrs: dict[str, Any], backward: bool) -> str:
    return "convolution_backward" if backward else f"conv_transpose{inputs[0].ndim - 2}d"


RULES: dict[str, Rule] = {
    "matmul": _product, "slice": _slice, "permute": _permute, "conv": _spaces("conv{}d"), "conv_input": _transposed,
    "conv_weight": "convolution_backward", "max_pool": _spaces("max_pool{}d"), "avg_pool": _spaces("avg_pool{}d"),
    "max_pool_back": _spaces("max_pool{}d_with_indices_backward"), "avg_pool_back": _spaces("avg_pool{}d_backward"),
    "amax": lambda _inputs, attrs, _backward: "max" if attrs.get("dim") is None else "amax",
    "amin": lambda _inputs, attrs, _backward: "min" if attrs.get("dim") is None else "amin",
    "attention": "scaled_dot_product_attention", "batch_norm_eval": "batch_norm", "batch_norm_train": "batch_norm", "cast": "to",
    "concat": "cat", "constant_pad": "constant_pad_nd", "einsum_of": "einsum", "embedding_back": "embedding_dense_backward",
    "gather_places": "gather", "gelu_erf": "gelu", "gelu_erf_back": "gelu_backward", "gelu_tanh": "gelu",
    "gelu_tanh_back": "gelu_backward", "gru_layer": "gru", "l2_norm": "linalg_vector_norm",
    "layer_norm_back": "native_layer_norm_backward", "log_softmax_back": "_log_softmax_backward_data", "lstm_layer": "lstm",
    "matrix_vector": "mv", "max_along": "max", "mean_cross_entropy": "cross_entropy_loss", "min_along": "min",
    "nonzero_rows": "nonzero", "pile": "stack", "power_norm": "linalg_vector_norm", "relu_back": "threshold_backward",
    "softmax_back": "_softmax_backward_data", "swap": "transpose", "unique_values": "_unique2",
}  # fmt: skip


PLAIN: dict[Any, str] = {}  # a card -> the name of its calls, where it is always the same


def event_name(card: Any, inputs: Any, attrs: dict[str, Any], backward: bool = False, writes: bool = False) -> str:
    """PyTorch's name of a call of ours; `writes`: of its in-place form."""
    rule = RULES.get(card.name) or _backward_name(card.name)
    name = rule(inputs, attrs, backward) if callable(rule) else rule
    if not callable(rule):
        PLAIN[card] = f"aten::{name}"
    return _spelled(name, writes)


@cache
def _backward_name(name: str) -> str:
    return f"{name[:-5]}_backward" if name.endswith("_back") else name


@cache
def _spelled(name: str, writes: bool) -> str:
    return f"aten::{name}{'_' * writes}"
