from __future__ import annotations

import io
import struct

import numpy as np
import pytest

import flambeau
from flambeau_audio import AudioMetaData, info, load, save
from flambeau_audio import io as audio_io


def test_a_recording_of_speech(data):
    path = data("audio/librispeech_1089-134686-0000.wav")
    assert info(path) == AudioMetaData(16000, 166960, 1, 16, "PCM_S")
    waveform, rate = load(path)
    assert rate == 16000 and waveform.shape == (1, 166960) and waveform.dtype == flambeau.float32
    # the same bytes, taken from the file by hand: 44 bytes of header, then 16-bit samples
    by_hand = np.frombuffer(path.read_bytes()[44:], "<i2") / 32768
    np.testing.assert_array_equal(waveform[0].numpy(), by_hand.astype(np.float32))
    stretch, _ = load(path, frame_offset=1000, num_frames=500)
    np.testing.assert_array_equal(stretch.numpy(), waveform[:, 1000:1500].numpy())


def test_stereo_either_way_round(data):
    path = data("audio/steam-train-whistle-daniel_simon.wav")
    waveform, rate = load(path)
    assert waveform.shape == (2, 276858) and rate == 44100 and waveform.is_contiguous()
    frames_first, _ = load(path, channels_first=False)
    np.testing.assert_array_equal(frames_first.numpy(), waveform.T.numpy())


@pytest.mark.parametrize(
    "name, options, encoding, bits, error",
    [
        ("a.wav", {}, "PCM_F", 32, 0),
        ("a.wav", {"encoding": "PCM_F", "bits_per_sample": 64}, "PCM_F", 64, 0),
        ("a.wav", {"bits_per_sample": 8}, "PCM_U", 8, 2**-7),
        ("a.wav", {"encoding": "PCM_S"}, "PCM_S", 16, 2**-15),
        ("a.wav", {"encoding": "PCM_S", "bits_per_sample": 24}, "PCM_S", 24, 2**-23),
        ("a.wav", {"bits_per_sample": 32}, "PCM_S", 32, 2**-24),
        ("a.wav", {"encoding": "ULAW"}, "ULAW", 8, 2**-6),
        ("a.wav", {"encoding": "ALAW"}, "ALAW", 8, 2**-5),
        ("a.flac", {}, "FLAC", 16, 2**-15),
        ("a.flac", {"bits_per_sample": 8}, "FLAC", 8, 2**-7),
        ("a.flac", {"bits_per_sample": 24}, "FLAC", 24, 2**-23),
        ("a.ogg", {}, "VORBIS", 0, 0.1),
    ],
)
def test_what_is_saved_is_loaded(tmp_path, tone, name, options, encoding, bits, error):
    sound = flambeau.cat([tone(440, 16000), tone(880, 16000)])
    save(tmp_path / name, sound, 16000, **options)
    assert info(tmp_path / name) == AudioMetaData(16000, 8000, 2, bits, encoding)
    back, rate = load(tmp_path / name)
    assert rate == 16000 and back.shape == sound.shape
    assert np.abs(back.numpy() - sound.numpy()).max() <= error


