"""`out=` by rule, writes to memory that something else looks at, and numbers where tensors belong."""
from __future__ import annotations

import pytest

import flambeau
from flambeau.ops import later

X = flambeau.tensor([[3.0, 1.0], [2.0, 4.0]])
AT = flambeau.tensor([[0, 1], [1, 0]])
CALLS = {
    "gather": (X, 1, AT), "take": (X, AT), "index_select": (X, 0, AT[0]), "kthvalue": (X, 1), "aminmax": (X,), "sort": (X,),
    "topk": (X, 1), "max": (X, 1), "mode": (X,), "cummax": (X, 0), "addmm": (X, X, X), "outer": (X[0], X[1]), "var": (X,), "std": (X, 1),
    "diff": (X,), "isin": (X, X[0]), "norm": (X,), "nonzero": (X,), "round": (X,), "scatter": (X, 1, AT, X), "scatter_add": (X, 1, AT, X),
    "searchsorted": (X[0].sort()[0], X), "frexp": (X,), "nansum": (X,), "logspace": (0, 2, 3), "view_copy": (X, (4,)), "dot": (X[0], X[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_result_goes_into_out(name):
    function = getattr(flambeau, name)
    expected = function(*CALLS[name])
    several = isinstance(expected, tuple)
    out = tuple(flambeau.empty(0, dtype=e.dtype) for e in expected) if several else flambeau.empty(0, dtype=expected.dtype)
    given = function(*CALLS[name], out=out)
    assert type(given) is type(expected)
    for result, place, value in zip(given, out, expected, strict=True) if several else [(given, out, expected)]:
        assert result is place and flambeau.equal(place, value)


def test_every_name_of_the_rule_is_there():
    assert all(callable(getattr(flambeau, name)) for name in later.OUT) and later.APART <= later.OUT


def test_shared_memory_is_refused():
    x = flambeau.arange(6.0)
    with pytest.raises(RuntimeError, match="more than one element"):
        flambeau.add(flambeau.ones(3), 1, out=flambeau.zeros(1).expand(3))
    with pytest.raises(RuntimeError, match="some elements of the input"):
        flambeau.add(x[:-1], 1, out=x[1:])
    with pytest.raises(RuntimeError, match="some elements of the input"):
        flambeau.take(x, flambeau.tensor([0, 1]), out=x[:2])
    with pytest.raises(RuntimeError, match="some elements of the input"):
        flambeau.cat([x, x], out=x[:3])
    assert flambeau.add(x, 1, out=x) is x and x[0] == 1
    assert flambeau.add(x[::2], 1, out=x[1::2])[0] == 2  # neighbours that never meet
    with pytest.raises(RuntimeError, match="expected out tensors of Long"):
        flambeau.kthvalue(x, 1, out=(flambeau.empty(()), flambeau.empty(())))
    with pytest.raises(TypeError, match="tuple of 2"):
        flambeau.sort(x, out=(flambeau.empty(6),))


@pytest.mark.parametrize("name", "atan2 maximum minimum logaddexp logical_and logical_or logical_xor hypot heaviside isclose".split())
def test_numbers_are_no_tensors(name):
    function = getattr(flambeau, name)
    with pytest.raises(TypeError, match="must be Tensor"):
        function(flambeau.ones(2), 1.0)
    with pytest.raises(TypeError, match="must be Tensor"):
        function(1.0, flambeau.ones(2))


@pytest.mark.parametrize("name", "eq ne lt le gt ge fmod rsub".split())
def test_a_number_does_not_come_first(name):
    with pytest.raises(TypeError, match="must be Tensor"):
        getattr(flambeau, name)(1.0, flambeau.ones(2))
    with pytest.raises(TypeError, match="must be Tensor"):
        flambeau.Tensor.__radd__(1.0, flambeau.ones(2))


def test_powers_and_bits_take_a_number_first():
    assert flambeau.pow(2, flambeau.tensor([3])).item() == 8
    assert flambeau.bitwise_and(3, flambeau.tensor([6])).item() == 2
    assert flambeau.remainder(7, flambeau.tensor([4])).item() == 3


def test_steps_and_draws_are_in_the_graph_and_have_no_slope():
    x = flambeau.tensor([1.0, -3.0], requires_grad=True)
    steps = flambeau.div(x, flambeau.tensor([0.0, 2.0]), rounding_mode="floor")
    assert steps.tolist() == [float("inf"), -2.0]
    for value in (steps, flambeau.normal(x, 1.0), flambeau.bernoulli(x.sigmoid())):
        assert flambeau.autograd.grad(value.sum(), x)[0].tolist() == [0.0, 0.0]
