"""Contractions: sums of products over shared axes, done by the BLAS library."""
from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from .. import context
from ..casting import listed
from ..casting import state as autocast
from ..context import grad
from ..define import op
from ..dispatch import run
from ..dtype import FLOAT, bfloat16, float16, int64
from ..fast import binary
from ..op import CARDS, Card
from ..overriding import elsewhere
from ..record import record
from ..spelling import older
from ..tensor import Tensor, plain, tensors_only
from .view import ready, reshape, sum_to_size, transpose, unsqueeze

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def _pairs(*shapes):
    return lambda make: [((make(a, -1.0, 1.0), make(b, -1.0, 1.0)), {}) for a, b in shapes]


def _matmul(xp, a, b):
    if a.ndim > 2 and a.shape[-1] == 1:  # many outer products (gradients of each sample): at memory's speed, 3 times matmul's
        return a * b if a.dtype == b.dtype and a.shape[-1] == b.shape[-2] else xp.matmul(a, b)
    return xp.matmul(a, b)


MATMUL = Card(
    "matmul",
    "contraction",
    _matmul,
    inputs=2,
    numpy=np.matmul,
    samples=_pairs(((3, 4), (4, 2)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (5, 4, 2))),
    vjp=(lambda g, _y, _a, b: multiply(g, b.mT), lambda g, _y, a, _b: multiply(a.mT, g)),
    back=(lambda g, _y, _a, b: np.matmul(g, b.swapaxes(-1, -2)), lambda g, _y, a, _b: np.matmul(a.swapaxes(-1, -2), g)),
    doc="Matrix product over the last two axes.  (*, n, k), (*, k, m) -> (*, n, m)",
)
multiply = binary(MATMUL, True)


def matmul(input, other, *, out=None):
    """Matrix product over the last two axes; vectors are rows on the left, columns on the right.  (*, n, k), (*, k, m) -> (*, n, m)

    RuntimeError where shapes or dtypes don't fit together.

    >>> flambeau.matmul(flambeau.ones(2, 3), flambeau.ones(3)).shape
    flambeau.Size([2])
    """
    left, right = ready(input), ready(other)
    if left is not None and right is not None and left.dtype is right.dtype and out is None and left.dtype.kind == "f":
        na, nb = left.ndim, right.ndim
        if na == nb == 2 and left.shape[1] == right.shape[0] and (left.dtype is F32 or left.dtype is F64):
            out = plain(left.dot(right))  # the same BLAS call as np.matmul's, which takes half a µs longer
            m, n = input.node, other.node
            if (m is not None or n is not None) and grad.enabled:
                out.node = record(MATMUL, out, (input, other), {}, (m, n))
            return out
        if na == nb > 2 and left.shape[-1] == right.shape[-2]:
            return multiply(input, other)
        if na == 2 and nb == 1 and left.shape[1] == right.shape[0] and (left.dtype is F32 or left.dtype is F64):
            out = plain(left.dot(right))
            m, n = input.node, other.node
            if (m is not None or n is not None) and grad.enabled:
                out.node = record(CARDS["matrix_vector"], out, (input, other), {}, (m, n))
            return out
    if not isinstance(input, Tensor) or not isinstance(other, Tensor):
        return elsewhere(matmul, (input, other))
    na, nb = input.ndim, other.ndim
    if na == 0 or nb == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {na}D and {nb}D")
    if input.dtype is not other.dtype and not autocast.active:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype.name} != {other.dtype.name}")
    k = input.shape[-1]
    if k != other.shape[-2 if nb > 1 else 0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, input.shape))} and "
                           f"{'x'.join(map(str, other.shape))})")
    if na > 1 and nb > 1:
        if nb == 2 and na > 2 and k:  # one large product instead of many small ones
            if out is not None:
                return multiply(input, other, out=out)
            return reshape(multiply(reshape(input, -1, k), other), *input.shape[:-1], other.shape[1])
        return multiply(input, other, out=out)
    product = multiply(unsqueeze(input, 0) if na == 1 else input, unsqueeze(other, 1) if nb == 1 else other)
    if nb == 1:
        product = product.squeeze(-1)
    if na == 1:
        product = product.squeeze(-1 if nb == 1 else -2)
    if out is not None:
        from ..write import into
        return into(out, product, "matmul")
    return product


@op(inputs=2, samples=_pairs(((3, 4), (4,))), vjp=(lambda g, _y, _a, b: unsqueeze(g, 1) * b, lambda g, _y, a, _b: matmul(a.mT, g)),
    back=(lambda g, _y, _a, b: g[:, None] * b, lambda g, _y, a, _b: g.dot(a)))
def matrix_vector(xp, a, b):
    """Matrix times vector.  (n, k), (k) -> (n)"""
    return xp.matmul(a, b)


