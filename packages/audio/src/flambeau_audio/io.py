"""Reading and writing sound files through libsndfile (the soundfile package)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile

import flambeau
from flambeau import Tensor
from flambeau_audio._complete import check_complete

__all__ = ["AudioMetaData", "info", "load", "save"]

Source = str | os.PathLike[str] | BinaryIO

MAX_BYTES = 4 << 30  # of decoded samples in one call: a few KB of FLAC can claim to be days of silence
_BLOCK = 1 << 20  # frames a read: memory grows with the samples that are there, not with a header's claim
_UNKNOWN = 2**63 - 1  # libsndfile's count of frames for a FLAC stream without one

READABLE = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3")

# libsndfile's subtype -> (encoding, bits a sample), as torchaudio spells them; 0 bits where the codec has none
ENCODINGS = {
    "PCM_S8": ("PCM_S", 8), "PCM_16": ("PCM_S", 16), "PCM_24": ("PCM_S", 24), "PCM_32": ("PCM_S", 32),
    "PCM_U8": ("PCM_U", 8), "FLOAT": ("PCM_F", 32), "DOUBLE": ("PCM_F", 64), "ULAW": ("ULAW", 8), "ALAW": ("ALAW", 8),
    "VORBIS": ("VORBIS", 0), "OPUS": ("OPUS", 0), "MPEG_LAYER_III": ("MP3", 0),
}  # fmt: skip
# what a WAV file takes for each type of sample, and for each encoding, unless told
_AS_HELD = {"float32": ("PCM_F", 32), "float64": ("PCM_F", 64), "int16": ("PCM_S", 16), "int32": ("PCM_S", 32), "uint8": ("PCM_U", 8)}
_USUAL_BITS = {"PCM_S": 16, "PCM_U": 8, "PCM_F": 32, "ULAW": 8, "ALAW": 8}


@dataclass(frozen=True)
class AudioMetaData:
    """What a file's header says. `num_frames` counts samples a channel; `bits_per_sample` is 0 for a lossy codec."""

    sample_rate: int
    num_frames: int
    num_channels: int
    bits_per_sample: int
    encoding: str


def info(uri: Source) -> AudioMetaData:
    """Read a sound file's header: rate, length, channels and encoding.

    `uri` is a path or a seekable binary file. Raises RuntimeError when the file is missing, is no sound file or was cut short.
    """
    with _open(uri) as (file, _):
        encoding, bits = _encoding(file)
        return AudioMetaData(file.samplerate, file.frames, file.channels, bits, encoding)


def load(
    uri: Source, frame_offset: int = 0, num_frames: int = -1, normalize: bool = True, channels_first: bool = True
) -> tuple[Tensor, int]:
    """Read a sound file.  -> ((channels, frames), sample rate in Hz)

    Reads WAV, FLAC, OGG (Vorbis, Opus) and MP3, from a path or a seekable binary file. Samples are float32 in [-1, 1];
    `normalize=False` keeps an integer WAV's own integers (uint8, int16; 24 and 32 bits as int32) and changes nothing else.
    `frame_offset` and `num_frames` (-1: all) choose a stretch; one that reaches past the end gives what is there.

    Raises RuntimeError when the file is missing, is no sound file, is corrupt, was cut short (an MP3 does not tell), or when
    the samples would take more than 4 GiB.
    """
    if frame_offset < 0:
        raise RuntimeError(f"load expected frame_offset >= 0, got {frame_offset}")
    if num_frames < -1 or num_frames == 0:
        raise RuntimeError(f"load expected num_frames > 0, or -1 for all, got {num_frames}")
    with _open(uri) as (file, name):
        start = min(frame_offset, file.frames)
        wanted = file.frames - start if num_frames == -1 else min(num_frames, file.frames - start)
        samples = _read(file, name, start, wanted, _sample_type(file, normalize))
        rate = file.samplerate
    return flambeau.from_numpy(np.ascontiguousarray(samples.T) if channels_first else samples), rate


def save(
    uri: Source,
    src: Tensor,
    sample_rate: int,
    channels_first: bool = True,
    format: str | None = None,
    encoding: str | None = None,
    bits_per_sample: int | None = None,
) -> None:
    """Write samples of shape (channels, frames) to a sound file.

    The format follows the name's ending (wav, flac, ogg), or `format` where there is none. WAV keeps the tensor's type
    (float32 -> 32-bit float, int16 -> 16-bit, int32 -> 32-bit, uint8 -> 8-bit) unless `encoding` ("PCM_S", "PCM_U",
    "PCM_F", "ULAW", "ALAW") and `bits_per_sample` say otherwise; FLAC takes 8, 16 or 24 bits (16 unless told); OGG is
    Vorbis, or Opus with `encoding="OPUS"`. Floats are clipped to [-1, 1] where the file holds integers.

    Raises ValueError for a tensor, format or encoding that cannot be written, RuntimeError when writing fails.
    """
    if src.ndim != 2:
        raise ValueError(f"save expected a 2D tensor (channels, frames), got {src.ndim}D of shape {tuple(src.shape)}")
    if sample_rate <= 0:
        raise ValueError(f"save expected a sample rate above 0 Hz, got {sample_rate}")
    kind = (format or _ending(uri)).lower()
    samples = src.detach().cpu().numpy()
    if samples.dtype not in (np.float32, np.float64, np.int16, np.int32, np.uint8):
        raise ValueError(f"save expected float32, float64, int16, int32 or uint8 samples, got {src.dtype}")
    subtype = _subtype(kind, str(samples.dtype), encoding, bits_per_sample)
    if samples.dtype == np.uint8:  # libsndfile has no unsigned type in memory; the top byte of an int16 is the same number
        samples = (samples.astype(np.int16) - 128) << 8
    try:
        soundfile.write(uri, samples.T if channels_first else samples, sample_rate, subtype=subtype, format=kind.upper())
    except (OSError, soundfile.LibsndfileError) as error:
        raise RuntimeError(f"save could not write {_name(uri)}: {error}") from error


