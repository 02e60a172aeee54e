"""What a tensor makes of itself: new tensors of its kind, itself in another dtype or place, and what it calls when its gradient comes."""
from __future__ import annotations

from ..dtype import BY_NAME
from ..layout import preserve_format
from . import view
from .convert import in_order, to
from .create import _check_layout, _filled_as, tensor
from .join import clone as copy


def new_zeros(input, *lengths, size=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    _check_layout(layout, pin_memory)
    size = lengths if size is None else (size,)
    return _filled_as(input, view.sizes(size), 0, dtype or input.dtype, device or input.device, requires_grad)


def new_ones(input, *lengths, size=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    _check_layout(layout, pin_memory)
    size = lengths if size is None else (size,)
    return _filled_as(input, view.sizes(size), 1, dtype or input.dtype, device or input.device, requires_grad)


def new_empty(input, *lengths, size=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    _check_layout(layout, pin_memory)
    size = lengths if size is None else (size,)
    return _filled_as(input, view.sizes(size), None, dtype or input.dtype, device or input.device, requires_grad)


def new_full(input, size, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    _check_layout(layout, pin_memory)
    return _filled_as(input, view.sizes((size,)), fill_value, dtype or input.dtype, device or input.device, requires_grad)


def new_tensor(input, data, *, dtype=None, device=None, requires_grad=False):
    return tensor(data, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def clone(input, *, memory_format=None):
    """A copy with memory of its own; gradients flow through.  (*) -> (*)"""
    return copy(input) if memory_format is None or memory_format is preserve_format else in_order(input, memory_format)


def _caster(name):
    target = BY_NAME[name]

    def call(x, memory_format=None):
        return to(x, target) if memory_format is None else to(x, target, memory_format=memory_format)

    call.__doc__ = f"The values as {name}."
    return call


CASTERS = {short: _caster(name) for short, name in {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "long": "int64", "int": "int32", "short": "int16",
    "char": "int8", "byte": "uint8", "bool": "bool",
    "cfloat": "complex64", "cdouble": "complex128"}.items()}


def type_as(x, other):
    return to(x, other.dtype)


def cpu(x):
    """The values in the CPU's memory."""
    return to(x, device="cpu")


def cuda(input, device=None):
    """The values on a GPU.  RuntimeError where CuPy or a GPU is missing."""
    return to(input, device="cuda" if device is None else device)


# ---- hooks
def register_hook(x, hook):
    """Call `hook(gradient)` when x's gradient is known; what it returns, if not None, takes its place."""
    if x.node is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    return x.node.around().tensor.add(hook)


def register_post_accumulate_grad_hook(x, hook):
    """Call `hook(x)` after a gradient was added to `x.grad`; x must be a leaf."""
    if x.node is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not x.node.is_leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return x.node.around().settled.add(hook)


def retain_grad(x):
    """Keep the gradient of a tensor that is not a leaf in `.grad`."""
    if x.node is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if x.node.is_leaf or x.retains_grad:
        return
    from weakref import ref

    seen = ref(x)

    def keep(g):
        tensor = seen()
        if tensor is not None:
            tensor._grad = g if tensor._grad is None else tensor._grad + g

    x.node.around().retained = keep
