"""Laws that every card keeps (DESIGN §10): one sweep over all cards, so that a new op is tested without a line of test."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import func
from flambeau.autograd import gradcheck, gradgradcheck
from flambeau.dispatch import by_body, run
from flambeau.dtype import FLOAT
from flambeau.op import CARDS
from flambeau.promote import OF_FLOATS

from .conftest import outputs, samples, skip_once

float32, float64 = flambeau.float32, flambeau.float64


def close(a, b, rtol=1e-9, atol=1e-9):
    for x, y in zip(outputs(a), outputs(b), strict=True):
        x, y = (np.asarray(v.detach().numpy(), dtype=np.complex128 if v.is_complex() else np.float64) for v in (x, y))
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, equal_nan=True)


def floats(inputs) -> list[int]:
    return [i for i, x in enumerate(inputs) if isinstance(x, flambeau.Tensor) and x.dtype.category >= FLOAT]


def call(card, inputs, attrs):
    return run(card, inputs if card.variadic else tuple(inputs), attrs)


def differentiable(card, **options):
    """The card's samples with the places of its differentiable inputs, and the op as a function of these alone."""
    if card.vjp is None and card.kind != "composite":
        pytest.skip("has no gradient by design")
    if card.name == "cast":
        pytest.skip("rounds to float32: finite differences see steps (test_cast has its gradient)")
    for inputs, attrs in samples(card, **options):
        inputs = list(inputs)
        places = [
            i for i in floats(inputs) if card.joint or card.variadic or card.vjp is None or (i < len(card.vjp) and card.vjp[i] is not None)
        ]
        if not places:
            continue

        def function(*given, inputs=inputs, places=places, attrs=attrs):
            row = list(inputs)
            for i, x in zip(places, given, strict=True):
                row[i] = x
            return tuple(y for y in outputs(call(card, row, attrs)) if y.dtype.category >= FLOAT)

        yield function, [inputs[i] for i in places]


def fresh(xs):
    return tuple(x.detach().clone().requires_grad_() for x in xs)


def normal_like(x, draw):
    values = draw.standard_normal(x.shape)
    return flambeau.from_numpy(np.asarray(values + 1j * draw.standard_normal(x.shape) if x.is_complex() else values))


def test_has_samples_and_words(card):
    assert card.samples is not None, "a card needs samples: the laws are its tests"
    assert card.doc and card.doc.strip()
    assert list(samples(card))


@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
def test_forward_is_the_body(card, dtype):
    """What the dispatcher gives is what the body gives on bare arrays."""
    from flambeau.backends import numpy as xp
    from flambeau.dispatch import arrays_of, as_arrays

    for inputs, attrs in samples(card, dtype):
        arrays, _ = arrays_of(card, inputs)
        expected = as_arrays(card.body(xp, arrays, **attrs) if card.variadic else card.body(xp, *arrays, **attrs), xp)
        got = call(card, inputs, attrs)
        tolerance = 1e-12 if dtype is float64 else 2e-6
        close(
            got,
            tuple(map(flambeau.from_numpy, expected)) if isinstance(expected, tuple) else flambeau.from_numpy(np.array(expected)),
            tolerance,
            tolerance,
        )
        assert [y.dtype.numpy for y in outputs(got)] == [e.dtype for e in (expected if isinstance(expected, tuple) else (expected,))]


def test_float32_follows_float64(card):
    for (low, attrs), (high, _) in zip(samples(card, float32), samples(card, float64), strict=True):
        close(call(card, low, attrs), call(card, high, attrs), 2e-4, 2e-5)


def test_inputs_are_left_alone(card):
    for inputs, attrs in samples(card):
        before = [x.array.copy() if isinstance(x, flambeau.Tensor) else x for x in inputs]
        call(card, inputs, attrs)
        for x, b in zip(inputs, before, strict=True):
            if isinstance(x, flambeau.Tensor):
                np.testing.assert_array_equal(x.array, b)