def _name(uri: Source) -> str:
    return str(uri) if isinstance(uri, (str, os.PathLike)) else str(getattr(uri, "name", "the given file object"))


def _ending(uri: Source) -> str:
    ending = os.path.splitext(_name(uri))[1][1:]
    if not ending:
        raise ValueError(f"save cannot tell the format of {_name(uri)}; give format='wav', 'flac' or 'ogg'")
    return ending


@contextmanager
def _open(uri: Source) -> Iterator[tuple[soundfile.SoundFile, str]]:
    """The open sound file and its name; every failure inside becomes a RuntimeError that says which file it was."""
    name = _name(uri)
    try:
        with open(uri, "rb") if isinstance(uri, (str, os.PathLike)) else _borrowed(uri) as stream:
            begin = stream.tell()
            with soundfile.SoundFile(stream) as file:
                if file.format not in READABLE:
                    raise RuntimeError(f"{name} is a {file.format} file; expected one of {', '.join(READABLE)}")
                if file.frames == _UNKNOWN:
                    raise RuntimeError(f"{name} does not say how many samples it holds; write it again with its length")
                position = stream.tell()
                check_complete(stream, begin, name)
                stream.seek(position)  # libsndfile goes on from where it stood
                yield file, name
    except OSError as error:
        raise RuntimeError(f"could not open {name}: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        why = error.error_string or "its samples end early"
        raise RuntimeError(f"{name} is not a sound file, or is corrupt or cut short: {why}") from error


@contextmanager
def _borrowed(stream: BinaryIO) -> Iterator[BinaryIO]:
    yield stream  # the caller's file object stays open


def _encoding(file: soundfile.SoundFile) -> tuple[str, int]:
    if file.format == "FLAC":
        return "FLAC", ENCODINGS[file.subtype][1]
    return ENCODINGS.get(file.subtype, (file.subtype, 0))


def _sample_type(file: soundfile.SoundFile, normalize: bool) -> str:
    encoding, bits = _encoding(file)
    if normalize or encoding not in ("PCM_S", "PCM_U"):
        return "float32"
    return "uint8" if encoding == "PCM_U" else "int16" if bits <= 16 else "int32"


def _read(file: soundfile.SoundFile, name: str, start: int, wanted: int, dtype: str) -> np.ndarray:
    """`wanted` frames from `start`, block by block, -> (frames, channels)."""
    needed = wanted * file.channels * np.dtype(dtype).itemsize
    if needed > MAX_BYTES:
        raise RuntimeError(f"{name} would take {needed:,} bytes, over the limit of {MAX_BYTES:,}; "
                           f"load it in pieces with frame_offset and num_frames")  # fmt: skip
    file.seek(start)
    blocks, left = [], wanted
    while left:
        block = file.read(min(left, _BLOCK), dtype="int16" if dtype == "uint8" else dtype, always_2d=True)
        if not len(block):
            break
        blocks.append(block)
        left -= len(block)
    if left and file.format != "MP3":  # an MP3's length is a guess from its header
        raise RuntimeError(f"{name} was cut short: expected {wanted} frames from {start}, got {wanted - left}")
    samples = np.concatenate(blocks) if len(blocks) > 1 else blocks[0] if blocks else np.empty((0, file.channels), dtype)
    if dtype == "uint8":
        samples = ((samples >> 8) + 128).astype(np.uint8)
    return samples


def _subtype(kind: str, dtype: str, encoding: str | None, bits: int | None) -> str:
    """libsndfile's name of the encoding to write."""
    if kind == "wav":
        if encoding is not None:
            wanted = (encoding, _USUAL_BITS.get(encoding, 0) if bits is None else bits)
        elif bits is not None:
            wanted = ("PCM_U" if bits == 8 else "PCM_S", bits)
        else:
            wanted = _AS_HELD[dtype]
        choices = {pair: name for name, pair in ENCODINGS.items() if name not in ("PCM_S8", "VORBIS", "OPUS", "MPEG_LAYER_III")}
        if wanted not in choices:
            raise ValueError(f"save cannot write wav as encoding={wanted[0]} with {wanted[1]} bits; it has {sorted(choices)}")
        return choices[wanted]
    if kind == "flac":
        if encoding is not None or bits not in (None, 8, 16, 24):
            raise ValueError(f"flac takes no encoding, and 8, 16 or 24 bits; got encoding={encoding}, bits_per_sample={bits}")
        return "PCM_S8" if bits == 8 else f"PCM_{bits or 16}"
    if kind == "ogg":
        if encoding not in (None, "VORBIS", "OPUS") or bits is not None:
            raise ValueError(f"ogg is encoded as VORBIS or OPUS, without bits_per_sample; got encoding={encoding}, bits_per_sample={bits}")
        return encoding or "VORBIS"
    raise ValueError(f"save writes wav, flac and ogg, got format {kind!r}")
