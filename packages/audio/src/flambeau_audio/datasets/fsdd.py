"""Free Spoken Digit Dataset: English digits, 8 kHz, a few speakers with many takes each."""

from __future__ import annotations

import io
import os
import re
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from flambeau import Tensor
from flambeau.utils.data import Dataset
from flambeau_audio.io import load

__all__ = ["FSDD"]

SOURCE = "https://github.com/Jakobovski/free-spoken-digit-dataset"

_NAME = re.compile(r"([0-9])_([a-z]{1,32})_([0-9]{1,3})\.wav")
_TEST_TAKES = range(5)  # the data set's own rule: takes 0 to 4 of every speaker and digit are for testing
_MOST_MEMBERS = 20_000
_TAR_END = 1024  # zeros, at least
_MOST_BYTES = 1 << 20  # a recording takes some 10 KB


class Recording(NamedTuple):
    """Where one recording lies: its file, or the tar file and the stretch of bytes in it."""

    path: Path
    offset: int
    size: int
    digit: int
    speaker: str
    take: int


class FSDD(Dataset):
    """Spoken digits.  [i] -> (waveform (1, time), sample rate in Hz, digit, speaker, take)

    `root` is the folder of recordings (`<digit>_<speaker>_<take>.wav`), the unpacked repository, or an uncompressed tar of
    either, which is read where it lies, never unpacked. `split` "test" has takes 0 to 4, "train" the others, None all. In
    order of digit, speaker and take.

    Raises RuntimeError when the data is not there (and says where to get it) or a tar file is not what it should be.
    Source: Jackson et al., Free Spoken Digit Dataset, CC BY-SA 4.0.
    """

    def __init__(self, root: str | os.PathLike[str], split: str | None = None) -> None:
        if split not in (None, "train", "test"):
            raise ValueError(f'split is "train", "test" or None for all, got {split!r}')
        root = Path(root)
        if root.is_dir():
            found = _in_folder(root)
        elif root.is_file():
            found = _in_tar(root)
        else:
            raise RuntimeError(f"there is no data set at {root}; get it from {SOURCE} and give its folder, or a tar of it")
        if not found:
            raise RuntimeError(f"{root} holds no recordings named <digit>_<speaker>_<take>.wav; get them from {SOURCE}")
        found.sort(key=lambda recording: recording[3:])
        for one, other in pairwise(found):
            if one[3:] == other[3:]:
                raise RuntimeError(f"{root} holds {one.digit}_{one.speaker}_{one.take}.wav more than once")
        self.recordings = [recording for recording in found if split is None or (recording.take in _TEST_TAKES) == (split == "test")]

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> tuple[Tensor, int, int, str, int]:
        path, offset, size, digit, speaker, take = self.recordings[index]
        with open(path, "rb") as file:  # opened anew each time: nothing to share between worker processes
            file.seek(offset)
            sound = io.BytesIO(file.read(size))
        sound.name = f"{digit}_{speaker}_{take}.wav of {path}"
        return *load(sound), digit, speaker, take


def _recording(path: Path, name: str, offset: int, size: int) -> Recording | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    if size > _MOST_BYTES:
        raise RuntimeError(f"{name} in {path} has {size:,} bytes; a recording has at most {_MOST_BYTES:,}")
    return Recording(path, offset, size, int(match[1]), match[2], int(match[3]))


def _in_folder(root: Path) -> list[Recording]:
    folder = next((inner for inner in (root / "recordings", root / "fsdd") if inner.is_dir()), root)
    found = (_recording(path, path.name, 0, path.stat().st_size) for path in folder.iterdir() if path.is_file())
    return [recording for recording in found if recording is not None]


def _in_tar(path: Path) -> list[Recording]:
    """The recordings' places in a tar file. Only names and offsets are read here: no member is ever written to disk."""
    found, end = [], path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, end - _TAR_END))
        if end < _TAR_END or any(file.read(_TAR_END)):  # tarfile takes a cut between two members for the end
            raise RuntimeError(f"{path} is not an uncompressed tar file, or was cut short: it does not end as one")
    try:
        with tarfile.open(path, "r:") as tar:
            for count, member in enumerate(tar):
                if count >= _MOST_MEMBERS:
                    raise RuntimeError(f"{path} has more than {_MOST_MEMBERS:,} members: not the spoken digits")
                if not member.isreg() or member.issparse():
                    continue
                recording = _recording(path, member.name.rpartition("/")[2], member.offset_data, member.size)
                if recording is None:
                    continue
                if member.offset_data + member.size > end:
                    raise RuntimeError(f"{path} was cut short: {member.name} reaches past its end")
                found.append(recording)
    except tarfile.TarError as error:
        raise RuntimeError(f"{path} is not an uncompressed tar file, or is corrupt: {error}") from error
    return found
