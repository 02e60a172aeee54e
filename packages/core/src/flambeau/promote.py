"""Which dtype arithmetic gives: tensors with axes decide, then 0-d tensors, then numbers."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import context
from .dtype import BOOL, COMPLEX, FLOAT, INT, bool_, dtype, int64, promote_types, word
from .op import ORDERED, Card
from .tensor import Tensor

NUMBERS = (bool, int, float, complex)


def number(x, target: dtype, card: Card, xp, position: int = 1):
    """A Python number as a 0-d array of the dtype that the op computes in."""
    if type(x) not in NUMBERS and not isinstance(x, np.generic | int | float | complex):
        raise TypeError(f"{card.name}(): expected Tensor or Number, got {type(x).__name__}")
    if target.category == INT and isinstance(x, int):
        return xp.asarray(np.asarray(x & 0xFFFFFFFFFFFFFFFF, np.uint64).astype(target.numpy))
    keeps = target.itemsize == 2 and target.category == FLOAT and card.name in (OF_NUMBERS if position else OF_FIRST_NUMBERS)
    return xp.asarray(x, dtype=np.float32 if keeps else target.numpy)


OF_NUMBERS = frozenset(["mul", "div", "floor_divide"])  # beside halves, numbers and 0-d tensors keep their precision as the second operand
OF_FLOATS = frozenset(["hypot", "nextafter", "logaddexp", "logaddexp2"])  # refused where no operand is of floating point
OF_FIRST_NUMBERS = frozenset(["mul", "div"])  # and numbers as the first one


def check_operands(card: Card, inputs) -> None:
    """RuntimeError for what NumPy would take and PyTorch does not: an order of complex numbers, a difference with truth values."""
    kinds = [x.dtype if isinstance(x, Tensor) else number_type(x) for x in inputs if isinstance(x, (Tensor, *NUMBERS))]
    if card.name in ORDERED and any(kind.category == COMPLEX for kind in kinds):
        raise NotImplementedError(f'"{card.name}" not implemented for complex numbers, which have no order: take real, imag or abs of them')
    if card.name in OF_FLOATS and all(kind.category < FLOAT for kind in kinds):
        raise NotImplementedError(f'"{card.name}" not implemented for {word(kinds[0])!r}: convert the inputs with .float()')
    if card.name == "lerp" and kinds[0] is not kinds[1]:
        raise RuntimeError(f"expected dtype {kinds[0].name} for `end` but got dtype {kinds[1].name}")
    if card.name == "pow" and kinds[0].category <= INT and isinstance(inputs[1], int) and inputs[1] < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if card.name == "sub" and bool_ in kinds:
        if all(kind is bool_ for kind in kinds):
            raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
                               "operator instead.")
        raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use "
                           "the `~` or `logical_not()` operator instead.")


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
