"""Writing into tensors: in place, through views, and into `out=`, with the graph kept true.

A recorded write gives the tensor the result's history. Where it is a view, its base comes from a "view_write" node, and every other view
of that base is replayed, so that each has the node that it would have if it were taken now.
"""
from __future__ import annotations

import warnings
from functools import wraps
from typing import Any

import numpy as np
from numpy import ndarray

from . import context
from .context import grad
from .dispatch import run
from .dtype import can_cast, word
from .layout import strided
from .op import CARDS, Card
from .record import saved
from .tape import Node
from .tensor import InferenceTensor, Parameter, Tensor, live_views, plain, version_cell


def run_inplace(card: Card, inputs, attrs: dict) -> Tensor:
    """Write the op's result into its first input, and let the graph know."""
    x = inputs[0]
    if not isinstance(x, Tensor):
        raise TypeError(f"{card.name}_(): expected a Tensor to write into, got {type(x).__name__}")
    check_places(x, inputs[1:])
    recording = False
    if grad.enabled and not grad.inference:
        recording = in_graph(x)
        for t in inputs:
            if isinstance(t, Tensor) and t.node is not None:
                recording = True
    if recording:
        check_writable(x)
    if (recording or (x.process is not None and grad.enabled)) and card.keeps and card.keeps_all[1]:
        inputs = (old_value(x), *inputs[1:])  # a formula names the value that is about to go
    if context.modes:
        grad.writing = card
    result = card.call(*inputs) if not attrs and card.kind == "elementwise" and card.call is not None else run(card, inputs, attrs)
    return write(x, result, card.name)


def old_value(x: Tensor) -> Tensor:
    """The value that is about to be written over, with its history."""
    if x.process is not None:
        return x.copied()
    old = plain(x.array.copy())
    old.node = x.node
    return old


def in_graph(x: Tensor) -> bool:
    """Whether x has a history, or shares memory with a base that has one."""
    return x.node is not None or (x.base is not None and x.base.node is not None)


def check_writable(x: Tensor) -> None:
    """RuntimeError where a recorded write to x is not possible, or would mean two things."""
    if x.node is not None and x.node.is_leaf:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if x.base is None:
        return
    view = x
    while view.source is not None:
        source = view.source[0]
        if len(view.source) > 3 and view.source[3] == "inference mode":
            raise RuntimeError(_AMBIGUOUS.format("inference", "in normal mode", "inference_mode"))
        if len(view.source) > 5:
            raise RuntimeError(f"Output {view.source[4]} of {view.source[3]} is a view and is being modified inplace. {_CUSTOM}")
        if len(view.source) > 3:
            made = f"Output {view.source[4]} of {view.source[3]} is a view and is being modified inplace" if source.node is not None \
                else "A view was created in no_grad mode and is being modified inplace with grad mode enabled"
            raise RuntimeError(f"{made}. {_SEVERAL}")
        if view.node is None and source.node is not None:
            raise RuntimeError(_AMBIGUOUS.format("no_grad", "with grad mode enabled", "no_grad"))
        view = source
    if x.base.node is not None and x.base.node.is_leaf:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")


_CUSTOM = (
    "This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle view+inplace "
    "would override the custom backward associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. "
    "You can fix this by cloning the output of the custom Function."
)
_SEVERAL = (
    "This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified "
    "inplace. You should replace the inplace operation by an out-of-place one."
)
_AMBIGUOUS = (
    "A view was created in {0} mode and is being modified inplace {1}. Given that this use case is ambiguous and error-prone, it is "
    "forbidden. You can clarify your code by moving both the view and the inplace either both inside the {2} block (if you don't want the "
    "inplace to be tracked) or both outside (if you want the inplace to be tracked)."
)


def check_inference(x: Tensor) -> None:
    if type(x) is InferenceTensor and not grad.inference:
        raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal "
                           "tensor before doing inplace update.")


def wrote(x: Tensor) -> None:
    """Count a write that is about to happen, which is noticed where old values are wanted still."""
    check_inference(x)
    if grad.noticed is not None:
        grad.noticed.keep(x)


