"""Random functions inside vmap: an error, numbers of each place's own, or the same in all; the numbers are PyTorch's from the same seed."""
from __future__ import annotations

import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau.func import grad, jacfwd, jvp, vmap
from flambeau.testing import assert_close

X = flambeau.arange(12.0).reshape(3, 4) / 12
NESTED = flambeau.arange(24.0).reshape(2, 3, 4) / 24

# every one of them draws: with a shape of its own, of its argument's, in place, by probabilities, inside another function
DRAWS = {
    "rand": lambda v: flambeau.rand(2),
    "randn": lambda v: flambeau.randn(20) + v.sum() * 0,
    "randint": lambda v: flambeau.randint(0, 10, (3,)),
    "randperm": lambda v: flambeau.randperm(5) + v.sum() * 0,
    "like": flambeau.rand_like,
    "nlike": flambeau.randn_like,
    "ilike": lambda v: flambeau.randint_like(v, 10),
    "bernp": lambda v: flambeau.bernoulli(v, 0.5),
    "bern": flambeau.bernoulli,
    "multi": lambda v: flambeau.multinomial(v + 0.1, 2),
    "multi2": lambda v: flambeau.multinomial(flambeau.stack([v, v]) + 0.1, 2, replacement=True),
    "normal": lambda v: flambeau.normal(v, 1.0),
    "normal3": lambda v: flambeau.normal(0.0, 1.0, (3,)) + v[:3] * 0,
    "uni_": lambda v: v.clone().uniform_(),
    "nor_": lambda v: v.clone().normal_(),
    "ber_t": lambda v: v.clone().bernoulli_(v),
    "rnd_": lambda v: v.clone().random_(0, 9),
    "dropout": lambda v: F.dropout(v, 0.5),
    "dropout_unb": lambda v: F.dropout(X[0], 0.5) + v * 0,
    "alpha": lambda v: F.alpha_dropout(v, 0.5, training=True),
    "d2": lambda v: F.dropout2d(v.reshape(1, 2, 2, 1), 0.5),
    "fad": lambda v: F.feature_alpha_dropout(v.reshape(1, 2, 2), 0.5, training=True),
    "gumbel": F.gumbel_softmax,
    "sdpa": lambda v: F.scaled_dot_product_attention(*[v.reshape(1, 2, 2)] * 3, dropout_p=0.5),
}
BY_PROBABILITY = ("bernp", "bern", "multi", "multi2", "normal", "ber_t")  # "same" is refused where the probabilities differ
# printed by PyTorch 2.13, three digits; nest: vmap of vmap over (2, 3, 4), chunk: chunk_size=2
PRINTED = {
        ("randint", "different", "1"): [5, 2, 1, 6, 3, 7, 7, 9, 8],
        ("randperm", "same", "1"): [0, 1, 3, 2, 4, 0, 1, 3, 2, 4, 0, 1, 3, 2, 4],
        ("randperm", "same", "nest"): [0, 1, 3, 2, 4, 0, 1, 3, 2, 4, 0, 1, 3, 2, 4, 0, 1, 3, 2, 4, 0, 1, 3, 2, 4, 0, 1, 3, 2, 4],
        ("randperm", "same", "chunk"): [0, 1, 3, 2, 4, 0, 1, 3, 2, 4, 0, 1, 3, 2, 4],
        ("randperm", "different", "1"): [0, 1, 3, 2, 4, 3, 4, 1, 2, 0, 3, 2, 0, 4, 1],
        ("randperm", "different", "nest"): [0, 1, 3, 2, 4, 3, 2, 0, 4, 1, 1, 0, 2, 3, 4, 3, 4, 1, 2, 0, 3, 2, 4, 0, 1, 1, 0, 4, 2, 3],
        ("randperm", "different", "chunk"): [0, 1, 3, 2, 4, 3, 4, 1, 2, 0, 3, 2, 0, 4, 1],
        ("like", "different", "1"): [0.535, 0.199, 0.659, 0.657, 0.233, 0.425, 0.207, 0.63, 0.365, 0.851, 0.855, 0.551],
        ("bernp", "different", "1"): [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1],
        ("multi", "different", "1"): [1, 3, 2, 3, 3, 2],
        ("multi2", "different", "1"): [1, 1, 3, 3, 3, 3, 1, 2, 3, 3, 0, 0],
        ("normal", "different", "1"): [-0.147, 0.869, 1.113, -0.864, 2.024, -0.478, 0.144, 1.816, 0.805, -0.932, 1.151, 1.049],
        ("normal3", "different", "1"): [-0.147, 0.786, 0.947, -1.114, 1.691, -0.895, -0.356, 1.232, 0.138],
        ("uni_", "different", "1"): [0.535, 0.199, 0.659, 0.657, 0.233, 0.425, 0.207, 0.63, 0.365, 0.851, 0.855, 0.551],
        ("ber_t", "different", "1"): [0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1],
        ("rnd_", "same", "1"): [0, 4, 7, 2, 0, 4, 7, 2, 0, 4, 7, 2],
        ("rnd_", "same", "nest"): [0, 4, 7, 2, 0, 4, 7, 2, 0, 4, 7, 2, 0, 4, 7, 2, 0, 4, 7, 2, 0, 4, 7, 2],
        ("rnd_", "same", "chunk"): [0, 4, 7, 2, 0, 4, 7, 2, 0, 4, 7, 2],
        ("rnd_", "different", "1"): [0, 4, 7, 2, 4, 6, 8, 5, 4, 8, 7, 1],
        ("rnd_", "different", "nest"): [0, 4, 7, 2, 4, 6, 8, 5, 4, 8, 7, 1, 8, 6, 2, 4, 0, 1, 3, 6, 3, 4, 5, 0],
        ("rnd_", "different", "chunk"): [0, 4, 7, 2, 4, 6, 8, 5, 4, 8, 7, 1],
        ("dropout", "same", "1"): [0, 0.167, 0, 0, 0.667, 0.833, 0, 0, 1.333, 1.5, 0, 0],
        ("dropout", "same", "nest"): [0, 0.083, 0, 0, 0.333, 0.417, 0, 0, 0.667, 0.75, 0, 0, 1, 1.083, 0, 0, 1.333, 1.417, 0, 0, 1.667,
        1.75, 0, 0],
        ("dropout", "same", "chunk"): [0, 0.167, 0, 0, 0.667, 0.833, 0, 0, 1.333, 1.5, 0, 0],
        ("dropout", "different", "1"): [0, 0.167, 0, 0, 0, 0, 1, 0, 0, 0, 1.667, 1.833],
        ("dropout", "different", "nest"): [0, 0.083, 0, 0, 0, 0, 0.5, 0, 0, 0, 0.833, 0.917, 1, 1.083, 1.167, 0, 1.333, 0, 1.5, 0, 0, 0,
        0, 1.917],
        ("dropout", "different", "chunk"): [0, 0.167, 0, 0, 0, 0, 1, 0, 0, 0, 1.667, 1.833],
        ("alpha", "different", "1"): [0.779, 0.853, -0.779, -0.779, -0.779, -0.779, 1.222, -0.779, -0.779, -0.779, 1.518, 1.592],
        ("d2", "different", "1"): [0, 0.167, 0.333, 0.5, 0, 0, 0, 0, 0, 0, 0, 0],
        ("dropout_unb", "different", "1"): [0, 0.167, 0, 0, 0, 0, 0.333, 0, 0, 0, 0.333, 0.5],
        ("gumbel", "different", "1"): [0.37, 0.412, 0.072, 0.146, 0.066, 0.1, 0.571, 0.263, 0.017, 0.018, 0.44, 0.525],
}


