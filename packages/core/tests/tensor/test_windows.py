"""`signal.windows` against SciPy's, and bad arguments."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.signal import windows

GIVEN = {
    "exponential": {"tau": 3.0}, "gaussian": {"std": 2.0}, "kaiser": {"beta": 5.0}, "general_cosine": {"a": [0.4, 0.5, 0.1]},
    "general_hamming": {"alpha": 0.7},
}  # fmt: skip


@pytest.mark.parametrize("name", windows.__all__)
@pytest.mark.parametrize("sym", [True, False])
def test_values(name, sym):
    scipy = pytest.importorskip("scipy.signal.windows")
    for length in (0, 1, 2, 7, 10):
        given = GIVEN.get(name, {})
        ours = getattr(windows, name)(length, sym=sym, dtype=flambeau.float64, **given)
        theirs = getattr(scipy, name)(length, sym=sym, **given)
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)
        assert getattr(windows, name)(length, sym=sym, **given).dtype is flambeau.float32


def test_gradient_flag():
    assert windows.hann(4, requires_grad=True).requires_grad


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: windows.hann(-1), ValueError, "non-negative"),
    (lambda: windows.hann(2.5), TypeError, "must be int"),
    (lambda: windows.cosine(3, dtype=flambeau.int64), ValueError, "float32 or float64"),
    (lambda: windows.gaussian(3, std=0), ValueError, "positive"),
    (lambda: windows.exponential(3, tau=-1), ValueError, "positive"),
    (lambda: windows.exponential(3, center=1.0), ValueError, "symmetric"),
    (lambda: windows.kaiser(3, beta=-1), ValueError, "non-negative"),
    (lambda: windows.general_cosine(3, a=1.0), TypeError, "list/tuple"),
    (lambda: windows.general_cosine(3, a=[]), ValueError, "empty"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