def write(x: Tensor, result: Tensor, what: str) -> Tensor:
    """x[...] = result, with the same shape and a dtype of no higher category; x takes over the result's history."""
    kind = type(x)
    if (kind is Tensor or kind is Parameter) and type(result) is Tensor and not context.unusual:
        a, b = x.array, result.array
        if type(a) is type(b) is ndarray and a.dtype is b.dtype and a.shape == b.shape and a.flags.writeable:
            return written(x, result)
    if x.process is not None:
        return x.overwrite(result)
    wrote(x)
    if result.process is not None and what == "mul" and result.layout is not strided:
        return write(x, result.to_dense(), what)  # the one op of both that is sparse
    if result.process is not None:
        if result.adopts(x):
            return x.overwrite(result)
        raise RuntimeError(
            f"{what}_: a tensor from outside cannot take what is computed inside a transform: clone it inside first"
        )
    if result.shape != x.shape:
        raise RuntimeError(f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(result.shape)} of {what}_")
    if not can_cast(result.dtype, x.dtype):
        raise RuntimeError(f"result type {word(result.dtype)} can't be cast to the desired output type {word(x.dtype)} ({what}_)")
    if x.array.size and any(s == 0 and n > 1 for s, n in zip(x.array.strides, x.array.shape, strict=True)):
        if what not in OF_SOME:
            raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
                               "Please clone() the tensor before performing the operation.")
        if what not in ("tril", "triu"):
            warnings.warn(f"Use of {what}_ on expanded tensors is deprecated. Please clone() the tensor before performing this operation. "
                          "This also applies to advanced indexing e.g. tensor[mask] = scalar", stacklevel=5 if what == "index_put" else 3)
        _write_some(x, result)
    unlock(x)
    return written(x, result)


OF_SOME = ("masked_fill", "index_put", "index_fill", "tril", "triu")  # these say which elements they write
BY_PLACES = frozenset("index_add index_copy index_fill index_reduce put scatter scatter_add scatter_reduce".split())


def _write_some(x: Tensor, result: Tensor) -> None:
    """Write the elements that have changed, where several lie in one place: the others would write the old value over it."""
    a = x.array.view()
    if type(a) is ndarray:
        a.flags.writeable = True
    changed = (result.array != a) & ((result.array == result.array) | (a == a))
    a[changed] = result.array.astype(a.dtype)[changed]
    x.array = result.array = a


def unlock(x: Tensor) -> None:
    """Let NumPy write to what `expand` gave without repeating anything: an array that it holds for read-only."""
    a = x.array
    if type(a) is ndarray and not a.flags.writeable and not any(s == 0 and n > 1 for s, n in zip(a.strides, a.shape, strict=True)):
        a = a.view()
        a.flags.writeable = True
        x.array = a


def written(x: Tensor, result: Tensor) -> Tensor:
    """`write` when all is checked."""
    x.array[...] = result.array
    version_cell(x)[0] += 1
    node = result.node
    if node is not None or (grad.enabled and x.node is not None):
        if type(node) is Node and type(node.saved[0]) is tuple and node.saved[0][0] is result.array:
            node.saved = (saved(x), *node.saved[1:])  # the value now lies in x: one copy is enough
        rebase(x, node)
    return x


def rebase(x: Tensor, node: Node | None) -> None:
    """After a recorded write to x: x comes from `node`, and so does everything that shares its memory."""
    base = x.base
    before = x.node
    if base is None:
        if node is None and before is not None:  # no gradient comes through, but x goes on asking for one
            node = Node(CARDS["view_write"], (before, None), (None, None, None), {"steps": ()}, x.shape, x.dtype)
        x.node = node
        base = x
    elif base.node is not None or node is not None:
        base.node = Node(CARDS["view_write"], (base.node, node), (None, None, None), {"steps": path(x)}, base.shape, base.dtype)
    for view in live_views(base) if base.views else ():
        old = before if view is x else view.node
        view.node = replay(base, path(view)).node
        _retained(old, view)
    _retained(before, x)


def _retained(before: Node | None, x: Tensor) -> None:
    """What is kept for `.grad` is x's gradient as it is now."""
    if before is not None and before.hooks is not None and before.hooks.retained is not None and x.node is not before:
        now: Any = x.node
        now.around().retained, before.hooks.retained = before.hooks.retained, None


def path(view: Tensor) -> tuple:
    """The (card, attrs) that lead from a view's base to it."""
    steps = []
    while view.source is not None:
        view, card, attrs = view.source[:3]
        steps.append((card, attrs))
    return tuple(reversed(steps))


def replay(base: Tensor, steps: tuple, alone: bool = True) -> Tensor:
    """The view of `base` that these steps give, taken now; `alone` when its base need not know of it."""
    if not alone:
        now = base
    elif base.process is None:
        now = plain(base.array)
        now.node = base.node
    else:
        now = base.view_of_self()
    for card, attrs in steps:
        now = run(card, (now,), attrs)
    return now