@pytest.mark.parametrize("name", DRAWS)
def test_an_error_unless_allowed(name):
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(DRAWS[name])(X)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(vmap(DRAWS[name], randomness="same" if name not in BY_PROBABILITY else "different"))(NESTED)
    flambeau.manual_seed(0)
    DRAWS[name](X[0])  # outside it is allowed


@pytest.mark.parametrize("name", DRAWS)
def test_different_places_draw_apart(name):
    flambeau.manual_seed(1)
    far = flambeau.full((64, 4), 0.5)
    rows = vmap(DRAWS[name], randomness="different")(far)
    assert len({str(row.tolist()) for row in rows}) > 1


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_places_draw_alike(name):
    far = flambeau.full((8, 4), 0.5)
    flambeau.manual_seed(1)
    if name in BY_PROBABILITY:
        with pytest.raises(RuntimeError, match="same randomness with a batched"):
            vmap(DRAWS[name], randomness="same")(far)
        return
    rows = vmap(DRAWS[name], randomness="same")(far)
    flambeau.manual_seed(1)
    alone = DRAWS[name](far[0])
    for row in rows:
        assert_close(row, alone)
    flambeau.manual_seed(1)
    assert_close(vmap(DRAWS[name], randomness="same", chunk_size=3)(far), rows)


@pytest.mark.parametrize("case", PRINTED, ids=str)
def test_numbers_are_pytorchs(case):
    name, mode, how = case
    flambeau.manual_seed(7)
    if how == "nest":
        got = vmap(vmap(DRAWS[name], randomness=mode), randomness=mode)(NESTED)
    else:
        got = vmap(DRAWS[name], randomness=mode, chunk_size=2 if how == "chunk" else None)(X)
    assert_close(got.double().reshape(-1), flambeau.tensor(PRINTED[case], dtype=flambeau.float64), rtol=0, atol=6e-4)


def test_modes_of_nested_maps_are_their_own():
    flambeau.manual_seed(0)
    got = vmap(vmap(lambda v: flambeau.rand(2), randomness="same"), randomness="different")(NESTED)
    assert got.shape == (2, 3, 2) and bool((got[:, 0] == got[:, 1]).all()) and not bool((got[0] == got[1]).any())


def test_inside_other_transforms():
    flambeau.manual_seed(3)
    grads = vmap(grad(lambda v: (F.dropout(v, 0.5) * v).sum()), randomness="different")(X + 1)
    kept = grads / (X + 1)
    assert set(kept.round().reshape(-1).tolist()) == {0.0, 4.0}
    _, moved = jvp(lambda v: F.dropout(v, 0.5), (X[0],), (flambeau.ones(4),))
    assert set(moved.tolist()) <= {0.0, 2.0}
    with pytest.raises(RuntimeError, match="randomness error mode"):
        jacfwd(lambda v: F.dropout(v, 0.5))(X[0])
    jac = jacfwd(lambda v: F.dropout(v, 0.5), randomness="same")(X[0])
    assert set(jac.reshape(-1).tolist()) <= {0.0, 2.0}
    assert_close(vmap(lambda v: F.dropout(v, 0.5, training=False))(X), X)  # draws nothing
    flambeau.manual_seed(0)
    after = flambeau.rand(1)
    flambeau.manual_seed(0)
    assert_close(flambeau.rand(1), after)  # the mode ends with the map


def test_a_plain_tensor_cannot_be_filled_differently():
    with pytest.raises(RuntimeError, match="different inplace randomness on an unbatched tensor"):
        vmap(lambda v: flambeau.zeros(4).uniform_() + v, randomness="different")(X)
    flambeau.manual_seed(0)
    got = vmap(lambda v: flambeau.zeros(4).uniform_() + v * 0, randomness="same")(X)
    assert bool((got[0] == got[2]).all())
