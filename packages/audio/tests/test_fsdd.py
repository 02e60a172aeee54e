from __future__ import annotations

import io
import tarfile

import pytest

import flambeau
from flambeau_audio import save
from flambeau_audio.datasets import FSDD


@pytest.fixture
def recordings(tmp_path, tone):
    """A folder of 2 digits, 2 speakers, takes 0, 4, 5 and 10."""
    folder = tmp_path / "fsdd"
    folder.mkdir()
    for digit in (3, 7):
        for speaker in ("ann", "bob"):
            for take in (0, 4, 5, 10):
                save(folder / f"{digit}_{speaker}_{take}.wav", tone(100 * digit, 8000, 0.01 * (take + 1)), 8000, encoding="PCM_S")
    (folder / "README.txt").write_text("not a recording")
    return folder


@pytest.fixture
def archive(tmp_path, recordings):
    with tarfile.open(tmp_path / "fsdd.tar", "w") as tar:
        tar.add(recordings, "fsdd")
    return tmp_path / "fsdd.tar"


def test_the_real_recordings(data):
    path = data("fsdd.tar")
    train, test = FSDD(path, "train"), FSDD(path, "test")
    assert (len(train), len(test), len(FSDD(path))) == (600, 300, 900)
    waveform, rate, digit, speaker, take = test[0]
    assert (waveform.shape, rate, digit, speaker, take) == ((1, 2384), 8000, 0, "george", 0)
    assert {item.take for item in test.recordings} == set(range(5))
    assert {item.take for item in train.recordings} == set(range(5, 15))
    for split, each in ((train, 60), (test, 30)):
        assert [sum(item.digit == digit for item in split.recordings) for digit in range(10)] == [each] * 10
    assert len({item.speaker for item in train.recordings}) == 6


def test_a_folder_and_a_tar_say_the_same(recordings, archive):
    folder, tar = FSDD(recordings), FSDD(archive)
    assert len(folder) == len(tar) == 16
    for one, other in zip(folder, tar):
        assert one[1:] == other[1:] and flambeau.equal(one[0], other[0])
    assert [item[2:] for item in FSDD(recordings, "test")] == [
        (digit, speaker, take) for digit in (3, 7) for speaker in ("ann", "bob") for take in (0, 4)
    ]
    assert [item.take for item in FSDD(recordings.parent).recordings] == [item.take for item in folder.recordings]


def test_workers_can_read_it(archive):
    from flambeau.utils.data import DataLoader

    loader = DataLoader(FSDD(archive), batch_size=None, num_workers=2)
    assert [tuple(item[2:]) for item in loader] == [item[2:] for item in FSDD(archive)]


def test_what_is_not_there_is_said(tmp_path, recordings):
    with pytest.raises(RuntimeError, match=r"no data set at .*nowhere; get it from https://github\.com"):
        FSDD(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuntimeError, match="holds no recordings named <digit>_<speaker>_<take>"):
        FSDD(tmp_path / "empty")
    with pytest.raises(ValueError, match='split is "train", "test" or None for all, got \'valid\''):
        FSDD(recordings, "valid")


def test_a_broken_tar_is_refused(tmp_path, archive):
    whole = archive.read_bytes()
    for share in (0.0, 0.01, 0.3, 0.5, 0.7):
        archive.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RuntimeError, match="cut short"):
            FSDD(archive)
    archive.write_bytes(b"words, not a tar " * 1000 + bytes(1024))
    with pytest.raises(RuntimeError, match="not an uncompressed tar file, or is corrupt"):
        FSDD(archive)
    archive.write_bytes(whole[:2000] + b"\xff" * 600 + whole[2600:])
    with pytest.raises(RuntimeError):
        list(FSDD(archive))


def _tar(path, *members):
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_a_hostile_tar_writes_nothing_and_reads_nothing_else(tmp_path, recordings):
    good = (recordings / "3_ann_0.wav").read_bytes()
    link = tarfile.TarInfo("fsdd/1_eve_0.wav")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    hard = tarfile.TarInfo("fsdd/1_eve_1.wav")
    hard.type, hard.linkname = tarfile.LNKTYPE, "../3_ann_0.wav"
    path = _tar(tmp_path / "hostile.tar", (link, b""), (hard, b""), (tarfile.TarInfo("../../../2_eve_0.wav"), good))
    found = FSDD(path)
    assert [item.speaker for item in found.recordings] == ["eve"]  # the name alone counts; links do not
    assert found[0][2:] == (2, "eve", 0)
    assert not list(tmp_path.parent.rglob("2_eve_0.wav"))


def test_sizes_and_names_are_bounded(tmp_path, recordings, monkeypatch):
    good = (recordings / "3_ann_0.wav").read_bytes()
    path = _tar(tmp_path / "large.tar", (tarfile.TarInfo("1_eve_0.wav"), bytes(1 << 21)))
    with pytest.raises(RuntimeError, match=r"1_eve_0\.wav in .* has 2,097,152 bytes; a recording has at most 1,048,576"):
        FSDD(path)
    path = _tar(tmp_path / "twice.tar", (tarfile.TarInfo("a/1_eve_0.wav"), good), (tarfile.TarInfo("b/1_eve_0.wav"), good))
    with pytest.raises(RuntimeError, match=r"1_eve_0\.wav more than once"):
        FSDD(path)
    monkeypatch.setattr("flambeau_audio.datasets.fsdd._MOST_MEMBERS", 3)
    path = _tar(tmp_path / "many.tar", *((tarfile.TarInfo(f"1_eve_{take}.wav"), good) for take in range(4)))
    with pytest.raises(RuntimeError, match="more than 3 members"):
        FSDD(path)


def test_a_cut_recording_is_refused(tmp_path, recordings):
    path = recordings / "3_ann_0.wav"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RuntimeError, match=r"3_ann_0\.wav of .* was cut short"):
        FSDD(recordings)[0]