def test_memory_order_does_not_matter(card):
    if card.name in ("view", "view_as_complex"):
        pytest.skip("says anew how memory is read: another order is an error")
    for (straight, attrs), (turned, _) in zip(samples(card), samples(card, transposed=True), strict=True):
        close(call(card, straight, attrs), call(card, turned, attrs), 1e-12, 1e-12)


def test_gradient(card):
    for function, xs in differentiable(card):
        assert gradcheck(function, fresh(xs), eps=1e-6, atol=2e-5)


def test_gradient_of_gradient(card):
    skip_once(card)
    for function, xs in differentiable(card):
        xs = fresh(xs)
        if sum(x.numel() for x in xs) > 100:  # the check costs the square of it
            continue
        assert gradgradcheck(function, xs, eps=1e-6, atol=2e-4)


def test_jvp_is_vjp_transposed(card):
    """⟨J t, g⟩ = ⟨t, Jᵀ g⟩."""
    for function, xs in differentiable(card):
        draw = np.random.default_rng(3)
        ts = tuple(normal_like(x, draw) for x in xs)
        y, moved = func.jvp(function, tuple(xs), ts)
        gs = tuple(normal_like(v, draw) for v in y)
        _, back = func.vjp(function, *xs)
        sent = back(gs)
        forward = sum(np.vdot(m.numpy(), g.numpy()).real for m, g in zip(moved, gs, strict=True))
        backward = sum(np.vdot(t.numpy(), s.numpy()).real for t, s in zip(ts, sent, strict=True))
        assert forward == pytest.approx(backward, rel=1e-8, abs=1e-8)


def test_own_gradient_is_the_bodys(card):
    """A composite's formula agrees with what autograd makes of its body."""
    if card.kind != "composite" or card.vjp is None or card.variadic:
        pytest.skip("only composites have both")
    for inputs, attrs in samples(card):
        rows = [[x.detach().clone().requires_grad_() if i in floats(inputs) else x for i, x in enumerate(inputs)] for _ in range(2)]
        results = outputs(call(card, rows[0], attrs)), outputs(by_body(card, rows[1], attrs))
        grads = []
        for row, ys in zip(rows, results, strict=True):
            seeds = [flambeau.from_numpy(np.random.default_rng(5).standard_normal(y.shape)) for y in ys]
            ys, seeds = zip(*[(y, s) for y, s in zip(ys, seeds, strict=True) if y.requires_grad], strict=True)
            grads.append(flambeau.autograd.grad(ys, [row[i] for i in floats(inputs)], seeds, allow_unused=True, materialize_grads=True))
        for a, b in zip(*grads, strict=True):
            close(a, b, 1e-8, 1e-8)


def test_vmap_is_a_loop(card):
    if card.name in ("nonzero_rows", "unique_values", "transfer"):
        pytest.skip("the result's shape depends on values, or the op is about devices")
    for inputs, attrs in samples(card):
        inputs = list(inputs)
        places = [i for i, x in enumerate(inputs) if isinstance(x, flambeau.Tensor)]
        for mapped in ([places] if len(places) == 1 else [places, places[:1], places[1:]]):
            grown = [flambeau.stack([x, x.flip(0) if x.ndim else x, x]) if i in mapped else x for i, x in enumerate(inputs)]

            def one(*xs, attrs=attrs, inputs=inputs, mapped=mapped):
                row = list(inputs)
                for i, x in zip(mapped, xs, strict=True):
                    row[i] = x
                return call(card, row, attrs)

            got = func.vmap(one)(*(grown[i] for i in mapped))
            rows = [outputs(one(*(grown[i][k] for i in mapped))) for k in range(3)]
            close(got, tuple(flambeau.stack(list(column)) for column in zip(*rows, strict=True)), 1e-10, 1e-10)


