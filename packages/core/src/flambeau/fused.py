"""Cards that become one kernel on the CPU: the body is lowered to C and built the first time that it is called with tensors worth it."""
from __future__ import annotations

from typing import Any

import numpy as np

MOST = 32  # kernels of one card, one for each set of attrs
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


class Native:
    """A card's body as a function of the arrays that is written by hand (`backends/native.c`), or None where it does not take them."""

    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function

    def __call__(self, card, arrays, attrs: dict):
        return self.function(*arrays, **attrs)

    def one(self, card, a, attrs: dict):
        return self.function(a, **attrs)


class Fused:
    """How a card's body is one kernel: its gufunc signature, with all inputs given, and the attr that names the core axis.

    An input that is None in a call is left out of the signature. Where no kernel can be had (no compiler, a dtype or shape that loops do
    not take) the call gives None, and the body runs on NumPy, with the same result to rounding.
    """

    __slots__ = ("signature", "dim", "kernels", "last")

    def __init__(self, signature: str, dim: str | None = None):
        self.signature, self.dim = signature, dim
        self.kernels: dict[tuple, Any] = {}
        self.last: Any = None  # of a card whose one attr is its core axis, or that has none: the ufunc along the last axis, or False


    def one(self, card, a, attrs: dict):
        """`self(card, [a], attrs)`, by a shorter way along the last axis where no attr but the core axis changes the kernel."""
        if self.last and a.size:
            if self.dim is None:
                return self.last(a)
            axis = attrs[self.dim]
            if (axis == -1 or axis == a.ndim - 1) and a.ndim:
                return self.last(a)
        result = self(card, [a], attrs)
        if result is not None and len(attrs) == (self.dim is not None):
            (kernel,) = self.kernels.values()
            self.last = kernel.ufunc
        return result

    def kernel_of_one(self, a, body):
        """The kernel of an elementwise body without attrs on an array of its own, or None."""
        kind = a.dtype
        if (kind is not F32 and kind is not F64) or not a.size:
            return None
        if self.last is None:
            from .kernels import fuse

            kernel = fuse(body, self.signature)
            self.last = False if kernel is None else kernel.ufunc
        return self.last(a) if self.last else None

    def __call__(self, card, arrays, attrs: dict):
        first, dim = arrays[0], self.dim
        kind, ndim = first.dtype, first.ndim
        if not (kind is F32 or kind is F64) or not first.size:
            return None
        axis = -1
        if dim is None:
            if attrs and attrs.get("axes", 1) != 1:
                return None
            key = (*attrs.values(), *[a is None for a in arrays])
        else:
            axis = attrs[dim]
            if type(axis) is not int or not -ndim <= axis < ndim:
                return None
            if axis == ndim - 1:
                axis = -1
            key = (*[v for k, v in attrs.items() if k != dim], *[a is None for a in arrays])
        kernel: Any = self.kernels.get(key)
        if kernel is None:
            if len(self.kernels) >= MOST:  # an attr that changes with every call is not worth a compilation each time
                return None
            kernel = self.kernels[key] = self._build(card, arrays, attrs if dim is None else attrs | {dim: -1}) or False
        if kernel is False:
            return None
        given = [a for a in arrays if a is not None]
        if axis == -1:
            return kernel.ufunc(*given)
        # as PyTorch, in order whatever the axis: NumPy would lay the core axis last
        in_order = np.empty(first.shape, kind) if self.dim is not None and all(a.shape == first.shape for a in given) else None
        return kernel(*given, axis=axis, out=in_order)

    def _build(self, card, arrays, attrs: dict):
        from .kernels import fuse

        here = [a is not None for a in arrays]
        inputs, outputs = self.signature.split("->")
        kept = ",".join(part for part, is_here in zip(inputs.split(","), here, strict=True) if is_here)

        def body(xp, *given, **fixed):
            rest = iter(given)
            return card.body(xp, *(next(rest) if is_here else None for is_here in here), **fixed)

        return fuse(body, f"{kept}->{outputs}", attrs=attrs, name=card.name)
