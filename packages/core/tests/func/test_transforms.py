"""Transforms: what each gives, that they nest, what they refuse.  vmap as a loop and jvp as the transpose of vjp are laws of every card."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.func import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap


def f64(*shape, seed=0):
    return flambeau.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def close(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-10)


def test_grad_has_values_and_extras():
    x = f64(3)
    close(grad(lambda x: (x**3).sum())(x), 3 * x**2)
    g, (value, aux) = grad_and_value(lambda x: ((x**2).sum(), x + 1), has_aux=True)(x)
    close(g, 2 * x)
    close(value, (x**2).sum())
    close(aux, x + 1)
    gx, gy = grad(lambda x, y: (x * y["a"]).sum(), argnums=(0, 1))(x, {"a": x + 1})
    close(gx, x + 1)
    close(gy["a"], x)
    assert not g.requires_grad


def test_derivatives_of_every_order():
    f = lambda x: x**4
    for expected in (32.0, 48.0, 48.0, 24.0):
        f = grad(f)
        assert f(flambeau.tensor(2.0)).item() == expected


HESSIANS = {"forward over reverse": lambda f: jacfwd(jacrev(f)), "reverse over reverse": lambda f: jacrev(jacrev(f)),
            "reverse over forward": lambda f: jacrev(jacfwd(f)), "forward over forward": lambda f: jacfwd(jacfwd(f)), "hessian": hessian}


@pytest.mark.parametrize("way", HESSIANS)
def test_hessian_by_every_way(way):
    a = f64(4, 4)
    x = f64(4, seed=1)
    close(HESSIANS[way](lambda x: x @ a @ x)(x), a + a.t())


def test_per_sample_gradients():
    w, x, y = f64(4, 3), f64(5, 3, seed=1), f64(5, 4, seed=2)

    def loss(w, x, y):
        return ((w @ x - y) ** 2).sum()

    per_sample = vmap(grad(loss), in_dims=(None, 0, 0))(w, x, y)
    close(per_sample, flambeau.stack([grad(loss)(w, x[i], y[i]) for i in range(5)]))


def test_vmap_places_axes_and_nests():
    x, y = f64(2, 3, 4), f64(5, 4)
    close(vmap(lambda v: v.t(), in_dims=1, out_dims=2)(x), x.permute(2, 0, 1))
    pairwise = vmap(vmap(flambeau.dot, in_dims=(None, 0)), in_dims=(0, None))
    close(pairwise(x[0], y), x[0] @ y.t())
    close(vmap(lambda v: v.sum(), chunk_size=2)(y), y.sum(1))
    out = vmap(lambda d: {"twice": d["a"] * 2, "same": flambeau.ones(2)})({"a": y})
    assert out["twice"].shape == (5, 4) and out["same"].shape == (5, 2)


def test_vmap_writes_in_place():
    x = f64(3, 2)
    close(vmap(lambda v: v.clone().mul_(2).add_(v))(x), 3 * x)

    def rows(v):
        out = v * 0
        out[1] = v[0]
        return out

    close(vmap(rows)(x)[:, 1], x[:, 0])


def test_history_from_outside_flows_through():
    w, x = f64(4).requires_grad_(), f64(3, 4, seed=1)
    vmap(lambda v: (v * w).sum())(x).sum().backward()
    close(w.grad, x.sum(0))
    w.grad = None
    _, moved = jvp(lambda v: (v * w).sum(), (x[0],), (x[1],))
    moved.backward()
    close(w.grad, x[1])
    w.grad = None
    grad(lambda v: (v * v * w).sum())(x[0]).sum().backward()
    close(w.grad, 2 * x[0])


def test_jvp_and_vjp():
    x, t = f64(3), f64(3, seed=1)
    _y, moved = jvp(lambda x: {"a": x.sin(), "b": x * 0 + 1}, (x,), (t,))
    close(moved["a"], x.cos() * t)
    close(moved["b"], 0 * t)
    _y, back, aux = vjp(lambda x: (x * x, "note"), x, has_aux=True)
    close(back(t)[0], 2 * x * t)
    assert aux == "note"


def test_jvp_follows_python_branches():
    assert jvp(lambda x: x * 2 if x > 0 else x * 3, (flambeau.tensor(-1.0),), (flambeau.tensor(1.0),))[1].item() == 3.0


def test_ops_of_users_take_part():
    from flambeau.op import CARDS

    @flambeau.op("elementwise", vjp=lambda g, _y, x: g * 3 * x * x, c="({0} * {0} * {0})")
    def cubed_in_tests(xp, x):
        return x * x * x

    try:
        x = f64(3)
        close(vmap(grad(cubed_in_tests))(x), 3 * x * x)
        close(jvp(cubed_in_tests, (x,), (x,))[1], 3 * x**3)
    finally:
        del CARDS["cubed_in_tests"]


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: grad(lambda x: x * 2)(flambeau.ones(2)), RuntimeError, "scalar tensor"),
    (lambda: grad(lambda x: 3)(flambeau.ones(2)), RuntimeError, "return a Tensor"),
    (lambda: grad(lambda x: x.sum(), argnums=1)(flambeau.ones(2)), RuntimeError, "argnum=1"),
    (lambda: vmap(lambda x: x)(3), ValueError, "non-Tensor arguments"),
    (lambda: vmap(lambda x, y: x)(flambeau.ones(2), flambeau.ones(3)), ValueError, "same size"),
    (lambda: vmap(lambda x: 3)(flambeau.ones(2)), ValueError, "must only return Tensors"),
    (lambda: vmap(lambda x: x.item())(flambeau.ones(2)), RuntimeError, "no numbers to look at"),
    (lambda: vmap(lambda x: x if x > 0 else -x)(flambeau.ones(2)), RuntimeError, "no numbers to look at"),
    (lambda: vmap(lambda x: x[x > 0])(flambeau.ones(2, 3)), RuntimeError, "depends on values"),
    (lambda: vmap(lambda x: flambeau.zeros(2).add_(x))(flambeau.ones(3, 2)), RuntimeError, "same in every place"),
    (lambda: vmap(lambda x: x, randomness="never")(flambeau.ones(2)), RuntimeError, "randomness"),
    (lambda: vmap(lambda x: x, in_dims=2)(flambeau.ones(2)), ValueError, "dimensionality 1"),
    (lambda: jvp(lambda x: x, flambeau.ones(1), flambeau.ones(1)), RuntimeError, "a tuple"),
    (lambda: jvp(lambda x: x, (flambeau.ones(1),), (flambeau.ones(2),)), RuntimeError, "shape"),
    (lambda: vjp(lambda x: "text", flambeau.ones(1)), RuntimeError, "only tensors"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_jacobians_have_a_history_only_where_one_is_asked_for():
    x, w = flambeau.tensor([1.0, 2.0]), flambeau.tensor(3.0, requires_grad=True)
    assert not flambeau.func.jacrev(lambda v: v.exp())(x).requires_grad
    assert not flambeau.func.hessian(lambda v: v.exp().sum())(x).requires_grad
    asked = x.clone().requires_grad_()
    for jacobian in (flambeau.func.jacrev(lambda v: v.exp() * w)(x), flambeau.func.jacrev(lambda v: v.exp())(asked * 1)):
        assert jacobian.requires_grad
    flambeau.func.jacrev(lambda v: v.exp() * w)(x).sum().backward()
    assert float(w.grad) == pytest.approx(float(x.exp().sum()))
    nested = flambeau.func.jacrev(flambeau.func.jacrev(lambda v: (v**3).sum()))(x)
    assert nested.tolist() == [[6, 0], [0, 12]] and not nested.requires_grad
