"""From a card to a function: a fast path of fixed arity for plain tensors, and one slow road for everything else.

The fast path asks for nothing but `type(x) is Tensor` and equal dtypes, calls NumPy's own ufunc, and wraps the result.
Numbers, mixed dtypes, 0-d results on other devices, subclasses (batched, dual, traced), modes and errors take the slow road, `run`.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import context
from .backends import namespace
from .backends import numpy as cpu
from .context import grad
from .dtype import BOOL, BY_NUMPY, COMPLEX, FLOAT, INT, bfloat16, bool_, can_cast, dtype, int64, promote_types
from .op import CARDS, Card
from .tape import Node, Pick
from .tensor import PLAIN, Parameter, Tensor, add_view, live_views, plain, version_cell

ndarray = np.ndarray
new = object.__new__
NUMBERS = (bool, int, float, complex)


# ---------------------------------------------------------------- the slow road
def run(card: Card, inputs, attrs: dict):
    """Do an op on anything: tensors, numbers, subclasses.  `inputs` is the sequence itself for a variadic card."""
    if context.unusual:
        return run_watched(card, inputs, attrs)
    arrays: list = []
    kind: Any = None
    tracked = False
    for x in inputs:  # the common lane: plain CPU tensors of one dtype, nothing to promote
        t = type(x)
        if t is Tensor or t is Parameter:
            a = x.array
            if type(a) is not ndarray or (a.dtype is not kind and kind is not None and card.promote is not None):
                break
            kind = a.dtype
            arrays.append(a)
            if x.node is not None:
                tracked = True
        elif x is None:
            arrays.append(None)
        else:
            break
    else:
        if kind is not None and (card.promote != "float" or kind.kind in "fc") and not (card.widens and kind in HALF):
            tracked = tracked and grad.enabled
            if tracked and card.vjp is None and card.kind == "composite":
                return by_body(card, inputs, attrs)
            try:
                result = None if card.fused is None else card.fused(card, arrays, attrs)
                if result is None:
                    result = _body(card, cpu, arrays, attrs)
            except RuntimeWarning:
                result = compute(card, inputs, attrs)
            if type(result) is not ndarray:
                result = as_arrays(result, cpu)
            return wrap(card, result, inputs, attrs, tracked and card.vjp is not None)
    return run_any(card, inputs, attrs)


def run_watched(card: Card, inputs, attrs: dict):
    """`run` while a mode (autocast, profiler …) wants to see every call."""
    for mode in reversed(context.modes):
        inputs, attrs = mode.before(card, inputs, attrs)
    return run_any(card, inputs, attrs)


def run_any(card: Card, inputs, attrs: dict):
    """`run` for numbers, mixed dtypes, GPUs and subclasses."""
    top = None
    for x in inputs:
        if type(x) not in PLAIN and isinstance(x, Tensor) and x.process is not None and (top is None or x.level > top.level):
            top = x
    if top is not None:
        return top.process(card, inputs, attrs)
    recording = grad.enabled and any(isinstance(x, Tensor) and x.node is not None for x in inputs)
    if recording and card.vjp is None and card.kind == "composite":
        return by_body(card, inputs, attrs)
    return wrap(card, compute(card, inputs, attrs), inputs, attrs, recording and card.vjp is not None)


def wrap(card: Card, result, inputs, attrs: dict, recording: bool):
    """Arrays as tensors, which know where they came from."""
    if type(result) is tuple:
        outs = tuple(plain(r) for r in result)
        return record_many(card, outs, inputs, attrs) if recording else outs
    if card.kind == "view" and _shares(result, inputs[0].array):
        out = add_view(inputs[0], result, card, attrs)
    else:
        out = new(Tensor)
        out.array = result
    if recording:
        kind = BY_NUMPY[result.dtype]
        if kind.category >= FLOAT:
            out.node = record(card, out, inputs, attrs)
    return out


def _shares(result, array) -> bool:
    return result is array or np.may_share_memory(result, array) if type(array) is ndarray else result.data.mem is array.data.mem


tensors: Any = None  # Flambeau's ops as a namespace; ops/methods.py puts it here


def by_body(card: Card, inputs, attrs: dict):
    """A composite op is differentiated, batched or traced by running its body on tensors."""
    return card.body(tensors, inputs, **attrs) if card.variadic else card.body(tensors, *inputs, **attrs)


def compute(card: Card, inputs, attrs: dict):
    """The body's result on the inputs' arrays, promoted as the card says; arithmetic on half precision is done in float32 and rounded once."""
    arrays, xp = arrays_of(card, inputs)
    narrow = next((a.dtype for a in arrays if getattr(a, "dtype", None) in HALF), None) if card.widens else None
    if narrow is not None:
        arrays = [a.astype(np.float32) if getattr(a, "dtype", None) in HALF else a for a in arrays]
    try:
        result = as_arrays(_body(card, xp, arrays, attrs), xp)
    except RuntimeWarning:  # the user made NumPy's floating-point warnings errors: they are not meant for tensors
        with np.errstate(all="ignore"):
            result = as_arrays(_body(card, xp, arrays, attrs), xp)
    if narrow is None:
        return result
    return tuple(_rounded(r, narrow) for r in result) if isinstance(result, tuple) else _rounded(result, narrow)


HALF = (np.dtype(np.float16), bfloat16.numpy)


def _rounded(array, kind):
    return array.astype(kind) if array.dtype == np.float32 else array


def _body(card: Card, xp, arrays, attrs: dict):
    return card.body(xp, arrays, **attrs) if card.variadic else card.body(xp, *arrays, **attrs)


def as_arrays(result, xp):
    if isinstance(result, tuple | list):
        return tuple(as_arrays(r, xp) for r in result)
    return xp.asarray(result) if isinstance(result, np.generic | int | float | complex) else result


def arrays_of(card: Card, inputs) -> tuple[list, object]:
    """The inputs as arrays of one device, in the dtype that the card computes in."""
    xp: Any = None
    where: Any = None
    for x in inputs:
        if isinstance(x, Tensor) and x.array.ndim + (where is None):
            if where is not None and where != x.device and x.array.ndim:
                raise RuntimeError(f"Expected all tensors to be on the same device, but {card.name} got at least two devices, {where} and {x.device}!")
            xp, where = namespace(x.array), x.device
    if card.promote is None:
        return [x.array if isinstance(x, Tensor) else x for x in inputs], xp
    target = result_type(*(x for x in (inputs[1:] if card.promote == "rest" else inputs) if x is not None))
    if card.promote == "float" and target.category < FLOAT:
        target = context.get_default_dtype()
    arrays = []
    for i, x in enumerate(inputs):
        if i == 0 and card.promote == "rest":
            arrays.append(x.array if isinstance(x, Tensor) else x)
        elif isinstance(x, Tensor):
            array = x.array
            if type(array) is ndarray and where.type != "cpu":
                array = xp.asarray(array)
            arrays.append(array if array.dtype is target.numpy else array.astype(target.numpy))
        elif x is None:
            arrays.append(None)
        else:
            arrays.append(number(x, target, card, xp))
    return arrays, xp


def number(x, target: dtype, card: Card, xp):
    """A Python number as a 0-d array of the dtype that the op computes in."""
    if type(x) not in NUMBERS and not isinstance(x, np.generic | int | float | complex):
        raise TypeError(f"{card.name}(): expected Tensor or Number, got {type(x).__name__}")
    if target.category == INT and isinstance(x, int):
        return xp.asarray(np.asarray(x & 0xFFFFFFFFFFFFFFFF, np.uint64).astype(target.numpy))
    return xp.asarray(x, dtype=target.numpy)


def number_type(x) -> dtype:
    if isinstance(x, bool | np.bool_):
        return bool_
    if isinstance(x, int | np.integer):
        return int64
    return context.default_complex() if isinstance(x, complex) else context.get_default_dtype()


def result_type(*operands) -> dtype:
    """The dtype that arithmetic between tensors and numbers gives.

    Tensors with axes decide first, then 0-d tensors, then numbers: the weaker only matter where they are of a higher category.

    >>> flambeau.result_type(flambeau.ones(2, dtype=flambeau.float16), 1.5)
    flambeau.float16
    """
    strong = weak = scalar = None
    for x in operands:
        if isinstance(x, Tensor):
            d = x.dtype
            if x.ndim:
                strong = d if strong is None else promote_types(strong, d)
            else:
                weak = d if weak is None else promote_types(weak, d)
        elif isinstance(x, dtype):
            strong = x if strong is None else promote_types(strong, x)
        elif isinstance(x, np.ndarray):
            raise TypeError("expected Tensor or Number, got numpy.ndarray: use flambeau.from_numpy")
        else:
            d = number_type(x)
            scalar = d if scalar is None else promote_types(scalar, d)
    return _stronger(strong, _stronger(weak, scalar))


def _stronger(high: dtype | None, low: dtype | None) -> Any:
    if high is None or low is None:
        return low if high is None else high
    if high.category == COMPLEX:
        return high
    if high.category == FLOAT:
        return high.to_complex() if low.category == COMPLEX else high
    return promote_types(high, low) if high.category == BOOL or low.category >= FLOAT else high


# ---------------------------------------------------------------- recording
def saved(x):
    """What a node keeps of a tensor that a formula names."""
    if type(x) in PLAIN or x.process is None:
        cell = version_cell(x)
        return (x.array, cell, cell[0])
    return x.untracked()


def nodes_of(inputs) -> tuple:
    return tuple(x.node if isinstance(x, Tensor) else None for x in inputs)


def record(card: Card, out: Tensor, inputs, attrs: dict, parents: tuple | None = None, keep=saved) -> Node:
    """The node of a call.  Of (output, *inputs) it keeps what the formulas of the asked-for gradients name."""
    parents = nodes_of(inputs) if parents is None else parents
    named = _union(card, parents)
    return Node(card, parents, (keep(out) if named[0] else None, *_kept(card, inputs, named, keep)), attrs, out.shape, out.dtype)


def _kept(card: Card, inputs, named, keep) -> list:
    """Of a sequence of inputs that the formula calls _xs, the places (integer and boolean tensors) are kept all the same."""
    kept = []
    for i, x in enumerate(inputs):
        wanted = named[1] or (isinstance(x, Tensor) and x.dtype.category < FLOAT) if card.variadic else named[i + 1]
        kept.append(x if not isinstance(x, Tensor) else keep(x) if wanted else None)
    return kept


def record_many(card: Card, outs: tuple, inputs, attrs: dict, parents: tuple | None = None, keep=saved) -> tuple:
    """The node of a call with several outputs, each of which gets its own place in it."""
    parents = nodes_of(inputs) if parents is None else parents
    named = _union(card, parents)
    kept = (tuple(keep(o) for o in outs) if named[0] else None, *_kept(card, inputs, named, keep))
    node = Node(card, parents, kept, attrs, tuple(tuple(o.shape) for o in outs), tuple(o.dtype for o in outs))
    for i, o in enumerate(outs):
        if o.dtype.category >= FLOAT:
            o.node = Pick(node, i, o.shape, o.dtype)
    return outs


def _union(card: Card, parents) -> list[bool]:
    if card.joint:
        return list(card.keeps[0])
    keep = [False] * (1 + card.inputs)
    for i, row in enumerate(card.keeps):
        if i < len(parents) and parents[i] is not None:
            keep = [a or b for a, b in zip(keep, row, strict=True)]
    return keep


# ---------------------------------------------------------------- writing in place
def run_inplace(card: Card, inputs, attrs: dict) -> Tensor:
    """Write the op's result into its first input, and let the graph know."""
    x = inputs[0]
    if not isinstance(x, Tensor):
        raise TypeError(f"{card.name}_(): expected a Tensor to write into, got {type(x).__name__}")
    recording = grad.enabled and any(isinstance(t, Tensor) and t.node is not None for t in inputs)
    if recording:
        check_writable(x)
        if card.keeps and any(row[1] for row in card.keeps):  # a formula names the value that is about to go
            old = plain(x.array.copy())
            old.node = x.node
            inputs = (old, *inputs[1:])
    return write(x, run(card, inputs, attrs), card.name)


