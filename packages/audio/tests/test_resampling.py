from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau_audio.functional as F
import flambeau_audio.transforms as T
from flambeau_audio import load

METHODS = ["sinc_interp_hann", "sinc_interp_kaiser"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("old, new", [(16000, 8000), (8000, 16000), (44100, 16000), (16000, 22050), (48000, 44100)])
def test_a_sine_keeps_its_frequency_phase_and_amplitude(tone, old, new, method):
    resampled = F.resample(tone(440, old), old, new, resampling_method=method)
    expected = tone(440, new)
    assert resampled.shape == expected.shape
    edge = new // 50  # the filter sees silence beyond the ends
    np.testing.assert_allclose(resampled[:, edge:-edge].numpy(), expected[:, edge:-edge].numpy(), atol=2e-3)


def test_a_sharper_filter_comes_nearer(tone):
    def error(width):
        return float((F.resample(tone(440, 16000, 1.0), 16000, 11025, width) - tone(440, 11025, 1.0))[0, 500:-500].abs().max())

    assert error(64) < error(16) < error(4) and error(64) < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_what_the_lower_rate_cannot_hold_goes(tone, method):
    above = F.resample(tone(7000, 16000), 16000, 8000, 32, resampling_method=method)
    assert np.abs(above.numpy()[0, 200:-200]).max() < 2e-3


@pytest.mark.parametrize("old, new", [(3, 2), (2, 3), (7, 5), (160, 441), (2, 1)])
@pytest.mark.parametrize("length", [1, 2, 7, 100])
def test_lengths_round_up(noise, old, new, length):
    assert F.resample(noise(2, 3, length), old, new).shape == (2, 3, -(-length * new // old))


@pytest.mark.parametrize("method", METHODS)
def test_each_output_is_the_sum_that_the_definition_says(noise, method):
    old, new, width, rolloff = 5, 3, 6, 0.99
    x = noise(40, dtype=np.float64)
    cutoff = min(old, new) * rolloff
    times = np.arange(24)[:, None] / new - np.arange(40) / old  # of outputs less of inputs, in periods
    crossings = times * cutoff
    if method == "sinc_interp_hann":
        window = np.cos(np.pi * crossings / width / 2) ** 2
    else:
        window = np.i0(14.769656459379492 * np.sqrt(np.maximum(1 - (crossings / width) ** 2, 0))) / np.i0(14.769656459379492)
    expected = (np.sinc(crossings) * window * (np.abs(crossings) < width) * cutoff / old) @ x.numpy()
    np.testing.assert_allclose(F.resample(x, old, new, resampling_method=method).numpy(), expected, atol=1e-7)


def test_the_module_is_the_function(noise):
    x = noise(1, 1000)
    module = T.Resample(44100, 16000)
    np.testing.assert_allclose(module(x).numpy(), F.resample(x, 44100, 16000).numpy(), atol=1e-6)
    assert module.kernel.shape == (160, 1, 475) and module.kernel.dtype == flambeau.float32
    assert T.Resample(8000, 8000)(x) is x and F.resample(x, 8000, 8000) is x
    assert T.Resample(2, 1, dtype=flambeau.float64)(x.double()).dtype == flambeau.float64
    with pytest.raises(TypeError, match="expected a waveform of .*float32, got .*float64; give dtype="):
        module(x.double())


def test_gradients_are_those_of_a_linear_map(noise):
    x = noise(2, 8, dtype=np.float64).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda x: F.resample(x, 3, 2), (x,))


def test_speech_up_and_down_again(data):
    waveform, rate = load(data("audio/librispeech_1089-134686-0000.wav"))
    back = F.resample(F.resample(waveform, rate, 48000, 32), 48000, rate, 32)
    assert back.shape == waveform.shape
    assert float((back - waveform).pow(2).mean().sqrt() / waveform.pow(2).mean().sqrt()) < 0.02


def test_errors(noise):
    x = noise(1, 10)
    for old, new, match in ((0, 5, "above 0 Hz, got 0 and 5"), (5, -1, "above 0 Hz"), (2.5, 1, "whole frequencies, got 2.5 and 1")):
        with pytest.raises(ValueError, match=match):
            F.resample(x, old, new)
        with pytest.raises(ValueError, match=match):
            T.Resample(old, new)
    with pytest.raises(ValueError, match="got 'linear'"):
        F.resample(x, 2, 1, resampling_method="linear")
    with pytest.raises(ValueError, match="must be positive, got 0"):
        F.resample(x, 2, 1, 0)
    with pytest.raises(TypeError, match="floating-point waveform, got .*int16"):
        F.resample(x.to(flambeau.int16), 2, 1)