def test_in_place_is_functional(card):
    if card.inplace is None or card.kind != "elementwise" or card.promote == "bool" or card.name in ("where", "cast"):
        pytest.skip("has no in-place form")
    for inputs, attrs in samples(card):
        expected = call(card, inputs, attrs)
        target = inputs[0].clone()
        if target.shape != expected.shape:
            continue
        alias = target.view(*target.shape)
        out = card.inplace(target, *inputs[1:], **attrs)
        assert out is target
        assert target._version == 1 and alias._version == 1
        close(alias, expected)


def test_in_place_has_the_same_gradient(card):
    if card.inplace is None or card.kind != "elementwise" or card.promote == "bool" or card.name in ("where", "cast") or card.vjp is None \
            or None in card.vjp:
        pytest.skip("has no differentiable in-place form")
    for inputs, attrs in samples(card):
        xs = fresh([x for x in inputs if isinstance(x, flambeau.Tensor)])
        y = call(card, xs, attrs)
        if y.shape != xs[0].shape:
            continue
        seed = flambeau.from_numpy(np.random.default_rng(5).standard_normal(y.shape))
        expected = flambeau.autograd.grad(y, xs, seed)
        written = card.inplace(xs[0] * 1, *xs[1:], **attrs)
        for a, b in zip(expected, flambeau.autograd.grad(written, xs, seed), strict=True):
            close(a, b)


def test_out_is_filled(card):
    if card.call is None or card.outputs > 1 or card.kind == "view" or card.variadic:
        pytest.skip("takes no out=")
    for inputs, attrs in samples(card):
        expected = call(card, inputs, attrs)
        out = flambeau.empty_like(expected)
        assert card.call(*inputs, **attrs, out=out) is out
        close(out, expected)


def test_empty(card):
    if card.kind != "elementwise":
        pytest.skip("elementwise ops alone take any shape")
    for inputs, attrs in samples(card):
        empties = [x.new_zeros(0, 3) if isinstance(x, flambeau.Tensor) else x for x in inputs]
        if card.name == "where":
            empties[0] = empties[0].bool()
        assert call(card, empties, attrs).shape == (0, 3)


def test_whole_numbers(card):
    """Integers are computed with as the card's rule of promotion says."""
    if card.kind != "elementwise" or card.promote is None:
        pytest.skip("promotes nothing")
    if card.name in ("clamp", "lerp", "gelu_erf", "gelu_tanh"):
        pytest.skip("its samples' attrs are floats")
    for inputs, attrs in samples(card, flambeau.int64):
        if card.name in OF_FLOATS | {"frac"}:
            with pytest.raises(NotImplementedError):
                call(card, inputs, attrs)
            continue
        y = call(card, inputs, attrs)
        expected = {"same": flambeau.int64, "float": flambeau.get_default_dtype(), "bool": flambeau.bool, "rest": flambeau.int64}[
            card.promote
        ]
        assert y.dtype is expected


def test_cast_has_the_gradient_of_the_identity():
    x = flambeau.tensor([1.0, 2.0], dtype=float64, requires_grad=True)
    (x.to(float32) * flambeau.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.dtype is float64 and x.grad.tolist() == [3.0, 4.0]


TO_FLOATS = sorted(name for name, card in CARDS.items() if card.kind == "elementwise" and card.promote == "float" and name not in OF_FLOATS)


@pytest.mark.parametrize("name", TO_FLOATS)
def test_whole_numbers_on_the_fast_path(name):
    card, attrs = CARDS[name], {"n": 1} if name == "polygamma" else {}
    for kind in (flambeau.int64, flambeau.int8, flambeau.bool):
        whole = [flambeau.tensor([1, 0], dtype=kind)] * card.inputs
        with np.errstate(all="ignore"):
            found, expected = card.call(*whole, **attrs), run(card, tuple(x.float() for x in whole), attrs)
        assert found.dtype is float32
        close(found, expected, rtol=1e-6)
