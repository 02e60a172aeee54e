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
from ..dtype import FLOAT, bfloat16, bool_, float16, int64, word
from ..fast import binary
from ..op import CARDS, Card
from ..overriding import elsewhere
from ..record import record
from ..spelling import older
from ..tensor import Tensor, plain, tensors_only
from .elementwise import where
from .equation import from_lists, spelled_out
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


def check_vectors(a, b):
    """RuntimeError unless a and b are vectors of one length and dtype."""
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.dtype is not b.dtype and not autocast.active:
        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {word(a.dtype)} and {word(b.dtype)}")
    if a.shape != b.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{a.shape[0]}] and src [{b.shape[0]}] to have the same number of "
                           "elements")


def check_kinds(text: str, *tensors):
    """RuntimeError unless tensors have one dtype: `text` names each."""
    kinds = [x.dtype for x in tensors]
    if any(kind is not kinds[0] for kind in kinds) and not autocast.active:
        raise RuntimeError(text.format(*map(word, kinds)))


def check_factors(kind, **factors):
    """RuntimeError for numbers that may not scale tensors of a dtype: truth values where there are none, fractions of whole numbers."""
    for name, value in factors.items():
        if isinstance(value, bool) and kind is not bool_:
            raise RuntimeError(f"Boolean {name} only supported for Boolean results.")
        if isinstance(value, float | complex) and kind.category < FLOAT:
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")


def scaled(x, product, beta, alpha):
    """β x + α · product, whole numbers scaled by whole numbers; where β is 0, x is not looked at (its nan and inf don't count)."""
    if product.dtype.category < FLOAT:
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        blank = x.detach().new_zeros(())
        return product + (where(blank != 0, x, blank) if x.requires_grad else blank.expand(x.shape))
    return (x if beta == 1 else x * beta) + product


def dot(input, tensor):
    """Inner product of two vectors.  (n), (n) -> ()"""
    tensors_only("dot", input=input, tensor=tensor)
    check_vectors(input, tensor)
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
    check_kinds("self and mat2 must have the same dtype, but got {0} and {2}", input, mat1, mat2)
    return scaled(input, mm(mat1, mat2), beta, alpha)


@older(3, "beta", "alpha")
@listed
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """β input + α (a b), a product for each place of the first axis.  (b, n, m) broadcast, (b, n, k), (b, k, m) -> (b, n, m)"""
    check_kinds("Input dtypes must be the same, got: input {0}, batch1: {1}, batch2: {2}", input, batch1, batch2)
    if input.dtype in (float16, bfloat16):  # computed in float32, rounded once
        return baddbmm(input.float(), batch1.float(), batch2.float(), beta=beta, alpha=alpha).to(input.dtype)
    return scaled(input, bmm(batch1, batch2), beta, alpha)


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
def einsum(*args):
    """A sum of products in Einstein's notation: `einsum("bij,bjk->bik", a, b)`, or with numbers: `einsum(a, [0, 1], b, [1, 2], [0, 2])`.

    >>> flambeau.einsum("i,i->", flambeau.ones(3), flambeau.ones(3))
    tensor(3.)
    """
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand and its "
                         "subscripts list")
    equation, operands = from_lists(args) if isinstance(args[0], Tensor) else (args[0], args[1:])
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    if operands and operands[0].dtype.category < FLOAT and operands[0].dtype is not int64 and _sums_alone(equation, operands):
        operands = tuple(x.to(int64) for x in operands)  # as `sum` does
    if _is_complete(equation, *[x.ndim for x in operands]):
        try:
            return run(CARDS["einsum_of"], list(operands), {"equation": equation})
        except ValueError:
            pass  # axes of different sizes: broadcast, or told in PyTorch's words below
    kept, told = spelled_out(equation, operands)
    return run(CARDS["einsum_of"], kept, {"equation": told})
