"""vmap's rules where the sweep's samples do not reach: places in the middle, scalars in each place, values that may not be looked at."""
from __future__ import annotations

import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau.func import vmap
from flambeau.testing import assert_close

flambeau.manual_seed(0)
X = flambeau.randn(3, 2, 4, 5)
V = flambeau.randn(3, 6)
PLACES = flambeau.tensor([[0, 3], [2, 2], [1, 0]])
MASK = X > 0


def put_rows(x, i):
    x = x.clone()
    x[:, i] = x[:, i] * 2
    return x


def put_pair(x, i):
    x = x.clone()
    x[i % 2, :, i] = flambeau.arange(4.0)
    return x


def put_columns(x, i, v):
    x = x.clone()
    x[..., i] = v[:2]
    return x


CASES = {
    "x[:, i]": (lambda x, i: x[:, i], (X, PLACES)),
    "x[i, :, i]": (lambda x, i: x[i % 2, :, i], (X, PLACES)),
    "x[..., i]": (lambda x, i: x[..., i], (X, PLACES)),
    "x[k]": (lambda x, k: x[k], (X, PLACES[:, 0] % 2)),
    "x[:, i] = ": (put_rows, (X, PLACES)),
    "x[i, :, i] = ": (put_pair, (X, PLACES)),
    "x[..., i] = ": (put_columns, (X, PLACES, V)),
    "index_add": (lambda x, i: x.index_add(1, i, x[:, :2]), (X, PLACES)),
    "index_put accumulates": (lambda x, i: x.index_put((i % 2, i), x[0, :2], accumulate=True), (X, PLACES)),
    "gather of a scalar": (lambda v: v[0].gather(0, flambeau.tensor(0)), (V,)),
    "topk of a scalar": (lambda v: v[0].topk(1)[0], (V,)),
    "sort": (lambda v: v.sort(descending=True)[1], (V,)),
    "isin": (lambda v, i: flambeau.isin(v.round(), i), (V, PLACES)),
    "masked_scatter": (lambda x, m: x.masked_scatter(m, flambeau.arange(40.0)), (X, MASK)),
    "one_hot": (lambda i: F.one_hot(i, 4), (PLACES,)),
    "binary_cross_entropy": (lambda v: F.binary_cross_entropy(v.sigmoid(), flambeau.ones(6)), (V,)),
    "cross_entropy": (lambda x, i: F.cross_entropy(x[0, :2], i), (X, PLACES)),
    "cross_entropy, smooth": (lambda x, i: F.cross_entropy(x[0, :2], i, label_smoothing=0.1, ignore_index=1), (X, PLACES)),
    "embedding": (lambda w, i: F.embedding(i, w[0]), (X, PLACES)),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), (X,)),
    "batch_norm, one a place": (lambda x, v: F.batch_norm(x, v[:4], v[:4].abs(), v[2:], v[2:]), (X, V)),
    "instance_norm": (lambda x: F.instance_norm(x), (X,)),
    "conv1d": (lambda x, w: F.conv1d(x, w, padding=1), (X, flambeau.randn(3, 6, 4, 3))),
    "conv1d, groups": (lambda x, w: F.conv1d(x, w, groups=2, stride=2), (X, flambeau.randn(3, 6, 2, 3))),
    "max_pool1d": (lambda x: F.max_pool1d(x, 2, return_indices=True)[1], (X,)),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 3, padding=1), (X,)),
    "unfold": (lambda v: v.unfold(0, 3, 2), (V,)),
    "linspace": (lambda v: flambeau.linspace(v[0], v[1], 5), (V,)),
    "searchsorted": (lambda v, x: flambeau.searchsorted(v.sort()[0], x[0]), (V, X)),
    "cummax": (lambda v: v.cummax(0)[1], (V,)),
    "median": (lambda v: v.median(0)[0], (V,)),
    "view_as_complex": (lambda v: flambeau.view_as_complex(v.reshape(3, 2)).abs(), (V,)),
    "solve": (lambda x: flambeau.linalg.solve(x[0] @ x[0].mT + flambeau.eye(4), x[1]), (X,)),
    "cumprod": (lambda v: v.cumprod(0), (V,)),
    "einsum": (lambda x, v: flambeau.einsum("cij,j->ci", x, v[:5]), (X, V)),
    "full_like": (lambda v: flambeau.full_like(v, 2).mul_(v), (V,)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mapped", ["all", "first"])
def test_a_loop(name, mapped):
    function, given = CASES[name]
    dims = tuple(0 if mapped == "all" or k == 0 else None for k in range(len(given)))
    given = tuple(x if d is not None else x[0] for x, d in zip(given, dims, strict=True))
    got = vmap(function, in_dims=dims)(*given)
    rows = [function(*(x[i] if d is not None else x for x, d in zip(given, dims, strict=True))) for i in range(3)]
    assert_close(got, flambeau.stack(rows), rtol=1e-4, atol=1e-5)
    at_the_end = tuple(x.movedim(0, -1) if d is not None else x for x, d in zip(given, dims, strict=True))
    moved = vmap(function, in_dims=tuple(-1 if d is not None else None for d in dims), out_dims=-1)(*at_the_end)
    assert_close(moved.movedim(-1, 0), got, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("call", [
    lambda x: x.item(), lambda x: bool(x), lambda x: x.tolist(), lambda x: x.numpy(), float, int,
    lambda x: x.reshape(1).nonzero(), lambda x: x.reshape(1)[x.reshape(1) > 0], lambda x: x.reshape(1).masked_select(x.reshape(1) > 0),
    lambda x: x.reshape(1).unique(), lambda x: flambeau.argwhere(x.reshape(1)), lambda x: F.one_hot(x.long().abs()),
    lambda x: flambeau.equal(x, x), lambda x: flambeau.allclose(x, x), lambda x: x if x else -x, lambda x: range(x.long()),
])
def test_values_are_not_looked_at(call):
    with pytest.raises(RuntimeError, match="no numbers to look at|depends on values"):
        vmap(call)(V[:, 0])


def test_what_is_the_same_everywhere_may_be_looked_at():
    seen = []

    def f(v, w):
        inner = flambeau.func.grad(lambda w: (seen.append((w * 2).item()), w * w)[1])(w)
        return v * inner

    assert_close(vmap(f, in_dims=(0, None))(V[0], flambeau.tensor(3.0)), V[0] * 6)
    assert seen == [6.0]


@pytest.mark.parametrize(("options", "words"), [
    ({"in_dims": None}, "expected `in_dims` to be int or a"),
    ({"in_dims": [0]}, "expected `in_dims` to be int or a"),
    ({"in_dims": (0, 0)}, "not compatible with the structure of `inputs`"),
    ({"in_dims": ("a",)}, "must be either an integer dimension or None"),
    ({"in_dims": (2,)}, "dimensionality 2 so expected in_dim to satisfy -2 <= in_dim < 2"),
    ({"in_dims": (None,)}, "at least one input must be mapped"),
    ({"out_dims": (0, 0)}, "not compatible with the structure of `outputs`"),
    ({"out_dims": "a"}, "`out_dims` must be an int, None"),
    ({"out_dims": None}, "differs from place to place"),
    ({"chunk_size": 0}, "greater than 0"),
])
def test_arguments(options, words):
    with pytest.raises(ValueError, match=words):
        vmap(lambda v: v, **options)(V)


def test_structures_of_dims():
    tree = {"a": [V], "b": V[0]}
    got = vmap(lambda d: {"sum": d["a"][0] + d["b"], "n": 3}, in_dims=({"a": 0, "b": None},), out_dims={"sum": 1, "n": None})(tree)
    assert_close(got, {"sum": (V + V[0]).t(), "n": 3})
    assert vmap(lambda v: (v, (v, v)), out_dims=(1, 0))(V)[1][1].shape == (3, 6)
    assert vmap(lambda v: flambeau.ones(2), out_dims=None)(V).shape == (2,)
    with pytest.raises(ValueError, match="got no inputs"):
        vmap(lambda: 1)()


def test_reshape_of_what_is_batched_along_an_inner_axis():
    x = flambeau.arange(60.0).reshape(3, 4, 5)
    flat = flambeau.func.vmap(lambda v: v.reshape(12), in_dims=2)(x)
    assert flat.tolist() == [x[..., i].reshape(12).tolist() for i in range(5)]
