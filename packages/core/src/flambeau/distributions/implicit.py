"""Gradients of gamma and beta samples by their parameters, at fixed probability: dx/da = -(∂F/∂a) / f  (Figurnov, Mohamed, Mnih 2018).

Both sums are the series of the incomplete function, divided by the density term by term, so that nothing overflows.
"""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.autograd import Function

ENOUGH, LARGE = 1e-17, 1e4  # terms below this share end a sum; from this concentration on an expansion takes its place


def gamma_gradient(x: Tensor, a: Tensor) -> Tensor:
    """dx/da of x = F⁻¹(p; a), the standard gamma distribution's.  (*), (*) -> (*)"""
    kind = x.dtype
    x, a = x.double(), a.double().expand(x.shape)
    few = a.clamp(max=LARGE)
    slope = _gamma_series(flambeau.where(a < LARGE, x, few), few)
    root = a.sqrt()
    z = (x - a) / root
    for _ in range(4):  # x = a + z √a + (z² - 1) / 3 + (z³ - 7z) / (36 √a) …, Cornish and Fisher
        z = (x - a - (z.square() - 1) / 3 - (z.pow(3) - 7 * z) / (36 * root)) / root
    far = 1 + z / (2 * root) - (z.pow(3) - 7 * z) / (72 * a * root)
    return flambeau.where(a < LARGE, slope, far).to(kind)


def _gamma_series(x: Tensor, a: Tensor) -> Tensor:
    """-Σ cₙ (log x - ψ(a + n + 1)), cₙ = xⁿ⁺¹ / (a (a + 1) … (a + n))."""
    term, log, psi = x / a, x.log(), (a + 1).digamma()
    total = term * (log - psi)
    n = 0
    while True:
        n += 1
        term = term * x / (a + n)
        psi = psi + 1 / (a + n)
        total = total + term * (log - psi)
        if n % 16 == 0 and bool(((term <= ENOUGH * total.abs()) | (x == 0) | ~total.isfinite()).all() & (x < a + n).all()):
            return -flambeau.where(x == 0, flambeau.zeros_like(total), total)


def beta_gradient(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """dx/da of x = F⁻¹(p; a, b), the beta distribution's.  (*), (*), (*) -> (*)"""
    kind = x.dtype
    x, a, b = (flambeau.broadcast_tensors(*(v.double() for v in (x, a, b))))
    x = x.clamp(min=flambeau.finfo(flambeau.float64).tiny, max=1 - 1e-16)
    low = x < 0.5
    y = 1 - x
    # below the middle F = Σ Tₙ(x; a, b); above it 1 - F = Σ Tₙ(1 - x; b, a), Tₙ / f = v w ⋯ (a + b + n - 1) v / (p + n) …
    v, p = flambeau.where(low, x, y), flambeau.where(low, a, b)
    term = v * (1 - v) / p
    log, psi_sum = x.log(), (a + b).digamma()
    psi = flambeau.where(low, (a + 1).digamma(), a.digamma())
    total = term * (log + psi_sum - psi)
    n = 0
    while True:
        n += 1
        term = term * v * (a + b + n - 1) / (p + n)
        psi_sum = psi_sum + 1 / (a + b + n - 1)
        psi = psi + flambeau.where(low, 1 / (a + n), flambeau.zeros_like(a))
        total = total + term * (log + psi_sum - psi)
        if n % 16 == 0 and bool(((term <= ENOUGH * total.abs()) & (v * (a + b + n) < p + n) | ~total.isfinite()).all()):
            return flambeau.where(low, -total, total).to(kind)


class StandardGamma(Function):
    """Gamma samples of rate 1 with the gradient by their concentration."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        x = flambeau._standard_gamma(concentration)
        ctx.save_for_backward(x, concentration)
        return x

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        x, concentration = (t.detach() for t in ctx.saved_tensors)
        return g * gamma_gradient(x, concentration)


class DirichletSample(Function):
    """Dirichlet samples with the gradient by their concentration.  (*, k) -> (*, k)

    One part moves as a beta variable does, and takes from the others, or gives them, in proportion.
    """

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        x = flambeau._sample_dirichlet(concentration)
        ctx.save_for_backward(x, concentration)
        return x

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        x, a = (t.detach() for t in ctx.saved_tensors)
        slope = beta_gradient(x, a, a.sum(-1, keepdim=True) - a) / (1 - x)
        return slope * (g - (x * g).sum(-1, keepdim=True))
