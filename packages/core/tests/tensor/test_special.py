"""Special functions against SciPy and known values; the leftovers of arithmetic; what happens without SciPy."""
from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

import flambeau
from flambeau import special

tensor, float64 = flambeau.tensor, flambeau.float64
inf, nan = math.inf, math.nan


def row(*values):
    return tensor(values, dtype=float64)


def same(x, expected, rtol=1e-13, atol=0.0):
    np.testing.assert_allclose(x.detach().numpy(), expected, rtol=rtol, atol=atol)


# ---- against SciPy
@pytest.mark.parametrize("name", ["erf", "erfc", "erfcx", "ndtr", "log_ndtr"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_formulas_without_scipy_agree_with_it(name, dtype):
    library = pytest.importorskip("scipy.special")
    from flambeau.backends.special import OWN

    x = np.concatenate([np.linspace(-9, 9, 401), [0.0, -0.0, 26.0, np.inf, -np.inf, np.nan, 0.46875, -0.46875]]).astype(dtype)
    got = OWN[name](x)
    assert got.dtype == dtype
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(got, getattr(library, name)(x), rtol=4e-6 if dtype is np.float32 else 2e-13, atol=1e-300)
    assert OWN[name](np.arange(3)).dtype == np.float64


ONE = {"logit": (0.01, 0.99), "entr": (0, 5)}


@pytest.mark.parametrize("name", ONE)
def test_own_formulas_agree_with_scipy(name):
    library = pytest.importorskip("scipy.special")
    x = np.linspace(*ONE[name], 401)
    same(getattr(special, name)(flambeau.from_numpy(x)), getattr(library, name)(x), rtol=2e-13, atol=1e-300)


@pytest.mark.parametrize(("name", "library_name"), [
    ("chebyshev_polynomial_t", "eval_chebyt"), ("chebyshev_polynomial_u", "eval_chebyu"), ("legendre_polynomial_p", "eval_legendre"),
    ("shifted_chebyshev_polynomial_t", "eval_sh_chebyt"), ("shifted_chebyshev_polynomial_u", "eval_sh_chebyu"),
    ("hermite_polynomial_h", "eval_hermite"), ("hermite_polynomial_he", "eval_hermitenorm"), ("laguerre_polynomial_l", "eval_laguerre"),
])
def test_polynomials_agree_with_scipy(name, library_name):
    library = pytest.importorskip("scipy.special")
    x, n = np.linspace(-1.0, 1.0, 21), np.arange(12)[:, None]
    y = getattr(special, name)(flambeau.from_numpy(x), flambeau.from_numpy(n.astype(np.float64)))
    assert y.shape == (12, 21)
    same(y, getattr(library, library_name)(n, x), rtol=1e-9, atol=1e-9)


# ---- known values, and the edges
def test_error_function_at_its_edges():
    same(flambeau.erfc(row(0.0, inf, -inf, nan, 30.0)), [1.0, 0.0, 2.0, nan, 0.0])
    same(special.erfcx(row(0.0, inf, -inf)), [1.0, 0.0, inf])
    same(special.log_ndtr(row(-1e10, 0.0, inf)), [-5e19, -math.log(2), 0.0])
    assert flambeau.erfc(tensor([1, 2])).dtype is flambeau.float32
    assert flambeau.erf(tensor([1, 2])).dtype is flambeau.float32


@pytest.mark.parametrize("dtype", [flambeau.float16, flambeau.bfloat16], ids=str)
def test_half_precision_keeps_its_dtype(dtype):
    x = tensor([0.5], dtype=dtype)
    for function in (flambeau.erfc, flambeau.sinc, flambeau.logit, special.ndtr, special.entr):
        y = function(x)
        assert y.dtype is dtype
        assert y.item() == pytest.approx(function(x.double()).item(), rel=1e-2, abs=1e-2)


def test_functions_that_know_their_limits():
    same(flambeau.sinc(row(0.0, 0.5, 1.0)), [1.0, 2 / math.pi, 0.0], atol=1e-16)
    same(special.entr(row(0.0, -1.0, 1.0, nan)), [0.0, -inf, 0.0, nan])
    same(flambeau.xlogy(row(0.0, 0.0, 2.0), row(0.0, nan, 1.0)), [0.0, nan, 0.0])
    same(special.xlog1py(row(0.0, 2.0), row(-1.0, 0.0)), [0.0, 0.0])
    same(flambeau.xlogy(2.0, row(math.e)), [2.0])
    same(flambeau.logit(row(0.0, 0.5, 1.0)), [-inf, 0.0, inf])
    same(flambeau.logit(row(0.0, 1.0), eps=0.25), [-math.log(3), math.log(3)])
    same(special.spherical_bessel_j0(row(0.0, inf)), [1.0, 0.0])


def test_gradients_at_the_edges():
    for function, at, slope in ((flambeau.sinc, 0.0, 0.0), (special.spherical_bessel_j0, 0.0, 0.0), (special.entr, 0.0, inf),
                                (flambeau.logit, 2.0, nan), (flambeau.nan_to_num, inf, 0.0), (flambeau.nan_to_num, 1.0, 1.0)):
        x = row(at).requires_grad_()
        function(x).sum().backward()
        same(x.grad, [slope])
    x = row(0.0).requires_grad_()
    flambeau.xlogy(x, row(0.0)).sum().backward()
    same(x.grad, [0.0])


def test_gamma_family():
    pytest.importorskip("scipy.special")
    same(flambeau.lgamma(row(1.0, 5.0, 0.5)), [0.0, math.log(24), math.log(math.pi) / 2], atol=1e-15)
    same(flambeau.polygamma(1, row(1.0)), [math.pi**2 / 6])
    same(row(1.0).polygamma(2), [-2.4041138063191885])
    same(flambeau.mvlgamma(row(3.0), 2), [math.log(math.pi) / 2 + math.lgamma(3.0) + math.lgamma(2.5)])
    same(special.zeta(row(2.0), row(1.0)), [math.pi**2 / 6])
    same(special.gammainc(row(1.0), row(2.0)) + special.gammaincc(row(1.0), row(2.0)), [1.0])
    assert special.psi is flambeau.digamma and special.gammaln is flambeau.lgamma and special.multigammaln is flambeau.mvlgamma
    x = row(3.0)
    assert x.lgamma_() is x
    same(x, [math.log(2)])


def test_bad_orders_are_refused():
    with pytest.raises(RuntimeError, match="negative n"):
        flambeau.polygamma(-1, row(1.0))
    with pytest.raises(RuntimeError, match="greater than or equal to 1, got 0"):
        flambeau.mvlgamma(row(1.0), 0)


def test_degrees_are_whole_and_not_negative():
    same(special.chebyshev_polynomial_t(row(0.3, 0.3, 0.3), row(-1.0, 0.0, 1.9)), [0.0, 1.0, 0.3])
    same(special.legendre_polynomial_p(row(2.0), 3), [17.0])
    same(special.hermite_polynomial_h(row(1.0), 600), [nan])
    assert special.laguerre_polynomial_l(tensor([1]), tensor([2])).dtype is flambeau.float32


WITHOUT = """
import sys
sys.modules["scipy"] = None
import flambeau
flambeau.erfc(flambeau.ones(2)), flambeau.special.log_ndtr(flambeau.ones(2))
try:
    flambeau.lgamma(flambeau.ones(2))
except ModuleNotFoundError as error:
    print(error.name, error)
"""


def test_scipy_is_asked_for_on_use_only():
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert said.startswith("scipy ") and "pip install 'flambeau[scipy]'" in said
    loaded = "import flambeau, flambeau.special, sys; print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout == "False\n"


# ---- arithmetic
def test_signs():
    same(flambeau.copysign(row(1.0, -2.0), row(-0.0, 3.0)), [-1.0, 2.0])
    assert flambeau.copysign(tensor([1]), -1).tolist() == [-1.0]
    assert flambeau.signbit(tensor([-0.0, 0.0, -1.0])).tolist() == [True, False, True]
    assert flambeau.isposinf(tensor([inf, -inf, 1.0])).tolist() == [True, False, False]
    assert flambeau.isneginf(tensor([inf, -inf, 1.0])).tolist() == [False, True, False]
    assert flambeau.isreal(tensor([1 + 0j, 1j])).tolist() == [True, False]
    assert flambeau.nextafter(tensor([1.0], dtype=flambeau.float16), tensor([2.0], dtype=flambeau.float16)).item() == 1.0 + 2.0**-10


@pytest.mark.parametrize("name", ["fmax", "fmin", "gcd", "lcm", "nextafter", "igamma", "igammac"])
def test_numbers_are_refused_where_pytorch_refuses_them(name):
    function = getattr(flambeau, name)
    for place, pair in ((1, (2, tensor([1]))), (2, (tensor([1]), 2))):
        with pytest.raises(TypeError, match=rf"{name}\(\): argument '\w+' \(position {place}\) must be Tensor, not int"):
            function(*pair)


def test_numbers_that_may_be_one_argument_alone():
    for call in (lambda: flambeau.copysign(2.0, row(1.0)), lambda: flambeau.ldexp(2.0, row(1.0)), lambda: flambeau.float_power(2, 3)):
        with pytest.raises(TypeError, match="must be (a )?Tensor"):
            call()


def test_heaviside():
    assert flambeau.heaviside(tensor([-1.5, 0.0, 2.0]), tensor(0.5)).tolist() == [0.0, 0.5, 1.0]
    assert flambeau.heaviside(tensor([-1, 0, 2]), tensor([7])).tolist() == [0, 7, 1]
    with pytest.raises(RuntimeError, match="different dtypes: float32, float64"):
        flambeau.heaviside(tensor([0.0]), row(0.0))
    with pytest.raises(RuntimeError, match="complex"):
        flambeau.heaviside(tensor([0j]), tensor([0j]))


def test_greater_and_smaller_without_nan():
    x, y = row(1.0, nan, 3.0, nan).requires_grad_(), row(2.0, 5.0, nan, nan).requires_grad_()
    high = flambeau.fmax(x, y)
    same(high, [2.0, 5.0, 3.0, nan])
    same(flambeau.fmin(x, y), [1.0, 5.0, 3.0, nan])
    high.sum().backward()
    same(x.grad, [0.0, 0.0, 1.0, 1.0])
    same(y.grad, [1.0, 1.0, 0.0, 0.0])


def test_parts_of_a_float():
    mantissa, exponent = flambeau.frexp(tensor([12.0, -0.3, 0.0]))
    assert exponent.tolist() == [4, -1, 0] and exponent.dtype is flambeau.int32
    assert flambeau.ldexp(mantissa, exponent).tolist() == tensor([12.0, -0.3, 0.0]).tolist()
    assert flambeau.frexp(tensor([2.0])).mantissa.item() == 0.5
    with pytest.raises(RuntimeError, match="only supports floating-point dtypes, got int64"):
        flambeau.frexp(tensor([1]))


def test_float_power():
    y = flambeau.float_power(tensor([2, 3]), tensor([-1, 2]))
    assert y.dtype is float64 and y.tolist() == [0.5, 9.0]
    assert flambeau.float_power(2, tensor([3.0])).item() == 8.0
    assert flambeau.float_power(tensor([1j]), 2).dtype is flambeau.complex128
    x = row(3.0)
    assert x.float_power_(2) is x and x.item() == 9.0
    with pytest.raises(RuntimeError, match="requires dtype Double"):
        tensor([3.0]).float_power_(2)


def test_whole_numbers():
    assert flambeau.gcd(tensor([12, 0, -4]), tensor([18, 0, 6])).tolist() == [6, 0, 2]
    assert flambeau.lcm(tensor([4, 0]), tensor([6, 5])).tolist() == [12, 0]
    x = tensor([1, -8])
    assert (x << 2).tolist() == [4, -32] and (x >> 1).tolist() == [0, -4]
    assert (1 << tensor([3])).tolist() == [8] and (x << 64).tolist() == [0, 0] and (x >> 64).tolist() == [0, -1]
    x <<= 1
    assert x.tolist() == [2, -16]
    assert x.gcd_(tensor([6, 12])).tolist() == [2, 4]


def test_nan_to_num():
    x = tensor([nan, inf, -inf, 1.0])
    top = flambeau.finfo(flambeau.float32).max
    assert flambeau.nan_to_num(x).tolist() == [0.0, top, -top, 1.0]
    assert flambeau.nan_to_num(x, nan=7.0, posinf=8.0, neginf=9.0).tolist() == [7.0, 8.0, 9.0, 1.0]
    assert flambeau.nan_to_num(x.half())[1].item() == 65504.0
    assert flambeau.nan_to_num(tensor([complex(nan, inf)]), posinf=1.0).tolist() == [1j]
    assert x.nan_to_num_() is x and x[0].item() == 0.0


def test_what_is_itself():
    x = tensor([1.0])
    assert flambeau.positive(x) is x and flambeau.resolve_neg(x) is x
    assert flambeau.conj_physical(tensor([1 + 2j])).tolist() == [1 - 2j]
    assert flambeau.is_nonzero(x) and not flambeau.is_nonzero(tensor(0))
    with pytest.raises(RuntimeError, match="bool tensor is not supported"):
        flambeau.positive(tensor([True]))
    with pytest.raises(RuntimeError, match="ambiguous"):
        flambeau.is_nonzero(tensor([1, 2]))
    assert flambeau.scalar_tensor(3).dtype is flambeau.float32
    assert tensor([1.0]).cfloat().dtype is flambeau.complex64 and tensor([1.0]).cdouble().dtype is flambeau.complex128
    assert flambeau.fix(tensor([-1.5])).item() == -1.0


def test_fill_makes_another():
    x, value = tensor([1.0, 2.0], requires_grad=True), tensor(3.0, requires_grad=True)
    y = flambeau.fill(x, value)
    assert y.tolist() == [3.0, 3.0] and x.tolist() == [1.0, 2.0]
    y.sum().backward()
    assert value.grad.item() == 2.0 and x.grad.tolist() == [0.0, 0.0]
    assert flambeau.fill(tensor([1, 2]), 7).tolist() == [7, 7]
    with pytest.raises(RuntimeError, match="0-dimension value tensor but got tensor with 1 dimensions"):
        flambeau.fill(x, tensor([1.0]))


def test_running_logarithms():
    x = row(-1000.0, -1000.0, 1000.0, 0.0).requires_grad_()
    y = flambeau.logcumsumexp(x, 0)
    same(y, [-1000.0, -1000.0 + math.log(2), 1000.0, 1000.0])
    y.sum().backward()
    same(x.grad, [1.5, 0.5, 2.0, 0.0])
    same(flambeau.logcumsumexp(row(-inf, -inf, 0.0), -1), [-inf, -inf, 0.0])
    z = flambeau.logcumsumexp(tensor([1 + 1j, 2 - 1j], dtype=flambeau.complex128), 0)
    np.testing.assert_allclose(np.exp(z.numpy()), np.cumsum(np.exp([1 + 1j, 2 - 1j])))
    with pytest.raises(IndexError, match="Dimension out of range"):
        flambeau.logcumsumexp(x, 1)


def test_running_sums_take_a_dtype():
    x = tensor([1.7, 1.7])
    assert flambeau.cumsum(x, 0, dtype=flambeau.int32).tolist() == [1, 2]
    assert flambeau.cumsum(x, 0, dtype=flambeau.int32).dtype is flambeau.int32
    assert flambeau.cumprod(tensor([2, 3]), dim=0, dtype=float64).dtype is float64
    assert tensor([2, 3]).cumprod(-1).tolist() == [2, 6]
    y = tensor([2.0, 3.0])
    assert y.cumsum_(0) is y and y.tolist() == [2.0, 5.0]
    with pytest.raises(IndexError, match="Dimension out of range"):
        flambeau.cumsum(x, 2)


def test_functions_that_write_into_their_argument():
    x = row(0.5)
    assert flambeau.logit_(x) is x and x.item() == 0.0
    assert flambeau.fill_(x, 2.0) is x and flambeau.ldexp_(x, tensor([2])) is x and x.item() == 8.0
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        flambeau.exp_(row(1.0).requires_grad_())


def test_arguments_have_names():
    assert flambeau.logit(input=row(0.5), eps=0.1).item() == 0.0
    assert flambeau.nan_to_num(input=row(nan), nan=2.0).item() == 2.0
    assert flambeau.fmax(input=row(1.0), other=row(2.0)).item() == 2.0
    assert flambeau.ldexp(input=row(1.0), other=tensor([1])).item() == 2.0