def into(out: Tensor, result: Tensor, what: str) -> Tensor:
    """`out=`: the result is written into a tensor that the caller brought, which is resized where it does not fit."""
    if result.node is not None or (out.node is not None and grad.enabled):
        raise RuntimeError(
            f"{what}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
        )
    if not can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"result type {word(result.dtype)} can't be cast to the desired output type {word(out.dtype)}")
    if out.layout is not strided:
        return out.filled(result, what)
    if result.layout is not strided:
        raise RuntimeError(f"{what}(): the result is of the layout {result.layout}, but out is strided")
    check_own_overlap(out)
    if out.shape != result.shape:
        if out.numel():
            import warnings

            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not match the required "
                f"output shape {list(result.shape)}.",
                UserWarning,
                stacklevel=4,
            )
        out.array = result.array.astype(out.array.dtype)
    else:
        out.array[...] = result.array
    version_cell(out)[0] += 1
    return out


def check_own_overlap(out: Tensor) -> None:
    """RuntimeError where elements of a tensor to be written share their memory, as those of an expanded one do."""
    a = out.array
    if a.size and 0 in a.strides and any(step == 0 and n > 1 for step, n in zip(a.strides, a.shape, strict=True)):
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
                           "Please clone() the tensor before performing the operation.")


def check_places(x: Tensor, inputs, apart: bool = True, whole: bool = False) -> None:
    """RuntimeError where an in-place op would write over what it has yet to read, or twice in one place: PyTorch's rule.

    Tensors with gaps in their memory are not looked at, as there; apart: whether x's own elements must each have a place of their own;
    whole: whether an input may not be x itself either, for it is not read element by element as x is written.
    """
    a = x.array if x.process is None else None
    if type(a) is not np.ndarray:
        return
    if apart and not a.flags.writeable:
        check_own_overlap(x)
    for y in inputs:
        b = y.array if isinstance(y, Tensor) and y.process is None else None
        if type(b) is not np.ndarray or y is x and not whole or not np.may_share_memory(a, b):
            continue
        if (whole or a.ctypes.data != b.ctypes.data or a.shape != b.shape or a.strides != b.strides) and _is_dense(a) and _is_dense(b):
            raise RuntimeError(_SHARED)


def _is_dense(a: np.ndarray) -> bool:
    """Whether the elements fill their memory without a gap, in some order of the axes."""
    if a.flags.c_contiguous or a.flags.f_contiguous:
        return True
    expected = a.itemsize
    for step, n in sorted((s, n) for s, n in zip(a.strides, a.shape, strict=True) if n > 1):
        if step != expected:
            return False
        expected *= n
    return True


_SHARED = ("unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please "
           "clone() the tensor before performing the operation.")


def check_apart(out: Tensor, inputs, same: bool = False) -> None:
    """RuntimeError where the tensor to be written shares memory with an input; `same`: it may be an input as a whole."""
    a = out.array if out.layout is strided else None
    if type(a) is not np.ndarray or not a.size:
        return
    for x in inputs:
        if not isinstance(x, Tensor) or x.layout is not strided or type(x.array) is not np.ndarray or not np.may_share_memory(a, x.array):
            continue
        if x is out or x.array.ctypes.data == a.ctypes.data and x.array.strides == a.strides and x.array.shape == a.shape:
            if same:
                continue
        elif not _meet(a, x.array):
            continue
        raise RuntimeError(_SHARED)


def _meet(a: ndarray, b: ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=1000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:  # strides so entangled that no call in use has them: taken, as PyTorch takes them
        return False


def taking_out(function, apart: bool = False):
    """The function with `out=`: a tensor, or a tuple of them, that its result is written into.  `apart`: out may not be an input."""

    def call(*args, **kwargs):
        if kwargs.get("out") is None:
            kwargs.pop("out", None)
            return function(*args, **kwargs)
        out = kwargs.pop("out")
        result = function(*args, **kwargs)
        if not isinstance(result, tuple):
            check_apart(out, args, same=not apart)
            if apart and out.dtype is not result.dtype:
                raise RuntimeError(f"{function.__name__}(): expected an out tensor of {word(result.dtype)}, got {word(out.dtype)}")
            return into(out, result, function.__name__)
        if len(out) != len(result):
            raise TypeError(f"{function.__name__}(): out must be a tuple of {len(result)} tensors, got {len(out)}")
        for place, value in zip(out, result, strict=True):
            if place.dtype is not value.dtype:
                raise RuntimeError(f"{function.__name__}(): expected out tensors of {word(value.dtype)}, got {word(place.dtype)}")
            check_apart(place, args, same=not apart)
            into(place, value, function.__name__)
        return type(result)(*out) if hasattr(result, "_fields") else tuple(out)

    return wraps(function)(call)
