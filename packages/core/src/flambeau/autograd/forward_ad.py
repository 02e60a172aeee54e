"""Forward mode by hand: dual tensors, which carry a tangent through every op, inside a level.

    with fwAD.dual_level():
        dual = fwAD.make_dual(x, v)
        y, jvp = fwAD.unpack_dual(f(dual))
"""
from __future__ import annotations

from typing import NamedTuple

from ..dtype import FLOAT
from ..func.jvp import Dual
from ..func.level import stack
from ..tensor import Tensor

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """The two halves of a dual tensor."""

    primal: Tensor
    tangent: Tensor | None


def _current() -> int:
    """The number of the open dual level, -1 where there is none."""
    return stack.__dict__.get("dual", -1)


def enter_dual_level() -> int:
    """Open a level; its number is the answer.  RuntimeError inside another: forward mode by hand does not nest (`func.jvp` does)."""
    if _current() >= 0:
        raise RuntimeError("Nested forward mode AD is not supported at the moment: one dual level can be open at a time. "
                           "flambeau.func.jvp nests freely.")
    stack.levels.append(Dual)
    stack.dual = len(stack.levels)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level: tangents are gone."""
    now = _current()
    if level not in (None, 0) or now < 0:
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not supported.")
    if len(stack.levels) != now:
        raise RuntimeError("Trying to exit a forward AD level inside a transform (vmap, jvp) that was entered after it")
    stack.levels.pop()
    del stack.dual


class dual_level:
    """A level of forward mode for the time of a `with`.

    >>> import flambeau.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     y = fwAD.make_dual(flambeau.ones(2), flambeau.ones(2)) * 3
    ...     fwAD.unpack_dual(y).tangent
    tensor([3., 3.])
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *_exc):
        exit_dual_level()

    def __call__(self, function):
        from ..context import decorated

        return decorated(function, dual_level)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with a tangent of its shape and dtype; memory is shared with both."""
    now = _level(level)
    if now < 0:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first.")
    for name, x in (("primal", tensor), ("tangent", tangent)):
        if not isinstance(x, Tensor):
            raise TypeError(f"make_dual: expected {name} to be a Tensor, got {type(x).__name__}")
        if x.dtype.category < FLOAT:
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    if tuple(tensor.shape) != tuple(tangent.shape):
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor: expected tangent "
                           f"to have the same shape as primal: {tuple(tensor.shape)}, got {tuple(tangent.shape)}")
    if tensor.dtype is not tangent.dtype:
        raise RuntimeError(f"Expected tangent to have the same dtype as primal: {tensor.dtype}, got {tangent.dtype}")
    if isinstance(tensor, Dual) and tensor.level == now:
        tensor = tensor.value
    return Dual.make(tensor, tangent, now)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent of a tensor; the tangent is None where it has none."""
    now = _level(level)
    if now < 0:
        return UnpackedDualTensor(tensor, None)
    if isinstance(tensor, Dual) and tensor.level == now:
        return UnpackedDualTensor(tensor.value, tensor.tangent)
    return UnpackedDualTensor(tensor, None)


def _level(level: int | None) -> int:
    return _current() if level is None or level == 0 else -1 if level < 0 else _current()