@pytest.mark.parametrize("dtype, bits, encoding", [("uint8", 8, "PCM_U"), ("int16", 16, "PCM_S"), ("int32", 32, "PCM_S")])
def test_whole_numbers_come_back_as_they_were(tmp_path, dtype, bits, encoding):
    limits = np.iinfo(dtype)
    numbers = np.array([[limits.min, limits.min + 1, 0, 1, limits.max // 2, limits.max]], dtype)
    save(tmp_path / "a.wav", flambeau.from_numpy(numbers), 8000)
    assert info(tmp_path / "a.wav") == AudioMetaData(8000, 6, 1, bits, encoding)
    back, _ = load(tmp_path / "a.wav", normalize=False)
    assert back.numpy().dtype == dtype
    np.testing.assert_array_equal(back.numpy(), numbers)
    scaled, _ = load(tmp_path / "a.wav")
    offset = 128 if dtype == "uint8" else 0
    np.testing.assert_allclose(scaled.numpy(), (numbers.astype(np.float64) - offset) / 2.0 ** (bits - 1), atol=1e-7)


def test_normalize_concerns_whole_numbers_in_wav_alone(tmp_path, tone):
    save(tmp_path / "a.flac", tone(440, 8000), 8000)
    assert load(tmp_path / "a.flac", normalize=False)[0].dtype == flambeau.float32
    save(tmp_path / "a.wav", tone(440, 8000), 8000)
    assert load(tmp_path / "a.wav", normalize=False)[0].dtype == flambeau.float32
    save(tmp_path / "b.wav", tone(440, 8000), 8000, bits_per_sample=24)
    assert load(tmp_path / "b.wav", normalize=False)[0].dtype == flambeau.int32


def test_file_objects_stay_open_and_need_no_name(tone):
    for kind in ("wav", "flac", "ogg"):
        file = io.BytesIO()
        save(file, tone(440, 8000), 8000, format=kind)
        file.seek(0)
        assert info(file).num_frames == 4000
        file.seek(0)
        assert load(file)[0].shape == (1, 4000)
        assert not file.closed


def test_loud_floats_are_clipped_and_frames_first_is_turned(tmp_path):
    save(tmp_path / "a.wav", flambeau.tensor([[2.0, -2.0], [0.5, 0.25]]), 8000, channels_first=False, encoding="PCM_S")
    np.testing.assert_allclose(load(tmp_path / "a.wav")[0].numpy(), [[1, 0.5], [-1, 0.25]], atol=1e-4)


def test_a_stretch_past_the_end_is_what_is_there(tmp_path, tone):
    save(tmp_path / "a.wav", tone(440, 8000), 8000)
    assert load(tmp_path / "a.wav", 3900, 500)[0].shape == (1, 100)
    assert load(tmp_path / "a.wav", 5000)[0].shape == (1, 0)


def test_a_sound_of_many_blocks(tmp_path, noise, monkeypatch):
    monkeypatch.setattr(audio_io, "_BLOCK", 300)
    sound = noise(2, 1000)
    save(tmp_path / "a.wav", sound, 8000)
    np.testing.assert_array_equal(load(tmp_path / "a.wav")[0].numpy(), sound.numpy())
    np.testing.assert_array_equal(load(tmp_path / "a.wav", 250, 700)[0].numpy(), sound[:, 250:950].numpy())


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_cut_file_is_refused(tmp_path, noise, name, share):
    save(tmp_path / name, noise(1, 50000), 16000)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RuntimeError, match=rf"{name}.*(cut short|cut off)"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_changed_bytes_give_a_sound_or_a_runtime_error(tmp_path, noise, name):
    save(tmp_path / name, noise(1, 3000), 16000)
    whole = (tmp_path / name).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(100):
        broken = bytearray(whole)
        for place in random.integers(0, min(len(whole), 200), 3):
            broken[place] = random.integers(256)
        try:
            waveform, rate = load(io.BytesIO(broken))
        except RuntimeError:
            continue
        assert waveform.ndim == 2 and rate > 0 and waveform.shape[1] < 1_000_000


def test_a_flac_that_promises_more_than_it_has(tmp_path, noise):
    save(tmp_path / "a.flac", noise(2, 3000), 16000)
    honest = bytearray((tmp_path / "a.flac").read_bytes())
    fields = int.from_bytes(honest[18:26], "big")  # STREAMINFO: rate, channels, bits, then 36 bits of frames
    for frames, why in ((2**36 - 1, "over the limit"), (3001, "cut short"), (0, "how many samples")):
        honest[18:26] = (fields >> 36 << 36 | frames).to_bytes(8, "big")
        with pytest.raises(RuntimeError, match=why):
            load(io.BytesIO(honest))


def test_a_wav_streamed_without_a_length_is_read_to_its_end(tmp_path, noise):
    sound = noise(1, 500)
    save(tmp_path / "a.wav", sound, 8000)
    raw = bytearray((tmp_path / "a.wav").read_bytes())
    at = raw.index(b"data")
    raw[at + 4 : at + 8] = struct.pack("<I", 0xFFFFFFFF)
    np.testing.assert_array_equal(load(io.BytesIO(raw))[0].numpy(), sound.numpy())


def test_errors_say_what_came(tmp_path, tone):
    (tmp_path / "text.wav").write_text("no sound at all, just words " * 10)
    for read in (load, info):
        with pytest.raises(RuntimeError, match=r"could not open .*absent\.wav: No such file"):
            read(tmp_path / "absent.wav")
        with pytest.raises(RuntimeError, match=r"text\.wav is not a sound file"):
            read(tmp_path / "text.wav")
        with pytest.raises(RuntimeError, match="directory"):
            read(tmp_path)
    save(tmp_path / "a.wav", tone(440, 8000), 8000)
    with pytest.raises(RuntimeError, match="frame_offset >= 0, got -1"):
        load(tmp_path / "a.wav", -1)
    with pytest.raises(RuntimeError, match="num_frames > 0, or -1 for all, got 0"):
        load(tmp_path / "a.wav", 0, 0)
    for options, match in (
        ({"src": tone(440, 8000)[0]}, r"2D tensor \(channels, frames\), got 1D of shape \(4000,\)"),
        ({"src": flambeau.zeros(1, 5, dtype=flambeau.int64)}, "got .*int64"),
        ({"sample_rate": 0}, "above 0 Hz, got 0"),
        ({"uri": tmp_path / "a.xyz"}, "wav, flac and ogg, got format 'xyz'"),
        ({"uri": tmp_path / "a"}, "cannot tell the format"),
        ({"encoding": "VORBIS"}, "cannot write wav as encoding=VORBIS"),
        ({"bits_per_sample": 12}, "with 12 bits"),
        ({"uri": tmp_path / "a.flac", "bits_per_sample": 32}, "8, 16 or 24 bits"),
        ({"uri": tmp_path / "a.ogg", "bits_per_sample": 16}, "without bits_per_sample"),
    ):
        with pytest.raises(ValueError, match=match):
            save(**{"uri": tmp_path / "b.wav", "src": tone(440, 8000), "sample_rate": 8000} | options)
    with pytest.raises(RuntimeError, match="could not write"):
        save(tmp_path / "no such folder" / "a.wav", tone(440, 8000), 8000)


def test_another_format_is_named(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.aiff", np.zeros(10), 8000)
    with pytest.raises(RuntimeError, match="is a AIFF file; expected one of WAV"):
        load(tmp_path / "a.aiff")
