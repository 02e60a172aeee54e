"""The road of every call that no fast path takes: find who does the op, promote, compute, wrap, record."""
from __future__ import annotations

from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np

from . import context, front
from . import overriding as overriding_
from .backends import namespace
from .backends import numpy as cpu
from .context import grad
from .dtype import BY_NUMPY, FLOAT, bfloat16
from .fields import new
from .op import ORDERED, Card
from .overriding import of_card, overriding, protocol
from .promote import OF_FLOATS, OF_NUMBERS, check_operands, number, result_type
from .record import record, record_many, recorder
from .tensor import PLAIN, InferenceTensor, Parameter, Tensor, add_view, inference, plain

ndarray = np.ndarray
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def run(card: Card, inputs, attrs: dict, seen: bool = False):
    """Do an op on anything: tensors, numbers, subclasses.  `inputs` is the sequence itself for a variadic card.

    seen: whether the modes have seen the call already.
    """
    if context.unusual and not seen:
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
        if (
            kind is F32
            or kind is F64
            or (kind is not None and (card.promote != "float" or kind.kind in "fc") and not (card.widens and kind in HALF)
                and not (kind.kind in "cb" and card.name in CHECKED))
        ):
            tracked = tracked and grad.enabled
            if tracked and card.vjp is None and card.kind == "composite":
                return by_body(card, inputs, attrs)
            try:
                result = None if card.fused is None else card.fused(card, arrays, attrs)
                if result is None:
                    result = _body(card, cpu, arrays, attrs)
            except RuntimeWarning:
                result = compute(card, inputs, attrs)
            if type(result) is ndarray and kind.kind == "f" and card.kind != "view":
                out = new(Tensor, result)
                if tracked and card.vjp is not None and result.dtype.kind in "fcV":
                    out.node = record(card, out, inputs, attrs)
                return out
            if type(result) is not ndarray:
                result = as_arrays(result, cpu)
            elif (
                result.dtype is not kind and card.promote == "same" and kind.kind in "biu" and result.dtype.kind == "f"
            ):  # an attr was a float
                result = result.astype(kind)
            return wrap(card, result, inputs, attrs, tracked and card.vjp is not None)
    return run_any(card, inputs, attrs)


def run_one(card: Card, x, attrs: dict):
    """`run` for one input: a plain CPU tensor of float32 or float64 needs no promotion, and most are that."""
    kind = type(x)
    if (kind is Tensor or kind is Parameter) and not context.unusual:
        a = x.array
        if type(a) is ndarray and (a.dtype is F32 or a.dtype is F64):
            node = x.node
            recorded = node is not None and grad.enabled
            if not recorded or card.vjp is not None or card.kind != "composite":
                try:
                    r = None if card.fused is None else card.fused.one(card, a, attrs)
                    if r is None:
                        r = card.body(cpu, a, **attrs)
                except RuntimeWarning:
                    return run_any(card, (x,), attrs)
                if type(r) is not ndarray:
                    r = as_arrays(r, cpu)
                    if type(r) is tuple:
                        return wrap(card, r, (x,), attrs, recorded and card.vjp is not None)
                y = new(Tensor, r)
                if recorded and card.vjp is not None and r.dtype.kind in "fcV":
                    (card.recorder or recorder(card))(y, node, x, attrs)
                return y
    return run(card, (x,), attrs)


def run_watched(card: Card, inputs, attrs: dict, below=None):
    """`run` while a mode (autocast, profiler …) wants to see every call; `below` is a mode that has, and so have those within it."""
    if grad.inference and not context.modes:
        return run_inference(card, inputs, attrs)
    for mode in reversed(context.modes if below is None else list(takewhile(lambda mode: mode is not below, context.modes))):
        instead = getattr(mode, "instead", None)  # a mode may do the op itself
        if instead is not None:
            result = instead(card, inputs, attrs)
            if result is not None:
                return result
        inputs, attrs = mode.before(card, inputs, attrs)
    result = run_any(card, inputs, attrs)
    return inference(result) if grad.inference else result


def run_inference(card: Card, inputs, attrs: dict):
    """`run` in inference mode: nothing is recorded, and what is made is an inference tensor."""
    arrays: list = []
    kind: Any = None
    for x in inputs:
        t = type(x)
        if t is InferenceTensor or t is Tensor or t is Parameter:
            a = x.array
            if type(a) is not ndarray or (a.dtype is not kind and kind is not None):
                break
            kind = a.dtype
            arrays.append(a)
        elif x is None or (t is float and card.kind == "elementwise" and card.promote in ("same", "float")):
            arrays.append(x)
        else:
            break
    else:
        if kind is F32 or kind is F64:
            try:
                result = None
                if card.fused is not None and float not in map(type, arrays):
                    result = card.fused(card, arrays, attrs)
                if result is None:
                    result = _body(card, cpu, arrays, attrs)
            except RuntimeWarning:
                return inference(run_any(card, inputs, attrs))
            if type(result) is ndarray and card.kind != "view":
                return new(InferenceTensor, result)
            return inference(wrap(card, as_arrays(result, cpu), inputs, attrs, False))
    return inference(run_any(card, inputs, attrs))