def check_writable(x: Tensor) -> None:
    if x.node is not None and x.node.is_leaf:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if x.base is not None and x.base.node is not None and x.base.node.is_leaf:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")


def write(x: Tensor, result: Tensor, what: str) -> Tensor:
    """x[...] = result, with the same shape and a dtype of no higher category; x takes over the result's history."""
    if x.process is not None:
        return x.overwrite(result)
    if result.process is not None:
        raise RuntimeError(f"{what}_: a tensor from outside cannot take what is computed inside a transform (vmap, jvp): clone it inside first")
    if result.shape != x.shape:
        raise RuntimeError(f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(result.shape)} of {what}_")
    if not can_cast(result.dtype, x.dtype):
        raise RuntimeError(f"result type {result.dtype.name} can't be cast to the desired output type {x.dtype.name} ({what}_)")
    if x.array.size and any(s == 0 and n > 1 for s, n in zip(x.array.strides, x.array.shape, strict=True)):
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
                           "Please clone() the tensor before performing the operation.")
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
    if base is None:
        x.node = node
        base = x
    elif base.node is not None or node is not None:
        base.node = Node(CARDS["view_write"], (base.node, node), (None, None, None), {"steps": path(x)}, base.shape, base.dtype)
    for view in live_views(base):
        view.node = replay(base, path(view)).node


