"""Laws of transforms inside each other, for every card that has a derivative."""
from __future__ import annotations

import numpy as np

import flambeau
from flambeau import func

from .conftest import skip_once
from .test_laws import close, differentiable, normal_like

PLACES = 2


def cases(card):
    """The card's smaller samples as functions of their differentiable inputs, with these stacked for two places, and tangents for both."""
    draw = np.random.default_rng(11)
    for function, xs in differentiable(card):
        if sum(x.numel() for x in xs) > 60:
            continue
        stacked = tuple(flambeau.stack([x, x.flip(0) if x.ndim else x]) for x in xs)
        yield function, stacked, tuple(normal_like(x, draw) for x in stacked), draw


def rows(call, *stacked):
    """A loop over the places, stacked."""
    found = [call(*(tuple(x[i] for x in group) for group in stacked)) for i in range(PLACES)]
    return tuple(flambeau.stack(list(column)) for column in zip(*found, strict=True))


def test_vmap_of_jvp_is_a_loop(card):
    for function, xs, ts, _ in cases(card):
        push = lambda x, t, function=function: func.jvp(function, x, t)[1]
        close(func.vmap(push)(xs, ts), rows(push, xs, ts), 1e-8, 1e-8)


def test_vmap_of_vjp_is_a_loop(card):
    for function, xs, _ts, draw in cases(card):
        gs = tuple(normal_like(y, draw) for y in rows(lambda x, function=function: function(*x), xs))
        pull = lambda x, g, function=function: func.vjp(function, *x)[1](g)
        close(func.vmap(pull)(xs, gs), rows(pull, xs, gs), 1e-8, 1e-8)


def test_forward_over_reverse_is_reverse_over_reverse(card):
    """A Hessian times a vector: the tangent of the gradient, and the gradient of the gradient's product with the vector."""
    skip_once(card)
    for function, xs, ts, draw in cases(card):
        x, t = tuple(v[0] for v in xs), tuple(v[0] for v in ts)
        if any(v.is_complex() for v in x):
            continue
        gs = tuple(normal_like(y, draw) for y in function(*x))
        if any(g.is_complex() for g in gs):
            continue
        pull = lambda *x, function=function, gs=gs: func.vjp(function, *x)[1](gs)
        forward = func.jvp(pull, x, t)[1]
        reverse = func.grad(lambda x, pull=pull, t=t: sum((a * b).sum() for a, b in zip(pull(*x), t, strict=True)))(x)
        close(forward, reverse, 1e-6, 1e-6)


