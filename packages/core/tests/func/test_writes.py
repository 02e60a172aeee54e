"""Writing in place inside transforms: each function has a twin that writes nothing, and every transform gives the same of both."""
from __future__ import annotations

import pytest

import flambeau
from flambeau.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from flambeau.testing import assert_close

X = flambeau.tensor([[0.5, 1.5, -1.0], [2.0, -0.5, 0.25]], dtype=flambeau.float64)


def made_like(v):
    z = v.new_zeros(3)
    z[0] = v[0] ** 2
    z[1:] = v[1:] * 3
    return (z * z).sum()


def made_plain(v):
    z = flambeau.zeros(3, dtype=v.dtype)
    part = z[1:]
    z[0] = v[0] ** 2
    part.copy_(v[1:] * 3)
    return (z * z).sum()


def made_twin(v):
    return (flambeau.stack([v[0] ** 2, v[1] * 3, v[2] * 3]) ** 2).sum()


def through_views(v):
    y = v * 1
    tail = y[1:]
    tail.mul_(v[0])
    tail[0:1].exp_()
    return (y * y).sum()


def through_views_twin(v):
    return (flambeau.stack([v[0], (v[1] * v[0]).exp(), v[2] * v[0]]) ** 2).sum()


def views_taken_before(v):
    y = v * 2
    first = y[0]
    y.mul_(3)
    return first * v[1]


def transposed(v):
    z = flambeau.zeros_like(flambeau.stack([v, v], 1))  # (3, 2)
    z.t()[0].copy_(v.sin())
    return (z * z).sum()


def detached(v):
    y = v.detach() * 1
    y[0:2].copy_(v[:2] ** 2)
    return (y * y).sum()


def masked(v):
    y = v.clone()
    y.masked_fill_(v > 1, 0.0)
    return (y * v).sum()


def at_places(v):
    z = flambeau.ones_like(v)
    z[flambeau.tensor([2, 0])] = v[:2] * v[1]
    z[flambeau.tensor([1])] += v[2]
    return (z * v).sum()


def at_places_twin(v):
    return (flambeau.stack([v[1] * v[1], 1 + v[2], v[0] * v[1]]) * v).sum()


def at_a_computed_place(v):
    y = v.clone()
    y[y.argmax()] = 0
    return (y * v).sum()


def filled(v):
    y = flambeau.empty_like(v).fill_(2)
    y.zero_().add_(v).mul_(1 / (v + 3)).pow_(2)
    return y.sum()


PAIRS = {
    "made like": (made_like, made_twin),
    "through views": (through_views, through_views_twin),
    "views taken before": (views_taken_before, lambda v: v[0] * 6 * v[1]),
    "transposed": (transposed, lambda v: (v.sin() ** 2).sum()),
    "detached": (detached, lambda v: (v[:2] ** 4).sum() + v[2].detach() ** 2),
    "masked": (masked, lambda v: (flambeau.where(v > 1, 0.0, v) * v).sum()),
    "at places": (at_places, at_places_twin),
    "at a computed place": (at_a_computed_place, lambda v: (flambeau.where(v == v.max(), 0.0, v) * v).sum()),
    "filled": (filled, lambda v: ((v / (v + 3)) ** 2).sum()),
    "plain": (made_plain, made_twin),
}
TRANSFORMS = {
    "grad": lambda f: grad(f)(X[0]),
    "vmap": lambda f: vmap(f)(X),
    "vmap of grad": lambda f: vmap(grad(f))(X),
    "grad of vmap": lambda f: grad(lambda x: vmap(f)(x).sum())(X),
    "jvp": lambda f: jvp(f, (X[0],), (X[1],)),
    "vmap of jvp": lambda f: vmap(lambda x, t: jvp(f, (x,), (t,)))(X, X + 1),
    "hessian": lambda f: hessian(f)(X[0]),
    "reverse over reverse": lambda f: jacrev(jacrev(f))(X[0]),
    "reverse over forward": lambda f: jacrev(jacfwd(f))(X[0]),
    "forward over forward": lambda f: jacfwd(jacfwd(f))(X[0]),
    "vmap of hessian": lambda f: vmap(hessian(f))(X),
    "grad of vmap of grad": lambda f: grad(lambda x: (vmap(grad(f))(x) ** 2).sum())(X),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", PAIRS)
def test_written_is_computed(name, transform):
    writes, twin = PAIRS[name]
    if name == "plain" and "vmap" in transform:
        with pytest.raises(RuntimeError, match="same in every place"):
            TRANSFORMS[transform](writes)
        return
    before = X.clone()
    assert_close(TRANSFORMS[transform](writes), TRANSFORMS[transform](twin))
    assert_close(X, before)


def changed_since(v):
    y = v * 1
    z = y * y
    y.add_(1)
    return z.sum()


@pytest.mark.parametrize("transform", ["grad", "vmap of grad", "grad of vmap", "hessian", "reverse over reverse"])
def test_a_value_changed_since_it_was_kept_is_an_error(transform):
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        TRANSFORMS[transform](changed_since)


@pytest.mark.parametrize("transform", ["grad", "vmap of grad", "hessian"])
def test_leaves_are_not_written_to(transform):
    with pytest.raises(RuntimeError, match="leaf Variable"):
        TRANSFORMS[transform](lambda v: v.mul_(2).sum())


def test_inputs_of_vmap_are_written_to():
    x = X.clone()

    def first(v):
        v[0] = 5
        return v * 1

    assert_close(vmap(first)(x), x)
    assert x[:, 0].tolist() == [5, 5]


def test_a_tensor_from_outside_keeps_the_values_and_is_plain_again():
    kept = flambeau.zeros(3, dtype=flambeau.float64)
    view = kept[1:]

    def f(v):
        kept.copy_(v * 2)
        return (kept * v).sum()

    assert_close(jvp(f, (X[0],), (X[1],))[1], (4 * X[0] * X[1]).sum())
    assert type(kept) is flambeau.Tensor and type(view) is flambeau.Tensor
    assert_close(kept, X[0] * 2)
    assert_close(view + 0, X[0][1:] * 2)
    view.zero_()
    assert kept.tolist() == [1.0, 0, 0]


def test_numbers_of_a_moving_tensor_are_not_taken_without_its_tangent():
    seen = []
    jvp(lambda v: (seen.append(v.sum().item()), bool(v[0] > 0), v)[2], (X[0],), (X[1],))  # control flow goes by the value
    assert seen == [1.0]
    with pytest.raises(RuntimeError, match="without its tangent"):
        jvp(lambda v: flambeau.from_numpy(v.array), (X[0],), (X[1],))