def path(view: Tensor) -> tuple:
    """The (card, attrs) that lead from a view's base to it."""
    steps = []
    while view.source is not None:
        view, card, attrs = view.source
        steps.append((card, attrs))
    return tuple(reversed(steps))


def replay(base: Tensor, steps: tuple) -> Tensor:
    """The view of `base` that these steps give, taken now."""
    now = plain(base.array)
    now.node = base.node
    for card, attrs in steps:
        now = run(card, (now,), attrs)
    return now


# ---------------------------------------------------------------- fast paths: one closure an op, made once
def record_one(card: Card):
    """The recorder of a one-input op without attrs, with what its formula names decided now."""
    keep_out, keep_in = card.keeps[0]

    def rec(out, node, x):
        kept: tuple
        cell = x.cell if keep_in else out.cell
        if keep_in:
            if cell is None:
                cell = x.cell = [0]
            kept = (None, (x.array, cell, cell[0]))
        elif keep_out:
            cell = out.cell = [0]
            kept = ((out.array, cell, 0), None)
        else:
            kept = (None, None)
        if keep_in and keep_out:
            cell = out.cell = [0]
            kept = ((out.array, cell, 0), kept[1])
        array = out.array
        out.node = Node(card, (node,), kept, NO_ATTRS, array.shape, BY_NUMPY[array.dtype])
        return out

    return rec


