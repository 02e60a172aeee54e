"""Distributions drawn from the generator: the numbers, and where the stream stands after them, were printed by PyTorch 2.13."""
from __future__ import annotations

import re

import numpy as np
import pytest

import flambeau

# after manual_seed(3): an expression, its values, and the uniform number that follows
PRINTED = [
    ("empty(5).exponential_(1.5)",
     [0.023135636001825333, 0.22527305781841278, 0.988287091255188, 0.12818896770477295, 0.9386719465255737], 0.45103132724761963),
    ("empty(20, dtype=float64).exponential_()[-4:]",
     [0.12205141413642875, 0.761783414529245, 2.9760806968697193, 0.13610611156428767], 0.5824220776557922),
    ("empty(5).cauchy_(1.0, 2.0)",
     [-17.593225479125977, -0.584428071975708, 3.3108747005462646, -2.26538348197937, 3.0686442852020264], 0.45103132724761963),
    ("empty(5).log_normal_(0.5, 0.7)",
     [2.8929977416992188, 1.8633638620376587, 1.7546768188476562, 1.0729345083236694, 1.7028915882110596], 0.14984089136123657),
    ("empty(6).geometric_(0.3)", [10.0, 4.0, 1.0, 5.0, 1.0, 2.0], 0.14984089136123657),
    ("empty(6, dtype=int32).geometric_(0.3)", [10, 4, 1, 5, 1, 2], 0.14984089136123657),
    ("empty(20, dtype=bfloat16).normal_()[-4:]", [0.99609375, 0.458984375, 2.4375, -0.146484375], 0.13936209678649902),
    ("empty(40, dtype=float16).normal_(1, 2)[-4:]", [-0.91650390625, 1.1279296875, 2.318359375, 2.638671875], 0.4301472306251526),
    ("poisson(tensor([0.0, 0.5, 3.0, 12.0, 100.0, 40.0]))", [0.0, 0.0, 2.0, 15.0, 90.0, 38.0], 0.6483104228973389),
    ("binomial(tensor([5.0, 100.0, 50.0, 20.0]), tensor([0.3, 0.5, 0.9, 1.0]))", [0.0, 47.0, 45.0, 20.0], 0.8473186492919922),
    ("_standard_gamma(tensor([0.3, 1.0, 2.5, 10.0]))",
     [0.5600706338882446, 3.1854588985443115, 1.4906686544418335, 8.422589302062988], 0.8473186492919922),
    ("_standard_gamma(tensor([0.3, 1.0, 2.5, 10.0], dtype=float64))",
     [0.5600706879677687, 3.185458997004563, 1.490668615864887, 8.422589237359919], 0.8473186492919922),
    ("_sample_dirichlet(tensor([0.3, 1.0, 2.5], dtype=float64))",
     [0.10696132113220745, 0.6083533919055812, 0.28468528696221135], 0.17560523748397827),
    ("_sample_dirichlet(tensor([1e-6, 1e-6]))", [0.5, 0.5], 0.14984089136123657),
    ("_sample_dirichlet(tensor([0.01, 0.01]))", [0.9999999403953552, 1.1754943508222875e-38], 0.14984089136123657),
    ("_sample_dirichlet(tensor([0.3, 1.0, 2.5]))", [0.10696132481098175, 0.6083533763885498, 0.28468528389930725], 0.17560523748397827),
    ("empty(6).bernoulli_(0.4)", [1.0, 1.0, 0.0, 1.0, 0.0, 0.0], 0.14984089136123657),
    ("bernoulli(linspace(0, 1, 8))", [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 0.5944212079048157),
    ("bernoulli(linspace(0, 1, 8, dtype=bfloat16))", [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 0.5944212079048157),
    ("multinomial(arange(1.0, 9.0), 3)", [6, 0, 3], 0.17560523748397827),
    ("multinomial(arange(1.0, 9.0), 6, True)", [1, 4, 6, 3, 6, 6], 0.14984089136123657),
    ("multinomial(arange(1.0, 9.0, dtype=bfloat16), 6, True)", [1, 4, 6, 3, 6, 6], 0.14984089136123657),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "values", "following"), PRINTED)
def test_numbers_are_pytorchs(expression, values, following):
    flambeau.manual_seed(3)
    names = {name: getattr(flambeau, name) for name in re.findall("[a-z_]+[0-9]*", expression) if hasattr(flambeau, name)}
    got = eval(expression, names)  # noqa: S307  a table of our own
    close = {"float16": 2e-3, "bfloat16": 1e-2}.get(got.dtype.name, 2e-6)
    np.testing.assert_allclose(got.double().numpy(), values, rtol=close)
    assert got.dtype.name != "float64" or got.tolist() == pytest.approx(values, rel=1e-14)
    assert flambeau.rand(1).item() == following


def test_gamma_numbers_in_single_precision_are_pytorchs_to_the_bit():
    flambeau.manual_seed(0)
    assert flambeau._standard_gamma(flambeau.tensor([0.3, 1.0, 2.0, 5.0, 100.0])).tolist() == [
        5.906951628276147e-06, 0.11898370087146759, 1.8824102878570557, 3.4753525257110596, 97.08057403564453]  # fmt: skip


@pytest.mark.parametrize("draw", [
    lambda: flambeau.empty(20000, dtype=flambeau.float64).exponential_(2.0) * 2,
    lambda: flambeau.empty(20000, dtype=flambeau.float64).geometric_(0.25) / 4,
    lambda: flambeau.poisson(flambeau.full((20000,), 3.0, dtype=flambeau.float64)) / 3,
    lambda: flambeau.poisson(flambeau.full((20000,), 30.0, dtype=flambeau.float64)) / 30,
    lambda: flambeau.binomial(flambeau.full((20000,), 40.0), flambeau.full((20000,), 0.7)).double() / 28,
    lambda: flambeau._standard_gamma(flambeau.full((20000,), 0.5, dtype=flambeau.float64)) * 2,
])  # fmt: skip
def test_means_are_one(draw):
    flambeau.manual_seed(0)
    x = draw()
    assert abs(float(x.mean()) - 1) < 5 * float(x.std()) / 20000**0.5


def test_generator_is_used_and_left_where_it_stands():
    g = flambeau.Generator().manual_seed(9)
    a = flambeau.poisson(flambeau.full((3,), 50.0), generator=g)
    b = flambeau.poisson(flambeau.full((3,), 50.0), generator=g)
    again = flambeau.poisson(flambeau.full((6,), 50.0), generator=flambeau.Generator().manual_seed(9))
    assert a.tolist() + b.tolist() == again.tolist()


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: flambeau.empty(3).exponential_(0.0), RuntimeError, "lambda > 0"),
    (lambda: flambeau.empty(3, dtype=flambeau.int64).exponential_(), RuntimeError, "real floating"),
    (lambda: flambeau.empty(3).cauchy_(0.0, -1.0), RuntimeError, "sigma > 0"),
    (lambda: flambeau.empty(3).log_normal_(0.0, 0.0), RuntimeError, "std > 0"),
    (lambda: flambeau.empty(3).geometric_(1.0), RuntimeError, "in \\(0, 1\\)"),
    (lambda: flambeau.empty(3, dtype=flambeau.bool).geometric_(0.5), RuntimeError, "real numbers"),
    (lambda: flambeau.poisson(flambeau.tensor([-1.0])), RuntimeError, "non-negative"),
    (lambda: flambeau.poisson(flambeau.tensor([1])), RuntimeError, "real floating"),
    (lambda: flambeau.binomial(flambeau.ones(2), flambeau.ones(2).double()), ValueError, "one dtype"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_memory_like_an_expanded_tensor_is_laid_and_drawn_as_pytorchs():
    p = flambeau.tensor([0.2, 0.5, 0.3])
    three = flambeau.rand(5, 3, 2).permute(2, 0, 1)[:, :, None]
    for like, stride in ((p.expand(2, 3), (3, 1)), (p.expand(4, 2, 3), (6, 3, 1)), (three.expand(2, 5, 4, 3), (1, 24, 2, 8)),
                         (flambeau.rand(3, 2).t()[None].expand(4, 2, 3), (6, 1, 2))):  # fmt: skip
        assert flambeau.empty_like(like).stride() == stride
    for rows in (p.expand(2, 3), p.expand(2, 3).contiguous()):
        flambeau.manual_seed(7)
        assert flambeau.multinomial(rows, 1, True).tolist() == [[1], [1]]