def _linear_samples(make):
    yield (make((3, 4), -1.0, 1.0), make((2, 4), -1.0, 1.0), make((2,), -1.0, 1.0)), {}
    yield (make((2, 3, 4), -1.0, 1.0), make((5, 4), -1.0, 1.0), None), {}
    yield (make((4,), -1.0, 1.0), make((5, 4), -1.0, 1.0), make((5,), -1.0, 1.0)), {}


def _flat(array):
    """`_rows` of a bare array."""
    return array if array.ndim == 2 else array.reshape(prod(array.shape[:-1]), array.shape[-1])


def _rows(x):
    return reshape(x, prod(x.shape[:-1]), x.shape[-1])


@op("contraction", samples=_linear_samples, inputs=3,
    vjp=(lambda g, _y, _x, w, _b: matmul(g, w), lambda g, _y, x, _w, _b: matmul(transpose(_rows(g), 0, 1), _rows(x)),
         lambda g, _y, _x, _w, _b: sum_to_size(g, _b.shape)),
    back=(lambda g, _y, _x, w, _b: g @ w, lambda g, _y, x, _w, _b: _flat(g).T @ _flat(x),
          lambda g, _y, _x, _w, _b: np.add.reduce(_flat(g), 0)))
def linear(xp, x, weight, bias=None):
    """x Wᵀ + b.  (*, in), (out, in), (out) -> (*, out)"""
    rows = x.reshape(prod(x.shape[:-1]), x.shape[-1]) if x.ndim > 2 else x
    y = xp.matmul(rows, weight.T)
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], weight.shape[0]) if x.ndim > 2 else y


def mm(input, mat2, *, out=None):
    """Product of two matrices.  (n, k), (k, m) -> (n, m)"""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(f"mm: expected two 2D tensors, got {input.ndim}D and {mat2.ndim}D")
    return matmul(input, mat2, out=out)


def bmm(input, mat2, *, out=None):
    """Products of matrices, one for each place of the first axis.  (b, n, k), (b, k, m) -> (b, n, m)"""
    left, right = ready(input), ready(mat2)
    if left is not None and right is not None and out is None and left.ndim == right.ndim == 3 and left.dtype is right.dtype:
        s, t = left.shape, right.shape
        if s[0] == t[0] and s[2] == t[1]:
            return multiply(input, mat2)
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: expected two 3D tensors with one batch size, got {tuple(input.shape)} and {tuple(mat2.shape)}")
    return matmul(input, mat2, out=out)


def mv(input, vec):
    """Matrix times vector.  (n, k), (k) -> (n)"""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"mv: expected a matrix and a vector, got {input.ndim}D and {vec.ndim}D")
    return (matmul if not context.unusual else _mv)(input, vec)


def dot(input, tensor):
    """Inner product of two vectors.  (n), (n) -> ()"""
    tensors_only("dot", input=input, tensor=tensor)
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src [{tensor.shape[0]}] to have the same number of elements"
        )
    return (matmul if not context.unusual else _dot)(input, tensor)


_mv, _dot = listed(matmul, "mv"), listed(matmul, "dot")  # products that autocast tells from matmul


@listed
def outer(input, vec2):
    """Products of all pairs.  (n), (m) -> (n, m)"""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}-D and {vec2.ndim}-D")
    return unsqueeze(input, 1) * vec2


@older(3, "beta", "alpha")
@listed
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """β input + α (a b).  (n, m) broadcast, (n, k), (k, m) -> (n, m)"""
    product = mm(mat1, mat2)
    return (input if beta == 1 else input * beta) + (product if alpha == 1 else product * alpha)


@older(3, "beta", "alpha")
@listed
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """β input + α (a b), a product for each place of the first axis.  (b, n, m) broadcast, (b, n, k), (b, k, m) -> (b, n, m)"""
    if input.dtype in (float16, bfloat16):  # computed in float32, rounded once
        return baddbmm(input.float(), batch1.float(), batch2.float(), beta=beta, alpha=alpha).to(input.dtype)
    if input.dtype.category < FLOAT:
        beta, alpha = int(beta), int(alpha)
    product = bmm(batch1, batch2)
    return (input if beta == 1 else input * beta) + (product if alpha == 1 else product * alpha)


def _einsum_back(g, xs, equation):
    terms, result = equation.split("->")
    terms = terms.split(",")
    grads = []
    for i, term in enumerate(terms):
        others = [t for j, t in enumerate(terms) if j != i]
        have = set(result).union(*others)
        wanted = "".join(c for c in term if c in have)
        grad = run(
            CARDS["einsum_of"], [g, *(x for j, x in enumerate(xs) if j != i)], {"equation": ",".join([result, *others]) + "->" + wanted}
        )
        for d, c in enumerate(term):
            if c not in have:  # an axis that was only summed: every place gets the same
                grad = unsqueeze(grad, d)
        grads.append(grad.expand(xs[i].shape))
    return grads


