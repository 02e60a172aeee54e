"""jvp: one rule a kind.  A dual tensor carries a tangent; a rule sends tangents forward through an op.

elementwise  the vjp formulas serve as they are, for the Jacobian is diagonal
linear       the op itself, on the tangents
multilinear  (contractions, windows) one term an input
composite    by its body
others       by transposing the vjp: it is linear in the gradient, so its derivative is the map that we want
"""
from __future__ import annotations

from typing import Any

from ..context import enable_grad
from ..dispatch import by_body, run
from ..dtype import FLOAT
from ..fields import new
from ..op import CARDS
from ..tensor import Size, Tensor
from ..write import path
from .level import Wrapper, entered, stack, zero_leaf
from .pytree import tree_flatten, tree_unflatten


class Dual(Wrapper):
    """A value with its tangent (None: zero)."""

    moved: Tensor | None

    @classmethod
    def make(cls, value: Tensor, tangent: Tensor | None, level: int):
        out = new(cls)
        out.value, out.moved, out.level = value, tangent, level
        return out

    @classmethod
    def constant(cls, x: Tensor, level: int):
        return cls.make(x, None, level)

    def untracked(self, value=None):
        return Dual.make(self.value if value is None else value, self.tangent, self.level)

    @property
    def shape(self) -> Size:
        return self.value.shape

    def detach(self):
        return Dual.make(self.value.detach(), None, self.level)

    @property
    def array(self):
        """The numbers, where there is no tangent that would be left behind."""
        if self.dtype.category >= FLOAT and self.tangent is not None:
            raise RuntimeError(
                "the numbers of a dual tensor, without its tangent, are asked for where a tensor is expected: this operation has no "
                "derivative in forward mode. Use .detach() where the tangent is not meant to be followed."
            )
        return self.value.array

    # control flow goes by the value
    def item(self):
        return self.value.item()

    def tolist(self):
        return self.value.tolist()

    def numpy(self, *, force: bool = False):
        return self.value.numpy(force=force)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    @staticmethod
    def rule(card, inputs, attrs, level: int):
        split = [(x.value, x.tangent) if isinstance(x, Dual) and x.level == level else (x, None) for x in inputs]
        values, tangents = [v for v, _ in split], [t for _, t in split]
        if card.kind == "composite" and card.jvp is None and any(t is not None for t in tangents):
            return by_body(card, inputs, attrs)
        y = run(card, values if card.variadic else tuple(values), attrs)
        if isinstance(y, tuple):
            return tuple(Dual.make(r, _transposed(card, values, tangents, attrs, y, i) if r.dtype.category >= FLOAT else None, level)
                         for i, r in enumerate(y))
        if y.dtype.category < FLOAT or all(t is None for t in tangents):
            return Dual.constant(y, level)
        return Dual.make(y, push(card, values, tangents, attrs, y), level)

    @property
    def tangent(self):
        """A view's tangent is the view of its base's: writes to either are seen by both."""
        if self.source is None:
            return self.moved
        base: Any = self.base
        whole = base.moved
        return None if whole is None else _steps(whole, path(self))

    def put(self, result):
        value, tangent = (result.value, result.tangent) if isinstance(result, Dual) and result.level == self.level else (result, None)
        base: Any = self if self.source is None else self.base
        before, steps = base.moved, path(self)
        self.value.copy_(value)
        if before is None and tangent is None:
            return
        if self.level == stack.__dict__.get("dual") and before is not None:  # `make_dual` shares memory with the tangent
            place = _steps(before, steps)
            place.zero_() if tangent is None else place.copy_(tangent)
            return
        tangent = _zero(value) if tangent is None else tangent.to(base.value.dtype)
        if not steps:
            base.moved = tangent
        else:
            base.moved = run(CARDS["view_write"], (_zero(base.value) if before is None else before, tangent), {"steps": steps})


def _steps(x, steps):
    for card, attrs in steps:
        x = run(card, (x,), attrs)
    return x


def push(card, values, tangents, attrs, y):
    """The tangent of an op's result."""
    if card.jvp is not None:
        return card.jvp(tangents, y, *values, **attrs)
    if card.linear:
        return _linear(card, values, tangents, attrs, y)
    if card.kind == "elementwise" and (card.holomorphic or not any(isinstance(v, Tensor) and v.is_complex() for v in values)):
        return _diagonal(card, values, tangents, attrs, y)
    if card.kind in ("contraction", "window") and not card.variadic and card.outputs == 1:
        return _multilinear(card, values, tangents, attrs, y)
    return _transposed(card, values, tangents, attrs, y)


def _fit(t, y):
    return t if t.shape == y.shape else t.expand(y.shape)


def _diagonal(card, values, tangents, attrs, y):
    total = None
    for formula, t in zip(card.vjp, tangents, strict=True):
        if t is not None and formula is not None:
            term = _fit(formula(t, y, *values, **attrs), y)
            total = term if total is None else total + term
    return total


def _zero(x):
    return x.detach() * 0 if isinstance(x, Tensor) and x.dtype.category >= FLOAT else x


def _linear(card, values, tangents, attrs, y):
    moved = [t if t is not None else _zero(v) if isinstance(v, Tensor) else v if card.kind == "index" and not isinstance(v, float) else 0.0
             for v, t in zip(values, tangents, strict=True)]
    return _fit(run(card, moved if card.variadic else tuple(moved), attrs), y)


