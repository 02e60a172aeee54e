"""Whole numbers over zero, quotients cut off, and numbers beside half precision (values printed by PyTorch 2.13)."""
from __future__ import annotations

import pytest

import flambeau


def halves(*values):
    return flambeau.tensor(values, dtype=flambeau.float16)


@pytest.mark.parametrize("call", [
    lambda a, z: a // z, lambda a, z: a % z, lambda a, z: a.fmod(z), lambda a, z: a // 0, lambda a, z: a % 0, lambda a, z: 5 // z,
    lambda a, z: 5 % z, lambda a, z: a.div(z, rounding_mode="trunc"), lambda a, z: a.div(z, rounding_mode="floor"),
    lambda a, z: a.clone().floor_divide_(z), lambda a, z: a.clone().remainder_(0),
])  # fmt: skip
@pytest.mark.parametrize("name", ["uint8", "int32", "int64"])
def test_whole_numbers_over_zero(call, name):
    kind = getattr(flambeau, name)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        call(flambeau.tensor([1, 2], dtype=kind), flambeau.tensor([0, 1], dtype=kind))


def test_floats_over_zero_go_on():
    x = flambeau.tensor([1.0, -2.0])
    assert (x // 0).tolist() == [float("inf"), float("-inf")] and (x % 0).isnan().all() and x.fmod(0).isnan().all()
    assert (flambeau.tensor([1, 2]) // flambeau.tensor([0.0, 1.0])).tolist() == [float("inf"), 2.0]


def test_quotients_of_whole_numbers_are_exact():
    x, y = flambeau.tensor([2**40 + 1, -7, 7]), flambeau.tensor([1, 2, -2])
    assert flambeau.div(x, y, rounding_mode="trunc").tolist() == [2**40 + 1, -3, -3]
    assert flambeau.div(7, flambeau.tensor([2, -2]), rounding_mode="trunc").tolist() == [3, -3]


def test_whole_numbers_to_negative_powers():
    with pytest.raises(RuntimeError, match="negative integer powers"):
        flambeau.tensor([2, 3]) ** -2
    assert flambeau.tensor([2, 1]).pow(flambeau.tensor([-1, -1])).tolist() == [0, 1]


@pytest.mark.parametrize(("call", "expected"), [
    (lambda: halves(2.0**15) * 2.0**-25, 2.0**-10), (lambda: halves(2.0**15) / 2.0**25, 2.0**-10),
    (lambda: halves(2.0**15).mul_(2.0**-25), 2.0**-10), (lambda: halves(2.0**15) * flambeau.tensor(2.0**-25), 2.0**-10),
    (lambda: halves(1.0) * 1e-8 * 1e8, 0.0), (lambda: halves(3.0) * 0.1, 0.300048828125), (lambda: halves(3.0) // 0.1, 29.0),
    (lambda: flambeau.tensor(0.1) * halves(3.0), 0.2998046875),
    (lambda: halves(700.0).addcmul(halves(700.0), halves(700.0), value=1e-6), 700.5),
])  # fmt: skip
def test_numbers_beside_halves_keep_their_precision(call, expected):
    found = call()
    assert found.dtype is flambeau.float16 and found.item() == expected


def test_log1p_of_small_complex_numbers():
    found = flambeau.log1p(flambeau.tensor([complex(1e-19, 1e-18), complex(0.3, -2)], dtype=flambeau.complex128))
    flambeau.testing.assert_close(found.real, flambeau.tensor([1e-19, 0.8693551240691199], dtype=flambeau.float64), rtol=1e-12, atol=0.0)


def test_log1p_of_complex_infinities():
    found = flambeau.log1p(flambeau.tensor([complex(float("inf"), float("nan"))]))
    assert found.real.isinf() and found.imag.isnan()


def test_trapezoids_of_nothing():
    assert flambeau.trapezoid(flambeau.ones(3, 0)).tolist() == [0.0, 0.0, 0.0]
    assert flambeau.cumulative_trapezoid(flambeau.ones(0)).shape == (0,)


def test_bounds_of_both_sorts():
    assert flambeau.clamp(flambeau.tensor([1.0, 5.0]), min=flambeau.tensor(2), max=3).tolist() == [2.0, 3.0]


@pytest.mark.parametrize("name", ["isposinf", "isneginf"])
def test_complex_numbers_have_no_sign(name):
    with pytest.raises(RuntimeError, match=f"{name} does not support complex inputs"):
        getattr(flambeau, name)(flambeau.ones(2, dtype=flambeau.complex64))


@pytest.mark.parametrize("product", [lambda a, b: a @ b, flambeau.matmul, lambda a, b: flambeau.bmm(a[None], b[None])[0], flambeau.mm])
def test_products_of_halves_are_rounded_once(product):
    a, b = flambeau.full((2, 4096), 1.0 / 3).half(), flambeau.full((4096, 2), 0.1).half()
    assert flambeau.equal(product(a, b), product(a.float(), b.float()).half())
