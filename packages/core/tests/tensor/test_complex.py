"""Complex numbers: parts, views, and gradients, which are PyTorch's: dL/da + i dL/db for z = a + ib."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.autograd import gradcheck, gradgradcheck


def numbers(*shape, seed=6):
    draw = np.random.default_rng(seed)
    return flambeau.from_numpy(np.asarray(draw.standard_normal(shape) + 1j * draw.standard_normal(shape)))


def test_parts_are_views():
    z = numbers(3, 4)
    before = z.numpy().copy()
    np.testing.assert_array_equal(z.real.numpy(), before.real)
    np.testing.assert_array_equal(z.imag.numpy(), before.imag)
    pairs = flambeau.view_as_real(z)
    assert pairs.shape == (3, 4, 2) and pairs.dtype is flambeau.float64
    z.real.zero_()
    z.imag[0] = 7.0
    assert (z.numpy().real == 0).all() and (pairs.numpy()[0, :, 1] == 7).all()
    np.testing.assert_array_equal(flambeau.view_as_real(z.T).numpy(), flambeau.view_as_real(z).numpy().swapaxes(0, 1))
    assert flambeau.equal(flambeau.view_as_complex(flambeau.view_as_real(z)), z)
    x = flambeau.ones(3)
    assert x.real is x and x.conj() is x


def test_put_together():
    a, b = flambeau.tensor([[1.0], [2.0]]), flambeau.tensor([3.0, flambeau.inf])
    z = flambeau.complex(a, b)
    assert z.dtype is flambeau.complex64 and z.tolist() == [[1 + 3j, complex(1, flambeau.inf)], [2 + 3j, complex(2, flambeau.inf)]]
    assert flambeau.complex(a.double(), a.double()).dtype is flambeau.complex128
    turned = flambeau.polar(flambeau.tensor([2.0]), flambeau.tensor([flambeau.pi / 2]))
    np.testing.assert_allclose(turned.numpy(), [2j], atol=1e-6)


def test_conjugate_angle_and_direction():
    z = numbers(3, 4)
    np.testing.assert_array_equal(z.conj().numpy(), z.numpy().conj())
    np.testing.assert_array_equal(z.mH.numpy(), z.numpy().conj().T)
    np.testing.assert_array_equal(z.H.numpy(), z.numpy().conj().T)
    np.testing.assert_allclose(z.angle().numpy(), np.angle(z.numpy()))
    np.testing.assert_allclose(flambeau.sgn(z).numpy(), z.numpy() / np.abs(z.numpy()))
    np.testing.assert_allclose(flambeau.angle(flambeau.tensor([-2.0, 0.0, 3.0, flambeau.nan])).numpy(), [np.pi, 0, 0, np.nan])
    assert flambeau.angle(flambeau.tensor([-1])).dtype is flambeau.float32
    np.testing.assert_allclose(z.var(0).numpy(), z.numpy().var(0, ddof=1))
    np.testing.assert_allclose(z.norm().numpy(), np.linalg.norm(z.numpy()))


FUNCTIONS = {
    "mul": lambda z, w: z * w,
    "div": lambda z, w: z / w,
    "pow": lambda z, w: z**w,
    "powers of a number": lambda z, w: 2**z * (1 + 2j) ** w,
    "number": lambda z, w: z * (2 - 1j) + w / 1j,
    "matmul": lambda z, w: z @ w.mT,
    "einsum": lambda z, w: flambeau.einsum("ij,kj->ik", z, w),
    "real and imag": lambda z, w: z.real * w.imag,
    "conj": lambda z, w: z.conj() * w,
    "abs": lambda z, w: (z * w).abs(),
    "angle": lambda z, w: z.angle() + w.angle(),
    "sgn": lambda z, w: flambeau.sgn(z) * w,
    "exp": lambda z, w: flambeau.exp(z) + flambeau.tanh(w),
    "log": lambda z, w: flambeau.log(z) * flambeau.sqrt(w),
    "prod": lambda z, w: z.prod() + w.cumprod(0),
    "var": lambda z, w: z.var() * w.norm(),
    "sin": lambda z, w: flambeau.sin(z) / flambeau.cos(w),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_both_orders(name):
    function = FUNCTIONS[name]
    z, w = numbers(2, 2).requires_grad_(), numbers(2, 2, seed=8).requires_grad_()
    assert gradcheck(function, (z, w))
    assert gradgradcheck(function, (z, w), atol=1e-4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jvp_is_vjp_transposed(name):
    function = FUNCTIONS[name]
    primals, tangents = (numbers(2, 2), numbers(2, 2, seed=8)), (numbers(2, 2, seed=1), numbers(2, 2, seed=2))
    y, pushed = flambeau.func.jvp(function, primals, tangents)
    g = numbers(*y.shape, seed=3) if y.is_complex() else numbers(*y.shape, seed=3).real.contiguous()
    _, pull = flambeau.func.vjp(function, *primals)
    forward = np.vdot(g.numpy(), pushed.numpy()).real
    backward = sum(np.vdot(s.numpy(), t.numpy()).real for s, t in zip(pull(g), tangents, strict=True))
    assert forward == pytest.approx(backward, rel=1e-9)


def test_known_gradients():
    z = flambeau.tensor([3 + 4j], dtype=flambeau.complex128, requires_grad=True)
    z.abs().sum().backward()
    assert z.grad.tolist() == [pytest.approx(0.6 + 0.8j)]
    z.grad = None
    (z * z).real.sum().backward()  # a² - b²: 2a - 2bi
    assert z.grad.tolist() == [pytest.approx(6 - 8j)]
    x = flambeau.tensor([2.0], requires_grad=True)
    (x * z.detach()).imag.sum().backward()
    assert x.grad.dtype is flambeau.float32 and x.grad.tolist() == [4.0]


def test_a_function_of_the_users_sees_values_as_they_are():
    class Double(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return g * 2 * z.conj()

    z = numbers(3).requires_grad_()
    assert gradcheck(Double.apply, (z,))


def test_errors():
    x = flambeau.ones(3, 4)
    with pytest.raises(RuntimeError, match="imag is not implemented for tensors with non-complex dtypes"):
        x.imag  # noqa: B018
    with pytest.raises(RuntimeError, match="only supported for complex tensors, got float32"):
        flambeau.view_as_real(x)
    with pytest.raises(RuntimeError, match=r"last dimension of size 2, got shape \[3, 4\]"):
        flambeau.view_as_complex(x)
    with pytest.raises(RuntimeError, match="stride 1, got strides"):
        flambeau.view_as_complex(flambeau.ones(2, 3).T)
    with pytest.raises(RuntimeError, match="stride divisible by 2"):
        flambeau.view_as_complex(flambeau.ones(3, 3)[:, :2])
    with pytest.raises(RuntimeError, match="got int64"):
        flambeau.view_as_complex(flambeau.ones(3, 2, dtype=flambeau.int64))
    with pytest.raises(RuntimeError, match="Half, Float or Double tensors but got Long and Long"):
        flambeau.complex(x.long(), x.long())
    with pytest.raises(RuntimeError, match="scalar type Float but got scalar type Double for second argument"):
        flambeau.complex(x, x.double())