NO_ATTRS: dict = {}


def unary(card: Card, checked: bool):
    """x -> card(x).  `checked`: the result's dtype must be the input's, or the slow road promotes (exp of integers)."""
    ufunc = card.numpy
    rec = record_one(card) if card.vjp else None

    def call(x, *, out=None):
        kind = type(x)
        if (kind is Tensor or kind is Parameter) and out is None and not context.unusual:
            a = x.array
            if type(a) is ndarray:
                try:
                    r = ufunc(a)
                except RuntimeWarning:
                    return run(card, (x,), NO_ATTRS)
                if type(r) is not ndarray:
                    r = np.asarray(r)
                if not checked or r.dtype is a.dtype:
                    y = new(Tensor)
                    y.array = r
                    node = x.node
                    if node is None or rec is None or not grad.enabled:
                        return y
                    return rec(y, node, x)
        return finish(card, (x,), NO_ATTRS, out)

    return named(call, card)


def binary(card: Card, checked: bool):
    """x, y -> card(x, y): tensors of one dtype, or a tensor and a number that leaves its dtype alone."""
    ufunc = card.numpy
    if card.vjp:
        (out0, x0, y0), (out1, x1, y1) = card.keeps
    differentiable = card.vjp is not None

    def call(x, y, *, out=None):
        kind = type(x)
        if (kind is Tensor or kind is Parameter) and out is None and not context.unusual:
            a = x.array
            if type(a) is ndarray:
                ty = type(y)
                if ty is Tensor or ty is Parameter:
                    b = y.array
                    if a.dtype is b.dtype:
                        try:
                            r = ufunc(a, b)
                        except (RuntimeWarning, ValueError, TypeError):
                            return finish(card, (x, y), NO_ATTRS, None)
                        if type(r) is not ndarray:
                            if type(b) is not ndarray:
                                return run(card, (x, y), NO_ATTRS)
                            r = np.asarray(r)
                        if not checked or r.dtype is a.dtype:
                            z = new(Tensor)
                            z.array = r
                            m, n = x.node, y.node
                            if (m is None and n is None) or not differentiable or not grad.enabled:
                                return z
                            kx = ky = kz = None
                            if (x0 and m is not None) or (x1 and n is not None):
                                cell = x.cell
                                if cell is None:
                                    cell = x.cell = [0]
                                kx = (a, cell, cell[0])
                            if (y0 and m is not None) or (y1 and n is not None):
                                cell = y.cell
                                if cell is None:
                                    cell = y.cell = [0]
                                ky = (b, cell, cell[0])
                            if (out0 and m is not None) or (out1 and n is not None):
                                cell = z.cell = [0]
                                kz = (r, cell, 0)
                            z.node = Node(card, (m, n), (kz, kx, ky), NO_ATTRS, r.shape, BY_NUMPY[r.dtype])
                            return z
                elif ty is float or ty is int:
                    try:
                        r = ufunc(a, y)
                    except (RuntimeWarning, OverflowError, ValueError, TypeError):
                        return run(card, (x, y), NO_ATTRS)
                    if type(r) is not ndarray:
                        r = np.asarray(r)
                    if not checked or r.dtype is a.dtype:
                        z = new(Tensor)
                        z.array = r
                        m = x.node
                        if m is None or not differentiable or not grad.enabled:
                            return z
                        kx = kz = None
                        if x0:
                            cell = x.cell
                            if cell is None:
                                cell = x.cell = [0]
                            kx = (a, cell, cell[0])
                        if out0:
                            cell = z.cell = [0]
                            kz = (r, cell, 0)
                        z.node = Node(card, (m, None), (kz, kx, y), NO_ATTRS, r.shape, BY_NUMPY[r.dtype])
                        return z
        return finish(card, (x, y), NO_ATTRS, out)

    return named(call, card)


