from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau_audio.functional as F
import flambeau_audio.transforms as T


def test_mu_law_codes():
    x = flambeau.tensor([-1.0, -0.5, 0.0, 0.01, 0.5, 1.0])
    codes = T.MuLawEncoding()(x)
    assert codes.dtype == flambeau.int64
    expected = [int((np.sign(v) * np.log1p(255 * abs(v)) / np.log(256) + 1) / 2 * 255 + 0.5) for v in x.tolist()]
    assert codes.tolist() == expected == [0, 16, 128, 157, 239, 255]


@pytest.mark.parametrize("channels", [16, 256, 1024])
def test_mu_law_there_and_back(noise, channels):
    codes = flambeau.arange(channels)
    assert flambeau.equal(F.mu_law_encoding(F.mu_law_decoding(codes, channels), channels), codes)
    x = noise(2, 500)
    back = T.MuLawDecoding(channels)(T.MuLawEncoding(channels)(x))
    step = np.log(channels) * (1 / (channels - 1) + np.abs(x.numpy())) / (channels - 1)  # the width of a code's interval
    assert (np.abs(back.numpy() - x.numpy()) <= 1.1 * step * channels ** (1 / (channels - 1))).all()
    with pytest.raises(TypeError, match="floating-point samples"):
        F.mu_law_encoding(codes, channels)


def test_preemphasis(noise):
    x = noise(2, 3, 5, dtype=np.float64)
    expected = x.numpy().copy()
    expected[..., 1:] -= 0.9 * x.numpy()[..., :-1]
    np.testing.assert_allclose(T.Preemphasis(0.9)(x).numpy(), expected, atol=1e-12)
    assert F.preemphasis(x[..., :1]).shape == (2, 3, 1)
    assert flambeau.autograd.gradcheck(F.preemphasis, (x.requires_grad_(),))
