"""Every backend keeps the contract, and the general windows agree with the CPU's fast ones."""
from __future__ import annotations

import numpy as np
import pytest

from flambeau.backends import base, windows
from flambeau.backends import numpy as cpu


def test_cpu_keeps_the_contract():
    assert base.missing(cpu) == []


@pytest.mark.gpu
def test_cuda_keeps_the_contract():
    pytest.importorskip("cupy", reason="needs CuPy and a GPU")
    from flambeau.backends import cupy

    assert base.missing(cupy) == []


def draw(*shape):
    return np.random.default_rng(7).standard_normal(shape)


@pytest.mark.parametrize(("shape", "weight", "stride", "padding", "dilation", "groups"), [
    ((2, 4, 7, 6), (6, 4, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 4, 7, 6), (6, 2, 3, 2), (2, 1), (1, 0), (1, 2), 2),
    ((1, 3, 9), (3, 1, 4), (3,), (2,), (1,), 3),
    ((0, 3, 5, 5), (2, 3, 3, 3), (1, 1), (0, 0), (1, 1), 1),
])
def test_general_convolution(shape, weight, stride, padding, dilation, groups):
    x, w, rest = draw(*shape), draw(*weight), (stride, padding, dilation, groups)
    y = cpu.conv_forward(x, w, *rest)
    np.testing.assert_allclose(windows.conv_forward(cpu, x, w, *rest), y, atol=1e-12)
    g = draw(*y.shape)
    np.testing.assert_allclose(
        windows.conv_backward_input(cpu, g, w, shape, *rest), cpu.conv_backward_input(g, w, shape, *rest), atol=1e-12
    )
    np.testing.assert_allclose(
        windows.conv_backward_weight(cpu, g, x, weight, *rest), cpu.conv_backward_weight(g, x, weight, *rest), atol=1e-12
    )


@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "dilation", "ceil"), [
    ((2, 3, 8, 7), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 8, 7), (3, 2), (2, 1), (1, 1), (1, 2), True),
    ((1, 2, 9), (3,), (2,), (1,), (1,), True),
])
def test_general_pools(shape, kernel, stride, padding, dilation, ceil):
    x = draw(*shape)
    y, places = cpu.max_pool_forward(x, kernel, stride, padding, dilation, ceil)
    mine, at = windows.max_pool_forward(cpu, x, kernel, stride, padding, dilation, ceil)
    np.testing.assert_array_equal(mine, y)
    np.testing.assert_array_equal(at, places)
    g = draw(*y.shape)
    np.testing.assert_allclose(windows.max_pool_backward(cpu, g, places, shape), cpu.max_pool_backward(g, places, shape), atol=1e-12)
    for inside in (True, False):
        rest = (kernel, stride, padding, ceil, inside)
        y = cpu.avg_pool_forward(x, *rest)
        np.testing.assert_allclose(windows.avg_pool_forward(cpu, x, *rest), y, atol=1e-12)
        g = draw(*y.shape)
        np.testing.assert_allclose(windows.avg_pool_backward(cpu, g, shape, *rest), cpu.avg_pool_backward(g, shape, *rest), atol=1e-12)
