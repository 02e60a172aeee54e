"""Values where NumPy and PyTorch part: PyTorch's, as its tables and its own tests have them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau import float32, float64, tensor

inf, nan = math.inf, math.nan


def test_infinite_complex_numbers_have_no_direction():
    for value in (complex(inf, 1), complex(1, -inf), complex(inf, inf), complex(nan, 0)):
        assert np.isnan(tensor([value]).sgn().item())
    assert tensor([2j, 0j, -3 + 0j]).sgn().tolist() == [1j, 0, -1]


def test_gamma_functions_at_the_edges():
    pytest.importorskip("scipy")
    assert flambeau.lgamma(tensor([-inf, inf, -1.0])).tolist() == [inf, inf, inf]
    assert flambeau.lgamma(tensor([1, 5])).dtype is flambeau.float32
    assert flambeau.mvlgamma(tensor([3, 4]), 2).tolist() == pytest.approx([1.5502, 3.5651], abs=1e-4)
    first = flambeau.polygamma(1, tensor([-1.0, -2.0, 0.0, -0.5, 2.5, inf, -inf], dtype=float64)).tolist()
    assert first[0] > 1e30 and first[1] > 1e30 and first[2] == inf and first[5] == 0 and math.isnan(first[6])
    assert first[3:5] == pytest.approx([8.934802200544679, 0.49035775610023489])
    assert math.isnan(flambeau.polygamma(2, tensor([inf])).item())


def test_the_mode_among_nan():
    values, places = flambeau.mode(tensor([[nan, 1.0, nan, 1.0, 1.0], [nan, 3.0, 2.0, nan, nan], [nan] * 5]))
    assert values.tolist()[:2] == [1.0, 2.0] and math.isnan(values[2].item()) and places.tolist() == [4, 2, 0]


def test_whole_quotients_of_two_numbers():
    assert [flambeau.floor_divide(*pair).item() for pair in ((7, 2), (7, -2), (7.0, 2), (True, 2))] == [3, -4, 3.0, 0]
    assert flambeau.floor_divide(7, 2).dtype is flambeau.int64 and flambeau.floor_divide(7, 2.0).dtype is float32


def test_triangles_of_expanded_tensors():
    assert flambeau.ones(1).expand(2, 2).tril_().tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(RuntimeError, match="more than one element"):
        flambeau.ones(1).expand(2, 2).exp_()


def test_slopes_over_complex_places_and_wider_ones():
    squares = tensor([1, 4, 9, 16, 30])
    assert flambeau.gradient(squares, spacing=1j)[0].tolist() == [-3j, -4j, -6j, -10.5j, -14j]
    slopes = flambeau.gradient(flambeau.arange(3), spacing=[tensor([0, 1, 2j])])[0]
    np.testing.assert_allclose(slopes.numpy(), [1, 0.8 + 0.6j, -0.2 - 0.4j], rtol=1e-6)
    assert flambeau.gradient(flambeau.ones(3), spacing=[tensor([0.0, 1.0, 2.0], dtype=float64)])[0].dtype is float64


def test_folds_without_what_was_there():
    x, at, one = tensor([1.0, inf]), tensor([1]), tensor([1.0])
    assert x.scatter_reduce(0, at, one, "sum", include_self=False).tolist() == [1.0, 1.0]
    assert x.scatter_reduce(0, at, one, "mean", include_self=False).tolist() == [1.0, 1.0]
    mean = tensor([1 + 1j, 2]).scatter_reduce(0, tensor([0, 0]), tensor([1j, 2]), "mean")
    np.testing.assert_allclose(mean.numpy(), [1 + 2j / 3, 2], rtol=1e-6)


def test_bounds_decide_the_dtype_together():
    assert flambeau.clamp(tensor([1]), tensor(1.0, dtype=float64), tensor([1.0])).dtype is float32
    assert flambeau.clamp(tensor([1]), tensor(1.0), tensor(1.0, dtype=float64)).dtype is float64


def test_a_second_ellipsis():
    x = flambeau.arange(8).reshape(2, 2, 2)
    assert x[..., ...].shape == (2, 2, 2) and x[0, ..., 1, ...].tolist() == [1, 3]
    x[..., 0, ...] = -1
    assert (x[..., 0] == -1).all() and (x[..., 1] >= 0).all()
    with pytest.raises(IndexError):
        x[..., 0, ..., 0]


def test_edges_of_places_and_draws():
    assert not tensor([]).is_set_to(tensor([]))
    assert flambeau.multinomial(flambeau.ones(0, 4), 2, True).shape == (0, 2)
    assert flambeau.logcumsumexp(flambeau.zeros(2), axis=0).tolist() == pytest.approx([0.0, math.log(2)])
    with pytest.raises(RuntimeError, match="source tensor shape must match self"):
        tensor(1.0).index_add(0, tensor([0]), flambeau.ones(1, 1, 1))


def test_one_place_of_a_vector():
    x, at = flambeau.arange(3), tensor(1)
    assert x.gather(0, at).shape == () and x.gather(0, at).item() == 1
    assert x.scatter(0, at, 9).tolist() == x.scatter(0, at, tensor(9)).tolist() == [0, 9, 2]
    assert x.scatter_add(0, at, tensor(9)).tolist() == x.scatter_reduce(0, at, tensor(9), "sum").tolist() == [0, 10, 2]


def test_memory_that_nobody_wrote_to_where_algorithms_are_deterministic():
    flambeau.use_deterministic_algorithms(True)
    try:
        assert flambeau.empty(3).isnan().all() and flambeau.empty_like(flambeau.ones(2)).isnan().all()
        assert flambeau.empty(2, dtype=flambeau.int16).tolist() == [32767] * 2 and flambeau.empty(1, dtype=flambeau.bool).item()
        assert np.isnan(flambeau.empty(1, dtype=flambeau.complex64).item().imag)
        grown = flambeau.ones(1).resize_(3)
        assert grown[0] == 1 and grown[1:].isnan().all()
        flambeau.utils.deterministic.fill_uninitialized_memory = False
        x = flambeau.empty(1)
        x.fill_(1.0)
        assert flambeau.empty(0).numel() == 0
    finally:
        flambeau.utils.deterministic.fill_uninitialized_memory = True
        flambeau.use_deterministic_algorithms(False)


def test_copies_of_a_storage_are_the_copies_of_its_tensor():
    import copy

    x = flambeau.ones(3)
    y, memory = copy.deepcopy([x, x.untyped_storage()])
    y.fill_(2.0)
    assert memory.data_ptr() == y.data_ptr() != x.data_ptr() and x.tolist() == [1.0] * 3
    assert x.new(y.untyped_storage()).data_ptr() == y.data_ptr()


def test_ranges_are_counted_in_doubles():
    with pytest.warns(UserWarning, match="range"):
        assert flambeau.range(0, 1, 0.01)[5].item() == np.float32(0.05)


def test_what_does_not_fit_is_told_in_its_own_words():
    with pytest.raises(RuntimeError, match="repeats must have the same size as input along dim"):
        flambeau.repeat_interleave(flambeau.ones(2, 2), tensor([1, 2, 3]), dim=0)
    with pytest.raises(RuntimeError, match="sizes provided"):
        flambeau.zeros(2).map_(flambeau.ones(2, 2), lambda a, b: a + b)
    with pytest.raises(RuntimeError, match=r"self \(Float\) and source \(Double\)"):
        flambeau.ones(2).index_add(0, tensor([0]), flambeau.ones(1, dtype=float64))


def test_a_number_over_halves_is_rounded_twice():
    for kind in (flambeau.float16, flambeau.bfloat16):
        x = flambeau.arange(1, 200, dtype=kind).requires_grad_()
        y = 0.3 / x
        assert y.dtype is kind and y.tolist() == (x.reciprocal() * 0.3).tolist() != flambeau.div(tensor(0.3), x).tolist()
        y.sum().backward()
        assert x.grad.dtype is kind and x.grad[0].item() == pytest.approx(-0.3, rel=1e-2)


def test_small_integers_are_compared_without_overflow():
    low, high = (tensor([n], dtype=flambeau.int8) for n in (-128, 127))
    assert not flambeau.isclose(low, flambeau.zeros(1, dtype=flambeau.int8)).item()
    assert not flambeau.isclose(high, low, atol=60).item() and flambeau.isclose(high, low, atol=255).item()
    assert flambeau.isclose(tensor([True]), tensor([False]), atol=1).item()


def test_whole_factors_of_sums_of_integers():
    one = tensor([1])
    for call in (lambda: flambeau.add(one, one, alpha=1.0), lambda: one.sub(one, alpha=1.0), lambda: one.clone().add_(one, alpha=1.0)):
        with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
            call()
    assert flambeau.add(one.float(), one, alpha=1.0).item() == 2 and flambeau.add(one, 2, alpha=1).item() == 3
