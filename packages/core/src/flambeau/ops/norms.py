"""Norms of vectors and matrices, and distances made of them."""
from __future__ import annotations

import math

from ..casting import listed
from ..define import op
from ..dtype import COMPLEX, FLOAT, as_dtype
from ..fast import axes_of
from ..numpy_names import numpy_names
from ..tensor import check_dim
from .decomposition import linalg_svdvals
from .elementwise import eq, logical_or, where
from .elementwise import sgn as sign_of
from .inverse import linalg_inv_ex
from .matrix import check
from .outs import given
from .reduction import spread
from .view import movedim, unsqueeze

INF = math.inf


def _samples(make):
    for p in (3.0, 1.5, 2.0, 1.0):
        yield (make((3, 4), 0.5, 2.0),), {"p": p, "dim": 1}
    yield (make((2, 3), -2.0, -0.5),), {"p": 2.5, "dim": None, "keepdim": True}


def _slope(g, y, x, p, dim, keepdim):
    """sgn(x) · (|x| / y)^(p - 1), and 0 where x is 0 (the subgradient of smallest size)."""
    g, y, size = spread(g, x.shape, dim, keepdim), spread(y, x.shape, dim, keepdim), x.abs()
    flat = logical_or(eq(size, 0), eq(y, 0))
    return where(flat, 0.0, g * sign_of(x) * (where(flat, 1.0, size) / where(flat, 1.0, y)) ** (p - 1))


@op("reduction", inputs=1, holomorphic=False, samples=_samples,
    vjp=lambda g, y, x, p, dim=None, keepdim=False: _slope(g, y, x, p, dim, keepdim))
def power_norm(xp, x, p, dim=None, keepdim=False):
    """(Σ |x|^p)^(1/p) over `dim`.  (*, n, *) -> (*, *)"""
    size = abs(x)
    kind = size.dtype
    if kind.itemsize < 4:
        size = size.astype("float32")
    if p == 2:
        return xp.sqrt(xp.sum(size * size, axis=dim, keepdims=keepdim)).astype(kind)
    if p == 1:
        return xp.sum(size, axis=dim, keepdims=keepdim).astype(kind)
    return (xp.sum(size**p, axis=dim, keepdims=keepdim) ** (1.0 / p)).astype(kind)


def dims_of(dim):
    return (dim,) if isinstance(dim, int) else None if dim is None else tuple(dim)


def converted(x, dtype, name: str):
    """The input in the dtype that is asked for.  RuntimeError for whole numbers, or where reals are asked of complex numbers."""
    if x.dtype.category < FLOAT:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype.name}")
    if dtype is None:
        return x
    dtype = as_dtype(dtype)
    if dtype.category < FLOAT:
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {dtype.name}")
    if (dtype.category == COMPLEX) != x.is_complex():
        kind = "complex" if x.is_complex() else "real"
        raise RuntimeError(f"{name}: dtype should be {kind} for {kind} inputs, but got {dtype.name}")
    if dtype.itemsize < x.dtype.itemsize:
        raise RuntimeError(f"{name}: the dtype of the input ({x.dtype.name}) should be convertible without narrowing to {dtype.name}")
    return x.to(dtype)


