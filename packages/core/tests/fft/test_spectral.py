"""Short-time spectra, their inverse, and windows."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau


def noise(*shape, complex=False):
    draw = np.random.default_rng(5)
    x = draw.standard_normal(shape)
    return flambeau.from_numpy(x + 1j * draw.standard_normal(shape) if complex else x)


def window(n):
    return flambeau.hamming_window(n, dtype=flambeau.float64)


def by_hand(x, n_fft, hop, taper):
    frames = [x[at : at + n_fft] * taper for at in range(0, len(x) - n_fft + 1, hop)]
    return np.fft.fft(np.array(frames)).T


@pytest.mark.parametrize("mode, name", [("reflect", "reflect"), ("constant", "constant"), ("replicate", "edge"), ("circular", "wrap")])
def test_frames_are_centred_by_padding(mode, name):
    x = noise(3, 50)
    got = flambeau.stft(x, 16, 5, window=window(16), pad_mode=mode, return_complex=True)
    expected = np.stack([by_hand(np.pad(row, 8, mode=name), 16, 5, window(16).numpy())[:9] for row in x.numpy()])
    assert got.shape == (3, 9, 11)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-12)


def test_without_padding_frames_lie_inside():
    x = noise(50)
    got = flambeau.stft(x, 16, window=window(16), center=False, return_complex=True)
    np.testing.assert_allclose(got.numpy(), by_hand(x.numpy(), 16, 4, window(16).numpy())[:9], atol=1e-12)
    aligned = flambeau.stft(x, 16, 4, 8, window(8), center=False, return_complex=True, align_to_window=True)
    padded = np.pad(x.numpy(), 4)
    np.testing.assert_allclose(aligned.numpy(), by_hand(padded, 16, 4, np.pad(window(8).numpy(), 4))[:9], atol=1e-12)


def test_options():
    x, taper = noise(50), window(16)
    plain = flambeau.stft(x, 16, window=taper, return_complex=True)
    np.testing.assert_allclose(
        flambeau.stft(x, 16, window=taper, normalized=True, return_complex=True).numpy(), plain.numpy() / 4, atol=1e-12
    )
    full = flambeau.stft(x, 16, window=taper, onesided=False, return_complex=True)
    assert full.shape == (16, 13)
    np.testing.assert_allclose(full.numpy()[:9], plain.numpy(), atol=1e-12)
    np.testing.assert_allclose(full.numpy()[9:], plain.numpy()[7:0:-1].conj(), atol=1e-12)
    short = flambeau.stft(x, 16, 4, 10, window(10), return_complex=True)
    np.testing.assert_allclose(
        short.numpy(), by_hand(np.pad(x.numpy(), 8, mode="reflect"), 16, 4, np.pad(window(10).numpy(), 3))[:9], atol=1e-12
    )
    z = noise(50, complex=True)
    assert flambeau.stft(z, 16, window=taper).shape == (16, 13)
    with pytest.warns(UserWarning, match="return_complex=False is deprecated"):
        assert flambeau.stft(x, 16, window=taper, return_complex=False).shape == (9, 13, 2)
    with pytest.warns(UserWarning, match=r"A window was not provided.*flambeau\.ones\(16\)"):
        rectangular = flambeau.stft(x, 16, return_complex=True)
    ones = flambeau.stft(x, 16, window=flambeau.ones(16, dtype=flambeau.float64), return_complex=True)
    np.testing.assert_array_equal(rectangular.numpy(), ones.numpy())


@pytest.mark.parametrize("shape", [(64,), (2, 64)])
@pytest.mark.parametrize("n_fft, hop, size", [(16, None, None), (16, 5, 12), (15, 4, None), (16, 16, 16)])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("onesided", [True, False])
def test_the_inverse_brings_the_signal_back(shape, n_fft, hop, size, normalized, onesided):
    x, taper = noise(*shape), window(size or n_fft)
    for center in (True, False):
        spectra = flambeau.stft(x, n_fft, hop, size, taper, center, normalized=normalized, onesided=onesided, return_complex=True)
        if not center and size:
            continue  # a window shorter than the frame leaves the very ends unknown
        back = flambeau.istft(spectra, n_fft, hop, size, taper, center, normalized, onesided)
        np.testing.assert_allclose(back.numpy(), x.numpy()[..., : back.shape[-1]], atol=1e-12)
        assert back.shape[-1] > 64 - n_fft
    exact = flambeau.stft(x, n_fft, hop, size, taper, normalized=normalized, onesided=onesided, return_complex=True)
    if hop != 16:
        assert flambeau.istft(exact, n_fft, hop, size, taper, normalized=normalized, onesided=onesided, length=62).shape == (
            *shape[:-1],
            62,
        )


def test_complex_signals_come_back():
    z = noise(64, complex=True)
    back = flambeau.istft(flambeau.stft(z, 16, window=window(16)), 16, window=window(16), return_complex=True)
    np.testing.assert_allclose(back.numpy(), z.numpy(), atol=1e-12)


def test_what_the_frames_do_not_reach_is_zero_and_said():
    spectra = flambeau.stft(noise(48), 16, window=window(16), return_complex=True)
    with pytest.warns(UserWarning, match="56 samples, fewer than length=60: the rest is zeros"):
        longer = flambeau.istft(spectra, 16, window=window(16), length=60)
    assert longer.shape == (60,) and (longer[56:].numpy() == 0).all()


def test_gradients():
    x = noise(2, 12).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda x: flambeau.stft(x, 8, 3, window=window(8), return_complex=True), (x,))
    spectra = flambeau.stft(x.detach(), 8, 3, window=window(8), return_complex=True).contiguous().requires_grad_()
    assert flambeau.autograd.gradcheck(lambda s: flambeau.istft(s, 8, 3, window=window(8)), (spectra,))
    taper = window(8).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda w: flambeau.stft(x.detach(), 8, 3, window=w, return_complex=True), (taper,))


@pytest.mark.parametrize(
    "options, match",
    [
        ({"n_fft": 0}, "expected n_fft > 0"),
        ({"n_fft": 16, "hop_length": 0}, "expected hop_length > 0, but got 0"),
        ({"n_fft": 16, "win_length": 20}, "expected 0 < win_length <= n_fft, but got win_length=20"),
        ({"n_fft": 16, "win_length": 8}, r"1D window tensor of size equal to win_length=8, but got window with size \[16\]"),
        ({"n_fft": 16, "input": noise(1, 2, 50)}, "expected a 1D or 2D tensor"),
        ({"n_fft": 16, "input": flambeau.arange(50)}, "floating point or complex values, got .*int64"),
        ({"n_fft": 16, "input": noise(6)}, r"Padding size should be less .* padding \(8, 8\)"),
        ({"n_fft": 16, "input": noise(6), "center": False}, "expected 0 < n_fft <= 6"),
        ({"n_fft": 16, "return_complex": None}, "requires the return_complex parameter"),
        ({"n_fft": 16, "align_to_window": True}, "only be set when center = false"),
        ({"n_fft": 16, "input": noise(50, complex=True), "onesided": True}, "Cannot have onesided output"),
    ],
)
def test_errors_of_stft(options, match):
    with pytest.raises(RuntimeError, match=match):
        flambeau.stft(**{"input": noise(50), "window": window(16), "return_complex": True} | options)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"input": noise(9, 13)}, "requires a complex-valued input tensor"),
        ({"input": noise(9, complex=True)}, "2 or 3 dimensions, but got 1"),
        ({"input": noise(9, 0, complex=True)}, "cannot be empty"),
        ({"n_fft": 18}, r"n_fft / 2 \+ 1 = 10 when onesided=True, but got 9"),
        ({"onesided": False}, "n_fft = 16 when onesided=False, but got 9"),
        ({"hop_length": 17}, "expected 0 < hop_length <= win_length = 16, but got 17"),
        ({"return_complex": True}, "Cannot have onesided output"),
        ({"window": flambeau.hann_window(16), "center": False}, "window overlap add min: 0.0: the windows leave gaps"),
    ],
)
def test_errors_of_istft(options, match):
    with pytest.raises(RuntimeError, match=match):
        flambeau.istft(**{"input": noise(9, 13, complex=True), "n_fft": 16, "window": window(16)} | options)


WINDOWS = {
    "hann_window": np.hanning,
    "hamming_window": np.hamming,
    "blackman_window": np.blackman,
    "bartlett_window": np.bartlett,
    "kaiser_window": lambda n: np.kaiser(n, 12.0),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name):
    make = getattr(flambeau, name)
    for n in (2, 3, 8, 9):
        np.testing.assert_allclose(make(n, periodic=False, dtype=flambeau.float64).numpy(), WINDOWS[name](n), atol=1e-12)
        np.testing.assert_allclose(make(n, dtype=flambeau.float64).numpy(), WINDOWS[name](n + 1)[:-1], atol=1e-12)
    assert make(0).shape == (0,) and make(1).tolist() == [1.0] and make(4).dtype is flambeau.float32
    assert make(4, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match=f"{name} requires non-negative window_length, got window_length=-1"):
        make(-1)
    with pytest.raises(RuntimeError, match=f"{name} expects floating point dtypes, got: .*int64"):
        make(3, dtype=flambeau.int64)
    with pytest.raises(TypeError, match="must be int, not float"):
        make(2.5)


def test_windows_have_shapes_to_choose():
    np.testing.assert_allclose(flambeau.hamming_window(8, True, 0.5, 0.5).numpy(), flambeau.hann_window(8).numpy(), atol=1e-7)
    np.testing.assert_allclose(flambeau.kaiser_window(8, False, 0.0).numpy(), np.ones(8))