def run_any(card: Card, inputs, attrs: dict):
    """`run` for numbers, mixed dtypes, GPUs and subclasses."""
    top = None
    asked = False
    for x in inputs:
        if type(x) not in PLAIN:
            if isinstance(x, Tensor) and x.process is not None and (top is None or x.level > top.level):
                top = x
            asked = asked or protocol(type(x)) is not None
    if asked:
        found = overriding(inputs)
        if found:
            return of_card(card, found, inputs, attrs)
    if top is not None:
        return top.process(card, inputs, attrs)
    recording = grad.enabled and not grad.inference and any(isinstance(x, Tensor) and x.node is not None for x in inputs)
    if recording and card.vjp is None and card.kind == "composite":
        return by_body(card, inputs, attrs)
    return wrap(card, compute(card, inputs, attrs), inputs, attrs, recording and card.vjp is not None)


def wrap(card: Card, result, inputs, attrs: dict, recording: bool):
    """Arrays as tensors, which know where they came from."""
    if type(result) is tuple:
        outs = tuple([plain(r) for r in result])
        return record_many(card, outs, inputs, attrs) if recording else outs
    if card.kind == "view" and _shares(result, inputs[0].array):
        out = add_view(inputs[0], result, card, attrs)
        if type(inputs[0]) is InferenceTensor:
            out.__class__ = InferenceTensor
    else:
        out = new(Tensor, result)
    if recording:
        kind = BY_NUMPY[result.dtype]
        if kind.category >= FLOAT:
            out.node = record(card, out, inputs, attrs)
    return out


def _wrap_any(card: Card, result, inputs, attrs: dict, recording: bool):
    return wrap(card, as_arrays(result, cpu), inputs, attrs, recording)


def _shares(result, array) -> bool:
    return result is array or np.may_share_memory(result, array) if isinstance(array, ndarray) else result.data.mem is array.data.mem


overriding_.run = run
tensors: Any = None  # Flambeau's ops as a namespace; ops/methods.py puts it here


def by_body(card: Card, inputs, attrs: dict):
    """A composite op is differentiated, batched or traced by running its body on tensors."""
    return card.body(tensors, inputs, **attrs) if card.variadic else card.body(tensors, *inputs, **attrs)


def compute(card: Card, inputs, attrs: dict):
    """The body's result on the inputs' arrays, promoted as the card says; half precision is computed in float32 and rounded once."""
    xp: Any
    arrays, xp = arrays_of(card, inputs)
    if xp is not cpu and xp is not None and xp.device_type == "meta":
        return xp.infer(card, arrays, attrs, cpu)
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


CHECKED = ORDERED | OF_FLOATS | {"sub", "lerp", "pow"}
HALF = (np.dtype(np.float16), bfloat16.numpy)


def _rounded(array, kind):
    return array.astype(kind) if array.dtype == np.float32 else array


def _body(card: Card, xp, arrays, attrs: dict):
    return card.body(xp, arrays, **attrs) if card.variadic else card.body(xp, *arrays, **attrs)


def as_arrays(result, xp):
    kind = type(result)
    if kind is tuple or kind is list:
        for r in result:
            if type(r) is not ndarray:
                return tuple([as_arrays(r, xp) for r in result])
        return tuple(result)
    return xp.asarray(result) if isinstance(result, np.generic | int | float | complex) else result


def arrays_of(card: Card, inputs) -> tuple[list, object]:
    """The inputs as arrays of one device, in the dtype that the card computes in."""
    xp: Any = None
    where: Any = None
    for x in inputs:
        if isinstance(x, Tensor) and x.array.ndim + (where is None):
            if where is not None and where != x.device and x.array.ndim:
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but {card.name} got at least two devices, {where} and {x.device}!"
                )
            xp, where = namespace(x.array), x.device
    if xp is None and card.inputs:
        position, wrong = next(((i, x) for i, x in enumerate(inputs) if x is not None), (0, None))
        place = "tensors" if card.variadic else card.names[position]
        raise TypeError(f"{card.name}(): argument '{place}' (position {position + 1}) must be Tensor, not {type(wrong).__name__}")
    if card.name in CHECKED:
        check_operands(card, inputs)
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
            kind = target.numpy
            if i == 1 and array.ndim == 0 and kind in HALF and card.name in OF_NUMBERS and array.dtype.itemsize > 2:
                kind = np.dtype(np.float32)
            arrays.append(array if array.dtype is kind else array.astype(kind))
        elif x is None:
            arrays.append(None)
        else:
            arrays.append(number(x, target, card, xp, i))
    return arrays, xp


run_seen = partial(run, seen=True)  # for a mode that is the only one, and does the op itself
if front.module is not None:
    front.module.link_run(cpu, run, run_one, _wrap_any)
    run, run_one = front.module.run, front.module.run_one
