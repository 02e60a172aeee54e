"""Fourier transforms, held against their definition."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import fft

COMPLEX_TO_COMPLEX = ["fft", "ifft", "fftn", "ifftn", "fft2", "ifft2"]
REAL_TO_HALF = ["rfft", "rfftn", "rfft2", "ihfft", "ihfftn", "ihfft2"]
HALF_TO_REAL = ["irfft", "irfftn", "irfft2", "hfft", "hfftn", "hfft2"]
NORMS = [None, "backward", "ortho", "forward"]


def numbers(*shape, complex=False, dtype=np.float64):
    draw = np.random.default_rng(4)
    x = draw.standard_normal(shape)
    x = x + 1j * draw.standard_normal(shape) if complex else x
    return flambeau.from_numpy(x.astype(np.result_type(dtype, np.complex64) if complex else dtype))


def matrix(n, inverse, norm):
    """The transform as a matrix: e^(∓2πi jk / n), scaled."""
    j = np.arange(n)
    scaled = {None: inverse, "backward": inverse, "forward": not inverse, "ortho": None}[norm]
    scale = 1 / np.sqrt(n) if scaled is None else 1 / n if scaled else 1.0
    return scale * np.exp((2j if inverse else -2j) * np.pi * np.outer(j, j) / n)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_one_axis_is_a_product_with_a_matrix(n, norm):
    z, x = numbers(3, n, complex=True), numbers(3, n)
    forward, inverse = matrix(n, False, norm), matrix(n, True, norm)
    for given in (z, x):
        np.testing.assert_allclose(fft.fft(given, norm=norm).numpy(), given.numpy() @ forward, atol=1e-12)
        np.testing.assert_allclose(fft.ifft(given, norm=norm).numpy(), given.numpy() @ inverse, atol=1e-12)
    half = n // 2 + 1
    np.testing.assert_allclose(fft.rfft(x, norm=norm).numpy(), (x.numpy() @ forward)[:, :half], atol=1e-12)
    np.testing.assert_allclose(fft.ihfft(x, norm=norm).numpy(), (x.numpy() @ inverse)[:, :half], atol=1e-12)
    np.testing.assert_allclose(fft.irfft(fft.rfft(x, norm=norm), n, norm=norm).numpy(), x.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.hfft(fft.ihfft(x, norm=norm), n, norm=norm).numpy(), x.numpy(), atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_several_axes_are_one_after_the_other(norm):
    z, x = numbers(2, 3, 4, complex=True), numbers(2, 3, 4)
    one_by_one = fft.fft(fft.fft(z, dim=0, norm=norm), dim=2, norm=norm)
    np.testing.assert_allclose(fft.fftn(z, dim=(0, 2), norm=norm).numpy(), one_by_one.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.fft2(z, norm=norm).numpy(), fft.fftn(z, dim=(1, 2), norm=norm).numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.ifftn(fft.fftn(z, norm=norm), norm=norm).numpy(), z.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.rfftn(x, norm=norm).numpy(), fft.fftn(x, norm=norm).numpy()[..., :3], atol=1e-12)
    np.testing.assert_allclose(fft.irfftn(fft.rfftn(x, norm=norm), x.shape, norm=norm).numpy(), x.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.hfftn(fft.ihfftn(x, norm=norm), x.shape, norm=norm).numpy(), x.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.irfft2(fft.rfft2(x, norm=norm), norm=norm).numpy(), x.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.hfft2(fft.ihfft2(x, norm=norm), norm=norm).numpy(), x.numpy(), atol=1e-12)
    np.testing.assert_allclose(fft.ifft2(fft.fft2(z, norm=norm), norm=norm).numpy(), z.numpy(), atol=1e-12)


def test_sizes_cut_and_fill_up():
    x = numbers(4, 6)
    filled = np.pad(x.numpy(), ((0, 0), (0, 3)))
    np.testing.assert_allclose(fft.fft(x, 9).numpy(), np.fft.fft(filled), atol=1e-12)
    np.testing.assert_allclose(fft.rfft(x, 4).numpy(), np.fft.rfft(x.numpy()[:, :4]), atol=1e-12)
    np.testing.assert_allclose(fft.fft(x, 3, dim=0).numpy(), np.fft.fft(x.numpy()[:3], axis=0), atol=1e-12)
    np.testing.assert_allclose(fft.fftn(x, s=(3, -1)).numpy(), np.fft.fftn(x.numpy()[:3]), atol=1e-12)
    np.testing.assert_allclose(fft.fftn(x, s=(8,)).numpy(), np.fft.fft(x.numpy(), 8), atol=1e-12)
    assert fft.irfft(x).shape == (4, 10) and fft.irfft(x, 7).shape == (4, 7)
    assert fft.fftn(x, dim=()).dtype is flambeau.complex128


def test_dtypes():
    assert fft.fft(flambeau.ones(4)).dtype is flambeau.complex64
    assert fft.rfft(numbers(4)).dtype is flambeau.complex128
    assert fft.irfft(flambeau.ones(4, dtype=flambeau.complex64)).dtype is flambeau.float32
    assert fft.fft(flambeau.ones(4, dtype=flambeau.bool)).dtype is flambeau.complex64
    assert fft.irfft(flambeau.arange(3)).dtype is flambeau.float32
    assert fft.fftn(flambeau.tensor(2.0)).tolist() == 2 + 0j


def test_parseval_and_convolution():
    x, y = numbers(50), numbers(50)
    assert float(fft.fft(x, norm="ortho").abs().pow(2).sum()) == pytest.approx(float(x.pow(2).sum()), rel=1e-12)
    product = fft.irfft(fft.rfft(x, 99) * fft.rfft(y, 99), 99)
    np.testing.assert_allclose(product.numpy(), np.convolve(x.numpy(), y.numpy()), atol=1e-12)


@pytest.mark.parametrize("name", COMPLEX_TO_COMPLEX + REAL_TO_HALF + HALF_TO_REAL)
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
def test_gradients_of_both_orders(name, norm):
    x = numbers(2, 3, complex=name not in REAL_TO_HALF).requires_grad_()
    call = getattr(fft, name)
    assert flambeau.autograd.gradcheck(lambda x: call(x, norm=norm), (x,))
    assert flambeau.autograd.gradgradcheck(lambda x: call(x, norm=norm), (x,))


def test_a_real_input_of_a_complex_transform_has_a_real_gradient():
    x = numbers(2, 5).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda x: fft.fft(x, 7), (x,))
    fft.fft(x).abs().sum().backward()
    assert x.grad.dtype is flambeau.float64


def test_frequencies():
    assert fft.fftfreq(5).tolist() == pytest.approx([0, 0.2, 0.4, -0.4, -0.2])
    assert fft.fftfreq(4, 0.5).tolist() == pytest.approx([0, 0.5, -1, -0.5])
    assert fft.rfftfreq(5).tolist() == pytest.approx([0, 0.2, 0.4])
    assert fft.rfftfreq(4, dtype=flambeau.float64).dtype is flambeau.float64
    assert fft.fftfreq(0).shape == (0,)
    assert fft.fftfreq(3, requires_grad=True).requires_grad


def test_shifts():
    x = flambeau.arange(12).reshape(3, 4)
    assert fft.fftshift(fft.fftfreq(5)).tolist() == pytest.approx([-0.4, -0.2, 0, 0.2, 0.4])
    np.testing.assert_array_equal(fft.fftshift(x).numpy(), np.fft.fftshift(x.numpy()))
    np.testing.assert_array_equal(fft.fftshift(x, 0).numpy(), np.fft.fftshift(x.numpy(), 0))
    for dim in (None, 0, -1, (0, 1)):
        assert flambeau.equal(fft.ifftshift(fft.fftshift(x, dim), dim), x)


def test_out_is_filled():
    out = flambeau.empty(5, dtype=flambeau.complex128)
    assert fft.rfft(numbers(8), out=out) is out
    np.testing.assert_allclose(out.numpy(), np.fft.rfft(numbers(8).numpy()), atol=1e-12)
    with pytest.raises(RuntimeError, match="can't be cast"):
        fft.rfft(numbers(8), out=flambeau.empty(5))


def test_vmap_is_a_loop():
    x = numbers(3, 2, 4)
    for call in (fft.fft, fft.rfft, lambda x: fft.fftn(x, dim=(0,)), lambda x: fft.irfft(fft.rfft(x))):
        rows = flambeau.stack([call(row) for row in x])
        np.testing.assert_allclose(flambeau.func.vmap(call)(x).numpy(), rows.numpy(), atol=1e-12)


@pytest.mark.parametrize(
    "call, error, match",
    [
        (lambda x: fft.fft(x, 0), RuntimeError, r"Invalid number of data points \(0\) specified"),
        (lambda x: fft.fft(x, -1), RuntimeError, r"Invalid number of data points \(-1\)"),
        (lambda x: fft.irfft(x[:, :1]), RuntimeError, r"Invalid number of data points \(0\)"),
        (lambda x: fft.fftn(x, s=(0, 2)), RuntimeError, "Invalid number of data points"),
        (lambda x: fft.fft(x, norm="half"), RuntimeError, 'Invalid normalization mode: "half"'),
        (lambda x: fft.fft(x.half()), RuntimeError, "Unsupported dtype float16"),
        (lambda x: fft.rfft(x + 0j), RuntimeError, "rfft expects a real input tensor, but got complex"),
        (lambda x: fft.ihfft(x + 0j), RuntimeError, "ihfft expects a real input"),
        (lambda x: fft.fft(x, dim=2), IndexError, "Dimension out of range"),
        (lambda x: fft.fft2(x[0]), IndexError, "Dimension out of range"),
        (lambda x: fft.fft(x[0, 0]), IndexError, "tensor has no dimensions"),
        (lambda x: fft.fftn(x, s=(1, 2, 3)), RuntimeError, "Got shape with 3 values but input tensor only has 2 dimensions"),
        (lambda x: fft.fftn(x, s=(1, 2), dim=(0,)), RuntimeError, "dim and shape arguments must have the same length"),
        (lambda x: fft.fftn(x, dim=(0, -2)), RuntimeError, "FFT dims must be unique"),
        (lambda x: fft.rfftn(x, dim=()), RuntimeError, "rfftn must transform at least one axis"),
        (lambda x: fft.irfftn(x, dim=()), RuntimeError, "irfftn must transform at least one axis"),
        (lambda x: fft.fftshift(x, 3), IndexError, "Dimension out of range"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call(numbers(2, 6))