@op("contraction", variadic=True, vjp=lambda g, _y, xs, equation: _einsum_back(g, xs, equation),
    samples=lambda make: [([make((2, 3), -1.0, 1.0), make((3, 4), -1.0, 1.0)], {"equation": "ij,jk->ik"}),
                          ([make((2, 3, 2), -1.0, 1.0), make((2, 4, 2), -1.0, 1.0)], {"equation": "bij,bkj->bk"})])
def einsum_of(xp, tensors, equation):
    """A sum of products in Einstein's notation, with the result's axes spelled out."""
    small = len(tensors) == 2 and tensors[0].size * tensors[1].size <= 1 << 10  # planning takes 30 µs, adding up 1024 products one
    return xp.einsum(equation, *tensors, optimize=len(tensors) > 1 and not small)


@lru_cache(256)
def _is_complete(equation: str, *ranks: int) -> bool:
    """Whether an equation says all: the result's axes, each a letter of the terms; no letter twice in a term, no ellipsis, no blank."""
    terms, arrow, result = equation.partition("->")
    rows = terms.split(",")
    return bool(arrow) and "." not in equation and " " not in equation and [len(t) for t in rows] == list(ranks) and \
        all(len(set(t)) == len(t) for t in [*rows, result]) and set(result) <= set("".join(rows))


def _sums_alone(equation: str, operands) -> bool:
    """Whether an axis of one operand alone, of more than one element, is summed."""
    terms, arrow, result = equation.replace(" ", "").partition("->")
    rows = terms.split(",")
    if not arrow:
        return False
    lone = {c for c in set(terms) - set(",.") if sum(c in row for row in rows) == 1 and c not in result}
    return any(c in lone and n != 1 for row, x in zip(rows, operands, strict=False) if len(row) == x.ndim
               for c, n in zip(row, x.shape, strict=True))


@listed
def einsum(equation: str, *operands):
    """A sum of products in Einstein's notation: `einsum("bij,bjk->bik", a, b)`.

    >>> flambeau.einsum("i,i->", flambeau.ones(3), flambeau.ones(3))
    tensor(3.)
    """
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    if operands and operands[0].dtype.category < FLOAT and operands[0].dtype is not int64 and _sums_alone(equation, operands):
        operands = tuple(x.to(int64) for x in operands)  # as `sum` does
    if _is_complete(equation, *[x.ndim for x in operands]):
        try:
            return run(CARDS["einsum_of"], list(operands), {"equation": equation})
        except ValueError:
            pass  # axes of different sizes: broadcast, or told in PyTorch's words below
    equation = equation.replace(" ", "")
    terms = equation.split("->")[0].split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum(): the equation has {len(terms)} operands, but {len(operands)} were given")
    free = iter(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in equation)
    batch = ""
    if "..." in equation:
        most = max(x.ndim - len(t.replace("...", "")) for x, t in zip(operands, terms, strict=True) if "..." in t)
        batch = "".join(next(free) for _ in range(most))
    full: list = []
    kept: list = []
    for x, t in zip(operands, terms, strict=True):
        if "..." in t:
            t = t.replace("...", batch[len(batch) - (x.ndim - len(t) + 3):])
        if len(t) != x.ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(t)}) does not match the number of dimensions ({x.ndim}) "
                f"for operand {len(full)} and no ellipsis was given"
            )
        while len(set(t)) < len(t):  # a label twice in a term reads the diagonal
            c = next(c for c in t if t.count(c) > 1)
            first, second = t.index(c), t.index(c, t.index(c) + 1)
            x = x.diagonal(0, first, second)
            t = t[:first] + t[first + 1:second] + t[second + 1:] + c
        full.append(t)
        kept.append(x)
    if "->" in equation:
        result = equation.split("->")[1].replace("...", batch)
    else:
        every = "".join(full)
        result = batch + "".join(sorted(c for c in set(every) - set(batch) if every.count(c) == 1))
    extents: dict[str, int] = {}
    for x, t in zip(kept, full, strict=True):
        for c, n in zip(t, x.shape, strict=True):
            if extents.setdefault(c, n) != n and 1 not in (n, extents[c]):
                raise RuntimeError(f"einsum(): operands do not broadcast: subscript {c} has sizes {extents[c]} and {n}")
            extents[c] = max(extents[c], n)
    kept = [x.expand(tuple(extents[c] for c in t)) for x, t in zip(kept, full, strict=True)]
    return run(CARDS["einsum_of"], kept, {"equation": ",".join(full) + "->" + result})
