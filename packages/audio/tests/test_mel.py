from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
import flambeau_audio.functional as F
import flambeau_audio.transforms as T
from flambeau_audio import load


def centres(bank, sample_rate):
    """Where each filter peaks, in Hz, to the nearest bin."""
    return bank.numpy().argmax(0) * (sample_rate / 2) / (bank.shape[0] - 1)


def test_htk_filters_are_even_in_mels():
    bank = F.melscale_fbanks(8001, 0.0, 8000.0, 40, 16000)
    assert bank.shape == (8001, 40) and bank.dtype == flambeau.float32
    mels = 2595 * np.log10(1 + centres(bank, 16000) / 700)
    np.testing.assert_allclose(np.diff(mels), mels[-1] / 40, atol=1.7)  # bins of 1 Hz, 1.6 mels apart at the low end
    np.testing.assert_allclose(bank.numpy().max(0), 1.0, atol=0.02)
    inner = bank.numpy()[50:7000].sum(1)
    np.testing.assert_allclose(inner, 1.0, atol=1e-5)  # neighbours share each frequency between them


def test_slaney_filters_are_even_in_hz_below_1000():
    bank = F.melscale_fbanks(8001, 0.0, 8000.0, 40, 16000, mel_scale="slaney")
    peaks = centres(bank, 16000)
    low, high = peaks[peaks < 950], peaks[peaks > 1050]
    np.testing.assert_allclose(np.diff(low), low[1] - low[0], atol=1.1)
    np.testing.assert_allclose(np.diff(np.log(high)), math.log(high[1] / high[0]), atol=2e-3)


def test_slaney_norm_gives_each_filter_the_same_area():
    bank = F.melscale_fbanks(8001, 0.0, 8000.0, 20, 16000, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(bank.numpy().sum(0), 1.0, rtol=1e-3)  # bins of 1 Hz


def test_linear_filters():
    bank = F.linear_fbanks(101, 0.0, 100.0, 4, 200)
    np.testing.assert_array_equal(centres(bank, 200), [20, 40, 60, 80])
    np.testing.assert_allclose(bank[:, 0].numpy()[[0, 10, 20, 30, 40, 41]], [0, 0.5, 1, 0.5, 0, 0], atol=1e-6)


def test_a_tone_falls_into_the_band_around_it(tone):
    mel = T.MelSpectrogram(16000, n_fft=1024, n_mels=40)(tone(1000, 16000))
    assert mel.shape == (1, 40, 16)
    edges = 700 * (10 ** (np.linspace(0, 2595 * math.log10(1 + 8000 / 700), 42) / 2595) - 1)
    band = int(mel[0, :, 8].argmax())
    assert edges[band] < 1000 < edges[band + 2]


def test_mel_is_the_bank_times_the_spectrum(noise):
    x = noise(2, 800)
    module = T.MelSpectrogram(8000, n_fft=128, n_mels=10, f_min=100, f_max=3000, norm="slaney", mel_scale="slaney")
    bank = F.melscale_fbanks(65, 100, 3000, 10, 8000, "slaney", "slaney").numpy()
    spectrum = T.Spectrogram(128)(x).numpy()
    np.testing.assert_allclose(module(x).numpy(), np.einsum("nft,fm->nmt", spectrum, bank), rtol=1e-4, atol=1e-7)
    assert set(module.state_dict()) == {"spectrogram.window", "mel_scale.fb"}


def test_dct_is_orthonormal_and_agrees_with_its_definition():
    matrix = F.create_dct(12, 12, "ortho").numpy()
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(12), atol=1e-6)
    plain = F.create_dct(3, 8, None).numpy()
    expected = [[2 * math.cos(math.pi / 8 * (n + 0.5) * k) for k in range(3)] for n in range(8)]
    np.testing.assert_allclose(plain, expected, atol=1e-6)


def test_mfcc_of_speech(data):
    waveform, rate = load(data("audio/librispeech_1089-134686-0000.wav"))
    options = {"n_fft": 400, "hop_length": 160, "n_mels": 40}
    mfcc = T.MFCC(rate, n_mfcc=13, melkwargs=options)(waveform)
    assert mfcc.shape == (1, 13, 1044)
    loudness = T.AmplitudeToDB(top_db=80.0)(T.MelSpectrogram(rate, **options)(waveform)).numpy()[0]
    np.testing.assert_allclose(mfcc[0, 0].numpy(), loudness.sum(0) / math.sqrt(40), rtol=1e-3, atol=1e-2)
    with_logarithm = T.MFCC(rate, n_mfcc=13, log_mels=True, melkwargs=options)(waveform)
    assert with_logarithm.shape == mfcc.shape and bool(flambeau.isfinite(with_logarithm).all())


def test_gradients_flow_through_mel_and_mfcc(noise):
    x = noise(1, 400).requires_grad_()
    T.MFCC(8000, n_mfcc=4, melkwargs={"n_fft": 128, "n_mels": 8})(x).sum().backward()
    assert bool(flambeau.isfinite(x.grad).all()) and float(x.grad.abs().sum()) > 0


def test_errors():
    with pytest.raises(ValueError, match="norm is None or \"slaney\", got 'area'"):
        F.melscale_fbanks(10, 0, 100, 2, 200, norm="area")
    with pytest.raises(ValueError, match="got 'bark'"):
        F.melscale_fbanks(10, 0, 100, 2, 200, mel_scale="bark")
    with pytest.warns(UserWarning, match="take fewer mels or a longer n_fft"):
        F.melscale_fbanks(20, 0.0, 8000.0, 60, 16000)
    with pytest.raises(ValueError, match=r"f_min <= f_max, got 9000.0 Hz and 8000.0 Hz"):
        T.MelScale(f_min=9000.0)
    with pytest.raises(ValueError, match="got 'unit'"):
        F.create_dct(2, 4, "unit")
    with pytest.raises(ValueError, match="type 2 only, got 3"):
        T.MFCC(dct_type=3)
    with pytest.raises(ValueError, match="got 40 coefficients of 20 mel bands"):
        T.MFCC(melkwargs={"n_mels": 20})
