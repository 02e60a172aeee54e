"""The contract of a backend: an array namespace with NumPy's names, and these functions that no namespace has.

A backend is a module. What it does not define itself it takes from its array library (`__getattr__`). Bodies of cards call nothing else.
"""
from __future__ import annotations


class AcceleratorError(RuntimeError):
    """What went wrong on a GPU."""


class OutOfMemoryError(RuntimeError):
    """A GPU has no room for an array."""


CONTRACT = {
    "device_type": "the name of its devices in flambeau.device",
    "is_array": "is_array(x) -> bool: whether x is one of its arrays",
    "scatter_add": "scatter_add(shape, dtype, index, values) -> zeros with values added at index; repeated places add up in a fixed order",
    "entries_product": "entries_product(values, dense, rows, cols, pointers, n) -> values[k] · dense[cols[k]] added up at rows[k]",
    "erf": "erf(x) -> the error function",
    "special": "special(name) -> the special function that SciPy calls so, for its arrays",
    "supremum": "supremum(x, axis, keepdims) -> the greatest of floats along axis; of none, minus infinity",
    "on_host": "on_host(f) -> f for its arrays, where f knows NumPy's alone",
    "place": "place(x) -> how many elements lie before x's first one in its memory, and how many there are in all",
    "window": "window(x, size, stride, offset) -> the memory below x seen by these strides, in elements",
    "conv_forward": "conv_forward(x, w, stride, padding, dilation, groups) -> y",
    "conv_backward_input": "conv_backward_input(g, w, input_shape, stride, padding, dilation, groups) -> gradient for x",
    "conv_backward_weight": "conv_backward_weight(g, x, weight_shape, stride, padding, dilation, groups) -> gradient for w",
    "max_pool_forward": "max_pool_forward(x, kernel, stride, padding, dilation, ceil_mode) -> y, flat places in the plane",
    "max_pool_backward": "max_pool_backward(g, indices, input_shape) -> gradient for x",
    "avg_pool_forward": "avg_pool_forward(x, kernel, stride, padding, ceil_mode, count_include_pad) -> y",
    "avg_pool_backward": "avg_pool_backward(g, input_shape, kernel, stride, padding, ceil_mode, count_include_pad) -> gradient for x",
}


def missing(backend) -> list[str]:
    """What of the contract a backend lacks."""
    return [name for name in CONTRACT if not hasattr(backend, name)]