@listed
def vector_norm(x, ord=2, dim=None, keepdim: bool = False, *, dtype=None, out=None):
    """(Σ |x|^ord)^(1/ord) over `dim`, all elements by default; ±inf take the largest or smallest, 0 counts.  (*, n, *) -> (*, *)

    >>> flambeau.linalg.vector_norm(flambeau.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if isinstance(ord, str):
        raise TypeError(f"linalg.vector_norm: expected ord to be a real number, got {ord!r}")
    _check_real(ord, "linalg.vector_norm")
    x = converted(x, dtype, "linalg.vector_norm")
    dims = folded(x, ord, dim)
    return given(_vector_norm(x, float(ord), dims, keepdim), out, "linalg.vector_norm")


def folded(x, ord, dim) -> tuple[int, ...] | None:
    """The axes that a norm folds, None for all.  RuntimeError for an axis named twice, and where nothing has no norm of this order."""
    dims = None if dim is None else axes_of(dim if isinstance(dim, int) else tuple(dim), x)
    dims = (dims,) if isinstance(dims, int) else dims
    if ord < 0 or ord == INF:
        empty = [d for d in dims or () if not x.shape[d]]
        if empty or dims is None and not x.numel():
            which = f"the dimension {empty[0]} because this dimension is empty and" if dims else "an empty tensor because"
            raise RuntimeError(f"linalg.vector_norm cannot compute the {ord} norm on {which} the operation does not have an identity")
    return dims


def _check_real(ord, name: str):
    if isinstance(ord, complex):
        raise RuntimeError(f"{name}: Expected a non-complex scalar as the order of norm, got {ord}")


def _vector_norm(x, ord, dims, keepdim):
    if ord == INF:
        return x.abs().amax(dims, keepdim)
    if ord == -INF:
        return x.abs().amin(dims, keepdim)
    if ord == 0:
        size = x.abs()
        return where(eq(size, 0), size, 1.0).sum(dims, keepdim)
    return power_norm(x, ord, dims, keepdim)


def _largest(x):
    """Of non-negative numbers; 0 where there are none."""
    return x.amax(-1) if x.shape[-1] else x.sum(-1)


@listed
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim: bool = False, *, dtype=None, out=None):
    """A norm of matrices: "fro", "nuc", ±1 (columns), ±inf (rows), ±2 (singular values).  (*, m, n) -> (*)

    >>> flambeau.linalg.matrix_norm(flambeau.eye(4))
    tensor(2.)
    """
    name = "linalg.matrix_norm"
    A = converted(A, dtype, name)
    dims = dims_of(dim)
    _check_real(ord, name)
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions, got shape {list(A.shape)}")
    if len(dims) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {list(dims)}")
    a, b = (check_dim(d, A.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"{name}: dims must be different. Got ({dims[0]}, {dims[1]})")
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise RuntimeError(f"{name}: Order {ord} not supported: expected 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2")
    if not isinstance(ord, str) and abs(ord) not in (1, 2, INF):
        raise RuntimeError(f"{name}: Order {ord} not supported: expected 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2")
    if ord == "fro":
        return given(power_norm(A, 2.0, (a, b), keepdim), out, name)
    x = movedim(A, (a, b), (-2, -1))
    if ord == "nuc" or abs(ord) == 2:
        check(name, x)
        s = linalg_svdvals(x)
        y = s.sum(-1) if ord == "nuc" else _largest(s) if ord > 0 else s.amin(-1)
    else:
        sums = x.abs().sum(-1 if abs(ord) == INF else -2)
        y = _largest(sums) if ord > 0 else sums.amin(-1)
    if keepdim:
        for d in sorted((a, b)):
            y = unsqueeze(y, d)
    return given(y, out, name)


@listed
def norm(A, ord=None, dim=None, keepdim: bool = False, *, out=None, dtype=None):
    """A vector norm over one axis (or everything), a matrix norm over two: see `vector_norm` and `matrix_norm`.  (*) -> (*)

    >>> flambeau.linalg.norm(flambeau.ones(2, 2), "nuc")
    tensor(2.)
    """
    dims = dims_of(dim)
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if dims is None and A.ndim not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D.")
    if not isinstance(ord, str) and (1 if dims is not None and len(dims) == 1 or dims is None and A.ndim == 1 else 2) == 1:
        return vector_norm(A, ord, dims, keepdim, dtype=dtype, out=out)
    return matrix_norm(A, ord, dims or (-2, -1), keepdim, dtype=dtype, out=out)


@listed
def cond(A, p=None, *, out=None):
    """How much a matrix can magnify errors: ‖A‖ · ‖A⁻¹‖, inf where it is singular.  (*, m, n) -> (*)

    p  a norm of `matrix_norm`; None or ±2 divide singular values, and take matrices of any shape
    """
    if A.ndim < 2:
        raise RuntimeError(f"linalg.cond: The input tensor must have at least 2 dimensions, got shape {list(A.shape)}")
    A = converted(A, None, "linalg.cond")
    if not A.numel():
        return given(A.abs().sum((-2, -1)), out, "linalg.cond")
    if p is None or p in (2, -2):
        s = linalg_svdvals(A)
        first, last = s.select(-1, 0), s.select(-1, -1)
        return given(last / first if p == -2 else first / last, out, "linalg.cond")
    if p not in ("fro", "nuc", 1, -1, INF, -INF):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.cond: A must be batches of square matrices for p={p!r}, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    inverse, info = linalg_inv_ex(A)
    y = matrix_norm(A, p) * matrix_norm(inverse, p)
    return given(where(info > 0, INF, y), out, "linalg.cond")


# ---- distances
@numpy_names
@listed
def renorm(input, p, dim: int, maxnorm):
    """Each slice of axis `dim` scaled down to a norm of at most `maxnorm`.  (*) -> (*)"""
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported: expected p > 0, got {p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    dim = check_dim(dim, input.ndim)
    size = _vector_norm(input, float(p), tuple(d for d in range(input.ndim) if d != dim), True)
    return input * where(size > maxnorm, maxnorm / (size + 1e-7), 1.0)


@listed
def cdist(x1, x2, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"):
    """Distances between all rows of x1 and all rows of x2, in the norm of order p.  (*, n, k), (*, m, k) -> (*, n, m)"""
    for i, x in ((1, x1), (2, x2)):
        if x.dtype.category != FLOAT:
            raise RuntimeError(f"cdist only supports floating-point dtypes, X{i} got: {x.dtype.name}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{i} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    if compute_mode not in ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    apart = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if not apart.shape[-1]:
        return apart.sum(-1)
    return _vector_norm(apart, float(p), (-1,), False)


@listed
def pdist(input, p: float = 2.0):
    """Distances between all pairs of rows, each pair once.  (n, k) -> (n (n - 1) / 2)"""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    from .shapes import triu_indices

    first, second = triu_indices(input.shape[0], input.shape[0], 1, device=input.device)
    return _vector_norm(input[first] - input[second], float(p), (-1,), False)
