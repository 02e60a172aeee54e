"""What NumPy takes and PyTorch refuses: orders of complex numbers, truth subtracted, bits of floats, mixed unsigned integers."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import tensor

z = tensor([1j, 2.0])
ORDERS = [
    lambda: z < z, lambda: z >= 1, lambda: flambeau.maximum(z, z), lambda: flambeau.fmin(z, z), lambda: z.max(), lambda: z.min(0),
    lambda: z.amax(), lambda: z.sort(), lambda: z.argsort(), lambda: z.argmax(), lambda: z.topk(1), lambda: z.clamp(0, 1), lambda: z.sign(),
    lambda: z.unique(), lambda: z.median(), lambda: z.kthvalue(1), lambda: z.cummin(0), lambda: z.msort(), lambda: z.clamp_(0, 1),
]  # fmt: skip


@pytest.mark.parametrize("function", ORDERS)
def test_complex_numbers_have_no_order(function):
    with pytest.raises(RuntimeError):
        function()


def test_what_has_no_order_can_be_told_equal():
    assert (z == z).all() and not (z != z).any() and z.sgn().shape == (2,)
    assert flambeau.where(z == z, z, 0 * z).tolist() == z.tolist()


@pytest.mark.parametrize("function", [
    lambda b: b - 1, lambda b: 1 - b, lambda b: tensor([1.0]) - b, lambda b: tensor([1.0]) - True, lambda b: b - b,
    lambda b: flambeau.rsub(b, 1), lambda b: tensor([1.0]).sub_(b), lambda b: b - tensor([1j]),
])  # fmt: skip
def test_truth_is_not_subtracted(function):
    with pytest.raises(RuntimeError, match="Subtraction"):
        function(tensor([True]))


@pytest.mark.parametrize("name", "bitwise_and bitwise_or bitwise_xor gcd lcm bitwise_left_shift".split())
def test_bits_of_floats(name):
    x = flambeau.ones(2)
    with pytest.raises(NotImplementedError, match="not implemented for 'Float'"):
        getattr(flambeau, name)(x, x)
    with pytest.raises(NotImplementedError):
        x.bitwise_not()
    with pytest.raises(NotImplementedError):
        flambeau.atan2(z, z)


PAIRS = [("uint16", "int8"), ("uint16", "bool"), ("uint32", "uint16"), ("uint64", "complex64"), ("uint8", "uint16")]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_large_unsigned_integers_meet_floats_alone(a, b):
    a, b = getattr(flambeau, a), getattr(flambeau, b)
    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not supported"):
        flambeau.promote_types(a, b)
    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not supported"):
        flambeau.ones(2, dtype=a) + flambeau.ones(2, dtype=b)
    assert (flambeau.ones(2, dtype=a) + flambeau.ones(2)).dtype is flambeau.float32
    assert flambeau.result_type(flambeau.ones(2, dtype=flambeau.uint16), tensor(1)) is flambeau.uint16


def test_two_of_one_dtype():
    x = flambeau.ones(2)
    with pytest.raises(RuntimeError, match="did not match"):
        flambeau.isclose(x, x.double())
    with pytest.raises(RuntimeError, match="expected dtype float32 for `end`"):
        flambeau.lerp(x, x.double(), 0.5)
    with pytest.raises(TypeError, match="must be Tensor"):
        flambeau.dot(x, 1.0)
    assert flambeau.where(x > 0, tensor([1, 2], dtype=flambeau.int16), x.bfloat16()).dtype is flambeau.bfloat16
    assert flambeau.ldexp(x.half(), tensor([1, 2])).dtype is flambeau.float16
    assert flambeau.ldexp(x.to(flambeau.complex128), tensor([1, 2])).dtype is flambeau.complex128


@pytest.mark.parametrize("name", ["clamp_min", "clamp_max"])
def test_bounds_of_what_is_no_tensor(name):
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        getattr(flambeau, name)(5, 1)


@pytest.mark.parametrize("name", "hypot nextafter logaddexp logaddexp2".split())
def test_functions_of_floats_refuse_whole_numbers(name):
    function, whole = getattr(flambeau, name), tensor([1, 2])
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        function(whole, whole)
    assert function(whole, whole.float()).dtype is flambeau.float32


def test_functions_of_reals_refuse_complex_numbers():
    for function in (flambeau.erf, flambeau.erfc, lambda x: flambeau.xlogy(x, x), lambda x: flambeau.xlogy(x, 1), flambeau.frac):
        with pytest.raises(NotImplementedError, match="not implemented"):
            function(z)
    with pytest.raises(NotImplementedError):
        flambeau.frac(tensor([1]))
    with pytest.raises(RuntimeError, match="In-place abs is not supported for complex tensors"):
        z.clone().abs_()


def test_dtypes_that_are_refused():
    ones, places = flambeau.ones(2), tensor([0, 1])
    for error, call, words in (
        (RuntimeError, lambda: flambeau.where(ones, ones, ones), "condition to be a boolean tensor, but got a tensor with dtype Float"),
        (RuntimeError, lambda: ones.put(ones, ones), "Expected a long tensor for index, but got Float"),
        (RuntimeError, lambda: ones.put(places, ones.double()), "self.dtype = Float and source.dtype = Double"),
        (NotImplementedError, lambda: flambeau.histc(places), "not implemented for 'Long'"),
        (NotImplementedError, lambda: flambeau.rand(2, dtype=flambeau.int64), "not implemented for 'Long'"),
        (ValueError, lambda: flambeau.manual_seed(2**64), "Overflow when unpacking long long"),
        (TypeError, lambda: flambeau.use_deterministic_algorithms(1), "must be bool, not int"),
        (RuntimeError, lambda: flambeau.device("cpu", -2), "must not be negative"),
        (RuntimeError, lambda: flambeau.device("cuda:02"), "Invalid device string: 'cuda:02'"),
        (TypeError, lambda: ones.dim_order(ambiguity_check="no"), "must be a bool or a list of memory formats"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert flambeau.addcmul(places, places, places, value=0.5).tolist() == [0, 1]
    with pytest.warns(UserWarning, match="buffer is not writable"):
        flambeau.frombuffer(b"12", dtype=flambeau.int8)