def _multilinear(card, values, tangents, attrs, y):
    """d(x · w + b) = dx · w + x · dw + db"""
    total = None
    for i, t in enumerate(tangents):
        if t is None:
            continue
        if i == 2:  # a bias is added
            term = t.reshape(-1, *(1,) * (y.ndim - 2)) if card.kind == "window" else t
        else:
            row = list(values)
            row[i] = t
            term = run(card, (*row[:2], *(None for _ in row[2:])), attrs)
        total = term if total is None else total + term
    return _fit(total, y)


def _transposed(card, values, tangents, attrs, y, place: int = 0):
    """The tangent of the result, or of the one at `place` of several; None where it does not move."""
    from ..autograd import grad
    from ..ops.complex import mirrored
    from ..ops.create import zeros_like

    if card.vjp is None:
        raise RuntimeError(f"jvp: {card.name} has no derivative")
    many = isinstance(y, tuple)
    with enable_grad():
        result = y[place] if many else y
        g = zero_leaf(result)
        given: Any = g
        if many:
            given = [g if i == place else zeros_like(y[0].detach()) if i == 0 else None for i in range(len(y))]
        elif y.is_complex():
            y, values = mirrored(card, y, values)
        if card.joint:
            parts = card.vjp(given, y, values, **attrs) if card.variadic else card.vjp(given, y, *values, **attrs)
        else:
            parts = [
                f(given, y, *values, **attrs) if f is not None and t is not None else None
                for f, t in zip(card.vjp, tangents, strict=True)
            ]
        pairs = [(p, t) for p, t in zip(parts, tangents, strict=True) if p is not None and t is not None and p.requires_grad]
        if not pairs:
            return None
        along = [_fit(t if t.dtype is p.dtype else t.to(p.dtype), p) for p, t in pairs]
        return grad([p for p, _ in pairs], g, along, create_graph=True, allow_unused=many)[0]


def jvp(func, primals, tangents, *, strict: bool = False, has_aux: bool = False):
    """func(*primals), and its derivative along `tangents`: (outputs, output tangents).

    RuntimeError where primals and tangents differ in shape or dtype.

    >>> flambeau.func.jvp(flambeau.exp, (flambeau.zeros(2),), (flambeau.ones(2),))[1]
    tensor([1., 1.])
    """
    flat, spec, flat_tangents = _matched(primals, tangents)
    with entered(Dual) as level:
        duals = [Dual.make(p, t, level) for p, t in zip(flat, flat_tangents, strict=True)]
        result = func(*tree_unflatten(duals, spec))
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError("jvp(f, primals, tangents): output of function f should be a tuple: (output, aux) if has_aux is True")
        result, aux = result if has_aux else (result, None)
        outs, out_spec = tree_flatten(result)
        for y in outs:
            if not isinstance(y, Tensor):
                raise RuntimeError(f"{HEAD}: expected f(*primals) to return only tensors, got unsupported type {type(y)}")
            if strict and not (isinstance(y, Dual) and y.level == level and y.tangent is not None):
                raise RuntimeError(
                    "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with "
                    "strict=True."
                )
        values = [y.value if isinstance(y, Dual) and y.level == level else y for y in outs]
        moved = [_tangent(y, v, level) for y, v in zip(outs, values, strict=True)]
    answer = tree_unflatten(values, out_spec), tree_unflatten(moved, out_spec)
    return (*answer, _unwrapped(aux, level)) if has_aux else answer


HEAD = "jvp(f, primals, tangents)"


def _matched(primals, tangents):
    """The tensors of both, side by side.  RuntimeError where they do not match."""
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        word = "primals" if not isinstance(primals, tuple) else "tangents"
        raise RuntimeError(f"{HEAD}: Expected {word} to be a tuple. E.g. it should be valid to call f(*primals).")
    flat, spec = tree_flatten(primals)
    if not flat:
        raise RuntimeError(f"{HEAD}: Expected primals to contain at least one Tensor.")
    flat_tangents, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            f"{HEAD}: Expected primals and tangents to have the same python structure, got {spec} and {tangent_spec}"
        )
    for p, t in zip(flat, flat_tangents, strict=True):
        for word, x in (("primals", p), ("tangents", t)):
            if not isinstance(x, Tensor):
                raise RuntimeError(f"{HEAD}: Expected {word} to only contain Tensors, got {type(x)}")
        if p.dtype.category < FLOAT:
            raise ValueError(f"Expected primal to be floating point or complex, but got: {p.dtype}")
        if p.shape != t.shape or p.dtype is not t.dtype:
            raise RuntimeError(f"{HEAD}: expected a tangent of shape {tuple(p.shape)} and {p.dtype}, got {tuple(t.shape)} and {t.dtype}")
    return flat, spec, flat_tangents


def _tangent(y, value, level: int):
    if isinstance(y, Dual) and y.level == level and y.tangent is not None:
        return y.tangent
    from ..ops.create import zeros_like
    return zeros_like(value)


def _unwrapped(tree, level: int):
    leaves, spec = tree_flatten(tree)
    return tree_unflatten([x.value if isinstance(x, Wrapper) and x.level == level else x for x in leaves], spec)