def finish(card: Card, inputs, attrs: dict, out):
    """The slow road, and the result into `out` where one is given."""
    try:
        result = run(card, inputs, attrs)
    except (ValueError, TypeError) as error:
        raise explained(card, inputs, error) from None
    if out is None:
        return result
    if isinstance(result, tuple):
        return tuple(into(o, r, card.name) for o, r in zip(out, result, strict=True))
    return into(out, result, card.name)


def into(out: Tensor, result: Tensor, what: str) -> Tensor:
    """`out=`: the result is written into a tensor that the caller brought, which is resized where it does not fit."""
    if result.node is not None or (out.node is not None and grad.enabled):
        raise RuntimeError(f"{what}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.")
    if not can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"result type {result.dtype.name} can't be cast to the desired output type {out.dtype.name}")
    if out.shape != result.shape:
        if out.numel():
            import warnings

            warnings.warn(f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not match the required "
                          f"output shape {list(result.shape)}.", UserWarning, stacklevel=4)
        out.array = result.array.astype(out.array.dtype)
    else:
        out.array[...] = result.array
    version_cell(out)[0] += 1
    return out


def explained(card: Card, inputs, error: Exception) -> Exception:
    """NumPy's complaint about shapes in PyTorch's type and words."""
    shapes = [x.shape for x in inputs if isinstance(x, Tensor)]
    text = str(error)
    if "broadcast" in text and len(shapes) >= 2:
        a, b = shapes[:2]
        for i in range(1, min(len(a), len(b)) + 1):
            if a[-i] != b[-i] and 1 not in (a[-i], b[-i]):
                return RuntimeError(f"The size of tensor a ({a[-i]}) must match the size of tensor b ({b[-i]}) at non-singleton dimension "
                                    f"{max(len(a), len(b)) - i} ({card.name} of shapes {tuple(a)} and {tuple(b)})")
    return error


