"""Orthogonal polynomials, each by its recurrence: p₀ = 1, p₁, and p₍ₖ₊₁₎ from pₖ and p₍ₖ₋₁₎.

The degrees are a tensor too, broadcast with x; their fraction is cut off, and a negative degree gives 0. As in PyTorch no gradient flows.
"""
from __future__ import annotations

import math

from ..define import elementwise


def _polynomial(name: str, first, step, doc: str, shifted: bool = False, limit=None):
    """`first(x)` is p₁; `step(k, x, p, before)` is p₍ₖ₊₁₎; degrees above `limit(dtype)` give NaN."""

    def body(xp, x, n):
        x, n = xp.asarray(x) * 1.0, xp.trunc(xp.asarray(n) * 1.0)
        x = x + x - 1.0 if shifted else x
        before, p = xp.ones_like(x), first(x)
        result = xp.where(n < 0, 0.0, xp.where(n == 0, 1.0, xp.where(n == 1, p, math.nan)))
        for k in range(1, _highest(xp, n, limit and limit(x.dtype))):
            before, p = p, step(k, x, p, before)
            result = xp.where(n == k + 1, p, result)
            if k % 256 == 0 and bool(xp.isnan(p).all()):  # out of range everywhere, and so it stays
                break
        return result if result.dtype == x.dtype else result.astype(x.dtype)

    return elementwise(name, body=body, c="", domain=(0.0, 3.4), doc=doc + " of degree n, at x.")


def _highest(xp, n, limit) -> int:
    """The highest degree that is asked for, and that the limit allows."""
    kept = n[xp.isfinite(n) & (n <= (math.inf if limit is None else limit))] if n.ndim else n.reshape(1)
    return int(xp.max(kept)) if kept.size and bool(xp.isfinite(xp.max(kept))) else 0


def _hermite_limit(dtype) -> int:
    """Above it the values leave the dtype's range almost everywhere, and PyTorch gives NaN."""
    return 512 if dtype.itemsize == 8 else 128


def _chebyshev(_k, x, p, before):
    return (x + x) * p - before


def _chebyshev_pair(letter: str, kind: str, first):
    name, words = f"chebyshev_polynomial_{letter}", f"Chebyshev polynomial of the {kind} kind"
    return _polynomial(name, first, _chebyshev, words), _polynomial(f"shifted_{name}", first, _chebyshev, words + ", for 0 … 1,", True)


chebyshev_polynomial_t, shifted_chebyshev_polynomial_t = _chebyshev_pair("t", "first", lambda x: x)
chebyshev_polynomial_u, shifted_chebyshev_polynomial_u = _chebyshev_pair("u", "second", lambda x: x + x)
chebyshev_polynomial_v, shifted_chebyshev_polynomial_v = _chebyshev_pair("v", "third", lambda x: x + x - 1.0)
chebyshev_polynomial_w, shifted_chebyshev_polynomial_w = _chebyshev_pair("w", "fourth", lambda x: x + x + 1.0)
hermite_polynomial_h = _polynomial("hermite_polynomial_h", lambda x: x + x, lambda k, x, p, before: (x + x) * p - 2 * k * before,
                                   "Hermite polynomial, the physicists',", limit=_hermite_limit)
hermite_polynomial_he = _polynomial("hermite_polynomial_he", lambda x: x, lambda k, x, p, before: x * p - k * before,
                                    "Hermite polynomial, the probabilists',", limit=_hermite_limit)
laguerre_polynomial_l = _polynomial("laguerre_polynomial_l", lambda x: 1.0 - x,
                                    lambda k, x, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1), "Laguerre polynomial")
legendre_polynomial_p = _polynomial("legendre_polynomial_p", lambda x: x,
                                    lambda k, x, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1), "Legendre polynomial")
