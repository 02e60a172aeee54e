"""LDL: a symmetric or Hermitian matrix as L D Lᵀ, D of blocks of one and two, as LAPACK keeps it.  By SciPy."""
from __future__ import annotations

import numpy as np

from ..define import op
from ..dtype import int32
from ..return_types import kind
from .elimination import same, square
from .matrix import check, check_pair, fail, give
from .outs import given

Factor, FactorEx = kind("linalg_ldl_factor"), kind("linalg_ldl_factor_ex")


def _samples(make):
    for batch in ((), (2,)):
        x = square(make, 3, *batch)
        yield (x + x.mT,), {"hermitian": False}


@op("opaque", inputs=1, outputs=3, vmap=same, samples=_samples)
def linalg_ldl_factor_ex(xp, x, hermitian):
    """L and D in one matrix, which rows were exchanged, and 0 or the place of a zero block of D.  (*, n, n) -> (*, n, n), (*, n), (*)"""
    return xp.on_host(_factored_by_lapack)(x, hermitian)


def _factored_by_lapack(x, hermitian):
    from scipy.linalg import lapack

    kind = "he" if hermitian and x.dtype.kind == "c" else "sy"
    factor = getattr(lapack, f"{_letter(x)}{kind}trf")
    n = x.shape[-1]
    out, pivots, info = x.copy(), np.zeros((*x.shape[:-1],), np.int32), np.zeros(x.shape[:-2], np.int32)
    for place in np.ndindex(*x.shape[:-2]) if n else ():
        low, pivots[place], info[place] = factor(x[place], lower=1)
        out[place] = np.tril(low)
    return out, pivots, info


def _letter(x) -> str:
    return {"f4": "s", "f8": "d", "c8": "c", "c16": "z"}[x.dtype.str[1:]]


def _factored(make):
    for x, b in ((square(make), (3, 2)), (square(make, 3, 2), (2, 3, 1))):
        low, pivots, _ = linalg_ldl_factor_ex(x + x.mT, hermitian=False)
        yield (low.detach(), pivots, make(b, -1.0, 1.0)), {"hermitian": False}


@op("opaque", inputs=3, promote=None, samples=_factored)
def linalg_ldl_solve(xp, low, pivots, b, hermitian):
    """X with A X = b, from what `ldl_factor` gives of A.  (*, n, n), (*, n), (*, n, k) -> (*, n, k)"""
    return xp.on_host(_solved_by_lapack)(low, pivots, b, hermitian)


def _solved_by_lapack(low, pivots, b, hermitian):
    from scipy.linalg import lapack

    solve = getattr(lapack, f"{_letter(low)}{'he' if hermitian and low.dtype.kind == 'c' else 'sy'}trs")
    batch = np.broadcast_shapes(low.shape[:-2], b.shape[:-2])
    low, pivots = np.broadcast_to(low, (*batch, *low.shape[-2:])), np.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    out = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])))
    for place in np.ndindex(*batch) if out.size else ():
        out[place], _ = solve(low[place], pivots[place], out[place], lower=1)
    return out


def ldl_factor_ex(A, *, hermitian: bool = False, check_errors: bool = False, out=None, _name: str = "linalg.ldl_factor_ex"):
    """`ldl_factor` with, instead of an error, the place of a zero block of D (0: none).  -> LD, pivots, info"""
    check(_name, A, square=True)
    result = FactorEx(*linalg_ldl_factor_ex(A, hermitian=bool(hermitian)))
    if check_errors:
        fail(_name, result.info, "Factor D has the zero block {k}: a solution would divide by zero.")
    return give(result, out, _name)


def ldl_factor(A, *, hermitian: bool = False, out=None):
    """A = L D Lᵀ (L D Lᴴ when `hermitian`), as LAPACK packs it; the lower triangle is read.  (*, n, n) -> LD (*, n, n), pivots (*, n)"""
    low, pivots, info = ldl_factor_ex(A, hermitian=hermitian, _name="linalg.ldl_factor")
    fail("linalg.ldl_factor", info, "Factor D has the zero block {k}: a solution would divide by zero.")
    return give(Factor(low, pivots), out, "linalg.ldl_factor")


def ldl_solve(LD, pivots, B, *, hermitian: bool = False, out=None):
    """X with A X = B, from what `ldl_factor` gives of A.  (*, n, n), (*, n), (*, n, k) -> (*, n, k)"""
    name = "linalg.ldl_solve"
    check(name, LD, square=True)
    check_pair(name, LD, B)
    if B.ndim < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, but it has {B.ndim} dimensions instead")
    if B.shape[-2] != LD.shape[-1]:
        raise RuntimeError(f"{name}: Incompatible matrix sizes: each A matrix is {LD.shape[-1]} by {LD.shape[-1]} "
                           f"but each b matrix is {B.shape[-2]} by {B.shape[-1]}")
    if pivots.dtype is not int32 and pivots.dtype.name != "int64":
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype.name}")
    return given(linalg_ldl_solve(LD, pivots, B, hermitian=bool(hermitian)), out, name)