def reflected(call):
    """The operator with its operands exchanged: what Python asks of the right one."""

    def swapped(x, y):
        return call(y, x)

    return swapped


def _tracked(x, y) -> bool:
    return x.node is not None or (x.base is not None and x.base.node is not None) or (isinstance(y, Tensor) and y.node is not None)


def inplace(card: Card, ufunc=None):
    """x.op_(…): NumPy's own `out=` where nothing is recorded, the slow road otherwise."""

    def call(x, *args, **attrs):
        if ufunc is not None and type(x) in PLAIN and len(args) == card.inputs - 1 and not attrs and not context.unusual:
            y: Any = args[0] if args else None
            a = x.array
            if type(a) is ndarray and a.dtype.kind == "f" and (not grad.enabled or not _tracked(x, y)):
                b = y.array if type(y) in PLAIN else y if type(y) is float or type(y) is int else None
                if not args or (b is not None and (type(b) is not ndarray or (b.dtype is a.dtype and b.ndim <= a.ndim))):
                    try:
                        ufunc(a, b, out=a) if args else ufunc(a, out=a)
                    except RuntimeWarning:  # as an error it comes when all is written
                        version_cell(x)[0] += 1
                        return x
                    except (ValueError, TypeError):
                        return slow(x, args, attrs)
                    version_cell(x)[0] += 1
                    return x
        return slow(x, args, attrs)

    def slow(x, args, attrs):
        inputs, attrs = bind(card, (x, *args), attrs)
        try:
            return run_inplace(card, inputs, attrs)
        except ValueError as error:
            raise explained(card, inputs, error) from None

    card.inplace = call
    call.__name__ = card.name + "_"
    call.__qualname__ = "Tensor." + call.__name__
    call.__doc__ = f"`{card.name}`, written into the tensor itself."
    return call


def bind(card: Card, args: tuple, attrs: dict):
    """Split a call's arguments into the card's inputs and its attrs, by position and by name."""
    inputs = list(args[:card.inputs])
    for n in card.names[len(inputs):card.inputs]:
        if n in attrs:
            attrs = dict(attrs)
            inputs.append(attrs.pop(n))
        else:
            inputs.append(None)
    rest = args[card.inputs:]
    if rest:
        attrs = dict(zip(card.names[card.inputs:], rest, strict=False)) | attrs
    return tuple(inputs), card.attrs | attrs if attrs else card.attrs


def general(card: Card):
    """A function for a card of any form: `inputs` tensors first, then attrs by position or by name."""

    def call(*args, out=None, **attrs):
        inputs, attrs = bind(card, args, attrs)
        return finish(card, inputs[0] if card.variadic else inputs, attrs, out)

    return named(call, card)


def named(call, card: Card):
    call.__name__ = call.__qualname__ = card.name
    call.__doc__ = card.doc
    call.card = card
    card.call = call
    return call


def view_of(card: Card, x, attrs: dict):
    """A view op on a tensor: no memory moves, the result joins x's family."""
    if type(x) in PLAIN and not context.unusual:
        a = x.array
        if type(a) is ndarray:
            y = add_view(x, card.body(np, a, **attrs), card, attrs)
            node = x.node
            if node is not None and grad.enabled:
                r = y.array
                y.node = Node(card, (node,), NOTHING, attrs, r.shape, BY_NUMPY[r.dtype])
            return y
    return run(card, (x,), attrs)


NOTHING = (None, None)
