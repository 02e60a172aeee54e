"""How a card is written down: the decorators `elementwise`, `reduction`, `view` and `op`.  Users define their ops with the same ones."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .fast import binary, general, inplace, reduced, unary
from .op import Card


def elementwise(name: str, *vjp, c: str, body: Callable | None = None, numpy: str | None = None, promote: str = "float", domain=(-2.0, 2.0),
                inputs: int | None = None, doc: str = "", **fields):
    """An op that treats each element alone.  One formula an input; without formulas it has no gradient.

    c       its scalar C spelling, `{0}`, `{1}` the operands
    numpy   the namespace's name for it, where that differs from `name`
    body    `body(xp, *inputs)` when the namespace has no function for it
    domain  where samples for the laws are drawn from: (low, high), or "int"
    """
    if body is None:
        word = numpy or name
        ufunc: Any = getattr(np, word)
        inputs = inputs or ufunc.nin
        body = _BODIES[inputs](word)
    else:
        inputs = inputs or body.__code__.co_argcount - 1
        ufunc = _on_numpy(body, inputs, fields.get("fused"))
    card = Card(
        name,
        "elementwise",
        body,
        vjp=vjp or None,
        inputs=inputs,
        promote=promote,
        c=c,
        numpy=ufunc,
        samples=_samples(inputs, domain),
        doc=doc + _SHAPES[inputs],
        **fields,
    )
    writable = ufunc if isinstance(ufunc, np.ufunc) and promote != "bool" else None
    inplace(card, writable)
    if inputs > 2:
        return general(card)
    return (unary if inputs == 1 else binary)(card, promote != "bool")


_SHAPES = {1: "  (*) -> (*)", 2: "  (*), (*) -> (*), broadcast", 3: "  (*), (*), (*) -> (*), broadcast"}
_BODIES: dict[int, Callable[[str], Callable]] = {
    1: lambda word: lambda xp, input: getattr(xp, word)(input),
    2: lambda word: lambda xp, input, other: getattr(xp, word)(input, other),
    3: lambda word: lambda xp, x, y, z: getattr(xp, word)(x, y, z),
}


def _on_numpy(body, inputs, fused=None):
    from .backends import numpy as xp

    if fused is not None:

        def kernel(x):
            made = fused.kernel_of_one(x, body)
            return body(xp, x) if made is None else made

        return kernel
    if inputs == 1:
        return lambda x: body(xp, x)
    return lambda x, y: body(xp, x, y)


def _samples(inputs: int, domain):
    def samples(make):
        if domain == "int":
            yield tuple(make.index(row) for row in ([5, 0, -3], [3, 1, 2], [1, 1, 1])[:inputs]), {}
            return
        low, high = domain
        shapes = [((3, 4), (3, 4), (3, 4)), ((2, 3), (3,), (2, 1)), ((), (), ())] if inputs > 1 else [((3, 4),), ((),), ((0, 2),)]
        for row in shapes:
            yield tuple(make(shape, low, high) for shape in row[:inputs]), {}

    return samples


def op(kind: str = "composite", **fields):
    """Turn `body(xp, *inputs, **attrs)` into an op.  Arguments without a default are its inputs, unless `inputs=` counts them.

    >>> @flambeau.op("elementwise", vjp=lambda g, _y, x: g * 2 * x, c="({0} * {0})")
    ... def squared(xp, x):
    ...     return x * x
    >>> squared(flambeau.tensor([3.0]))
    tensor([9.])
    """

    def decorate(body):
        card = Card(body.__name__.rstrip("_"), kind, body, **fields)
        inplace(card)
        return general(card)

    return decorate


def reduction(name: str, vjp=None, *, body: Callable, fold=None, anything=False, samples=None, doc: str = "", **fields):
    """An op that folds axes: `body(xp, x, dim=None, keepdim=False)`.  `fold`, a ufunc's `reduce`, does it on NumPy (see `reduced`)."""
    card = Card(name, "reduction", body, vjp=vjp, inputs=1, samples=samples or _reduction_samples, doc=doc, **fields)
    return reduced(card, fold or _by_body(card), anything)


def _by_body(card: Card):
    from .backends import numpy as xp

    body = card.body
    return lambda a, axis, _dtype, _out, keepdims: body(xp, a, axis, keepdims)


def _reduction_samples(make):
    for shape, dim, keepdim in (
        ((3, 4), None, False),
        ((3, 4), 1, False),
        ((2, 3, 2), (0, 2), True),
        ((), None, False),
        ((3, 1), -2, True),
    ):
        yield (make(shape, -2.0, 2.0),), {"dim": dim, "keepdim": keepdim}
