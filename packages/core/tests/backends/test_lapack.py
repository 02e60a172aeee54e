"""LAPACK's factorisation is the card's body: the same factors, exchanges and places of zero pivots."""

import numpy as np
import pytest

from flambeau.backends import lapack
from flambeau.backends import numpy as xp
from flambeau.ops.elimination import eliminate

pytest.importorskip("scipy")


@pytest.mark.parametrize("shape", [(64, 64), (2, 70, 64), (64, 80)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_factors(shape, dtype):
    random = np.random.RandomState(0)
    x = (random.rand(*shape) + 1j * random.rand(*shape)).astype(dtype) if dtype == np.complex128 else random.rand(*shape).astype(dtype)
    rough = 1e-3 if dtype == np.float32 else 1e-9
    for ours, body in zip(lapack.lu_factor(x), eliminate(xp, x), strict=True):
        assert ours.dtype == body.dtype and ours.shape == body.shape
        np.testing.assert_allclose(ours, body, rtol=rough, atol=rough)


def test_a_zero_column_is_told():
    x = np.random.RandomState(1).rand(64, 64)
    x[:, 5] = 0
    assert lapack.lu_factor(x)[2] == eliminate(xp, x)[2] == 6


def test_small_and_unknown_matrices_are_left_to_the_body():
    assert lapack.lu_factor(np.eye(8)) is None
    assert lapack.lu_factor(np.ones((64, 64), np.int64)) is None
    assert lapack.lu_factor(np.ones((0, 64, 64))) is None
