"""What PyTorch calls the nodes of a graph: `MulBackward0`, `SumBackward1`, `MaxPool2DWithIndicesBackward0`.

A node has its card's name as words in capitals. Here is where PyTorch's op has another name than our card, or several signatures
that its names tell apart by a number.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rule = str | Callable[[Any], str]


def backward(name: str, signature: int = 0) -> str:
    """The class name that PyTorch's generator makes of an op's name.

    >>> flambeau.naming.backward("max_pool2d_with_indices")
    'MaxPool2DWithIndicesBackward0'
    """
    return name.title().replace("_", "") + f"Backward{signature}"


def _by_dim(name: str) -> Rule:
    """One signature for the whole tensor, one along axes."""
    return lambda node: backward(name, 0 if node.attrs["dim"] is None else 1)


def _slice(node) -> str:
    index = node.attrs["index"]
    if any(type(i) is int for i in index):
        return backward("select")
    return backward("unsqueeze" if None in index else "slice" if any(isinstance(i, slice) for i in index) else "view")


def _permute(node) -> str:
    return backward("t" if node.attrs["dims"] == (-1, -2) else "permute")


def _product(node) -> str:
    axes = len(node.shape) if type(node.shape) is not int else 0
    return backward({2: "mm", 3: "bmm"}.get(axes, "matmul"))


def _linear(node) -> str:
    if node.ndim > 2:
        return backward("view" if node.parents[2] is None else "unsafe_view")
    return backward("addmm" if node.parents[2] is not None else "mm")


def _pow(node) -> str:
    """Signature 0 has a number above, 1 a tensor, 2 a number below."""
    numbers = [isinstance(value, int | float | complex) for value in node.saved[1:]] if node.saved else [False, True]
    return backward("pow", 2 if numbers[0] else 0 if numbers[1] else 1)


def _pool(name: str) -> Rule:
    return lambda node: backward(name.format(len(node.attrs["kernel"])))


RULES: dict[str, Rule] = {
    "sum": _by_dim("sum"), "mean": _by_dim("mean"), "prod": _by_dim("prod"), "slice": _slice, "permute": _permute, "matmul": _product,
    "linear": _linear, "pow": _pow, "max_pool": _pool("max_pool{}d_with_indices"), "avg_pool": _pool("avg_pool{}d"),
    "squeeze": lambda node: backward("squeeze", 1 if len(node.attrs["dims"]) < 2 else 2),
    "amax": lambda node: backward("max", 1) if node.attrs["dim"] is None else backward("amax"),
    "amin": lambda node: backward("min", 1) if node.attrs["dim"] is None else backward("amin"),
    "clamp": lambda node: backward("clamp", 1),
    "attention": backward("scaled_dot_product_flash_attention_for_cpu"), "batch_norm_eval": backward("native_batch_norm"),
    "batch_norm_train": backward("native_batch_norm"), "cast": backward("to_copy"), "concat": backward("cat"),
    "constant_pad": backward("constant_pad_nd"), "conv": backward("convolution"), "fft_c2c": backward("fft_c2c"),
    "gather_places": backward("gather"), "gelu_erf": backward("gelu"), "gelu_tanh": backward("gelu"),
    "l2_norm": backward("linalg_vector_norm"), "layer_norm": backward("native_layer_norm"),
    "matrix_vector": backward("mv"), "max_along": backward("max"),
    "mean_cross_entropy": backward("nll_loss"), "min_along": backward("min"), "pile": backward("stack"),
    "power_norm": backward("linalg_vector_norm"), "swap": backward("transpose"), "var": backward("var"),
}  # fmt: skip


def node_name(node) -> str:
    """PyTorch's name of a node of ours."""
    rule = RULES.get(node.card.name)
    if rule is None:
        return backward(node.card.name)
    return rule if isinstance(rule, str) else rule(node)
