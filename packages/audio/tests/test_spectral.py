from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau_audio.functional as F
import flambeau_audio.transforms as T
from flambeau_audio import load


def by_hand(x, n_fft, hop, window):
    """The short-time spectrum from its definition, by NumPy."""
    padded = np.pad(x, n_fft // 2, mode="reflect")
    frames = [padded[at : at + n_fft] * window for at in range(0, len(padded) - n_fft + 1, hop)]
    return np.fft.rfft(np.array(frames)).T


def hann(n):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def test_a_spectrogram_is_what_its_definition_says(noise):
    x = noise(3, 1000)
    spectrum = T.Spectrogram(n_fft=64, hop_length=20)(x)
    assert spectrum.shape == (3, 33, 51) and spectrum.dtype == flambeau.float32
    expected = np.stack([np.abs(by_hand(row, 64, 20, hann(64))) ** 2 for row in x.numpy().astype(np.float64)])
    np.testing.assert_allclose(spectrum.numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(T.Spectrogram(64, hop_length=20, power=1.0)(x).numpy(), np.sqrt(expected), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(T.Spectrogram(64, hop_length=20, power=3.0)(x).numpy(), expected**1.5, rtol=1e-3, atol=1e-4)
    complex_spectrum = T.Spectrogram(64, hop_length=20, power=None)(x)
    assert complex_spectrum.dtype == flambeau.complex64
    np.testing.assert_allclose(complex_spectrum.abs().numpy() ** 2, expected, rtol=1e-3, atol=1e-4)


def test_a_short_window_stands_in_the_middle_of_its_frame(noise):
    x = noise(500)
    window = np.pad(hann(40), 12)
    expected = np.abs(by_hand(x.numpy().astype(np.float64), 64, 20, window)) ** 2
    np.testing.assert_allclose(T.Spectrogram(n_fft=64, win_length=40)(x).numpy(), expected, rtol=1e-3, atol=1e-5)


def test_parseval(noise):
    """The energy of the frames is that of their spectra, each inner frequency counted twice."""
    x = noise(1, 4096, dtype=np.float64)
    energy = T.Spectrogram(256, hop_length=256, center=False, window_fn=flambeau.ones, wkwargs={"dtype": flambeau.float64})(x)
    weights = np.r_[1.0, np.full(127, 2.0), 1.0][:, None]
    np.testing.assert_allclose((energy[0].numpy() * weights).sum() / 256, (x.numpy() ** 2).sum(), rtol=1e-12)


@pytest.mark.parametrize("frequency", [480.0, 1008.0, 3008.0])
def test_a_sine_peaks_in_its_bin(tone, frequency):
    spectrum = T.Spectrogram(n_fft=512, power=1.0, normalized=False)(tone(frequency, 8192))  # bins of 16 Hz
    inner = spectrum[0, :, 3:-3].numpy()
    assert (inner.argmax(0) == frequency / 16).all()
    on_a_bin = T.Spectrogram(n_fft=512, power=1.0)(tone(32 * 16, 8192))[0, 32, 3:-3]
    np.testing.assert_allclose(on_a_bin.numpy(), 0.5 * 256 / 2, rtol=1e-3)  # amplitude · sum of the window / 2


def test_normalization(noise):
    x = noise(1, 1000)
    plain = T.Spectrogram(64, power=1.0)(x).numpy()
    norm = np.sqrt((hann(64) ** 2).sum())
    np.testing.assert_allclose(T.Spectrogram(64, power=1.0, normalized=True)(x).numpy(), plain / norm, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(T.Spectrogram(64, power=1.0, normalized="window")(x).numpy(), plain / norm, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(T.Spectrogram(64, power=1.0, normalized="frame_length")(x).numpy(), plain / 8, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="got 'length'"):
        T.Spectrogram(64, normalized="length")(x)


def test_padding_is_silence_at_both_ends(noise):
    x = noise(2, 300)
    padded = flambeau.cat([flambeau.zeros(2, 50), x, flambeau.zeros(2, 50)], -1)
    np.testing.assert_allclose(T.Spectrogram(64, pad=50)(x).numpy(), T.Spectrogram(64)(padded).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"normalized": True}, {"normalized": "frame_length"}, {"pad": 30}, {"win_length": 50, "hop_length": 13}]
)
def test_an_inverse_brings_the_waveform_back(noise, options):
    x = noise(2, 3, 1000)
    spectrum = T.Spectrogram(64, power=None, **options)(x)
    back = T.InverseSpectrogram(64, **options)(spectrum, 1000)
    assert back.shape == (2, 3, 1000)
    np.testing.assert_allclose(back.numpy(), x.numpy(), atol=2e-6)
    with pytest.raises(ValueError, match="expected a complex spectrum"):
        T.InverseSpectrogram(64)(spectrum.abs())


def test_griffin_lim_finds_a_waveform_of_these_magnitudes(tone):
    flambeau.manual_seed(0)
    x = tone(440, 8000) + tone(1330, 8000)
    magnitude = T.Spectrogram(256, power=1.0)(x)
    for options in ({"rand_init": False}, {"momentum": 0.0}, {}):
        back = T.GriffinLim(256, n_iter=30, power=1.0, length=4000, **options)(magnitude)
        assert back.shape == (1, 4000)
        error = (T.Spectrogram(256, power=1.0)(back) - magnitude).pow(2).sum().sqrt() / magnitude.pow(2).sum().sqrt()
        assert float(error) < 0.2
    energy = T.GriffinLim(256, n_iter=2, power=2.0, length=4000, rand_init=False)(magnitude**2)
    expected = T.GriffinLim(256, n_iter=2, power=1.0, length=4000, rand_init=False)(magnitude)
    np.testing.assert_allclose(energy.numpy(), expected.numpy(), atol=1e-4)
    with pytest.raises(ValueError, match=r"\[0, 1\), got 1"):
        T.GriffinLim(momentum=1)


def test_decibels():
    energies = flambeau.tensor([[[1.0, 10.0], [100.0, 1e-12]]])
    np.testing.assert_allclose(T.AmplitudeToDB()(energies).numpy(), [[[0, 10], [20, -100]]], atol=1e-5)
    np.testing.assert_allclose(T.AmplitudeToDB("magnitude")(energies).numpy(), [[[0, 20], [40, -200]]], atol=1e-5)
    np.testing.assert_allclose(T.AmplitudeToDB(top_db=15)(energies).numpy(), [[[5, 10], [20, 5]]], atol=1e-5)
    two = flambeau.tensor([[[[1.0, 1e-9]], [[100.0, 1.0]]], [[[1.0, 1e-9]], [[1.0, 1e-9]]]])  # (N, C, F, T)
    # channels of one recording share the loudest value, recordings do not
    np.testing.assert_allclose(T.AmplitudeToDB(top_db=30)(two)[:, 0, 0].numpy(), [[0, -10], [0, -30]], atol=1e-5)
    back = F.DB_to_amplitude(T.AmplitudeToDB()(energies), 1.0, 1.0)
    np.testing.assert_allclose(back.numpy()[0, 0], [1, 10], rtol=1e-5)
    np.testing.assert_allclose(F.DB_to_amplitude(flambeau.tensor([20.0]), 2.0, 0.5).numpy(), [20.0], rtol=1e-6)
    with pytest.raises(ValueError, match='"power" or "magnitude", got \'db\''):
        T.AmplitudeToDB("db")
    with pytest.raises(ValueError, match="top_db must be positive, got -1"):
        T.AmplitudeToDB(top_db=-1)


def test_gradients_flow_to_the_waveform(noise):
    x = noise(1, 40, dtype=np.float64).requires_grad_()
    spectrogram = T.Spectrogram(16, wkwargs={"dtype": flambeau.float64})
    assert flambeau.autograd.gradcheck(lambda x: spectrogram(x), (x,))


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="n_fft must be positive, got 0"):
        T.Spectrogram(0)
    with pytest.raises(ValueError, match=r"win_length must lie in 1 … n_fft = 64, got 65"):
        T.Spectrogram(64, win_length=65)
    with pytest.raises(ValueError, match="hop_length must be positive, got 0"):
        T.InverseSpectrogram(64, hop_length=0)
    with pytest.raises(RuntimeError):
        T.Spectrogram(64)(flambeau.zeros(10))  # too short to be reflected


def test_speech(data):
    waveform, _ = load(data("audio/librispeech_1089-134686-0000.wav"))
    spectrum = T.Spectrogram(n_fft=400)(waveform)
    assert spectrum.shape == (1, 201, 835)
    expected = np.abs(by_hand(waveform[0].numpy().astype(np.float64), 400, 200, hann(400))) ** 2
    np.testing.assert_allclose(spectrum[0].numpy(), expected, rtol=1e-3, atol=1e-4)
