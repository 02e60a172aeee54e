"""Formulas read on bare arrays: what backward does for most nodes, without a tensor around each value.

A formula that is nothing but arithmetic of its arguments (no function, no method, no attribute: `lambda g, _z, _x, y: g * y`) means the
same on NumPy arrays of one dtype as on tensors. So where no graph of the backward is asked for, it is called on the kept arrays themselves.
"""
from __future__ import annotations

from opcode import opmap
from types import FunctionType
from typing import Any

import numpy as np

from ..dtype import BY_NUMPY
from ..op import Card
from ..tape import FREED, Node

ndarray = np.ndarray
F32, F64, INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
_plans: dict[Card, Any] = {}


def on_arrays(node: Node, g: ndarray):
    """The gradient for each input as arrays; None where the formulas need tensors."""
    card = node.card
    try:
        plan = _plans[card]
    except KeyError:
        plan = _plans[card] = _plan(card)
    if plan is None:
        return None
    kind = g.dtype
    saved = node.saved
    if (kind is not F32 and kind is not F64) or saved is FREED:
        return None
    parents, attrs = node.parents, node.attrs
    values: list[Any] = [None, *parents]
    for i, entry in enumerate(saved):
        if type(entry) is tuple:
            array, cell, version = entry
            if cell[0] != version or type(array) is not ndarray or (array.dtype is not kind and (i == 0 or array.dtype is not INT64)):
                return None
            values[i] = array
        elif entry is not None:
            if type(entry) is not float and type(entry) is not int:
                return None
            values[i] = entry
    try:
        if card.joint:
            return plan(g, *values, **attrs)
        if len(plan) == 1:
            part = plan[0](g, *values, **attrs) if attrs else plan[0](g, *values)
            return (part if type(part) is ndarray else np.asarray(part),)
        parts: list[Any] = []
        for formula, parent in zip(plan, parents):
            if parent is None or formula is None:
                parts.append(None)
            else:
                part = formula(g, *values, **attrs) if attrs else formula(g, *values)
                parts.append(part if type(part) is ndarray else np.asarray(part))
        return parts
    except RuntimeWarning:  # the user made NumPy's floating-point warnings errors: they are not meant for tensors
        return None


def _plan(card: Card):
    """The card's formulas as functions of arrays, where every one is arithmetic of its arguments; None where one is not."""
    if card.back is not None:
        return card.back
    if card.joint or card.variadic or not card.vjp or card.kind != "elementwise" or card.attrs:
        return None
    plan = tuple(None if f is None else _read_on_arrays(f) for f in card.vjp)
    return None if any(p is None and f is not None for p, f in zip(plan, card.vjp, strict=True)) else plan


def _read_on_arrays(formula):
    """A formula whose ops are taken as NumPy's: the same code, with other globals.  None where it has attributes or other functions."""
    code = formula.__code__
    if not formula.__module__.startswith("flambeau.") or code.co_freevars or code.co_cellvars or code.co_flags & 0x0C:
        return None  # (NumPy's warnings are switched off for our own modules only)
    if any(op in ATTRIBUTES for op in code.co_code[::2]):
        return None
    names = {}
    for name in code.co_names:
        card = getattr(formula.__globals__.get(name), "card", None)
        if card is None or card.kind != "elementwise" or card.numpy is None or not callable(card.numpy):
            return None
        names[name] = card.numpy
    return FunctionType(code, names, formula.__name__, formula.__defaults__) if names else formula


ATTRIBUTES = {opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_NAME") if name in opmap}


def changed(entry: tuple, card) -> str:
    array, cell, version = entry
    who = card.name if type(card.name) is str else card.name()
    return (f"one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"[{BY_NUMPY[array.dtype].name} tensor of shape {list(array.shape)}], which the gradient of {who} needs, "
            f"is at version {cell[0]}; expected version {version} instead. Hint: clone it before you write to it; "
            "detect_anomaly shows the call that kept it.")
